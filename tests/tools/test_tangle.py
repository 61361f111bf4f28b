"""How often a schema has one value looked at."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from banyan.tools.faults import schema_fault
from banyan.tools.tangle import looks


def ref(name: object) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def doubling(keyword: str, times: int) -> dict[str, Any]:
    defs: dict[str, Any] = {f"A{n}": {keyword: [ref(f"A{n + 1}"), ref(f"A{n + 1}")]} for n in range(times)}
    return {"$defs": {**defs, f"A{times}": {"type": "string"}}, "properties": {"a": ref("A0")}}


@pytest.mark.parametrize(
    ("schema", "count"),
    [
        ({}, 1),
        ({"properties": {"a": {"type": "string"}}}, 1),
        ({"allOf": [{}, {}]}, 3),
        ({"anyOf": [{"oneOf": [{}, True]}], "not": {}, "if": {}, "then": {}, "else": {}}, 7),
        ({"dependentSchemas": {"a": {}, "b": {}}}, 3),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {}}}, 3),
        ({"$ref": "#"}, 1),
        ({"$ref": "#/nowhere"}, 1),
        ({"$ref": "http://example.com"}, 1),
        ({"properties": {"child": {"$ref": "#"}}}, 2),
        ({"items": {"allOf": [{}, {}, {}]}}, 4),
    ],
)
def test_schemas_that_one_value_is_checked_against_are_counted(schema: dict[str, Any], count: int) -> None:
    assert looks(schema, 100) == count


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_a_schema_that_doubles_is_a_fault_before_anybody_waits_for_it(keyword: str) -> None:
    assert looks(doubling(keyword, 60), 10_000) == 10_001
    assert "more than 10,000 schemas" in (schema_fault(doubling(keyword, 60)) or "")
    fine = doubling(keyword, 8)
    assert schema_fault(fine) is None
    assert list(jsonschema_rs.validator_for(fine).iter_errors({"a": 5}))


def test_a_long_chain_is_counted_without_recursion() -> None:
    defs: dict[str, Any] = {str(n): {"description": "x", **ref(n + 1)} for n in range(5_000)}
    assert looks({"$defs": {**defs, "5000": {}}, "$ref": "#/$defs/0"}, 10_000) == 5_002
