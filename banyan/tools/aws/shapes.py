"""Shapes of a service model as JSON Schema, with local `$defs` for what is used twice or recurs."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from banyan.tools.aws.text import plain_text

Shape: TypeAlias = Mapping[str, Any]
Shapes: TypeAlias = Mapping[str, Shape]

LEFT_OUT = "left out for its size; see AWS's documentation"

BLOB: Mapping[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"base64": {"type": "string", "contentEncoding": "base64"}},
            "required": ["base64"],
            "additionalProperties": False,
        },
    ],
    "description": 'Text, or bytes as {"base64": "…"}',
}
"""Bytes: text, which is sent as UTF-8, or an object with base64.  A plain string in base64 could be either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much is said of an operation's shapes."""

    first_chars: int
    """Characters on each argument."""
    deep_chars: int
    """Characters on each member within an argument."""
    values: int
    """Values of an enumeration that are listed; of a longer one the first few are named and none is refused."""
    levels: int = 1_000
    """Structures within each other; deeper ones are left open."""
    bounds: bool = True
    """Whether limits of length and size are said."""


class Unsupported(Exception):
    """An operation cannot be called from JSON arguments; its text says why."""


@dataclass(slots=True)
class Texts:
    """Cleaned documentation: most of it is used by many operations of a service."""

    known: dict[tuple[str, int], str] = field(default_factory=dict)

    def of(self, source: str, limit: int) -> str:
        """Return `source` as plain text of at most `limit` characters."""
        if limit <= 0:
            return ""
        found = self.known.get((source, limit))
        if found is None:
            found = self.known[source, limit] = plain_text(source, limit)
        return found


def schema_of(name: str | None, shapes: Shapes, budget: Budget, texts: Texts) -> dict[str, Any]:
    """Return the structure called `name` as the schema of an object.

    Raises:
        Unsupported: a member is a stream of events.
    """
    if name is None:
        return {"type": "object", "properties": {}, "additionalProperties": False}
    return _Writer(name, shapes, budget, texts).whole()


