"""The guarded call: the one path from a name and arguments to an outcome."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import anyio.to_thread

from banyan.core.call import Category, Outcome, OutcomeKind, RawResult
from banyan.core.canonical import digest
from banyan.core.errors import (
    BanyanError,
    CallFailed,
    ClaimLost,
    Conflict,
    DatabaseUnavailable,
    SecretMissing,
    StorageFull,
    UnknownTask,
    UnknownTool,
)
from banyan.core.ids import CallId, uuid7
from banyan.core.policy import Action, decide
from banyan.core.ports import WatchfulBackend
from banyan.core.preset import PRESETS, fill, hidden_arguments
from banyan.core.shorten import cut
from banyan.core.tool import ToolState
from banyan.tools import refusal
from banyan.tools.keep import Kept, is_small, keep
from banyan.tools.mend import NotMendable, mend
from banyan.tools.permission import Permission, Wish
from banyan.tools.refusal import Refusal, Refused
from banyan.tools.replay import CHECK, Replays, unsettled, with_key
from banyan.tools.request import Call, CallLimits, CallPorts, CallRequest
from banyan.tools.send import Sending, as_failure, lost, send
from banyan.tools.validate import Validators

if TYPE_CHECKING:
    from banyan.core.policy import Policy
    from banyan.core.ports import Backend, Caller
    from banyan.core.tool import Tool
    from banyan.tools.request import WriteEnd
    from banyan.tools.resolve import Resolver

__all__ = ["CallLimits", "CallPorts", "CallRequest", "Invoker"]

logger = logging.getLogger(__name__)

_NAME_KEYS = ("tool_name", "name", "tool")
_IN_THREAD_BYTES = 256 * 1024
"""Results from this size on are stored and previewed in a worker thread: they would hold up other calls."""


class Invoker:
    """Calls tools: resolve, validate, policy, approval, ledger, session, cap and store, record."""

    def __init__(self, ports: CallPorts, resolver: Resolver, limits: CallLimits | None = None) -> None:
        self._ports = ports
        self._resolver = resolver
        self._limits = limits or CallLimits()
        self._validators = Validators()
        self._permission = Permission(
            ports.approvals, redact=ports.redact, clock=ports.clock, expires_s=self._limits.approval_expires_s
        )
        self._replays = Replays(ports.journal, ports.artifacts, preview_chars=self._limits.preview_chars)

    async def call(
        self, request: CallRequest, *, policy: Policy, caller: Caller, write_end: WriteEnd | None = None
    ) -> Outcome:
        """Call a tool, and return what came of it: whatever is wrong with the call or the tool is an outcome.

        Args:
            request: what is to be called.
            policy: what may be called without asking.
            caller: who calls.
            write_end: writes the end of the call, once it was sent, in place of the journal: where the call is the
                work of a task, the task ends in the same transaction.

        Raises:
            DatabaseUnavailable: the catalogue cannot be read, or a call that may write cannot be put down before it
                is sent; nothing was sent.
            StorageFull: the same, for want of room.
        """
        call = Call(
            request=request,
            caller=caller,
            id=CallId(uuid7()),
            started_at=self._ports.clock(),
            began_s=time.perf_counter(),
            write_end=write_end,
        )
        try:
            tool = await self._resolve(call)
            self._check(call, tool)
            with self._replays.held(request.idempotency_key):
                known = await self._replays.outcome(request.idempotency_key, tool, call.arguments_digest)
                if known is not None:
                    return replace(known, took_ms=call.took_ms)
                # Asked before a person is: leave for a call that cannot be sent would be used up for nothing.
                await self._backend(tool)
                tool = await self._permit(call, tool, policy)
                return await self._run(call, tool, await self._backend(tool))
        except Refused as refused:
            return await self._refuse(call, refused.refusal)

    async def _resolve(self, call: Call) -> Tool:
        name = _name(call)
        try:
            tool = await self._resolver.resolve(name)
        except UnknownTool as error:
            raise Refused(refusal.unknown(error)) from None
        call.tool = tool
        if tool.name != name:
            call.notes.append(f"`{cut(name, 80)}` was taken as `{tool.name}`")
        if tool.state is not ToolState.ACTIVE:
            raise Refused(refusal.not_offered(tool))
        return tool

    def _check(self, call: Call, tool: Tool) -> None:
        """Mend and validate the arguments."""
        validator = self._validators.of(tool)
        try:
            mended = mend(tool, validator, call.request.arguments)
            call.arguments_digest = digest(mended.arguments)
        except NotMendable as broken:
            raise Refused(refusal.wrong_arguments(tool, (broken.problem,))) from None
        if taken := hidden_arguments(tool.spec) & mended.arguments.keys():
            raise Refused(refusal.preset_arguments(tool, sorted(taken)))
        call.arguments = mended.arguments
        call.notes += mended.notes
        if validator.note:
            call.notes.append(validator.note)
        if not validator.valid(mended.arguments):
            raise Refused(refusal.wrong_arguments(tool, validator.problems(mended.arguments)))

    async def _permit(self, call: Call, tool: Tool, policy: Policy) -> Tool:
        """Return the tool, which may have changed while a person was asked, once there is leave to call it."""
        decision = decide(policy, tool)
        wish = Wish(tool=tool, arguments=call.arguments, arguments_digest=call.arguments_digest)
        if decision.action is Action.WARN:
            call.rule = decision.rule
            call.notes.append(f"warning: `{tool.name}` may change things ({decision.rule})")
        if not await self._permission.need(wish, decision):
            if decision.action in {Action.ASK, Action.OFFER}:
                await _check_unchanged(await self._backend(tool), tool)
            return tool
        asked_s = time.perf_counter()
        try:
            by_person = await self._permission.ask(wish, decision, call.caller)
        finally:
            call.waited_s = time.perf_counter() - asked_s
        now = await self._resolver.resolve(tool.name)
        if now.digest != tool.digest or now.state is not ToolState.ACTIVE:
            raise Refused(refusal.changed(tool))
        if by_person:
            await _check_unchanged(await self._backend(now), now)
        return now

    async def _backend(self, tool: Tool) -> Backend:
        try:
            return await self._ports.backends.get(tool.source)
        except BanyanError as error:
            raise Refused(_unreachable(as_failure(error))) from None

    async def _run(self, call: Call, tool: Tool, backend: Backend) -> Outcome:
        """Send the call, and write down what came of it: before and after, where it may write or has a key."""
        arguments = await self._filled(call, tool)
        durable = not tool.effects.read_only or call.request.idempotency_key is not None
        if durable:
            await self._prepare(call, tool)
        sending = Sending(
            tool=tool,
            arguments=arguments,
            timeout_s=call.request.timeout_s or self._ports.backends.timeout_s(tool.source) or self._limits.timeout_s,
            grace_s=self._limits.start_grace_s,
            caller=call.caller,
            notes=call.notes,
        )
        try:
            await anyio.lowlevel.checkpoint_if_cancelled()
            call.sent = True
            raw = await send(backend, sending)
            call.notes += map(self._ports.redact, raw.notes)
        except CallFailed as failure:
            call.sent = failure.sent
            return await self._end(call, self._failed(call, tool, failure), None, durable=durable)
        except anyio.get_cancelled_exc_class():
            await self._end(call, self._cancelled(call, tool), None, durable=durable)
            raise
        # The tool has answered: what it said is kept, even if the caller has gone.
        with anyio.CancelScope(shield=True):
            kept = await self._keep(raw)
        return await self._end(call, self._answered(call, raw, kept), kept, durable=durable)

    async def _filled(self, call: Call, tool: Tool) -> Mapping[str, Any]:
        """Return the arguments with what a model neither sees nor chooses: the call's key, the source's presets."""
        arguments = with_key(tool.spec, call.arguments, call.request.idempotency_key)
        if PRESETS not in tool.spec.binding:
            return arguments
        filled = partial(fill, tool.spec, arguments, self._ports.secret, source=tool.source)
        try:
            return await anyio.to_thread.run_sync(filled)
        except SecretMissing as error:
            raise Refused(_unreachable(as_failure(error))) from None

    async def _prepare(self, call: Call, tool: Tool) -> None:
        try:
            # Not cut short: a call that is written as prepared and then not sent would look as if it had been.
            with anyio.CancelScope(shield=True):
                call.fence = (await self._ports.journal.prepare(call.record())).fence
        except ClaimLost as error:
            raise Refused(refusal.claim_lost(error)) from None
        except UnknownTask as error:
            raise Refused(refusal.unknown_task(error)) from None
        except Conflict:
            raise Refused(unsettled(call.request.idempotency_key or "")) from None

    async def _keep(self, raw: RawResult) -> Kept:
        work = partial(
            keep,
            raw,
            now=self._ports.clock(),
            redact=self._ports.redact,
            cap_bytes=self._limits.result_cap_bytes,
            preview_chars=self._limits.preview_chars,
        )
        small = sum(len(part.body) for part in raw.parts) < _IN_THREAD_BYTES and is_small(raw.structured)
        return work() if small else await anyio.to_thread.run_sync(work)

    async def _end(self, call: Call, outcome: Outcome, kept: Kept | None, *, durable: bool) -> Outcome:
        """Record `outcome` and return it, cancelled or not; where that cannot be written, the caller still gets it."""
        stored = None if kept is None else kept.stored
        problem = "timeout"
        try:
            with anyio.move_on_after(self._limits.record_s, shield=True):
                if call.sent and call.write_end is not None:
                    await call.write_end(call.record(outcome), stored, outcome)
                else:
                    await self._ports.journal.finish(call.record(outcome), stored, durable=durable)
                return outcome
        except (DatabaseUnavailable, StorageFull) as error:
            problem = error.code
        logger.warning("the outcome of call %s could not be recorded: %s", call.id, problem)
        return replace(outcome, handle=None, notes=(*outcome.notes, f"the result could not be stored: {problem}"))

    async def _refuse(self, call: Call, why: Refusal) -> Outcome:
        outcome = self._outcome(
            call,
            why.outcome,
            category=why.category,
            message=why.message,
            fix=why.fix,
            rule=why.rule,
            approval_id=why.approval_id,
        )
        if why.outcome is OutcomeKind.UNKNOWN:
            # What is unknown is the effect of the other call under this key; this one was not sent.
            return outcome
        recorded = outcome if why.recorded is None else replace(outcome, message=why.recorded)
        ended = await self._end(call, recorded, None, durable=False)
        return replace(outcome, notes=ended.notes)

    def _answered(self, call: Call, raw: RawResult, kept: Kept) -> Outcome:
        about: dict[str, Any] = {
            "handle": kept.artifact.handle,
            "media_type": kept.artifact.media_type,
            "size_bytes": kept.artifact.size_bytes,
        }
        if not raw.failed:
            about |= {"preview": kept.preview, "truncated": not kept.whole, "data": kept.data, "rule": call.rule}
            return self._outcome(call, OutcomeKind.OK, **about)
        text = kept.data if isinstance(kept.data, str) else kept.preview
        message = cut(text, self._limits.message_chars) or "the tool failed and does not say why"
        about |= {"truncated": not kept.whole or len(message) < len(text)}
        return self._outcome(call, OutcomeKind.FAILED, category=Category.UPSTREAM, message=message, **about)

    def _failed(self, call: Call, tool: Tool, failure: CallFailed) -> Outcome:
        if not lost(tool, failure):
            category, message = failure.category, failure.message
            return self._outcome(call, OutcomeKind.FAILED, category=category, message=message, fix=failure.fix)
        message = f"`{tool.name}` was sent and its answer was lost: it may have had its effect ({failure.message})"
        return self._outcome(call, OutcomeKind.UNKNOWN, category=Category.UNKNOWN_EFFECT, message=message, fix=CHECK)

    def _cancelled(self, call: Call, tool: Tool) -> Outcome:
        if call.sent and not tool.effects.read_only:
            message = f"`{tool.name}` was sent, and its caller went away: it may have had its effect"
            return self._outcome(call, OutcomeKind.UNKNOWN, category=Category.UNKNOWN_EFFECT, message=message)
        return self._outcome(call, OutcomeKind.FAILED, message="the caller went away before an answer came")

    def _outcome(self, call: Call, outcome: OutcomeKind, *, message: str | None = None, **rest: Any) -> Outcome:
        if message is not None:
            message = cut(self._ports.redact(message), self._limits.message_chars)
        return Outcome(
            call_id=call.id,
            tool=call.tool.name if call.tool else cut(call.request.name, 80),
            outcome=outcome,
            took_ms=call.took_ms,
            message=message,
            notes=tuple(call.notes),
            **rest,
        )


def _name(call: Call) -> str:
    """Return the name to call: from the arguments, if it was put there alone."""
    given = call.request.arguments
    if call.request.name or not isinstance(given, Mapping):
        return call.request.name
    found = next((given[key] for key in _NAME_KEYS if isinstance(given.get(key), str)), "")
    if found:
        call.notes.append("the tool's name stood within the arguments, and was taken from there")
    return str(found)


async def _check_unchanged(backend: Backend, tool: Tool) -> None:
    """See that the tool is what a person gave leave for: its server may have been changed since it was listed."""
    if not isinstance(backend, WatchfulBackend):
        return
    try:
        unchanged = await backend.unchanged(tool)
    except BanyanError as error:
        raise Refused(_unreachable(as_failure(error))) from None
    if not unchanged:
        raise Refused(refusal.changed(tool))


def _unreachable(failure: CallFailed) -> Refusal:
    return Refusal(outcome=OutcomeKind.FAILED, category=failure.category, message=failure.message, fix=failure.fix)
