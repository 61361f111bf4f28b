"""Calls of clients that cannot be asked in mid-call: the question is the answer, and the call waits for the retry.

A client of 2026-07-28 gets the question as an `input_required` result with a state. The call itself goes on in a
task of its own, waiting; the client's retry brings the state and the person's answer, and waits for the end in turn.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
from mcp_types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)

from banyan.core.ports import Elicited
from banyan.server.mcp.caller import CANCELLED, MESSAGE_CHARS, Progress, askable, elicited
from banyan.server.sanitise import sanitise

if TYPE_CHECKING:
    from anyio.abc import TaskGroup
    from mcp.server.context import ServerRequestContext

    from banyan.core.ports import Caller
    from banyan.server.mcp.options import QuestionLimits

QUESTION = "question"
"""Key of the one request that a suspended call makes at a time."""

Run: TypeAlias = "Callable[[Caller], Awaitable[CallToolResult]]"
"""A call, given who makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    message: str
    schema: Mapping[str, Any]


class SuspendableCall:
    """One call, and the client that waits for it, when one does."""

    surface = "mcp"

    def __init__(
        self,
        ctx: ServerRequestContext[Any, Any],
        owner: str,
        *,
        answer_within_s: float,
        crowded: Callable[[], bool],
    ) -> None:
        self.owner = owner
        self.scope = anyio.CancelScope()
        self._ctx = ctx
        self._answer_within_s = answer_within_s
        self._crowded = crowded
        self._progress = Progress()
        self._news = anyio.Event()
        self._question: _Question | None = None
        self._answer: Elicited | None = None
        self._answered = anyio.Event()
        self._end: CallToolResult | Exception | None = None

    @property
    def ended(self) -> bool:
        """Whether the call is over: its result still waits to be fetched."""
        return self._end is not None

    async def run(self, run: Run) -> None:
        """Run the call to its end, in a task of its own."""
        with self.scope:
            try:
                self._end = await run(self)
            except Exception as error:  # noqa: BLE001 - carried to the request that waits, which raises it
                self._end = error
        self._news.set()

    async def elicit(self, message: str, schema: Mapping[str, Any]) -> Elicited | None:
        """Hand the question to the client's request, and wait for the retry that brings the answer."""
        if not askable(self._ctx):
            return None
        if self._crowded():
            return CANCELLED
        self._question = _Question(message=sanitise(message[:MESSAGE_CHARS]), schema=schema)
        self._answered = anyio.Event()
        self._news.set()
        with anyio.move_on_after(self._answer_within_s):
            await self._answered.wait()
        answer, self._answer, self._question = self._answer, None, None
        return answer or CANCELLED

    async def progress(self, done: float, total: float | None, message: str | None) -> None:
        """Tell the request that waits, if one does and asked to be told."""
        if self._question is None:
            await self._progress.tell(self._ctx, done, total, message)

    def resume(self, ctx: ServerRequestContext[Any, Any], answer: Elicited) -> None:
        """Give the answer to the call, if it still asks; from now on `ctx` is the request that waits."""
        self._ctx = ctx
        self._progress = Progress()
        if self._question is not None:
            self._answer = answer
            self._answered.set()
        if not self.ended:
            self._news = anyio.Event()

    async def outcome(self) -> CallToolResult | _Question:
        """Wait for the end or the next question.  A client that gives up meanwhile cancels the call."""
        try:
            await self._news.wait()
        except anyio.get_cancelled_exc_class():
            self.scope.cancel()
            raise
        if self._question is not None:
            return self._question
        if self._end is None:
            raise RuntimeError("a call that was cancelled has nobody who waits for it")
        if isinstance(self._end, Exception):
            raise self._end
        return self._end


class StateUnknown(Exception):
    """A retry names no call that waits for it: expired, used before, made up, or another client's."""


class SuspendedCalls:
    """The calls that wait for an answer: bounded, each found once, by its own client, by a state nobody can guess."""

    def __init__(self, group: TaskGroup, limits: QuestionLimits) -> None:
        self._group = group
        self._limits = limits
        self._waiting: dict[str, SuspendableCall] = {}

    async def start(
        self, ctx: ServerRequestContext[Any, Any], owner: str, run: Run
    ) -> CallToolResult | InputRequiredResult:
        """Start a call; return its result, or its first question."""
        call = SuspendableCall(ctx, owner, answer_within_s=self._limits.answer_within_s, crowded=self._crowded)
        self._group.start_soon(call.run, run)
        return await self._until_news(call)

    async def resume(
        self, ctx: ServerRequestContext[Any, Any], owner: str, state: str, answer: ElicitResult | None
    ) -> CallToolResult | InputRequiredResult:
        """Bring an answer to the call that waits under `state`; return its result, or its next question.

        Raises:
            StateUnknown: none waits under it for this owner.
        """
        call = self._waiting.get(state)
        if call is None or not hmac.compare_digest(call.owner, owner):
            raise StateUnknown
        del self._waiting[state]
        call.resume(ctx, CANCELLED if answer is None else elicited(answer))
        return await self._until_news(call)

    def _crowded(self) -> bool:
        """Make room by forgetting calls that ended and were never fetched; return whether there is none."""
        if len(self._waiting) >= self._limits.waiting:
            self._waiting = {state: call for state, call in self._waiting.items() if not call.ended}
        return len(self._waiting) >= self._limits.waiting

    async def _until_news(self, call: SuspendableCall) -> CallToolResult | InputRequiredResult:
        found = await call.outcome()
        if isinstance(found, CallToolResult):
            return found
        state = secrets.token_urlsafe(32)
        self._waiting[state] = call
        question = ElicitRequest(
            params=ElicitRequestFormParams(message=found.message, requested_schema=dict(found.schema))
        )
        return InputRequiredResult(input_requests={QUESTION: question}, request_state=state)


def owner_of(ctx: ServerRequestContext[Any, Any], name: str, arguments: Mapping[str, Any] | None) -> str:
    """Return a digest of who asks for what: a state is good for the same client's same request alone."""
    params = ctx.session.client_params
    client = params.client_info.name if params is not None else None
    credential = ctx.request.headers.get("authorization") if ctx.request is not None else None
    whole = json.dumps([client, credential, name, dict(arguments or {})], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()
