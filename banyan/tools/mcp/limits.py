"""How much of everything an MCP server may have: time, memory, chances."""

from __future__ import annotations

from dataclasses import dataclass

_KIB, _MIB = 2**10, 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """Bounds of one server's sessions.  The defaults suit a desktop."""

    start_timeout_s: float = 60
    """From the start to the end of the handshake; a first `npx` downloads."""
    probe_timeout_s: float = 5
    """How long a server may leave the newest protocol's first question unanswered before it is greeted the old way."""
    list_timeout_s: float = 60
    """For one listing, all its pages."""
    idle_stop_s: float = 300
    """Without a call, until the server is stopped."""
    stop_grace_s: float = 2
    """Between closing a server's input, asking it to end, and killing it."""
    ping_timeout_s: float = 3
    """How long a server that missed a deadline may take to show that it is alive."""
    change_delay_s: float = 0.5
    """Between a server's word that its tools changed and ours: one change often comes as many words."""
    message_cap_bytes: int = 8 * _MIB
    """Of one message from a server."""
    log_cap_bytes: int = 1 * _MIB
    """Of a server's log file; as much again is kept of the one before."""
    log_tail_bytes: int = 8 * _KIB
    """Of the log that `status` shows."""
    max_pages: int = 500
    """Of one listing."""
    max_tools: int = 20_000
    """Of one server."""
    backoff_first_s: float = 0.5
    """Wait before the second start in a row that follows a failure; doubled for each further one."""
    backoff_cap_s: float = 10
    """Longest such wait."""
    breaker_failures: int = 5
    """Failures in a row after which calls fail at once."""
    breaker_open_s: float = 30
    """How long they do, until one is let through to try; doubled each time that it fails too."""
    breaker_cap_s: float = 300
    """Longest such pause."""
