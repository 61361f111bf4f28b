"""Who calls: a client that may be told of progress, and whose person may be asked."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult
from pydantic import ValidationError

from banyan.core.ports import Elicited
from banyan.server.sanitise import fragment, sanitise

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

logger = logging.getLogger(__name__)

PROGRESS_EVERY_S = 0.05
"""Least seconds between two notices of progress: what a tool sends beyond that tells a person no more."""

MESSAGE_CHARS = 4_000
"""Characters of a question to a person, or of a message of progress."""

CLIENT_CHARS = 40
"""Characters kept of a client's name."""


class Progress:
    """Tells a client of progress: growing, and not too often."""

    def __init__(self) -> None:
        self._done = -math.inf
        self._told_s = -math.inf

    async def tell(
        self, ctx: ServerRequestContext[Any, Any], done: float, total: float | None, message: str | None
    ) -> None:
        """Pass one notice on, unless it is no further than the last one or comes too soon after it."""
        now_s = time.monotonic()
        whole = total is not None and done >= total
        if done <= self._done or (now_s - self._told_s < PROGRESS_EVERY_S and not whole):
            return
        self._done, self._told_s = done, now_s
        shown = None if message is None else sanitise(message[:MESSAGE_CHARS])
        await ctx.session.report_progress(done, total, shown)


def client_of(ctx: ServerRequestContext[Any, Any]) -> str:
    """Return what the client calls itself, as a worker's name; `assistant` where it does not say."""
    params = ctx.session.client_params
    name = "" if params is None else fragment(params.client_info.name, CLIENT_CHARS)
    return name or "assistant"


def askable(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Return whether the client said that it can put a form before a person."""
    declared = ctx.session.client_capabilities
    if declared is None or declared.elicitation is None:
        return False
    # A client that names no mode means forms: that was the only one when it was written.
    return declared.elicitation.form is not None or declared.elicitation.url is None


def elicited(result: ElicitResult) -> Elicited:
    """Return a person's answer as the call understands it."""
    return Elicited(action=result.action, content=result.content if result.action == "accept" else None)


CANCELLED = Elicited(action="cancel")
"""What stands for an answer that never came."""


class SessionCaller:
    """A client of the handshake era: it is asked by a request, while its own request is open."""

    surface = "mcp"

    def __init__(self, ctx: ServerRequestContext[Any, Any], answer_within_s: float) -> None:
        self._ctx = ctx
        self._answer_within_s = answer_within_s
        self._progress = Progress()

    async def elicit(self, message: str, schema: Mapping[str, Any]) -> Elicited | None:
        """Ask the person; None where the client cannot, `cancel` where it failed to or nobody answered."""
        if not askable(self._ctx) or not self._ctx.session.can_send_request:
            return None
        shown = sanitise(message[:MESSAGE_CHARS])
        with anyio.move_on_after(self._answer_within_s):
            try:
                result = await self._ctx.session.elicit_form(shown, dict(schema), self._ctx.request_id)
            except (MCPError, ValidationError) as error:
                logger.warning("the client could not ask its person: %s", type(error).__name__)
                return CANCELLED
            return elicited(result)
        return CANCELLED

    async def progress(self, done: float, total: float | None, message: str | None) -> None:
        """Tell the client how far the call is, if it asked to be told."""
        await self._progress.tell(self._ctx, done, total, message)
