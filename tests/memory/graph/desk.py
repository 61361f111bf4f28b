"""A tree that tests change by edits, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from banyan.core.task import ABSENT, EditResult, Json, RevisionKind, Status, Task, TreeId
from banyan.memory.graph.batch import make
from banyan.memory.graph.claims import claim
from banyan.memory.graph.names import resolve
from banyan.memory.graph.restore import redo, undo
from banyan.memory.graph.settle import settle
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import Intent
from banyan.memory.graph.view import View
from banyan.memory.graph.workspace import Workspace
from banyan.testing.graph import MemoryGraphs
from tests.memory.graph.pad import START, State, state_of


class Desk:
    """A tree, and what-if copies of it."""

    def __init__(self) -> None:
        self.now: datetime = START
        self.graphs = MemoryGraphs(lambda: self.now)
        self.tree: TreeId | None = None

    @property
    def source(self) -> GraphSource:
        assert self.tree is not None
        return self.graphs.source(self.tree)

    @property
    def view(self) -> View:
        return View(self.source)

    async def apply(
        self, *edits: Any, turn: int | None = None, source: str = "user", tree: TreeId | None = None
    ) -> EditResult:
        """Make a batch of edits, in the tree or in another one."""
        self.now += timedelta(minutes=1)
        intent = Intent(tree=tree or self.tree, turn=turn, speaker=source)
        made, result = await self.graphs.change(intent, lambda ws: make(ws, edits))
        self.tree = self.tree or result.tree
        return replace(result, refs=made.refs, notes=made.notes)

    async def undo(self) -> EditResult:
        return await self._go(undo, RevisionKind.UNDO)

    async def redo(self) -> EditResult:
        return await self._go(redo, RevisionKind.REDO)

    async def claim(self, name: str, worker: str = "ana") -> int:
        """Claim a task, and return the fence."""

        def work(ws: Workspace) -> int:
            number = resolve(ws, name, {})
            claim(ws, worker=worker, lease_s=300, limit=1, numbers=[number])
            settle(ws)
            return ws.task(number).fence

        fence, _ = await self.graphs.change(Intent(tree=self.tree, kind=RevisionKind.WORK), work)
        return fence

    def task(self, name: str | int) -> Task:
        return self.view.task(self.number(name))

    def number(self, name: str | int) -> int:
        return resolve(self.view, name, {})

    def status(self, name: str) -> Status:
        return self.task(name).status

    def said(self, name: str, key: str) -> Json:
        """Return what was said at a task itself."""
        fact = self.view.facts(self.number(name)).get(key)
        return ABSENT if fact is None else fact.value

    def readings(self, name: str, key: str) -> list[Json]:
        return list(self.view.facts(self.number(name))[key].candidates)

    def inputs(self, name: str) -> dict[str, Json]:
        return dict(self.task(name).inputs)

    def after(self, name: str) -> list[str]:
        """Return the titles of the tasks that a task has a control edge from."""
        return [self.task(edge.source).title for edge in self.task(name).requires]

    def titles(self) -> list[str]:
        return [str(record["title"]) for record in self.state().values()]

    def state(self) -> State:
        return state_of(self.source)

    async def _go(self, work: Callable[[Workspace], list[str]], kind: RevisionKind) -> EditResult:
        self.now += timedelta(minutes=1)
        notes, result = await self.graphs.change(Intent(tree=self.tree, kind=kind, speaker="user"), work)
        return replace(result, notes=notes)


async def a_desk(*edits: Any) -> Desk:
    """Return a desk with a tree `Trip` and these edits on it."""
    desk = Desk()
    await desk.apply({"op": "add", "title": "Trip", "ref": "@trip"}, *edits, turn=1)
    return desk
