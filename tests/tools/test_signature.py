"""A tool in one line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.tools.signature import signature, type_text
from tests.tools.room import schema, spec, tool


def line(root: Any, output: Any = None, limit: int = 400) -> str:
    # With a digest of its own: the real one cannot be had of a schema nested without end.
    made = spec("go", "s", input_schema=root, output_schema=output)
    return signature(replace(tool(spec("go", "s")), spec=made), limit=limit)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date-time"}, "string(date-time)"),
        ({"enum": ["a", "b"]}, '"a"|"b"'),
        ({"enum": list("abcdefghi")}, '"a"|"b"|"c"|"d"|"e"|"f"|…+3'),
        ({"const": 1}, "1"),
        ({"type": ["string", "null"]}, "string|null"),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "integer|null"),
        ({"type": "array", "items": {"type": "string"}}, "string[]"),
        ({"type": "array", "items": {"enum": [1, 2]}}, "(1|2)[]"),
        ({"type": "array"}, "array"),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
            "[integer, string]",
        ),
        (schema(["a"], b="string", a="integer"), "{a, b?}"),
        ({"type": "array", "items": schema(["a"], a="integer")}, "{a}[]"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "{[key]: number}"),
        ({"type": "object"}, "object"),
        ({"allOf": [schema(["a"], a="integer"), schema(b="integer")]}, "{a, b?}"),
        ({"properties": {"a": {}}}, "{a?}"),
        ({}, "any"),
        (True, "any"),
        (False, "never"),
        ({"$ref": "#/$defs/missing"}, "any"),
        ({"$ref": "https://example.org/schema"}, "any"),
    ],
)
def test_a_schema_has_a_short_type(wanted: Any, text: str) -> None:
    assert type_text(wanted, wanted) == text


def test_required_arguments_stand_first_and_defaults_are_shown() -> None:
    root = schema(["b"], a={"type": "integer", "default": 5}, b="string", c={"type": "boolean", "default": False})
    assert line(root, schema(["x"], x="string")) == ("s__go(b: string, a?: integer = 5, c?: boolean = false) -> {x}")


def test_a_recursive_schema_names_itself() -> None:
    root = {"$defs": {"Node": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"$ref": "#/$defs/Node"}}]}}}
    assert line(root | schema(n={"$ref": "#/$defs/Node"})) == "s__go(n?: Node[]|null)"


def test_what_is_too_long_is_cut_and_counted() -> None:
    root = schema(["p0"], **{f"p{at}": "integer" for at in range(50)})
    text = line(root, limit=80)
    assert len(text) <= 80
    assert text.startswith("s__go(p0: integer, p1?: integer")
    assert text.endswith("…+46)")


@pytest.mark.parametrize("name", ["with space", "new\nline", "x" * 500, "", "日本", "a|b"])
def test_a_foreign_property_name_is_quoted_and_cannot_break_the_line(name: str) -> None:
    text = line(schema(**{name: "string"}))
    assert "\n" not in text
    assert '"' in text
    assert len(text) < 100


def nested(depth: int) -> dict[str, Any]:
    deep: dict[str, Any] = {}
    for _ in range(depth):
        deep = {"type": "object", "properties": {"a": deep}, "items": deep, "anyOf": [deep]}
    return deep


@pytest.mark.parametrize(
    "root",
    [
        nested(2_000),
        {"allOf": [{"$ref": "#"}] * 100},
        {"$ref": "#"},
        {"anyOf": [{"anyOf": [{"$ref": "#"}] * 50}] * 50},
        {"properties": {"a": {"$ref": "#/properties/b"}, "b": {"$ref": "#/properties/a"}}},
        {"properties": {f"p{at}": {"oneOf": [{"const": n} for n in range(10_000)]} for at in range(20)}},
        {"properties": [1], "required": "a", "type": {"x": 1}},
        {"properties": {"a": 5, "b": None}, "required": [1, None, "a"]},
    ],
)
def test_a_hostile_schema_still_has_a_short_signature(root: Any) -> None:
    assert len(line(root, root)) <= 400


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["#", "#/a", "object", "array"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "required",
                    "items",
                    "enum",
                    "const",
                    "anyOf",
                    "oneOf",
                    "allOf",
                    "$ref",
                    "format",
                    "default",
                    "prefixItems",
                    "additionalProperties",
                    "a",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["type", "properties", "anyOf", "allOf", "$ref", "required"]), ANY), ANY)
def test_no_schema_breaks_a_signature(root: Any, output: Any) -> None:
    text = line(root, output, limit=200)
    assert text.startswith("s__go(")
    assert len(text) <= 200
