"""What other trackers keep, as the edits that make a tree of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

TITLE_CHARS: Final = 500
"""Characters of a title; the rest of a longer one stands in the instruction."""


class State(Enum):
    """Where an item stands, as far as a tree can know of it: whoever worked on it there does not hold it here."""

    OPEN = auto()
    DONE = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One task of another tracker."""

    id: str
    key: str
    title: str
    instruction: str = ""
    parents: Sequence[str] = ()
    """Ids of what it stands under: its own parent first, then those that share it."""
    requires: Mapping[str, str] = field(default_factory=dict)
    """Ids of what must have ended before, each with the kind of the edge."""
    state: State = State.OPEN
    output: Any = None
    """What it came to, where it is done."""
    reason: str = ""
    """Why it was cancelled."""
    priority: int = 0
    effort: float = 1.0
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A tree to be made."""

    title: str
    edits: Sequence[Mapping[str, Any]]
    notes: Sequence[str] = ()
    """What could not be taken over as it was."""


def foreign(title: str, items: Sequence[Item], notes: Iterable[str] = ()) -> Foreign:
    """Return the edits that make a tree of `items`, under a root of this title.

    What is done there is done here where it can be: not while something under it is open. Edges into what is done are
    left out where their sources are not done, for they hold nothing up any more.
    """
    plan = _Plan(items, list(notes))
    edits: list[dict[str, Any]] = [{"op": "add", "ref": "@root", "title": title[:TITLE_CHARS] or "imported"}]
    edits += [plan.add(item) for item in items]
    edits += plan.endings()
    edits += plan.waiting()
    return Foreign(title=title, edits=edits, notes=plan.notes)


class _Plan:
    def __init__(self, items: Sequence[Item], notes: list[str]) -> None:
        self.notes = notes
        self._items = {item.id: item for item in items}
        self._refs = {item.id: f"@i{place}" for place, item in enumerate(items)}
        self._parents = {item.id: self._known(item, item.parents) for item in items}
        self._requires = {item.id: self._known(item, item.requires) for item in items}
        self._done = self._order()

    def add(self, item: Item) -> dict[str, Any]:
        """Return the edit that adds an item."""
        parents = [self._refs[one] for one in self._parents[item.id]]
        instruction = item.instruction
        if len(item.title) > TITLE_CHARS:
            instruction = f"{item.title}\n\n{instruction}".rstrip()
        found = {
            "op": "add",
            "ref": self._refs[item.id],
            "parent": parents[0] if parents else "@root",
            "under": parents[1:],
            "title": item.title[:TITLE_CHARS].strip() or item.id,
            "instruction": instruction,
            "key": item.key,
            "priority": item.priority,
            "effort": item.effort,
            "inputs": dict(item.inputs),
            "requires": self._edges(item) if item.id in self._done else [],
        }
        plain = {"under": [], "instruction": "", "priority": 0, "effort": 1.0, "inputs": {}, "requires": []}
        return {name: value for name, value in found.items() if name not in plain or value != plain[name]}

    def endings(self) -> list[dict[str, Any]]:
        """Return the edits that end what had ended, in an order in which that can be done."""
        found: list[dict[str, Any]] = []
        for one in self._done:
            item = self._items[one]
            edit = {"op": "complete", "task": self._refs[one]}
            found.append(edit if item.output is None else {**edit, "output": item.output})
        for item in self._items.values():
            if item.state is State.CANCELLED and not self._under_cancelled(item):
                reason = item.reason or "it was cancelled before it was imported"
                found.append({"op": "cancel", "task": self._refs[item.id], "reason": reason})
        return found

    def waiting(self) -> list[dict[str, Any]]:
        """Return the edits that have what is open wait: after the endings, which the edges would hold up."""
        open_ones = [
            one for one in self._items.values() if one.state is not State.CANCELLED and one.id not in self._done
        ]
        return [
            {"op": "update", "task": self._refs[item.id], "requires": edges}
            for item in open_ones
            if (edges := self._edges(item)) and not self._under_cancelled(item)
        ]

    def _known(self, item: Item, ids: Iterable[str]) -> list[str]:
        found = []
        for one in dict.fromkeys(ids):
            if one in self._items and one != item.id:
                found.append(one)
            else:
                self.notes.append(f"`{item.title}` ({item.id}) names `{one}`, which is not there: left out")
        return found

    def _edges(self, item: Item) -> list[dict[str, Any]]:
        found = []
        for one in self._requires[item.id]:
            if item.id in self._done and one not in self._done:
                continue
            if one in self._above(item.id):
                self.notes.append(f"`{item.title}` ({item.id}) waits for `{one}`, which it stands under: left out")
                continue
            kind = item.requires[one]
            if self._items[one].state is State.CANCELLED and kind == "after_success":
                # There it held up what comes after for good; here it would skip it.
                kind = "after_any"
            found.append({"from": self._refs[one], "kind": kind})
        return found

    def _order(self) -> list[str]:
        """Return what can be done, each after what is under it and what it waits for."""
        below: dict[str, list[str]] = {one: [] for one in self._items}
        for one, parents in self._parents.items():
            for parent in parents:
                below[parent].append(one)
        left = {one for one, item in self._items.items() if item.state is State.DONE}
        while True:
            self._drop_held_up(left, below)
            after = {one: sorted(left & {*below[one], *self._before(one)}) for one in self._items if one in left}
            try:
                return list(TopologicalSorter(after).static_order())
            except CycleError as error:
                circle = sorted(set(error.args[1]))
                self.notes.append(
                    f"{', '.join(f'`{one}`' for one in circle)} were done, but wait for one another: left open"
                )
                left.difference_update(circle)

    def _drop_held_up(self, left: set[str], below: Mapping[str, Sequence[str]]) -> None:
        """Take away from what is done what has something open under it, all the way up."""
        while True:
            held = [
                one
                for one in left
                if any(child not in left and self._items[child].state is not State.CANCELLED for child in below[one])
            ]
            if not held:
                return
            for one in sorted(held):
                self.notes.append(
                    f"`{self._items[one].title}` ({one}) was done, but something under it is open: left open"
                )
            left.difference_update(held)

    def _before(self, one: str) -> set[str]:
        """Return what an item and what it stands under wait for."""
        above = {one, *self._above(one)}
        return {source for up in above for source in self._requires[up]} - above

    def _above(self, one: str) -> set[str]:
        found: set[str] = set()
        level = [one]
        while level:
            level = [up for each in level for up in self._parents.get(each, ()) if up not in found and up != one]
            found.update(level)
        return found

    def _under_cancelled(self, item: Item) -> bool:
        return any(self._items[up].state is State.CANCELLED for up in self._above(item.id))
