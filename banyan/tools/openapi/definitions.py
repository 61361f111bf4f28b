"""Self-contained schemas: each with the definitions it refers to, those of those, and no more than fits."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import orjson

from banyan.tools import pointer
from banyan.tools.faults import deeper_than
from banyan.tools.openapi.dialect import Converted, Converter, Direction
from banyan.tools.openapi.notes import Notes
from banyan.tools.openapi.refs import Node, Refs

CUT = "… left out by Banyan: too large"
"""What stands as description or comment where part of a schema was left out; anything is let through there."""

_LEVELS = 80
"""Levels that a schema as a whole may have; offered ones may have 100 with what stands around it."""
_CUT_LEVELS = (32, 20, 12, 8, 6, 5, 4, 3, 2, 1)
_HOPS = 48
"""Definitions between the schema and the furthest one."""
_STUB_BYTES = 140
_PATTERN_CHARS = 2_000
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HOMES = (("components", "schemas"), ("definitions",))
_NESTED = frozenset({"properties", "patternProperties"})
_LISTED = frozenset({"allOf", "anyOf", "prefixItems"})
_SINGLE = frozenset({"items", "additionalProperties"})


class Definitions:
    """The schemas of one document in one direction, each converted once, and shared by all that refer to it."""

    def __init__(self, refs: Refs, notes: Notes, direction: Direction, patterns: Patterns) -> None:
        self._converter = Converter(refs, notes, direction, self._name, patterns.run)
        self._places: dict[str, Node] = {}
        self._made: dict[str, tuple[Converted, int]] = {}

    def convert(self, node: Node) -> Converted:
        """Return the schema at `node`, still without its definitions."""
        return self._converter.convert(node)

    def schema(self, name: str) -> Converted:
        """Return the definition called `name`, which another schema refers to."""
        return self._definition(name)[0]

    def place(self, name: str) -> Node:
        """Return where in the document the definition called `name` stands."""
        return self._places[name]

    def whole(self, converted: Converted, most_bytes: int) -> dict[str, Any]:
        """Return a schema with the definitions that it needs, in at most about `most_bytes`; what was cut says so."""
        root, size = fitted(converted, most_bytes)
        found: dict[str, Any] = {}
        known = dict.fromkeys(root.refs)
        size += len(known) * _STUB_BYTES
        waiting = deque((name, 1) for name in known)
        while waiting:
            name, hops = waiting.popleft()
            inner, cost = self._definition(name)
            fresh = [one for one in inner.refs if one not in known]
            cost += len(fresh) * _STUB_BYTES - _STUB_BYTES // 2
            if size + cost > most_bytes or hops > _HOPS:
                found[name] = {"description": CUT}
                continue
            size += cost
            found[name] = inner.schema
            known.update(dict.fromkeys(fresh))
            waiting.extend((one, hops + 1) for one in fresh)
        whole = root.schema if isinstance(root.schema, dict) else {}
        return {**whole, "$defs": dict(sorted(found.items()))} if found else dict(whole)

    def _definition(self, name: str) -> tuple[Converted, int]:
        known = self._made.get(name)
        if known is None:
            converted = self._converter.convert(self._places[name])
            known = self._made[name] = fitted(converted, 64 * 1024)
        return known

    def _name(self, node: Node) -> str:
        """Return a name for the definition at `node` that depends on nothing but its place."""
        plain = node.at[-1] if node.at else "root"
        exact = not node.file and node.at[:-1] in _HOMES and _PLAIN.fullmatch(plain)
        if not exact:
            place = f"{node.file}#{pointer.build(node.at)}".encode("utf-8", "surrogatepass")
            plain = f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', plain)[:48]}-{hashlib.sha256(place).hexdigest()[:8]}"
        self._places.setdefault(plain, node)
        return plain


class Patterns:
    """Which regular expressions a validator can run."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def run(self, pattern: str) -> bool:
        """Return whether `pattern` can be run."""
        if len(pattern) > _PATTERN_CHARS:
            return False
        known = self._known.get(pattern)
        if known is None:
            try:
                jsonschema_rs.Draft202012Validator({"pattern": pattern}, offline=True)
                known = True
            except ValueError:
                known = False
            self._known[pattern] = known
        return known


def fitted(converted: Converted, most_bytes: int) -> tuple[Converted, int]:
    """Return a schema in at most `most_bytes`, cut at the level where it fits, and its bytes as JSON."""
    size = len(orjson.dumps(converted.schema))
    if size <= most_bytes and not deeper_than(converted.schema, _LEVELS):
        return converted, size
    for levels in _CUT_LEVELS:
        schema = _cut(converted.schema, levels)
        size = len(orjson.dumps(schema))
        if size <= most_bytes:
            break
    else:
        schema, size = {"description": CUT}, _STUB_BYTES
    refs: dict[str, None] = {}
    gather(schema, refs)
    return Converted(schema, refs), size


def _cut(schema: Any, levels: int) -> Any:
    """Return `schema` without what is more than `levels` schemas deep in it."""
    if not isinstance(schema, dict):
        return schema
    if levels == 0:
        inner = schema.keys() & (_NESTED | _LISTED | _SINGLE | {"enum", "const", "default", "examples"})
        if not inner:
            return schema
        kept = {key: schema[key] for key in ("type", "description") if key in schema}
        return kept | {"description": f"{kept.get('description', '')[:200]} {CUT}".strip()}
    return {key: _cut_member(key, value, levels - 1) for key, value in schema.items()}


def _cut_member(key: str, value: Any, levels: int) -> Any:
    if key in _NESTED:
        return {name: _cut(one, levels) for name, one in value.items()}
    if key in _LISTED:
        return [_cut(one, levels) for one in value]
    return _cut(value, levels) if key in _SINGLE else value


def gather(schema: Any, refs: dict[str, None]) -> None:
    """Add to `refs` the names of the definitions that a converted schema refers to."""
    if not isinstance(schema, Mapping):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        refs[reference.removeprefix("#/$defs/")] = None
    for key, value in schema.items():
        inside = value.values() if key in _NESTED else value if key in _LISTED else [value] if key in _SINGLE else []
        for one in inside:
            gather(one, refs)
