"""How often a schema has one value looked at: a small one can ask for more than anybody can wait for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from banyan.tools import pointer

_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLE = ("not", "if", "then", "else")
_IN_PLACE = frozenset({*_LISTS, *_SINGLE, "dependentSchemas", "$ref"})


def looks(root: Mapping[str, Any], most: int) -> int:
    """Return how many schemas, at most, one value is checked against, counted up to `most` + 1.

    A schema that leads back to itself counts once there: a validator sees that.
    """
    scale = _Scale(root, most)
    heaviest = 1
    waiting: list[Any] = [root]
    while waiting and heaviest <= most:
        one = waiting.pop()
        inside = one
        if isinstance(one, dict):
            if not _IN_PLACE.isdisjoint(one):
                heaviest = max(heaviest, scale.weight(one))
            inside = one.values()
        waiting.extend([inner for inner in inside if isinstance(inner, dict | list)])
    return heaviest


class _Scale:
    """Weighs the schemas within one, each once."""

    def __init__(self, root: Any, most: int) -> None:
        self._root = root
        self._most = most
        self._found: dict[int, int] = {}
        self._targets: dict[str, Any] = {}

    def weight(self, schema: Mapping[str, Any]) -> int:
        """Return how many schemas a value of `schema` is checked against."""
        found = self._found
        stack: list[tuple[Mapping[str, Any], list[Any], Iterator[Any]]] = []
        pending: Mapping[str, Any] | None = None if id(schema) in found else schema
        # By a stack of its own and not by recursion: chains of references can be longer than Python's is deep.
        while pending is not None or stack:
            if pending is not None:
                found[id(pending)] = 0
                inside = self._in_place(pending)
                stack.append((pending, inside, iter(inside)))
            one, inside, left = stack[-1]
            pending = next((each for each in left if id(each) not in found), None)
            if pending is None:
                found[id(one)] = min(self._most + 1, 1 + sum(found[id(each)] for each in inside))
                stack.pop()
        return found[id(schema)]

    def _in_place(self, schema: Mapping[str, Any]) -> list[Any]:
        """Return the schemas that the same value is checked against too."""
        if _IN_PLACE.isdisjoint(schema):
            return []
        inside: list[Any] = [schema.get(keyword) for keyword in _SINGLE]
        for keyword in _LISTS:
            branches = schema.get(keyword)
            inside.extend(branches if isinstance(branches, list) else ())
        dependent = schema.get("dependentSchemas")
        inside.extend(dependent.values() if isinstance(dependent, dict) else ())
        reference = schema.get("$ref")
        if isinstance(reference, str):
            inside.append(self._target(reference))
        return [one for one in inside if isinstance(one, dict)]

    def _target(self, reference: str) -> Any:
        if reference not in self._targets:
            found = None
            if reference.startswith("#"):
                try:
                    found = pointer.follow(self._root, pointer.parse(reference))
                except pointer.PointerError:
                    found = None  # it leads nowhere, which the compiler of schemas tells better
            self._targets[reference] = found
        return self._targets[reference]
