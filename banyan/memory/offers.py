"""Tools that were found for a task, kept with it until it ends."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.core.errors import UnknownTask
from banyan.core.lifecycle import ENDED
from banyan.core.task import RevisionKind, split_id
from banyan.memory.graph.names import resolve
from banyan.memory.graph.store import GraphStore, Intent
from banyan.memory.graph.workspace import Workspace

OFFERED = 50
"""Tools remembered with one task; those that were found longest ago are let go."""


class Offers:
    """Remembers, beside the record, which tools were found for which task."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    async def offer(self, task: str, tools: Sequence[str]) -> None:
        """Remember with a task the tools that were found for it, the last found first.  Raises `UnknownTask`."""
        parts = split_id(task)
        if parts is None:
            raise UnknownTask(task)

        def work(ws: Workspace) -> None:
            number = resolve(ws, task, {})
            before = ws.task(number)
            if before.status not in ENDED:
                ws.mark(number, tools=tuple(dict.fromkeys((*tools, *before.tools)))[:OFFERED])

        await self._store.change(Intent(tree=parts[0], kind=RevisionKind.WORK), work)
