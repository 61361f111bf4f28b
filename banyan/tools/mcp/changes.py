"""Hearing that a server's tools changed, in the way of either era."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost, listen
from mcp.shared.exceptions import MCPError

from banyan.tools.mcp.session import Session

logger = logging.getLogger(__name__)

_LISTEN_AGAIN_S = 5.0
_LISTEN_TIMES = 10
"""A server that ends its subscriptions again and again is not asked for ever."""


async def announce(session: Session, delay_s: float, on_changed: Callable[[], None]) -> None:
    """Call `on_changed` each time that the server's tools changed, once for all changes within `delay_s`."""
    async with anyio.create_task_group() as group:
        if session.modern:
            group.start_soon(_subscribe, session)
        while True:
            await session.changed.wait()
            await anyio.sleep(delay_s)
            session.changed = anyio.Event()
            on_changed()


async def _subscribe(session: Session) -> None:
    capabilities = session.client.server_capabilities
    if capabilities is None or capabilities.tools is None or capabilities.tools.list_changed is False:
        return
    for _ in range(_LISTEN_TIMES):
        try:
            async with listen(session.client, tools_list_changed=True) as events:
                async for _event in events:
                    session.changed.set()
        except (MCPError, ListenNotSupportedError) as error:
            logger.debug("no news of changed tools: %s", type(error).__name__)
            return
        except SubscriptionLost:
            # What happened meanwhile is not told again.
            session.changed.set()
        await anyio.sleep(_LISTEN_AGAIN_S)
