"""Opening a conversation: the transport, then the greeting, in the newest way that the server knows."""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from typing import Any, cast

import anyio
from mcp.client.session import ClientSession, IncomingMessage
from mcp.shared.exceptions import MCPError
from mcp_types import Implementation, ToolListChangedNotification
from mcp_types.jsonrpc import UNSUPPORTED_PROTOCOL_VERSION
from pydantic import ValidationError

from banyan.tools.mcp.endpoint import Command, Endpoint
from banyan.tools.mcp.failures import ends_session, is_local
from banyan.tools.mcp.inflight import InFlightCalls
from banyan.tools.mcp.limits import SessionLimits
from banyan.tools.mcp.log import BoundedLog
from banyan.tools.mcp.session import Dispatcher, Session
from banyan.tools.mcp.stdio import StdioTransport


class Era(StrEnum):
    """How a server is greeted."""

    LEGACY = "legacy"  # a handshake first: versions to 2025-11-25
    MODERN = "modern"  # each request stands for itself: since 2026-07-28


class ProbeRefused(Exception):
    """The server ended over the first question of the newest protocol: it is to be greeted another way."""


@asynccontextmanager
async def open_session(
    where: Endpoint, *, era: Era | None, limits: SessionLimits, log: BoundedLog, redact: Callable[[str], str]
) -> AsyncIterator[Session]:
    """Start or reach a server, greet it, and yield the conversation; on leaving, end it.

    `era` is how to greet, as far as it is known from before.

    Raises:
        ProbeRefused: try again, as `EraFile` then says.
        OSError: the command cannot be run.
        MCPError: the server does not agree, or ends.
    """
    stdio = _stdio(where, log, limits)
    calls = InFlightCalls()
    info = Implementation(name="banyan", version=importlib.metadata.version("banyan-agents"))
    async with _transport(where, stdio, limits) as (read, write):
        dispatcher = Dispatcher(read, write)

        async def notice(message: IncomingMessage) -> None:
            if isinstance(message, ToolListChangedNotification):
                session.changed.set()

        client = ClientSession(
            dispatcher=dispatcher, elicitation_callback=calls.elicit, message_handler=notice, client_info=info
        )
        session = Session(client, dispatcher, calls, info=info, transport=stdio, redact=redact)
        refused: ProbeRefused | None = None
        async with client:
            try:
                await _greet(session, era, limits)
            except ProbeRefused as error:
                # Raised in here it would leave as part of a group.
                refused = error
            else:
                yield session
        if refused:
            raise refused


def _stdio(where: Endpoint, log: BoundedLog, limits: SessionLimits) -> StdioTransport | None:
    if not isinstance(where, Command):
        return None
    return StdioTransport(where, log, cap_bytes=limits.message_cap_bytes, grace_s=limits.stop_grace_s)


def _transport(
    where: Endpoint, stdio: StdioTransport | None, limits: SessionLimits
) -> AbstractAsyncContextManager[tuple[Any, Any]]:
    if stdio is not None or isinstance(where, Command):
        return cast("AbstractAsyncContextManager[tuple[Any, Any]]", stdio)
    # Imported here: a server over stdio needs no HTTP.
    from banyan.tools.mcp.http import http_transport

    return http_transport(where, cap_bytes=limits.message_cap_bytes)


async def _greet(session: Session, era: Era | None, limits: SessionLimits) -> None:
    """Agree on a version.  A server that leaves the first question unanswered may just be slow to start."""
    client = session.client
    if era is not Era.LEGACY:
        patience_s = limits.start_timeout_s if era is Era.MODERN else limits.probe_timeout_s
        with anyio.move_on_after(patience_s):
            if await _discovered(session):
                return
    try:
        await client.initialize()
    except MCPError as error:
        if error.code != UNSUPPORTED_PROTOCOL_VERSION:
            raise
        # The first question was answered late, and settled the version.
        await client.discover()


async def _discovered(session: Session) -> bool:
    """Ask in the newest protocol, and return whether the server speaks it."""
    try:
        await session.client.discover()
    except MCPError as error:
        if is_local(error) and error.data["banyan"]["category"] == "transport":
            raise
        if ends_session(error):
            raise ProbeRefused from error
        return False
    except (RuntimeError, ValidationError):
        # It has no version in common with us there, or its answer is none: both mean the old way.
        return False
    return True
