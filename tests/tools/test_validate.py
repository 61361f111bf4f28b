"""Arguments against a schema: what is wrong, where, and what was expected."""

from __future__ import annotations

import time
from typing import Any

import pytest

from banyan.core.call import Category
from banyan.tools.validate import Problem, ValidateLimits, Validator, Validators
from tests.tools.room import schema, spec, tool


def problems(root: Any, arguments: Any) -> tuple[Problem, ...]:
    return Validator(root, ValidateLimits()).problems(arguments)


def only(root: Any, arguments: Any) -> Problem:
    (one,) = problems(root, arguments)
    return one


def test_what_fits_has_no_problem() -> None:
    validator = Validator(schema(["a"], a="integer"), ValidateLimits())
    assert validator.valid({"a": 1})
    assert validator.problems({"a": 1}) == ()


def test_a_missing_argument_says_what_was_expected_there() -> None:
    one = only(schema(["mode"], mode={"enum": ["fast", "slow"]}), {})
    assert (one.category, one.path) == (Category.MISSING_ARGUMENT, "/mode")
    assert one.sentence() == '`/mode` is missing; expected "fast"|"slow"'


def test_a_missing_argument_that_was_given_under_another_name_is_told_as_that() -> None:
    open_root = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    assert "is `txt` meant to be it?" in only(open_root, {"txt": "a", "other": 1}).sentence()
    assert "meant" not in only(open_root, {"number": 1}).sentence()


def test_an_unknown_argument_gets_the_nearest_one_that_is_free() -> None:
    root = schema([], repository="string", owner="string")
    one = only(root, {"repo": "a"})
    assert (one.category, one.suggestion) == (Category.UNKNOWN_ARGUMENT, "repository")
    assert only(root, {"repositry": "a", "repository": "b"}).suggestion != "repository"


def test_arguments_that_the_schema_does_not_forbid_are_accepted() -> None:
    assert problems({"type": "object", "properties": {"a": {"type": "integer"}}}, {"b": 1}) == ()


@pytest.mark.parametrize(
    ("wanted", "given", "expected"),
    [
        ({"type": "integer"}, "x", "integer"),
        ({"type": ["integer", "null"]}, "x", "integer"),
        ({"enum": ["a", "b"]}, "c", '"a"|"b"'),
        ({"const": 1}, 2, "1"),
        ({"type": "string", "format": "date-time"}, "yesterday", "date-time"),
        ({"type": "string", "pattern": "^a+$"}, "b", "^a+$"),
        ({"type": "integer", "minimum": 5}, 1, "minimum 5"),
        ({"type": "string", "maxLength": 2}, "abc", "maxLength 2"),
        ({"type": "array", "minItems": 1}, [], "minItems 1"),
    ],
)
def test_a_bad_value_says_what_was_expected_and_what_was_given(wanted: Any, given: Any, expected: str) -> None:
    one = only(schema(a=wanted), {"a": given})
    assert (one.category, one.path) == (Category.BAD_VALUE, "/a")
    assert expected in one.expected
    assert one.got
    assert one.got in one.sentence()
    assert one.got not in one.sentence(values=False)


def test_a_problem_deep_within_names_its_place_and_that_slice_of_the_schema() -> None:
    inner = schema(["id"], id="integer")
    root = schema(items={"type": "array", "items": {"$ref": "#/$defs/item"}}) | {"$defs": {"item": inner}}
    one = only(root, {"items": [{"id": 1}, {"id": "x/y"}]})
    assert (one.path, one.schema_slice) == ("/items/1/id", '{"type":"integer"}')


def test_in_an_alternative_that_was_clearly_meant_the_problem_is_the_one_within() -> None:
    root = schema(at={"anyOf": [{"type": "null"}, schema(["x", "y"], x="number", y="number")]})
    assert only(root, {"at": {"x": 1}}).path == "/at/y"


def test_an_alternative_that_none_was_meant_of_tells_them_all() -> None:
    root = schema(at={"oneOf": [{"type": "integer"}, {"type": "boolean"}]})
    assert only(root, {"at": "x"}).expected == "integer|boolean"


def test_a_slice_of_a_huge_schema_stays_small() -> None:
    root = schema(a={"enum": [f"choice number {at}" for at in range(5_000)]})
    one = only(root, {"a": "x" * 10_000})
    assert len(one.schema_slice) <= ValidateLimits().slice_chars
    assert len(one.sentence()) < 600


def test_many_problems_are_told_up_to_a_limit() -> None:
    root = schema([f"p{at}" for at in range(100)], **{f"p{at}": "integer" for at in range(100)})
    assert len(problems(root, {})) == ValidateLimits().problems


def test_the_dialect_that_a_schema_names_is_respected() -> None:
    named = {"$schema": "http://json-schema.org/draft-04/schema#"}
    old = schema(["a"], a={"minimum": 1, "exclusiveMinimum": True}) | named
    assert only(old, {"a": 1}).path == "/a"


def test_an_old_dialect_that_does_not_name_itself_is_understood() -> None:
    assert only(schema(["a"], a={"minimum": 1, "exclusiveMinimum": True}), {"a": 1}).path == "/a"


@pytest.mark.parametrize("reference", ["file:///etc/passwd", "http://127.0.0.1:9/schema", "other.json", "#/nowhere"])
def test_a_reference_is_never_fetched_and_its_tool_can_still_be_called(reference: str) -> None:
    validator = Validator(schema(a={"$ref": reference}), ValidateLimits())
    assert validator.note is not None
    assert "not checked" in validator.note
    assert validator.problems({"a": 1}) == ()


def test_a_recursive_schema_is_checked_at_every_level() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "additionalProperties": False}
    root = {"$ref": "#/$defs/node", "$defs": {"node": node}}
    assert only(root, {"next": {"next": {"x": 1}}}).path == "/next/next/x"


def test_a_schema_nested_without_end_is_not_checked_and_says_so() -> None:
    deep: dict[str, Any] = {}
    for _ in range(2_000):
        deep = {"type": "object", "properties": {"a": deep}}
    assert Validator(deep, ValidateLimits()).note is not None


def test_a_hostile_pattern_takes_no_time() -> None:
    began = time.perf_counter()
    problems(schema(a={"type": "string", "pattern": "^(a+)+$"}), {"a": "a" * 5_000 + "b"})
    assert time.perf_counter() - began < 1


def test_compiled_schemas_are_kept_by_digest_up_to_a_limit() -> None:
    validators = Validators(ValidateLimits(cached=2))
    first = tool(spec("a", input_schema=schema(a="integer")))
    kept = validators.of(first)
    assert validators.of(first) is kept
    for name in ("b", "c"):
        validators.of(tool(spec(name)))
    assert validators.of(first) is not kept
