"""What was done to the world: calls as the work of tasks, and what is to be done where nobody knows how one ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from banyan.core.call import CallRecord, Outcome, OutcomeKind
from banyan.core.claim import Claim, Ending
from banyan.core.effect import Performed, Settled, is_unsettled
from banyan.core.errors import BadEdit, ClaimLost, Conflict, InvalidArgument
from banyan.core.policy import Action, Policy, Rule
from banyan.core.task import ABSENT, Json
from banyan.core.tool import EffectKind
from banyan.tools.request import CallRequest

if TYPE_CHECKING:
    from banyan.core.ports import Caller, EffectLedger, StoredResult
    from banyan.core.taskview import Finished
    from banyan.tools.invoke import Invoker

OUTCOMES = ("done", "not_done")
"""What can be said of a call whose end is not known."""
REASON_CHARS = 500
"""Characters of what a tool said that are kept as the reason why its task failed or waits."""

_ENDS = {OutcomeKind.OK: "done", OutcomeKind.FAILED: "failed", OutcomeKind.UNKNOWN: "waiting"}
_LOOKING = Rule(action=Action.DENY, effects=frozenset({EffectKind.WRITES, EffectKind.DESTRUCTIVE}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A call that is the whole work of a task."""

    task: str
    """Id of the task."""
    fence: int
    """Of the claim under which it is held."""
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    then: Claim | None = None
    """What is claimed next, in the same transaction."""


class Effects:
    """The ledger of effects of a database, and the guarded call that writes it."""

    def __init__(self, ledger: EffectLedger, invoker: Invoker, policy: Policy, caller: Caller) -> None:
        self._ledger = ledger
        self._invoker = invoker
        self._policy = policy
        self._caller = caller

    async def perform(self, work: Work, *, policy: Policy | None = None, caller: Caller | None = None) -> Performed:
        """Call a tool as the work of a task, and end the task in the transaction that writes the end of the call.

        The task is done with what the tool answered, or failed with what it said, or waits where nobody knows what came
        of it. It stays as it is where nothing was sent: the outcome says why.
        """
        ended: list[Finished] = []
        lost: list[str] = []

        async def write_end(record: CallRecord | None, stored: StoredResult | None, outcome: Outcome) -> None:
            try:
                call = None if record is None else (record, stored)
                ended.append(await self._ledger.end(_ending(work, outcome, call), work.then))
            except (BadEdit, ClaimLost) as error:
                lost.append(str(error))

        request = CallRequest(
            name=work.tool,
            arguments=work.arguments,
            task=work.task,
            fence=work.fence,
            idempotency_key=work.idempotency_key,
        )
        outcome = await self._invoker.call(
            request, policy=policy or self._policy, caller=caller or self._caller, write_end=write_end
        )
        if outcome.ok and not ended and not lost:
            # It was called before, under the same key; what it came to is told again.
            await write_end(None, None, outcome)
        notes = [f"the task was left as it is: {one}" for one in lost]
        return Performed(outcome=replace(outcome, notes=(*outcome.notes, *notes)), finished=ended[0] if ended else None)

    async def unsettled(self, tree: str | None = None, *, limit: int = 100) -> list[CallRecord]:
        """Return the calls that may have changed the world, and of which nobody knows how they ended, oldest first.

        Those that may still be under way are left out: their task is held, and the lease lasts.

        Args:
            tree: only calls under tasks of this tree.
            limit: how many at most, 1 to 10,000.
        """
        if not 1 <= limit <= 10_000:
            raise InvalidArgument("limit", f"{limit} should be from 1 to 10,000")
        return await self._ledger.unsettled(tree, limit=limit)

    async def settle(self, call_id: str, outcome: str, *, by: str, output: Json = ABSENT) -> Settled:
        """Say what came of a call, and return what follows for its task, which can then go on.

        Args:
            call_id: the call.
            outcome: `done`: it had its effect; `not_done`: it had none, and may be made again.
            by: who says so.
            output: what the call came to: where it was the work of a task, that is done with it.

        Raises:
            InvalidArgument: there is no such call, or `outcome` is neither.
            Conflict: it is known what came of it, or it may still be under way.
        """
        if outcome not in OUTCOMES:
            raise InvalidArgument("outcome", f"`{outcome}` should be `done` or `not_done`")
        if output is not ABSENT and outcome != "done":
            raise InvalidArgument("output", "a call that had no effect came to nothing")
        return await self._ledger.settle(call_id, happened=outcome == "done", by=by, output=output)

    async def probe(
        self, call_id: str, tool: str, arguments: Mapping[str, Any], when: str, *, by: str | None = None
    ) -> Settled:
        """Look with a tool whether a call had its effect, and settle it by what is seen.

        Where the tool fails, or the expression cannot be evaluated, nothing is settled.

        Args:
            call_id: the call.
            tool: name of a read-only tool.
            arguments: what it is called with.
            when: a CEL expression over `result`, what the tool returns: true where the effect is there.
            by: who is on record as having said so; the tool if None.

        Raises:
            InvalidArgument: there is no such call, or `when` is no expression.
            Conflict: it is known what came of it, or it may still be under way.
        """
        call = await self._ledger.call(call_id)
        if not is_unsettled(call):
            raise Conflict(f"it is known what came of call `{call_id}`")
        self._ledger.judge(when, None)
        # Before any rule of a person: looking must change nothing.
        policy = replace(self._policy, name="probe", rules=(_LOOKING, *self._policy.rules))
        request = CallRequest(name=tool, arguments=arguments)
        seen = await self._invoker.call(request, policy=policy, caller=self._caller)
        if not seen.ok:
            return Settled(call=call, verdict=None, probe=seen, problem=seen.message or f"`{tool}` did not answer")
        if seen.data is None and seen.preview != "null":
            return Settled(
                call=call, verdict=None, probe=seen, problem=f"the answer of `{tool}` is too large to look at"
            )
        verdict = self._ledger.judge(when, seen.data)
        if verdict is None:
            problem = "the expression says neither yes nor no of what the tool returned"
            return Settled(call=call, verdict=None, probe=seen, problem=problem)
        settled = await self._ledger.settle(call_id, happened=verdict, by=by or f"`{tool}`", output=ABSENT)
        return replace(settled, probe=seen)


def _ending(work: Work, outcome: Outcome, call: tuple[CallRecord, StoredResult | None] | None) -> Ending:
    output: Json = ABSENT
    if outcome.ok:
        # What is too large to hold stays in the store, and is read from there.
        large = outcome.data is None and outcome.handle is not None and outcome.preview != "null"
        output = {"handle": outcome.handle} if large else outcome.data
    return Ending(
        task=work.task,
        fence=work.fence,
        outcome=_ENDS.get(outcome.outcome, "failed"),
        output=output,
        reason=(outcome.message or "")[:REASON_CHARS],
        call=call,
    )
