"""The usual slips in arguments, and what is not to be touched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.call import Category
from banyan.tools.mend import Mended, NotMendable, mend
from banyan.tools.validate import ValidateLimits, Validator
from tests.tools.room import schema, spec, tool

NODE = schema(["id"], id="integer", note="string")
ROOT = schema(
    ["path"],
    path="string",
    count="integer",
    ratio="number",
    deep="boolean",
    node=NODE,
    nodes={"type": "array", "items": NODE},
    maybe={"anyOf": [{"type": "integer"}, {"type": "null"}]},
)


def mended(given: Any, root: Any = ROOT) -> Mended:
    one = tool(spec("read", input_schema=root))
    return mend(one, Validator(root, ValidateLimits()), given)


def test_arguments_that_fit_are_left_as_they_are() -> None:
    given = {"path": "a", "count": 1, "maybe": None, "node": {"id": 1}}
    assert mended(given) == Mended(arguments=given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('{"path": "a"}', {"path": "a"}),
        (json.dumps('{"path": "a"}'), {"path": "a"}),
        (None, {}),
        ("", {}),
        ({"tool_name": "files__read", "arguments": {"path": "a"}}, {"path": "a"}),
        ({"name": "read", "arguments": '{"path": "a"}'}, {"path": "a"}),
        ({"name": "mcp__banyan__files__read", "parameters": {"path": "a"}}, {"path": "a"}),
        ({"tool_name": "files__read", "path": "a"}, {"path": "a"}),
        ({"arguments": {"path": "a"}}, {"path": "a"}),
        ({"input": {"path": "a"}}, {"path": "a"}),
        ({"args": '{"path": "a"}'}, {"path": "a"}),
        ({"path": "a", "count": "3"}, {"path": "a", "count": 3}),
        ({"path": "a", "ratio": "0.5"}, {"path": "a", "ratio": 0.5}),
        ({"path": "a", "deep": "True"}, {"path": "a", "deep": True}),
        ({"path": 12}, {"path": "12"}),
        ({"path": "a", "node": '{"id": 1}'}, {"path": "a", "node": {"id": 1}}),
        ({"path": "a", "node": '{"id": "1"}'}, {"path": "a", "node": {"id": 1}}),
        ({"path": "a", "nodes": '[{"id": 1}]'}, {"path": "a", "nodes": [{"id": 1}]}),
        ({"path": "a", "nodes": [{"id": "1"}, {"id": "2"}]}, {"path": "a", "nodes": [{"id": 1}, {"id": 2}]}),
        ({"path": "a", "count": None}, {"path": "a"}),
        ({"path": "a", "node": {"id": 1, "note": None}}, {"path": "a", "node": {"id": 1}}),
        ({"path": "a", "maybe": "7"}, {"path": "a", "maybe": 7}),
    ],
)
def test_a_usual_slip_is_mended_with_a_note(given: Any, expected: dict[str, Any]) -> None:
    result = mended(given)
    assert result.arguments == expected
    assert bool(result.notes) == bool(given)


@pytest.mark.parametrize(
    "given",
    [
        {"path": None},  # required
        {"path": "a", "count": "three"},
        {"path": "a", "count": "1.5"},
        {"path": "a", "node": "not JSON"},
        {"path": "a", "node": "[1]"},
        {"path": "a", "deep": "yes"},
        {"path": "a", "ratio": "1e999"},
        {"path": "a", "ratio": "nan"},
        {"path": True},
    ],
)
def test_what_no_mending_makes_fit_is_left_to_be_refused(given: dict[str, Any]) -> None:
    assert mended(given) == Mended(arguments=given)


def test_text_that_looks_like_json_stays_text_where_text_is_wanted() -> None:
    given = {"path": '{"a": 1}'}
    assert mended(given).arguments == given


def test_a_name_that_is_an_argument_of_the_tool_is_not_hoisted() -> None:
    root = schema([], name="string", arguments="object", input="object")
    for kept in ({"name": "files__read", "arguments": {"a": 1}}, {"input": {"a": 1}}):
        assert mended(kept, root).arguments == kept


def test_a_tool_of_any_arguments_keeps_its_wrapping() -> None:
    assert mended({"input": {"a": 1}}, {"type": "object"}).arguments == {"input": {"a": 1}}


@pytest.mark.parametrize("given", ["{not json", "[1, 2]", '"text"', 5, [1], "null"])
def test_what_is_no_object_is_a_parse_error(given: Any) -> None:
    with pytest.raises(NotMendable) as caught:
        mended(given)
    assert caught.value.problem.category is Category.PARSE


def test_arguments_for_another_tool_are_refused_rather_than_sent_to_this_one() -> None:
    with pytest.raises(NotMendable) as caught:
        mended({"tool_name": "files__delete", "arguments": {"path": "a"}})
    assert caught.value.problem.category is Category.BAD_VALUE


@pytest.mark.parametrize("given", [{"path": {1: 2}}, {"path": object()}, {"path": 2**70}, {"path": "\ud800"}])
def test_a_value_that_json_has_not_is_a_bad_value(given: Any) -> None:
    with pytest.raises(NotMendable) as caught:
        mended(given)
    assert caught.value.problem.category is Category.BAD_VALUE


def test_the_callers_own_object_is_never_changed() -> None:
    given = {"path": "a", "node": {"id": "1", "note": None}, "count": None}
    before = json.dumps(given)
    mended(given)
    assert json.dumps(given) == before


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "path": VALUES | st.sampled_from(["a", 1]),
        "count": VALUES | st.sampled_from(["1", "x", None]),
        "node": VALUES | st.sampled_from(['{"id": 1}', '{"id": "1"}', {"id": "2"}]),
        "nodes": VALUES | st.sampled_from(['[{"id": 1}]', [{"id": "3"}, 4]]),
        "maybe": VALUES,
        "arguments": VALUES,
        "name": VALUES | st.just("read"),
    },
)


@given(NEARLY | VALUES)
def test_mending_is_stable_and_never_spoils_what_fits(given: Any) -> None:
    validator = Validator(ROOT, ValidateLimits())
    one = tool(spec("read", input_schema=ROOT))
    try:
        result = mend(one, validator, given)
    except NotMendable as broken:
        assert broken.problem.sentence()
        return
    if isinstance(given, dict) and validator.valid(given):
        assert result.arguments == given
    if validator.valid(result.arguments):
        assert mend(one, validator, result.arguments).arguments == result.arguments
    else:
        assert validator.problems(result.arguments)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_have_is_refused_and_never_sent_as_null(number: float) -> None:
    with pytest.raises(NotMendable) as caught:
        mended({"path": "a", "maybe": number})
    assert caught.value.problem.category is Category.BAD_VALUE
    with pytest.raises(NotMendable):
        mended({"path": "a", "nodes": [{"id": 1, "ratio": [number]}]})
