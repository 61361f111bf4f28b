"""The task tools: what a model asks of the task memory, and what it is answered."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from banyan.core.claim import Claim, Held
from banyan.core.errors import ClaimLost, RevisionConflict
from banyan.core.task import ABSENT, TreeState, split_id
from banyan.server.mcp import task_answers
from banyan.server.mcp.arguments import read
from banyan.server.mcp.task_arguments import (
    EditArguments,
    FinishArguments,
    NextArguments,
    RecallArguments,
    TaskArguments,
)
from banyan.server.mcp.task_recall import recalled

if TYPE_CHECKING:
    from banyan.server.app import Banyan
    from banyan.server.mcp.answers import Answer

HISTORY = 100
"""Events read of one task; what does not fit an answer is left out of it."""
AFTER = 5
"""Tasks named that can be done after one is finished."""
LINES = 500
"""Tasks read of a tree that is shown."""

Handler = Callable[[Mapping[str, Any] | None, str], Awaitable["Answer"]]


class TaskTools:
    """Handlers of the task tools, and the claims that were made through them."""

    def __init__(self, b: Banyan, limit: int, lease_s: float) -> None:
        self._b = b
        self._limit = limit
        self._lease_s = lease_s
        # Another window of the same assistant is another worker.
        self._token = secrets.token_hex(3)
        self._fences: dict[str, int] = {}
        self.handlers: Mapping[str, Handler] = {
            "edit_tasks": self._edit,
            "next_tasks": self._next,
            "get_task": self._get,
            "finish_task": self._finish,
            "recall": self._recall,
        }

    async def held(self, task: str) -> str | Held:
        """Return a task as it was claimed here, its lease renewed; its id alone where it is not held here."""
        fence = self._fences.get(task)
        if fence is None:
            return task
        try:
            await self._b.tasks.renew(task, fence, lease_s=self._lease_s)
        except ClaimLost:
            del self._fences[task]
            return task
        return Held(task=task, fence=fence)

    async def _edit(self, given: Mapping[str, Any] | None, client: str) -> Answer:
        wanted = read(EditArguments, given)
        try:
            result = await self._b.tasks.apply(
                wanted.tree,
                wanted.edits,
                base_revision=wanted.base_revision,
                turn=wanted.turn,
                source=wanted.source,
            )
        except RevisionConflict as conflict:
            return task_answers.conflict(conflict, self._limit)
        return task_answers.edited(result, self._limit)

    async def _next(self, given: Mapping[str, Any] | None, client: str) -> Answer:
        wanted = read(NextArguments, given)
        if wanted.tree is None:
            found = [one for one in await self._b.tasks.trees() if one.state is TreeState.OPEN]
            return task_answers.trees(found, self._limit)
        if not wanted.claim:
            return task_answers.upcoming(await self._b.tasks.ready(wanted.tree, limit=wanted.limit), self._limit)
        claim = Claim(worker=f"{client}-{self._token}", limit=wanted.limit, lease_s=self._lease_s)
        claimed = await self._b.tasks.claim(wanted.tree, claim)
        self._fences.update({one.view.id: one.fence for one in claimed})
        return task_answers.upcoming(
            await self._b.tasks.ready(wanted.tree, limit=wanted.limit), self._limit, claimed=claimed
        )

    async def _get(self, given: Mapping[str, Any] | None, client: str) -> Answer:
        wanted = read(TaskArguments, given)
        if split_id(wanted.task) is None:
            return task_answers.tree(await self._b.tasks.view(wanted.task, limit=LINES), self._limit)
        await self.held(wanted.task)
        if wanted.view == "context":
            context = await self._b.tasks.context(wanted.task, wanted.budget_tokens)
            return task_answers.context(context)
        if wanted.view == "history":
            events = await self._b.tasks.history(None, wanted.task, limit=HISTORY)
            return task_answers.events(events, self._limit)
        view = await self._b.tasks.get(wanted.task)
        return task_answers.task(view, self._limit, brief=wanted.view == "brief")

    async def _finish(self, given: Mapping[str, Any] | None, client: str) -> Answer:
        wanted = read(FinishArguments, given)
        fence = wanted.fence if wanted.fence is not None else self._fences.get(wanted.task)
        output = None if wanted.output is ABSENT and wanted.outcome == "done" else wanted.output
        finished = await self._b.tasks.finish(
            wanted.task, wanted.outcome, fence=fence, output=output, reason=wanted.reason
        )
        self._fences.pop(wanted.task, None)
        upcoming = await self._b.tasks.ready(finished.edit.tree, limit=AFTER)
        return task_answers.finished(finished, upcoming, self._limit)

    async def _recall(self, given: Mapping[str, Any] | None, client: str) -> Answer:
        wanted = read(RecallArguments, given)
        found = await self._b.tasks.recall(
            wanted.tree, keys=wanted.keys, claim=wanted.claim, text=wanted.text, as_of=wanted.as_of
        )
        return recalled(found, self._limit)
