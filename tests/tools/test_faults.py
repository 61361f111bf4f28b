"""Schemas that cannot be offered, and those that only look odd."""

from __future__ import annotations

from typing import Any

import pytest

from banyan.tools.faults import MAX_LEVELS, deeper_than, schema_fault


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels - 1):
        schema = {"a": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"$ref": "#"},
        {"$defs": {"node": {"properties": {"child": {"$ref": "#/$defs/node"}}}}, "$ref": "#/$defs/node"},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
        {"type": "object", "properties": {"a": {"format": "unheard-of", "x-mine": 5}}},
        {"properties": {"a": {"pattern": "^(a+)+$"}}},
        nested(MAX_LEVELS),
    ],
)
def test_a_sound_schema_has_no_fault(schema: dict[str, Any]) -> None:
    assert schema_fault(schema) is None


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (None, "not a JSON object"),
        (True, "not a JSON object"),
        ([], "not a JSON object"),
        (nested(MAX_LEVELS + 1), "levels deep"),
        ({"description": "d" * 2**20}, "bytes"),
        ({"a": {1: 2}}, "no JSON"),
        ({"a": object()}, "no JSON"),
        ({"type": "objekt"}, "no JSON Schema"),
        ({"properties": {"a": {"$ref": "#/$defs/nowhere"}}}, "no JSON Schema"),
        ({"$ref": "file:///etc/passwd"}, "no JSON Schema"),
        ({"$ref": "http://127.0.0.1:9/schema"}, "no JSON Schema"),
        ({"pattern": "("}, "no JSON Schema"),
    ],
)
def test_a_faulty_schema_is_told_in_a_sentence(schema: object, said: str) -> None:
    fault = schema_fault(schema)
    assert fault is not None
    assert said in fault
    assert len(fault) < 500


def test_a_schema_deeper_than_pythons_own_stack_is_told_too() -> None:
    schema = nested(50_000)
    assert (schema_fault(schema) or "").endswith("levels deep")
    while schema:  # taken apart by hand: Python would free it by recursion
        schema = schema.pop("a", {})


def test_depth_counts_objects_and_arrays_alone() -> None:
    assert not deeper_than("text", 0)
    assert deeper_than([], 0)
    assert not deeper_than([1, {"a": "b"}], 2)
    assert deeper_than([1, {"a": ["b"]}], 2)
