"""A tree that tests write without edits: straight through a workspace, one revision at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from banyan.core.task import Fact, Json, Task, Tree, TreeId
from banyan.memory.graph.records import record_of
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import Intent
from banyan.memory.graph.workspace import Workspace
from banyan.testing.graph import MemoryGraphs

START = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)

State = dict[int, dict[str, Json]]


class Pad:
    """A tree, with what it was after each of its revisions."""

    def __init__(self) -> None:
        self._minute = 0
        self.graphs = MemoryGraphs(self._now)
        self.tree: TreeId | None = None
        self.states: list[State] = [{}]
        self.facts: list[dict[tuple[int, str], Fact]] = [{}]

    @property
    def source(self) -> GraphSource:
        assert self.tree is not None
        return self.graphs.source(self.tree)

    async def write(self, work: Callable[[Workspace], None], *, turn: int | None = None, speaker: str = "user") -> None:
        """Make one revision, and remember what it led to."""
        intent = Intent(tree=self.tree, title="A trip", turn=turn, speaker=speaker)
        _, result = await self.graphs.change(intent, work)
        self.tree = result.tree
        if result.revision == len(self.states):
            self.states.append(state_of(self.source))
            self.facts.append({(fact.task, fact.key): fact for fact in self.source.facts(numbers(self.source))})

    def _now(self) -> datetime:
        self._minute += 1
        return START + timedelta(minutes=self._minute)


def add(ws: Workspace, title: str, *, parent: int | None = None, **fields: object) -> int:
    """Add a task, and return its number."""
    number = ws.new_number()
    facts = fields.pop("facts", {})
    assert isinstance(facts, dict)
    said = [fact_of(ws, number, key, value) for key, value in facts.items()]
    ws.add(Task(number=number, title=title, parent=parent, **fields), facts=said)  # type: ignore[arg-type]
    return number


def say(ws: Workspace, task: int, key: str, value: Json, *candidates: Json, reason: str = "") -> None:
    """Say a fact."""
    ws.set_fact(fact_of(ws, task, key, value, *candidates), reason)


def fact_of(ws: Workspace, task: int, key: str, value: Json, *candidates: Json) -> Fact:
    return Fact(
        task=task,
        key=key,
        value=value,
        turn=ws.turn,
        source=ws.speaker,
        revision=ws.tree.revision + 1,
        candidates=candidates,
    )


def numbers(source: GraphSource) -> range:
    tree: Tree = source.tree
    return range(1, tree.next_number)


def state_of(source: GraphSource) -> State:
    """Return every task with its facts, as they are recorded."""
    facts = source.facts(numbers(source))
    return {
        task.number: record_of(task, [fact for fact in facts if fact.task == task.number])
        for task in source.tasks(numbers(source))
    }
