"""References in configurations are replaced once, and a missing one is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.errors import SecretMissing
from banyan.core.template import expand, references

VALUES = {"TOKEN": "abc", "EMPTY": "", "NESTED": "${TOKEN}"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("Bearer ${TOKEN}", "Bearer abc"),
        ("${env:TOKEN}", "abc"),
        ("${TOKEN:-other}", "abc"),
        ("${MISSING:-other}", "other"),
        ("${MISSING:-}", ""),
        ("${EMPTY}", ""),
        ("$${TOKEN}", "${TOKEN}"),
        ("${NESTED}", "${TOKEN}"),
        ("$TOKEN ${} ${1} ${input:id}", "$TOKEN ${} ${1} ${input:id}"),
    ],
)
def test_a_reference_becomes_its_value(text: str, expanded: str) -> None:
    assert expand(text, VALUES.get, source="s") == expanded


def test_a_missing_reference_is_named_with_its_source() -> None:
    with pytest.raises(SecretMissing) as caught:
        expand("${NOT_THERE}", VALUES.get, source="github")
    assert (caught.value.reference, caught.value.source) == ("NOT_THERE", "github")


def test_references_are_found_wherever_they_stand() -> None:
    config = {"env": {"A": "${ONE}", "B": "${TWO:-x}"}, "command": ["x", "--key=${THREE}"], "timeout_s": 3}
    assert list(references(config)) == ["ONE", "THREE"]


@given(st.text())
def test_escaped_text_comes_out_as_it_was(text: str) -> None:
    assert expand(text.replace("${", "$${"), VALUES.get, source="s") == text
