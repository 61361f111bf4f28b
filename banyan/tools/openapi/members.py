"""The members of an object that can be taken apart: where its schema says no more than what each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from banyan.tools.openapi.definitions import Definitions, gather
from banyan.tools.openapi.dialect import Converted
from banyan.tools.openapi.document import Document
from banyan.tools.openapi.refs import Node

MAX_MEMBERS = 300
_DEPTH = 6
_PLAIN = frozenset(
    {"type", "properties", "required", "description", "title", "examples", "default", "deprecated", "allOf"}
)
"""Keywords of a schema whose members can stand for it."""
_LEFT = frozenset({"additionalProperties", "anyOf"})
"""Those that can stand beside them, if they say what `_plain` lets pass."""
_OBJECT = frozenset({"$ref", "properties", "allOf", "required"})
"""Keywords of which an object has one, if its members are known at all."""
_SETS = frozenset({"required", "title", "description", "type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The members of an object."""

    schemas: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    refs: dict[str, None] = field(default_factory=dict)


def members(document: Document, definitions: Definitions, node: Node) -> Members | None:
    """Return the members of the object whose schema stands at `node`; None where it is more than its members."""
    found = _members(definitions, definitions.convert(document.follow(node)), 0)
    return found if found is not None and len(found.schemas) <= MAX_MEMBERS else None


def _members(definitions: Definitions, converted: Converted, depth: int) -> Members | None:
    schema = converted.schema
    if not isinstance(schema, dict) or depth > _DEPTH or not schema.keys() & _OBJECT:
        return None
    if "$ref" in schema:
        if schema.keys() - {"$ref", "description", "title", "deprecated"}:
            return None
        return _members(definitions, definitions.schema(schema["$ref"].removeprefix("#/$defs/")), depth + 1)
    if not _plain(schema):
        return None
    parts = [_members(definitions, Converted(one, _refs(one)), depth + 1) for one in schema.get("allOf", ())]
    own = schema.get("properties", {})
    used = {name: None for one in own.values() for name in _refs(one)}
    parts.append(Members(schemas=own, required=tuple(schema.get("required", ())), refs=used))
    return _joined(parts)


def _plain(schema: Mapping[str, Any]) -> bool:
    """Return whether a schema says no more than what the members are; which of them go together does not count."""
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        return False
    if schema.get("additionalProperties", False) is not False or schema.keys() - _PLAIN - _LEFT:
        return False
    return all(isinstance(one, dict) and _SETS.issuperset(one) for one in schema.get("anyOf", ()))


def _joined(parts: list[Members | None]) -> Members | None:
    """Return the members of all parts; of one that several know, every part counts."""
    schemas: dict[str, Any] = {}
    required: dict[str, None] = {}
    refs: dict[str, None] = {}
    for part in parts:
        if part is None:
            return None
        for name, one in part.schemas.items():
            known = schemas.get(name)
            schemas[name] = one if known is None or known == one else {"allOf": [known, one]}
        required.update(dict.fromkeys(part.required))
        refs.update(part.refs)
    return Members(schemas=schemas, required=tuple(one for one in required if one in schemas), refs=refs)


def _refs(schema: Any) -> dict[str, None]:
    found: dict[str, None] = {}
    gather(schema, found)
    return found