class _Writer:
    """Writes one schema."""

    def __init__(self, name: str, shapes: Shapes, budget: Budget, texts: Texts) -> None:
        self._name = name
        self._shapes = shapes
        self._budget = budget
        self._texts = texts
        self._uses, self._depths = _survey(name, shapes)
        self._defs: dict[str, Any] = {}

    def whole(self) -> dict[str, Any]:
        """Return the schema, with the definitions that it refers to."""
        found = self._structure(self._name, first=True)
        return found | {"$defs": self._defs} if self._defs else found

    def _use(self, name: str) -> dict[str, Any]:
        """Return the schema of a shape where it is used: in place, or as a reference."""
        shape = self._shapes[name]
        if self._depths[name] > self._budget.levels and shape["type"] in _NESTS:
            return {"description": LEFT_OUT}
        if not self._shared(name, shape):
            return self._schema(name, shape)
        if name not in self._defs:
            # Put down before it is filled: what it holds may refer to it.
            self._defs[name] = {}
            self._defs[name] = self._schema(name, shape)
        return {"$ref": f"#/$defs/{name}"}

    def _shared(self, name: str, shape: Shape) -> bool:
        if self._uses[name] < 2:
            return False
        return shape["type"] in _NESTS or len(shape.get("enum", ())) > _SHORT_ENUM

    def _schema(self, name: str, shape: Shape) -> dict[str, Any]:
        kind = shape["type"]
        if kind == "structure":
            return self._structure(name)
        if kind == "list":
            return {"type": "array", "items": self._member(shape["member"]), **self._bounds(shape, "Items")}
        if kind == "map":
            return self._map(shape)
        if kind == "string":
            return self._string(shape)
        if kind == "blob":
            return dict(BLOB)
        return dict(_SCALARS[kind]) | (self._range(shape) if kind in _NUMBERS else {})

    def _structure(self, name: str, *, first: bool = False) -> dict[str, Any]:
        shape = self._shapes[name]
        if shape.get("document"):
            return {}
        if shape.get("eventstream"):
            raise Unsupported("it takes a stream of events, which a call with arguments cannot give")
        chars = self._budget.first_chars if first else self._budget.deep_chars
        members = shape.get("members", {})
        found: dict[str, Any] = {"type": "object"}
        found["properties"] = {key: self._member(one, chars) for key, one in members.items()}
        # A token that is not given is made by the SDK.
        required = [key for key in shape.get("required", ()) if not members[key].get("idempotencyToken")]
        if required:
            found["required"] = required
        if shape.get("union"):
            found |= {"minProperties": 1, "maxProperties": 1}
        return found | {"additionalProperties": False}

    def _member(self, member: Shape, chars: int = 0) -> dict[str, Any]:
        """Return the schema of a member, with what is said of it there, or else of its shape."""
        # In a header the SDK writes any value as JSON; elsewhere it wants the text.
        in_header = member.get("jsonvalue") and member.get("location") == "header"
        found = {} if in_header else self._use(member["shape"])
        said = member.get("documentation") or self._shapes[member["shape"]].get("documentation") or ""
        text = self._texts.of(said, chars)
        if member.get("deprecated"):
            text = f"Deprecated. {text}".rstrip()
        if text and found.get("description") != LEFT_OUT:
            # What is said of the shape itself, as of a long enumeration's values, stands behind.
            found = found | {"description": " ".join(filter(None, (text, found.get("description"))))}
        return found

    def _map(self, shape: Shape) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "object", "additionalProperties": self._member(shape["value"])}
        key = self._shapes[shape["key"]["shape"]]
        keys = key.get("enum", ())
        if 0 < len(keys) <= min(self._budget.values, _SHORT_ENUM):
            found["propertyNames"] = {"enum": list(keys)}
        elif not keys and (bounds := self._bounds(key, "Length")):
            found["propertyNames"] = bounds
        return found | self._bounds(shape, "Properties")

    def _string(self, shape: Shape) -> dict[str, Any]:
        values = shape.get("enum", ())
        if not values:
            return {"type": "string", **self._bounds(shape, "Length")}
        if len(values) <= self._budget.values:
            return {"type": "string", "enum": list(values)}
        shown = ", ".join(values[:_EXAMPLES])
        return {"type": "string", "description": f"One of {len(values):,} values, as {shown}"}

    def _bounds(self, shape: Shape, what: str) -> dict[str, int]:
        """Return the limits of a length; those that forbid nothing are not worth their room."""
        if not self._budget.bounds:
            return {}
        found = {f"min{what}": shape.get("min", 0), f"max{what}": shape.get("max", 0)}
        return {key: int(value) for key, value in found.items() if 0 < value <= _LARGE}

    def _range(self, shape: Shape) -> dict[str, Any]:
        found = {"minimum": shape.get("min"), "maximum": shape.get("max")} if self._budget.bounds else {}
        return {key: value for key, value in found.items() if value is not None and abs(value) <= _LARGE}


def _survey(root: str, shapes: Shapes) -> tuple[Counter[str], dict[str, int]]:
    """Return how often each shape within `root` is used, and within how many structures it stands at least."""
    uses = Counter([root])
    depths = {root: 0}
    waiting = deque([root])
    while waiting:
        name = waiting.popleft()
        for inner in _inside(shapes[name]):
            uses[inner] += 1
            if inner not in depths:
                depths[inner] = depths[name] + (shapes[name]["type"] == "structure")
                waiting.append(inner)
    return uses, depths


def _inside(shape: Shape) -> Iterator[str]:
    if shape["type"] == "structure":
        yield from (one["shape"] for one in shape.get("members", {}).values())
    for key in ("member", "key", "value"):
        if key in shape:
            yield shape[key]["shape"]


_NESTS = frozenset({"structure", "list", "map"})
_NUMBERS = frozenset({"integer", "long", "float", "double"})
_SCALARS: Mapping[str, Mapping[str, str]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "long": {"type": "integer"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "timestamp": {"type": "string", "format": "date-time"},
}
_SHORT_ENUM = 12
_EXAMPLES = 5
_LARGE = 2**53
