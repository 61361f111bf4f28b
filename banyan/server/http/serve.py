"""Serving over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from banyan.server.mcp.options import ServeOptions

if TYPE_CHECKING:
    from banyan.server.app import Banyan


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What a client of the HTTP server may take."""

    max_body_bytes: int = 4 * 2**20
    """Bytes of one request body."""
    read_timeout_s: float = 10.0
    """Seconds for the head of a request, then for its body, and for a reader that takes nothing."""
    connections: int = 512
    """Open connections; beyond, those that sent no whole request yet are closed, oldest first."""
    stop_within_s: float = 5.0
    """Seconds that requests in flight have to end when the server stops."""


async def serve_http(
    b: Banyan,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    options: ServeOptions | None = None,
    limits: HttpLimits | None = None,
    allowed_hosts: tuple[str, ...] = (),
    on_ready: Callable[[str], None] | None = None,
    stop_on_signals: bool = True,
) -> None:
    """Serve `b` at `http://host:port/mcp` until cancelled, or until a signal says stop.

    Args:
        b: what is served.
        host: the address to bind.
        port: the port to bind; 0 takes a free one.
        token: what a client must send as `Authorization: Bearer …`; needed to bind anywhere but loopback.
        options: what is shown, and how much of it.
        limits: what a client may take.
        allowed_hosts: further `host` or `host:port` that clients may call this server by.
        on_ready: called with the URL of the MCP endpoint as soon as it answers.
        stop_on_signals: end on SIGINT and SIGTERM; needs the main thread.

    Raises:
        InvalidArgument: no token for an address beyond loopback, or the address cannot be bound.
    """
    raise NotImplementedError
