"""The sentences of `find_tools` that say what is behind it: a model searches where it knows that there is something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from banyan.core.tool import ToolState
from banyan.server.mcp.sanitise import fragment

if TYPE_CHECKING:
    from banyan.core.ports import ServerSummary

NAME_CHARS = 40
"""Characters of one server's name."""


def blurb_of(servers: Iterable[ServerSummary], limit: int) -> str:
    """Return how many tools there are and of which servers, in at most `limit` characters.

    Names come from outside: each is shortened and stripped of signs, so that it cannot say anything.
    """
    counts: Counter[str] = Counter()
    for one in servers:
        name = fragment(one.server or one.source, NAME_CHARS)
        counts[name or "unnamed"] += one.counts.get(ToolState.ACTIVE, 0)
    known = sorted(((name, count) for name, count in counts.items() if count), key=lambda pair: (-pair[1], pair[0]))
    if not known:
        return "Behind it now: no tools yet. The user adds some with `banyan add`, or `banyan import`."
    total = sum(count for _, count in known)
    head = f"Behind it now: {_many(total, 'tool')} of {_many(len(known), 'server')}: "
    return head + _joined([f"{name} ({count})" for name, count in known], limit - len(head))


def _joined(parts: list[str], limit: int) -> str:
    """Join with commas what fits, the largest servers first, and count the rest."""
    text = ", ".join(parts) + "."
    kept = len(parts)
    while len(text) > limit and kept:
        kept -= 1
        text = ", ".join([*parts[:kept], f"and {len(parts) - kept} more"]) + "."
    return text


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
