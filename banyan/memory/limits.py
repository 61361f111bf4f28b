"""How much of the machine, and of the caller's patience, a database may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseLimits:
    """Limits of one open database."""

    readers: int = 4
    """Reading transactions at a time."""
    writers: int = 4
    """Writing transactions at a time on PostgreSQL; SQLite has one writer."""
    busy_timeout_s: float = 30.0
    """Seconds to wait for somebody else's lock."""
    connect_timeout_s: int = 10
    """Seconds to wait for a server to answer."""
    flush_after_s: float = 0.25
    """Seconds that a call which changed nothing may be kept in memory before it is committed with others."""
    flush_retry_s: float = 1.0
    """Seconds between two attempts to commit such calls while the database cannot be written."""
    pending_calls: int = 1_000
    """Calls that may wait to be committed; at this number the next call waits too."""
    pending_bytes: int = 64 * 2**20
    """Bytes of results that may wait to be committed."""
    pending_wait_s: float = 30.0
    """Seconds that a call waits for room among them, before it fails with what keeps the database from writing."""
