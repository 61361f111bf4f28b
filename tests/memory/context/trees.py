"""Random trees, put together without the engine: whatever a store could hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from banyan.core.task import ABSENT, Edge, EdgeKind, Fact, Status, Task, Tree, TreeId
from banyan.testing.graph import KeptTree, MemoryGraphs, MemorySource

NOON = datetime(2026, 5, 12, 12, tzinfo=UTC)
WORDS = [
    "flight",
    "Lisbon",
    "ホテル",
    "川の近く",
    "🎉",
    "id=0x3f2a",
    "the hotel near the river",
    "\n- x",
    "  ",
    "é",
    "\x00",
]
KEYS = ["destination", "day", "出発", "who/first", "a fact with a long name " * 8]
KINDS = [EdgeKind.AFTER_SUCCESS, EdgeKind.AFTER_FAILURE, EdgeKind.AFTER_ANY]
STATUSES = [Status.DONE, Status.DONE, Status.FAILED, Status.PENDING]


class Forest:
    """Draws trees from a seed: far quicker than hypothesis would draw each word."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def tree(self) -> tuple[list[Task], list[Fact]]:
        """Return the tasks and facts of a tree; the last task is one to make a context of."""
        size = self._random.randint(1, 14)
        tasks = [self.task(number) for number in range(1, size + 1)]
        places = {
            (self._random.randint(1, size), self._random.choice(KEYS)) for _ in range(self._random.randint(0, 30))
        }
        return tasks, [self.fact(task, key) for task, key in sorted(places)]

    def task(self, number: int) -> Task:
        """Return a task that comes after those with smaller numbers."""
        sources = sorted(
            {self._random.randint(2, number - 1) for _ in range(self._random.randint(0, 3))} if number > 2 else ()
        )
        status = self._random.choice(STATUSES)
        inputs = {f"input {at}": self.value() for at in range(self._random.choice([0, 0, 1, 3]))}
        if sources and self._random.random() < 0.5:
            inputs["from"] = {"$from": sources[0], "path": ""}
        if self._random.random() < 0.3:
            inputs["said"] = {"$fact": "destination"}
        return Task(
            number=number,
            title=self.text(30),
            instruction=self.text(400),
            parent=self._random.randint(1, number - 1) if number > 1 else None,
            requires=tuple(Edge(source=one, kind=self._random.choice(KINDS)) for one in sources),
            inputs=inputs,
            status=status,
            output=self.value() if status is Status.DONE else ABSENT,
            reason=self.text(60) if status is Status.FAILED else "",
            summary=self._random.choice([None, None, None, self.text(60)]),
        )

    def fact(self, task: int, key: str) -> Fact:
        """Return something that is said at a task."""
        value = self._random.choice([ABSENT, self.value(), self.value(), self.value()])
        candidates = tuple(self.text(5) for _ in range(self._random.choice([0, 0, 2])))
        return Fact(task=task, key=key, value=value, turn=1, source="user", revision=1, candidates=candidates)

    def text(self, most_words: int) -> str:
        """Return some words; most texts are short."""
        size = int(most_words * self._random.random() ** 3)
        if self._random.random() < 0.1:
            return "".join(chr(self._random.randrange(0x20, 0xD7FF)) for _ in range(size))
        return " ".join(self._random.choices(WORDS, k=size))

    def value(self, depth: int = 2) -> Any:
        """Return a JSON value."""
        kind = self._random.randint(0, 5 if depth else 3)
        if kind == 4:
            return [self.value(depth - 1) for _ in range(self._random.randint(0, 6))]
        if kind == 5:
            return {self.text(4): self.value(depth - 1) for _ in range(self._random.randint(0, 6))}
        return [None, self._random.randint(-(10**9), 10**9), True, self.text(300)][kind]


def source_of(found: Sequence[Task], facts: Sequence[Fact] = ()) -> MemorySource:
    """Return a tree of these tasks."""
    kept = KeptTree(Tree(id=TreeId("k7f3a2"), title="", created_at=NOON, changed_at=NOON))
    under = Counter(task.parent for task in found)
    for task in found:
        kept.put(task.number, replace(task, children=under[task.number]))
    for fact in facts:
        kept.put_fact(fact.task, fact.key, fact)
    return MemorySource(kept, MemoryGraphs())
