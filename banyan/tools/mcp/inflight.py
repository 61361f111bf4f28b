"""The calls that a session is in the middle of, and how their callers are reached."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio
from mcp.client.session import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitRequestURLParams, ElicitResult, ErrorData

from banyan.core.ports import Caller


class InFlight:
    """One call on its way: its caller, and its deadline, which does not run while a person thinks."""

    def __init__(self, caller: Caller, scope: anyio.CancelScope) -> None:
        self._caller = caller
        self._scope = scope
        self._asking = 0
        self._left_s = math.inf
        """What was left until the deadline when the first question still open was asked."""
        self._news: tuple[float, float | None, str | None] | None = None
        self._telling = False

    async def ask(self, params: ElicitRequestParams) -> dict[str, Any]:
        """Return the person's answer to a server's question, in the form that the protocol wants."""
        message, schema = _question(params)
        if not self._asking:
            self._left_s = self._scope.deadline - anyio.current_time()
            self._scope.deadline = math.inf
        self._asking += 1
        try:
            answer = await self._caller.elicit(message, schema)
        finally:
            self._asking -= 1
            if not self._asking:
                self._scope.deadline = anyio.current_time() + self._left_s
        if answer is None:
            # Nobody can be asked, so nobody declined.
            return {"action": "cancel"}
        if answer.action == "accept" and not isinstance(params, ElicitRequestURLParams):
            return {"action": "accept", "content": dict(answer.content or {})}
        return {"action": answer.action}

    async def progress(self, progress: float, total: float | None, message: str | None) -> None:
        """Tell the caller; what comes while the caller still takes the last news replaces what waits."""
        self._news = (progress, total, message)
        if self._telling:
            return
        self._telling = True
        try:
            while (news := self._news) is not None:
                self._news = None
                await self._caller.progress(*news)
        finally:
            self._telling = False


class InFlightCalls:
    """All calls that one session is in the middle of."""

    def __init__(self) -> None:
        self._calls: set[InFlight] = set()

    @contextmanager
    def open(self, caller: Caller, timeout_s: float) -> Iterator[InFlight]:
        """Count a call in for as long as the block lasts.  Raises `TimeoutError` when that is over `timeout_s`."""
        with anyio.fail_after(timeout_s) as scope:
            call = InFlight(caller, scope)
            self._calls.add(call)
            try:
                yield call
            finally:
                self._calls.discard(call)

    async def elicit(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        """Answer the question of a server of the older protocols, which does not say for which call it asks."""
        if len(self._calls) != 1:
            return ElicitResult(action="decline")
        (call,) = self._calls
        return ElicitResult(**await call.ask(params))


def _question(params: ElicitRequestParams) -> tuple[str, Mapping[str, Any]]:
    if isinstance(params, ElicitRequestURLParams):
        return f"{params.message}\n{params.url}", {"type": "object", "properties": {}}
    return params.message, params.requested_schema
