"""What makes a tool's schema unfit to be offered: it is checked once, when the tool is listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import orjson

from banyan.tools.tangle import looks

MAX_LEVELS = 100
"""Levels of objects and arrays in a schema; the readers of JSON stop somewhere above 200."""

MAX_BYTES = 2**20
"""Bytes of a schema as JSON."""

MAX_LOOKS = 10_000
"""Schemas that one value may be checked against; a check of much more takes longer than anybody waits."""


def schema_fault(schema: object) -> str | None:
    """Return why `schema` cannot be the input schema of a tool, as the end of a sentence; None where it can.

    Recursion by `$ref` within the schema is no fault. References elsewhere are one: nothing is fetched.
    """
    if not isinstance(schema, Mapping):
        return "its input schema is not a JSON object"
    schema = dict(schema)
    if deeper_than(schema, MAX_LEVELS):
        return f"its input schema is nested more than {MAX_LEVELS} levels deep"
    try:
        size_bytes = len(orjson.dumps(schema))
    except (orjson.JSONEncodeError, RecursionError):
        return "its input schema holds something that is no JSON"
    if size_bytes > MAX_BYTES:
        return f"its input schema has {size_bytes:,} bytes, more than {MAX_BYTES:,}"
    try:
        jsonschema_rs.validator_for(schema, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        return f"its input schema is no JSON Schema: {_first_line(error)}"
    if looks(schema, MAX_LOOKS) > MAX_LOOKS:
        return f"its input schema has one value checked against more than {MAX_LOOKS:,} schemas"
    return None


def deeper_than(value: object, levels: int) -> bool:
    """Return whether objects and arrays are nested more than `levels` deep in a JSON value."""
    # By layers and not by recursion: what is checked may be deeper than Python's own stack.
    layer = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        layer = [inner for one in layer for inner in _containers(one)]
        if not layer:
            return False
    return bool(layer)


def _containers(value: Any) -> list[Any]:
    inside = value.values() if isinstance(value, dict) else value
    return [one for one in inside if isinstance(one, dict | list)]


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
