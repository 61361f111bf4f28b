"""JSON Pointers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.tools import pointer


@given(st.lists(st.text(max_size=10)))
def test_what_is_built_is_parsed_back(segments: list[str]) -> None:
    assert list(pointer.parse(pointer.build(segments))) == segments


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def places(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(path, value), *[found for key, one in members for found in places(one, (*path, str(key)))]]


@given(JSON)
def test_every_place_of_a_value_has_a_pointer_that_leads_there(value: Any) -> None:
    for path, part in places(value):
        assert pointer.follow(value, pointer.parse(pointer.build(path))) == part


@given(JSON, st.text(max_size=12))
def test_any_text_leads_somewhere_or_says_why_not(value: Any, text: str) -> None:
    try:
        pointer.follow(value, pointer.parse(text))
    except pointer.PointerError as error:
        assert 0 < len(str(error)) < 2_000


@pytest.mark.parametrize("segment", ["-", "01", "1.0", "-1", "²", "9" * 5_000])
def test_only_plain_numbers_name_elements(segment: str) -> None:
    with pytest.raises(pointer.PointerError, match="array of 3"):
        pointer.follow([1, 2, 3], (segment,))
