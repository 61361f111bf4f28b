"""Discovery's schemas, a dialect of an old draft, as JSON Schema of today."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from banyan.core.shorten import cut

CLOSURE_BYTES = 32 * 1024
"""Bytes of JSON that the definitions of one tool's input take; what lies further from its root is left out."""

DESCRIPTION_CHARS = 400
"""Characters kept of what is said of one property."""

_LEVELS = 40
_PLAIN = frozenset({"string", "integer", "number", "boolean", "array", "object"})
_TRUTH: Mapping[str, bool] = {"true": True, "false": False}


class Definitions:
    """The schemas of one discovery document, each converted once however many methods refer to it."""

    def __init__(self, schemas: Any) -> None:
        self._raw: Mapping[str, Any] = schemas if isinstance(schemas, Mapping) else {}
        self._made: dict[str, tuple[dict[str, Any], tuple[str, ...], int]] = {}

    def has(self, name: str) -> bool:
        """Whether there is a schema called `name`."""
        return isinstance(self._raw.get(name), Mapping)

    def closure(self, root: str, *, most_bytes: int = CLOSURE_BYTES) -> dict[str, Any]:
        """Return the schema `root` and what it refers to, by name, nearest first, up to `most_bytes`.

        What is left out stands as an object of which anything is allowed, and says so.
        """
        found: dict[str, Any] = {}
        room = most_bytes
        waiting, seen = deque([root]), {root}
        while waiting:
            name = waiting.popleft()
            schema, references, size_bytes = self._definition(name)
            if name != root and size_bytes > room:
                found[name] = _left_out(name)
                continue
            found[name] = schema
            room -= size_bytes
            for one in references:
                if one not in seen:
                    seen.add(one)
                    waiting.append(one)
        return found

    def demands(self, root: str, method: str) -> tuple[str, ...]:
        """Return the properties of the schema `root` that the method needs, where the document says so."""
        properties = _mapping(self._raw.get(root)).get("properties")
        return tuple(name for name, one in _mapping(properties).items() if method in _needed_by(one))

    def expects(self, root: str) -> bool:
        """Whether something in the schema `root` is said to be required."""
        properties = _mapping(_mapping(self._raw.get(root)).get("properties"))
        return any(str(_mapping(one).get("description", "")).startswith("Required.") for one in properties.values())

    def outline(self, root: str) -> dict[str, Any]:
        """Return the schema `root` by the names and types of its properties alone."""
        raw = _mapping(self._raw.get(root))
        outlined = {name: _type_alone(_mapping(one)) for name, one in _mapping(raw.get("properties")).items()}
        return {"type": "object", "properties": outlined}

    def _definition(self, name: str) -> tuple[dict[str, Any], tuple[str, ...], int]:
        known = self._made.get(name)
        if known is None:
            made = convert(_mapping(self._raw.get(name)))
            known = self._made[name] = made, tuple(dict.fromkeys(_references(made))), len(orjson.dumps(made))
        return known


def convert(raw: Mapping[str, Any], level: int = 0) -> dict[str, Any]:
    """Return a discovery schema as JSON Schema; what only the server sets is left out."""
    if level > _LEVELS:
        return {}
    if isinstance(reference := raw.get("$ref"), str):
        return _described({"$ref": f"#/$defs/{_escaped(reference)}"}, raw)
    made = scalar(raw)
    if isinstance(properties := raw.get("properties"), Mapping):
        made["properties"] = {
            name: convert(one, level + 1)
            for name, one in properties.items()
            if isinstance(one, Mapping) and one.get("readOnly") is not True
        }
    for key in ("items", "additionalProperties"):
        if isinstance(inner := raw.get(key), Mapping):
            made[key] = convert(inner, level + 1)
    return made


def scalar(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a discovery schema says of one value, without what is inside it."""
    kind = raw.get("type")
    made: dict[str, Any] = {"type": kind} if kind in _PLAIN else {}
    if isinstance(raw.get("format"), str) and made:
        made["format"] = raw["format"]
    if isinstance(pattern := raw.get("pattern"), str) and kind == "string" and valid_pattern(pattern):
        made["pattern"] = pattern
    if isinstance(choices := raw.get("enum"), list) and choices and (values := _typed_all(choices, kind)):
        made["enum"] = values
    for key in ("minimum", "maximum"):
        bound = _typed(raw.get(key), kind) if kind in {"integer", "number"} else None
        if bound is not None:
            made[key] = bound
    if (default := _typed(raw.get("default"), kind)) is not None:
        made["default"] = default
    if raw.get("deprecated") is True:
        made["deprecated"] = True
    return _described(made, raw)


def parameter(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a method's parameter; one that may be repeated is an array."""
    made = scalar(raw)
    if raw.get("repeated") is not True:
        return made
    description = made.pop("description", None)
    whole: dict[str, Any] = {"type": "array", "items": made}
    return whole | ({"description": description} if description else {})


@lru_cache(maxsize=4_096)
def valid_pattern(pattern: str) -> bool:
    """Whether arguments can be checked against `pattern`."""
    import jsonschema_rs

    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True


def _described(made: dict[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(told := raw.get("description"), str) and told.strip():
        made["description"] = cut(told.strip(), DESCRIPTION_CHARS)
    return made


def _left_out(name: str) -> dict[str, Any]:
    return {"type": "object", "description": f"`{name}`: what is in it is left out here, as the whole is too large"}


def _typed_all(values: list[Any], kind: Any) -> list[Any]:
    typed = [_typed(one, kind) for one in values]
    return [] if any(one is None for one in typed) else list(dict.fromkeys(typed))


def _typed(value: Any, kind: Any) -> Any:
    """Return a value that the document gives as text in the type that it is of; None where it is not."""
    try:
        if kind == "boolean":
            return value if isinstance(value, bool) else _TRUTH.get(str(value))
        if value is None or isinstance(value, Mapping | list):
            return None
        if kind in {"integer", "number"}:
            return int(value) if kind == "integer" else float(value)
    except ValueError:
        return None
    return str(value) if kind == "string" else None


def _type_alone(raw: Mapping[str, Any]) -> dict[str, Any]:
    kind = "object" if "$ref" in raw else raw.get("type")
    return {"type": kind} if kind in _PLAIN else {}


def _needed_by(raw: Any) -> list[Any]:
    needed = _mapping(_mapping(raw).get("annotations")).get("required")
    return needed if isinstance(needed, list) else []


def _references(made: Any) -> Iterator[str]:
    if isinstance(made, dict):
        if isinstance(reference := made.get("$ref"), str):
            yield reference.removeprefix("#/$defs/").replace("~1", "/").replace("~0", "~")
        for inner in made.values():
            yield from _references(inner)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
