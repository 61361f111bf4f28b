"""The record of calls, as people look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from banyan.server.inside import parts_of

if TYPE_CHECKING:
    from banyan.core.call import CallRecord
    from banyan.server.app import Banyan


async def recent_calls(b: Banyan, *, limit: int, unsettled: bool = False) -> list[CallRecord]:
    """Return the newest calls first; with `unsettled` only those of which nobody knows how they ended."""
    return await parts_of(b).database.journal.recent(limit=limit, unsettled=unsettled)
