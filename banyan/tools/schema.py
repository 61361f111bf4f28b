"""Looking into a JSON Schema that nobody vouches for: local references, properties, types."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from banyan.tools import pointer

_HOPS = 16
"""References followed in a row; a longer chain is a trap."""
_BRANCHES = 64
"""Branches of one combinator that are looked into."""
_LAYERS = 256
"""Schemas of one value that are looked into, in all."""

COMBINATORS = ("allOf", "anyOf", "oneOf")


def deref(schema: Any, root: Any) -> Any:
    """Return `schema`, or what its local `$ref` leads to; True, which anything fits, where that leads nowhere."""
    for _ in range(_HOPS):
        if not isinstance(schema, Mapping):
            return schema
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        if not reference.startswith("#"):
            return True
        try:
            schema = pointer.follow(root, pointer.parse(reference))
        except pointer.PointerError:
            return True
    return True


def branches(schema: Mapping[str, Any], keyword: str) -> Sequence[Any]:
    """Return the first branches of one combinator of `schema`."""
    found = schema.get(keyword)
    return found[:_BRANCHES] if isinstance(found, list | tuple) else ()


def layers(schema: Any, root: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object schema that speaks of the same value: itself, then the branches of its combinators."""
    waiting: deque[Any] = deque([schema])
    seen: set[int] = set()
    while waiting and len(seen) < _LAYERS:
        one = deref(waiting.popleft(), root)
        if not isinstance(one, Mapping) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        for keyword in COMBINATORS:
            waiting.extend(branches(one, keyword))


def properties(schema: Any, root: Any) -> dict[str, Any]:
    """Return every property that `schema` knows by name, in any branch; the first mention counts."""
    found: dict[str, Any] = {}
    for layer in layers(schema, root):
        declared = layer.get("properties")
        if isinstance(declared, Mapping):
            for name, one in declared.items():
                found.setdefault(str(name), one)
    return found


def required(schema: Any, root: Any) -> frozenset[str]:
    """Return the names that `schema` requires outside of alternatives."""
    found: set[str] = set()
    schema = deref(schema, root)
    if not isinstance(schema, Mapping):
        return frozenset()
    for layer in (schema, *(deref(one, root) for one in branches(schema, "allOf"))):
        names = layer.get("required") if isinstance(layer, Mapping) else None
        if isinstance(names, list | tuple):
            found.update(name for name in names if isinstance(name, str))
    return frozenset(found)


def types(schema: Any, root: Any) -> frozenset[str]:
    """Return the JSON types that `schema` names, in any branch; empty where it names none."""
    found: set[str] = set()
    for layer in layers(schema, root):
        named = layer.get("type")
        if isinstance(named, str):
            found.add(named)
        elif isinstance(named, list | tuple):
            found.update(one for one in named if isinstance(one, str))
    return frozenset(found)


def at(schema: Any, root: Any, path: Sequence[str | int]) -> Any:
    """Return the schema of the value at `path` within a value of `schema`, as far as properties and items tell."""
    for segment in path:
        schema = _items(schema, root) if isinstance(segment, int) else properties(schema, root).get(segment, True)
    return schema


def _items(schema: Any, root: Any) -> Any:
    for layer in layers(schema, root):
        if "items" in layer:
            return layer["items"]
    return True
