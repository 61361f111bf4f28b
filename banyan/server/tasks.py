"""The task memory as a program sees it: `b.tasks`, with the ledger of effects beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from banyan.core.lifecycle import ENDED
from banyan.core.task import RevisionKind
from banyan.memory.graph.names import resolve
from banyan.memory.graph.store import Intent
from banyan.memory.graph.workspace import Workspace
from banyan.memory.tasks import Tasks

if TYPE_CHECKING:
    from banyan.core.ports import Clock, TextRecall
    from banyan.memory.graph.store import GraphStore
    from banyan.server.effects import Effects

OFFERED = 50
"""Tools remembered with one task."""


class TaskMemory(Tasks):
    """Trees of tasks, and what was done to the world for them."""

    def __init__(self, store: GraphStore, clock: Clock, effects: Effects, texts: TextRecall | None = None) -> None:
        super().__init__(store, clock, texts)
        self.effects = effects
        """Calls that may have changed the world: made as the work of a task, and reconciled."""

    async def offer(self, task: str, tools: Sequence[str]) -> None:
        """Remember with a task the tools that were found for it, the last found first, until it ends."""

        def work(ws: Workspace) -> None:
            number = resolve(ws, task, {})
            before = ws.task(number)
            if before.status not in ENDED:
                ws.mark(number, tools=tuple(dict.fromkeys((*tools, *before.tools)))[:OFFERED])

        tree = (await self.get(task)).tree
        await self._store.change(Intent(tree=tree, kind=RevisionKind.WORK), work)
