"""Schemas of every dialect as JSON Schema 2020-12, self-contained and of bounded size."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.document import details
from banyan.tools.faults import schema_fault
from banyan.tools.openapi.definitions import CUT
from banyan.tools.openapi.operations import SpecLimits
from tests.tools.openapi.reading import document, spec_of, specs, taking


def converted(schema: Any, version: str = "3.0.3") -> Any:
    """Return what becomes of a schema: of a property of a body."""
    whole = {"type": "object", "properties": {"it": schema}}
    if version == "2.0":
        operation: dict[str, Any] = {"parameters": [{"name": "b", "in": "body", "required": True, "schema": whole}]}
    else:
        operation = taking(whole)
    return spec_of(operation, version).input_schema["properties"]["it"]


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"type": "string", "x-nullable": True}, {"type": ["string", "null"]}),
        (
            {"allOf": [{"type": "string"}], "nullable": True},
            {"anyOf": [{"allOf": [{"type": "string"}]}, {"type": "null"}]},
        ),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"type": ["string", None]}, {"type": ["string", "null"]}),
        ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, {"type": "number", "exclusiveMinimum": 1}),
        ({"type": "number", "maximum": 1, "exclusiveMaximum": False}, {"type": "number", "maximum": 1}),
        ({"exclusiveMinimum": True}, {}),
        ({"type": "number", "exclusiveMaximum": 9}, {"type": "number", "exclusiveMaximum": 9}),
        ({"type": "string", "minLength": "3", "maxLength": -1}, {"type": "string", "minLength": 3}),
        ({"type": "number", "multipleOf": 0.01}, {"type": "number"}),
        ({"type": "integer", "multipleOf": 5}, {"type": "integer", "multipleOf": 5}),
        ({"type": "string", "enum": [True, 1, 1.5, "1"]}, {"type": "string", "enum": ["true", "1", "1.5"]}),
        ({"type": "integer", "enum": ["1", "2"]}, {"type": "integer", "enum": [1, 2]}),
        ({"type": "array", "enum": ["a"], "items": {"type": "string"}}, {"type": "array", "items": {"type": "string"}}),
        ({"enum": []}, {}),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"type": "string", "format": "byte"}, {"type": "string", "contentEncoding": "base64"}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "duration"}, {"description": "(format: duration)", "type": "string"}),
        ({"type": "string", "pattern": "^a+$"}, {"type": "string", "pattern": "^a+$"}),
        ({"type": "string", "pattern": "(?<![a"}, {"type": "string"}),
        ({"type": "strin"}, {}),
        ({"type": "any"}, {}),
        ({"required": True, "type": "string"}, {"type": "string"}),
        ({"type": "array", "items": [{"type": "string"}]}, {"type": "array", "prefixItems": [{"type": "string"}]}),
        ({"type": "object", "additionalProperties": True}, {"type": "object", "additionalProperties": True}),
        ({"type": "object", "patternProperties": {"[": {}}, "additionalProperties": False}, {"type": "object"}),
        ({"not": {"required": ["a"]}}, {"not": {"required": ["a"]}}),
        ({"not": {"anyOf": [{"type": "string"}]}}, {}),
        ({"description": "<p>One &amp; <b>two</b></p>", "xml": {}, "x-y": 1}, {"description": "One & two"}),
        ({"title": "T"}, {"title": "T"}),
        ({"example": 3}, {"examples": [3]}),
        ({"default": None, "deprecated": True}, {"deprecated": True}),
        (
            {"$id": "http://a/b", "$schema": "http://json-schema.org/draft-04/schema#", "type": "string"},
            {"type": "string"},
        ),
        (True, True),
        ("nonsense", {}),
        (None, {}),
        (
            {"oneOf": [{"type": "object"}], "discriminator": {"propertyName": "kind"}},
            {"description": "(`kind` tells which kind it is)", "anyOf": [{"type": "object"}]},
        ),
    ],
)
def test_a_schema_becomes_2020_12(schema: Any, made: Any) -> None:
    assert converted(schema) == made


def test_old_schemas_become_2020_12_too() -> None:
    old = {"type": "integer", "maximum": 3, "exclusiveMaximum": True, "discriminator": "kind"}
    assert converted(old, "2.0") == {
        "type": "integer",
        "exclusiveMaximum": 3,
        "description": "(`kind` tells which kind it is)",
    }


def test_what_only_answers_have_is_not_asked_for() -> None:
    spec = spec_of(
        taking(
            {
                "allOf": [
                    {"$ref": "#/components/schemas/Base"},
                    {"type": "object", "required": ["id", "name"], "properties": {"secret": {"writeOnly": True}}},
                ]
            }
        )
        | {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Base"}}}}}},
        components={
            "schemas": {
                "Base": {
                    "type": "object",
                    "required": ["id", "name"],
                    "properties": {
                        "id": {"$ref": "#/components/schemas/Id"},
                        "name": {"type": "string"},
                        "key": {"type": "string", "writeOnly": True},
                    },
                },
                "Id": {"type": "string", "readOnly": True},
            }
        },
    )
    assert list(spec.input_schema["properties"]) == ["name", "key", "secret"]
    assert spec.input_schema["required"] == ["name"]
    assert spec.output_schema is not None
    assert list(spec.output_schema["$defs"]["Base"]["properties"]) == ["id", "name"]


def test_recursion_stays_a_reference() -> None:
    tree = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}},
    }
    spec = spec_of(taking({"$ref": "#/components/schemas/Tree"}), components={"schemas": {"Tree": tree}})
    assert spec.input_schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert list(spec.input_schema["$defs"]) == ["Tree"]
    validator = jsonschema_rs.validator_for(dict(spec.input_schema))
    assert validator.is_valid({"children": [{"children": []}]})
    assert not validator.is_valid({"children": [{"children": 1}]})


def test_two_places_of_one_name_stay_apart() -> None:
    spec = spec_of(
        taking(
            {
                "type": "object",
                "properties": {
                    "a": {"$ref": "#/components/schemas/X/properties/v"},
                    "b": {"$ref": "#/components/schemas/Y/properties/v"},
                    "c": {"$ref": "#/components/schemas/v"},
                },
            }
        ),
        components={
            "schemas": {
                "X": {"properties": {"v": {"type": "string"}}},
                "Y": {"properties": {"v": {"type": "integer"}}},
                "v": {"type": "boolean"},
            }
        },
    )
    kinds = {
        name: spec.input_schema["$defs"][one["$ref"].removeprefix("#/$defs/")]["type"]
        for name, one in spec.input_schema["properties"].items()
    }
    assert kinds == {"a": "string", "b": "integer", "c": "boolean"}


def nested(depth: int, width: int) -> dict[str, Any]:
    if depth == 0:
        return {"type": "string", "description": "a leaf of the tree"}
    return {"type": "object", "properties": {f"p{n}": nested(depth - 1, width) for n in range(width)}}


def test_a_large_schema_is_cut_where_it_fits_and_says_so() -> None:
    spec = spec_of(taking(nested(5, 8)))
    size = len(orjson.dumps(spec.input_schema))
    assert 1_000 < size < 140_000
    assert CUT in orjson.dumps(spec.input_schema).decode()
    assert list(spec.input_schema["properties"]) == [f"p{n}" for n in range(8)]
    assert jsonschema_rs.validator_for(dict(spec.input_schema)).is_valid({"p0": {"p1": {"p2": {"p3": {"p4": "leaf"}}}}})


def test_of_many_definitions_the_nearest_are_kept() -> None:
    schemas = {
        f"A{n}": {
            "type": "object",
            "description": "d" * 400,
            "properties": {"next": {"$ref": f"#/components/schemas/A{n + 1}"}},
        }
        for n in range(1_000)
    }
    found = document(
        paths={
            "/a": {
                "post": {
                    "operationId": "a",
                    **taking({"type": "object", "properties": {"x": {"$ref": "#/components/schemas/A0"}}}),
                }
            }
        },
        components={"schemas": {**schemas, "A1000": {"type": "object"}}},
    )
    small = specs(found, SpecLimits(input_bytes=8_000))["a"].input_schema
    assert len(orjson.dumps(small)) <= 8_000
    kept = {name for name, one in small["$defs"].items() if one != {"description": CUT}}
    assert kept == {f"A{n}" for n in range(len(kept))}
    assert len(kept) > 8
    whole = specs(found)["a"].input_schema
    assert len(whole["$defs"]) < 100
    assert schema_fault(whole) is None


def test_a_deep_schema_is_cut_before_it_is_at_fault() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(80):
        deep = {"type": "array", "items": deep}
    spec = spec_of(taking({"type": "object", "properties": {"deep": deep}}))
    assert spec.fault is None
    assert CUT in orjson.dumps(spec.input_schema).decode()


def test_what_search_reads_is_found_through_definitions() -> None:
    spec = spec_of(
        taking({"type": "object", "properties": {"address": {"$ref": "#/components/schemas/Address"}}}),
        components={"schemas": {"Address": {"type": "object", "properties": {"city": {"description": "Where it is"}}}}},
    )
    assert "city: Where it is" in details(spec.input_schema)


KEYWORDS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["string", "integer", "number", "boolean", "object", "array", "null", ["string", "null"]]
        ),
        "enum": st.lists(
            st.sampled_from(["a", "1", 1, 2.5, True, None, "true"]), min_size=1, max_size=3, unique_by=repr
        ),
        "const": st.sampled_from(["a", 1, None]),
        "minimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 3),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "pattern": st.sampled_from(["^a", "(?=a)", "[0-9]+", r"^\d$"]),
        "format": st.sampled_from(["date", "email", "time", "int32"]),
        "required": st.lists(st.sampled_from(["a", "b"]), unique=True),
        "uniqueItems": st.booleans(),
        "additionalProperties": st.booleans(),
    },
)


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=3)
    added = st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), inner, max_size=1),
            "items": inner,
            "prefixItems": some,
            "allOf": some,
            "anyOf": some,
            "oneOf": some,
            "not": inner,
            "if": inner,
            "then": inner,
            "unevaluatedProperties": st.just(False),
            "$ref": st.just("#/components/schemas/Other"),
        },
    )
    return st.builds(lambda one, more: {**one, **more}, KEYWORDS, added)


SCHEMAS = st.recursive(KEYWORDS | st.booleans(), larger, max_leaves=6)
INSTANCES = st.recursive(
    st.sampled_from(["a", "1", "ab", 1, 2.5, 0, True, None, "true", "2024-01-01"]),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), one, max_size=2),
    max_leaves=4,
)


@given(SCHEMAS, SCHEMAS, st.lists(INSTANCES, min_size=1, max_size=5))
def test_what_the_original_allows_is_allowed(schema: Any, other: Any, instances: list[Any]) -> None:
    if isinstance(other, dict):
        other.pop("$ref", None)
    original = {
        **(schema if isinstance(schema, dict) else {"allOf": [schema]}),
        "components": {"schemas": {"Other": other}},
    }
    judge = jsonschema_rs.Draft202012Validator(original, validate_formats=True)
    spec = spec_of(
        taking({"type": "object", "properties": {"it": schema}}), "3.1.0", components={"schemas": {"Other": other}}
    )
    assert spec.fault is None
    ours = jsonschema_rs.validator_for(dict(spec.input_schema), validate_formats=True, offline=True)
    for one in instances:
        if judge.is_valid(one):
            assert ours.is_valid({"it": one}), spec.input_schema


WORDS = (
    "type properties items allOf anyOf oneOf $ref required enum nullable format additionalProperties pattern minimum "
    "description example discriminator not default"
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["string", "object", "array", "#/components/schemas/Other"]),
    lambda one: (
        st.lists(one, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "allOf",
                    "anyOf",
                    "oneOf",
                    "$ref",
                    "required",
                    "enum",
                    "nullable",
                    "format",
                    "additionalProperties",
                    "pattern",
                    "minimum",
                    "description",
                    "example",
                    "discriminator",
                    "not",
                    "default",
                ]
            ),
            one,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON, st.sampled_from(["2.0", "3.0.0", "3.1.0"]))
def test_whatever_stands_where_a_schema_should_a_schema_comes_out(schema: Any, version: str) -> None:
    made = converted({"type": "object", "properties": {"x": schema}}, version)
    assert schema_fault({"type": "object", "properties": {"it": made}, "$defs": {"Other": {}}}) is None
