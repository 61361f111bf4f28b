"""What the HTTP server can be told: what a client may take, and the names it answers to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How Banyan serves over HTTP."""

    max_body_bytes: int = 4 * 2**20
    """Bytes of one request body."""
    read_timeout_s: float = 10.0
    """Seconds for the head of a request, then for its body, and for a reader that takes nothing."""
    keep_alive_s: float = 5.0
    """Seconds that a connection may stay open between two requests."""
    connections: int = 512
    """Open connections; beyond, the oldest without a request under way is closed."""
    sessions: int = 1_000
    """Open sessions of clients of the handshake era."""
    session_idle_s: float = 1_800.0
    """Seconds without a request after which a session ends."""
    stop_within_s: float = 2.0
    """Seconds that requests in flight have to end when the server stops."""
    allowed_hosts: tuple[str, ...] = ()
    """Further `host` or `host:port` that clients may call this server by, behind a proxy or a port mapping."""
    stop_on_signals: bool = True
    """End on SIGINT and SIGTERM; needs the main thread."""
