"""Preset arguments: what a model is shown, and what is sent for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.errors import InvalidArgument, SecretMissing
from banyan.core.preset import Preset, fill, hidden_arguments, presets, with_presets
from banyan.core.tool import ToolSpec

NONE: dict[str, str] = {}
SCHEMA = {
    "type": "object",
    "properties": {"region": {"type": "string"}, "bucket": {"type": "string"}},
    "required": ["region", "bucket"],
}


def spec(name: str = "ListObjects", schema: dict[str, Any] | None = None) -> ToolSpec:
    return ToolSpec(server="s3", upstream_name=name, input_schema=SCHEMA if schema is None else schema)


def test_a_hidden_argument_is_neither_shown_nor_required_and_is_sent() -> None:
    seen = with_presets(spec(), [Preset(argument="region", value="eu-north-1")])
    assert list(seen.input_schema["properties"]) == ["bucket"]
    assert seen.input_schema["required"] == ["bucket"]
    assert hidden_arguments(seen) == {"region"}
    assert fill(seen, {"bucket": "b"}, NONE.get, source="aws") == {"bucket": "b", "region": "eu-north-1"}


def test_a_shown_preset_is_a_default_that_a_caller_may_overrule() -> None:
    seen = with_presets(spec(), [Preset(argument="region", value="eu-north-1", hidden=False)])
    assert "region" in seen.input_schema["properties"]
    assert seen.input_schema["required"] == ["bucket"]
    assert fill(seen, {}, NONE.get, source="aws") == {"region": "eu-north-1"}
    assert fill(seen, {"region": "us-east-1"}, NONE.get, source="aws") == {"region": "us-east-1"}


def test_a_preset_changes_the_digest_so_that_what_was_approved_before_is_asked_again() -> None:
    one = with_presets(spec(), [Preset(argument="region", value="eu-north-1")])
    two = with_presets(spec(), [Preset(argument="region", value="us-east-1")])
    assert len({spec().digest, one.digest, two.digest}) == 3


def test_a_preset_is_for_the_tools_its_pattern_names_and_the_first_of_two_counts() -> None:
    chosen = [Preset(argument="region", value="first", tool="list*"), Preset(argument="region", value="second")]
    assert fill(with_presets(spec("ListObjects"), chosen), {}, NONE.get, source="aws") == {"region": "first"}
    assert fill(with_presets(spec("PutObject"), chosen), {}, NONE.get, source="aws") == {"region": "second"}


def test_a_secret_is_referred_to_in_the_catalogue_and_read_when_the_call_is_sent() -> None:
    seen = with_presets(spec(), [Preset(argument="region", value="${REGION}")])
    assert "${REGION}" in str(seen.binding)
    assert fill(seen, {}, {"REGION": "eu-north-1"}.get, source="aws") == {"region": "eu-north-1"}
    with pytest.raises(SecretMissing):
        fill(seen, {}, NONE.get, source="aws")


def test_a_tool_without_the_argument_is_left_as_it_is() -> None:
    plain = spec(schema={"type": "object"})
    assert with_presets(plain, [Preset(argument="region", value="x")]) is plain


@pytest.mark.parametrize("malformed", [{"argument": "region"}, {"argument": "region", "value": 1, "colour": "red"}])
def test_a_malformed_preset_is_refused(malformed: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        presets({"presets": [malformed]})


@given(
    st.dictionaries(st.text(min_size=1, max_size=8), st.just({"type": "string"}), max_size=6),
    st.lists(st.tuples(st.text(min_size=1, max_size=8), st.booleans()), max_size=6),
)
def test_what_is_shown_and_what_is_hidden_are_together_what_the_tool_takes(
    properties: dict[str, Any], chosen: list[tuple[str, bool]]
) -> None:
    whole = spec(schema={"type": "object", "properties": properties, "required": sorted(properties)})
    seen = with_presets(whole, [Preset(argument=name, value=1, hidden=hidden) for name, hidden in chosen])
    shown, hidden = set(seen.input_schema["properties"]), hidden_arguments(seen)
    assert shown | hidden == set(properties)
    assert not shown & hidden
    assert set(seen.input_schema.get("required", ())) <= shown
