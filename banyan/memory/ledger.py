"""The ledger of effects: calls that may have changed the world, in step with the tasks that they were made for."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from banyan.core.call import CallRecord, CallState, OutcomeKind
from banyan.core.claim import Claim, Ending
from banyan.core.effect import Settled, is_unsettled
from banyan.core.errors import BadEdit, ClaimLost, Conflict, InvalidArgument, UnknownTree
from banyan.core.ports import Clock, StoredResult
from banyan.core.task import ABSENT, Json, RevisionKind, Status, TreeId, split_id
from banyan.core.taskview import Finished
from banyan.memory.graph.claims import finish, lapse
from banyan.memory.graph.expression import check_expression, holds
from banyan.memory.graph.settle import settle
from banyan.memory.graph.store import GraphStore, Intent
from banyan.memory.graph.workspace import Workspace
from banyan.memory.tasks import Tasks

TOOK_EFFECT = "it had its effect, says {by}"
NO_EFFECT = "it had no effect, says {by}"


class CallLog(Protocol):
    """The journal, as the ledger reads and writes it."""

    async def get(self, call_id: str) -> CallRecord | None:
        """Return the call of this id, if any."""
        ...

    async def effects(self, tree: str | None) -> list[CallRecord]:
        """Return the unsettled calls that may have changed the world, oldest first; with `tree` those of its tasks."""
        ...

    async def finish(self, record: CallRecord, result: StoredResult | None = None, *, durable: bool) -> None:
        """Write how a call ended, with its result, in one transaction."""
        ...


class Ledger:
    """The `EffectLedger` over a store of trees and a journal that share one database."""

    def __init__(self, store: GraphStore, log: CallLog, clock: Clock) -> None:
        self._store = store
        self._log = log
        self._tasks = Tasks(store, clock)
        self._clock = clock

    async def call(self, call_id: str) -> CallRecord:
        """Return a call.  Raises `InvalidArgument` where there is none of this id."""
        record = await self._log.get(call_id)
        if record is None:
            raise InvalidArgument("call_id", f"no call `{call_id}`; list them with `banyan calls --unsettled`")
        return record

    async def unsettled(self, tree: str | None, *, limit: int) -> list[CallRecord]:
        """Return the effects of which nobody knows how they ended and which are not under way, oldest first."""
        found: list[CallRecord] = []
        for record in await self._log.effects(tree):
            if not await self._under_way(record):
                found.append(record)
            if len(found) == limit:
                break
        return found

    async def settle(self, call_id: str, *, happened: bool, by: str, output: Json = ABSENT) -> Settled:
        """Write what came of a call, and in the same transaction what follows for its task.

        Raises:
            InvalidArgument: there is no such call, or it has no task that `output` could be of.
            Conflict: it is known what came of it, or it may still be under way.
        """
        record = await self.call(call_id)
        tree, number = (record.task and split_id(record.task)) or (None, 0)
        if tree is not None and await self._is_there(tree, number):
            return await self._settle_under(tree, number, record, _said(record, happened, by), output)
        if output is not ABSENT:
            raise InvalidArgument("output", "the call was made for no task that is still there")
        said = _said(record, happened, by)
        await self._log.finish(said, durable=True)
        return Settled(call=said, verdict=happened)

    async def end(self, ending: Ending, then: Claim | None = None) -> Finished:
        """Write the end of a task and of the call that its work was, and claim the next, in one transaction.

        Raises:
            ClaimLost: the task is held under another claim; the end of the call is written all the same.
            BadEdit: the task cannot end so; the same.
        """
        tree, _ = split_id(ending.task) or (TreeId(""), 0)
        try:
            return await self._tasks.advance(tree, [ending], then, source="tool")
        except (ClaimLost, BadEdit):
            if ending.call is not None:
                await self._log.finish(*ending.call, durable=True)
            raise

    def judge(self, when: str, result: Json) -> bool | None:
        """Return what `when` says of `result`; None where it says neither yes nor no.

        Raises:
            InvalidArgument: it is no expression.
        """
        try:
            check_expression(when)
        except BadEdit as error:
            raise InvalidArgument("when", str(error)) from None
        # An expression that cannot be evaluated does not hold, and neither does its contrary.
        variables = {"result": result}
        if holds(when, variables):
            return True
        return False if holds(f"!({when})", variables) else None

    async def _settle_under(
        self, tree: TreeId, number: int, record: CallRecord, said: CallRecord, output: Json
    ) -> Settled:
        def work(ws: Workspace) -> None:
            lapse(ws)
            before = next((one for one in ws.effects(number) if one.call_id == record.call_id), record)
            _check_open(before)
            task = ws.task(number)
            if before.state is CallState.PREPARED and task.status is Status.RUNNING and task.fence == before.fence:
                raise Conflict(f"call `{record.call_id}` may still be under way: `{task.holder}` holds `{record.task}`")
            ws.ended.append((said, None))
            if output is not ABSENT:
                finish(ws, number, "done", output=output, reason=said.message or "")
            else:
                if task.status is Status.WAITING and task.fence == before.fence:
                    # It was for this alone that it waited.
                    ws.mark(number, lease_until=ws.now)
                ws.touch(number, f"of the call of `{said.tool}` it is known that {said.message}")
            settle(ws)

        intent = Intent(tree=tree, speaker="user", kind=RevisionKind.WORK, note="settle an effect")
        _, edit = await self._store.change(intent, work)
        return Settled(call=said, verdict=said.outcome is OutcomeKind.OK, edit=edit)

    async def _is_there(self, tree: TreeId, number: int) -> bool:
        try:
            return bool(await self._store.ask(tree, lambda source: source.tasks([number])))
        except UnknownTree:
            return False

    async def _under_way(self, record: CallRecord) -> bool:
        parts = split_id(record.task) if record.task else None
        if record.state is not CallState.PREPARED or record.fence is None or parts is None:
            return False
        tree, number = parts
        try:
            found = await self._store.ask(tree, lambda source: source.tasks([number]))
        except UnknownTree:
            return False
        now = self._clock()
        return any(
            one.status is Status.RUNNING
            and one.fence == record.fence
            and one.lease_until is not None
            and one.lease_until > now
            for one in found
        )


def _check_open(record: CallRecord) -> None:
    if not is_unsettled(record):
        raise Conflict(f"it is known what came of call `{record.call_id}`")


def _said(record: CallRecord, happened: bool, by: str) -> CallRecord:
    """Return a call as it is on record once somebody has said what came of it."""
    _check_open(record)
    if happened:
        return replace(
            record, state=CallState.ENDED, outcome=OutcomeKind.OK, category=None, message=TOOK_EFFECT.format(by=by)
        )
    return replace(
        record,
        state=CallState.ENDED,
        outcome=OutcomeKind.FAILED,
        category=None,
        message=NO_EFFECT.format(by=by),
        # What was not done may be done under the same key.
        idempotency_key=None,
    )
