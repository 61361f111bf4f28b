"""What is behind this server, told to clients, and told anew when it changes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from banyan.core.errors import BanyanError
from banyan.server.mcp.blurb import blurb_of

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp.server.session import ServerSession
    from mcp_types import SubscriptionsListenRequestParams, SubscriptionsListenResult

    from banyan.server.app import Banyan

logger = logging.getLogger(__name__)

TELL_WITHIN_S = 5.0
"""Seconds that telling one client may take: one that does not read holds up no other."""


class Changes:
    """Follows the catalogue for the clients of one server, of both eras."""

    def __init__(self, b: Banyan, blurb_chars: int) -> None:
        self._b = b
        self._blurb_chars = blurb_chars
        self._blurb: str | None = None
        self._changed = anyio.Event()
        self._sessions: set[ServerSession] = set()
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus)
        self._stop_following = b.on_change(self._note)

    async def blurb(self) -> str:
        """Return what is behind the server, in a few sentences; empty while the database is away."""
        if self._blurb is None:
            try:
                self._blurb = blurb_of(await self._b.catalogue.names(), self._blurb_chars)
            except BanyanError as error:
                logger.warning("the list of tools does not say what is behind it: %s", error)
                return ""
        return self._blurb

    def add(self, session: ServerSession) -> None:
        """Tell this client of the handshake era of changes, as long as its connection lasts."""
        if session.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return
        self._sessions.add(session)
        # The SDK offers no public way from a session to its connection's end.
        session._connection.exit_stack.callback(self._sessions.discard, session)

    async def listen(
        self, ctx: ServerRequestContext[Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve one subscription of a client of 2026-07-28."""
        return await self._listen(ctx, params)

    def close(self) -> None:
        """Stop following the catalogue, and end the subscriptions."""
        self._stop_following()
        self._listen.close()

    async def run(self) -> None:
        """Tell clients of changes until cancelled; changes that come in a burst are told once."""
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            await self._bus.publish(ToolsListChanged())
            async with anyio.create_task_group() as group:
                for session in tuple(self._sessions):
                    group.start_soon(self._tell, session)

    def _note(self) -> None:
        self._blurb = None
        self._changed.set()

    async def _tell(self, session: ServerSession) -> None:
        with anyio.move_on_after(TELL_WITHIN_S):
            try:
                await session.send_tool_list_changed()
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                logger.debug("a client left before it was told of a change")
