"""References within a document, followed one at a time and only when somebody asks: nothing is ever copied in.

Only what the document itself holds is read, and files below its folder that a person allowed by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from banyan.tools import pointer
from banyan.tools.openapi.notes import shown

MAX_HOPS = 100
"""References followed in a row."""

_REF = "$ref"
_BESIDE = frozenset({_REF, "description", "summary", "title"})
"""Members of a reference that change nothing of what it leads to."""


class RefProblem(ValueError):
    """A reference leads nowhere, in circles, or to what may not be read; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the document, and where it stands."""

    value: Any
    file: str = ""
    """The file it stands in; "" is the document itself."""
    at: tuple[str, ...] = ()
    """The way to it from the top of that file."""

    def child(self, key: str) -> Node:
        """Return the member `key`; its value is None where there is none."""
        value = self.value.get(key) if isinstance(self.value, Mapping) else None
        return Node(value, self.file, (*self.at, key))

    def element(self, index: int) -> Node:
        """Return the element `index` of a list."""
        return Node(self.value[index], self.file, (*self.at, str(index)))

    @property
    def place(self) -> str:
        """The node's place as a reference would spell it, for people."""
        return shown(f"{self.file}#{pointer.build(self.at)}", 120)


class Refs:
    """Follows references."""

    def __init__(self, root: Any, read: Callable[[str, str], tuple[str, Any]]) -> None:
        """Args: the document, and what reads a file: from the file that refers to it and the name, to name and value.

        `read` raises `RefProblem` for what may not be read.
        """
        self._files: dict[str, Any] = {"": root}
        self._read = read
        self._known: dict[tuple[str, str], Node] = {}

    def follow(self, node: Node) -> Node:
        """Return `node`, or what it leads to if it is a reference.

        Raises:
            RefProblem: it leads nowhere.
        """
        seen: set[tuple[str, tuple[str, ...]]] = set()
        while (reference := reference_of(node.value)) is not None:
            node = self._step(node, reference, seen)
        return node

    def target(self, node: Node) -> Node:
        """Return the first thing behind a reference that is more than a reference to something else.

        Raises:
            RefProblem: it leads nowhere.
        """
        seen: set[tuple[str, tuple[str, ...]]] = set()
        while (reference := reference_of(node.value)) is not None:
            node = self._step(node, reference, seen)
            if reference_of(node.value) is not None and not _BESIDE.issuperset(node.value):
                break
        return node

    def _step(self, node: Node, reference: str, seen: set[tuple[str, tuple[str, ...]]]) -> Node:
        found = self.look_up(reference, node.file)
        if (found.file, found.at) in seen:
            raise RefProblem(f"the reference `{shown(reference)}` goes in circles")
        if len(seen) >= MAX_HOPS:
            raise RefProblem(f"the reference `{shown(reference)}` is one of more than {MAX_HOPS} in a row")
        seen.add((found.file, found.at))
        return found

    def look_up(self, reference: str, file: str, hops: int = 0) -> Node:
        """Return what `reference`, which stands in `file`, leads to: one step, which may be a reference again.

        Raises:
            RefProblem: it leads nowhere.
        """
        known = self._known.get((file, reference))
        if known is not None:
            return known
        name, _, fragment = reference.partition("#")
        target = self._open(unquote(name), file) if name else file
        try:
            segments = pointer.parse(f"#{fragment}")
        except pointer.PointerError:
            raise RefProblem(f"the reference `{shown(reference)}` names an anchor, not a place") from None
        found = self._known[file, reference] = self._walk(target, segments, reference, hops)
        return found

    def _open(self, name: str, file: str) -> str:
        target, value = self._read(name, file)
        self._files.setdefault(target, value)
        return target

    def _walk(self, file: str, segments: tuple[str, ...], reference: str, hops: int) -> Node:
        """Follow a pointer; a reference on the way is passed through."""
        node = Node(self._files[file], file)
        for segment in segments:
            inner = reference_of(node.value)
            if inner is not None and segment not in node.value:
                if hops >= MAX_HOPS // 4:
                    raise RefProblem(f"the reference `{shown(reference)}` leads through too many others")
                hops += 1
                node = self.look_up(inner, node.file, hops)
            try:
                node = Node(pointer.step(node.value, segment), node.file, (*node.at, segment))
            except KeyError:
                raise RefProblem(f"the reference `{shown(reference)}` leads nowhere") from None
        return node


def reference_of(value: Any) -> str | None:
    """Return where `value` refers to, if it is a reference."""
    found = value.get(_REF) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
