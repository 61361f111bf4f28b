"""The sentences of `find_tools` that say what is behind it: a model searches where it knows that there is something."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from banyan.core.tool import ToolState
from banyan.server.sanitise import fragment

if TYPE_CHECKING:
    from banyan.core.ports import ToolNameRow

NAME_CHARS = 40
"""Characters of one server's name, or one tool's."""

SAMPLES = 4
"""Tools that are named of one server."""

_WORD = re.compile(r"[^\W_]+")


def blurb_of(rows: Iterable[ToolNameRow], limit: int) -> str:
    """Return how many tools there are, of which servers, and what some are called, in at most `limit` characters.

    Names come from outside: each is shortened and stripped of signs, so that it cannot say anything. Where all that
    does not fit, fewer tools are named, then fewer servers.
    """
    servers: dict[str, list[str]] = {}
    for row in rows:
        if row.state is ToolState.ACTIVE:
            server = fragment(row.server or row.source, NAME_CHARS) or "unnamed"
            servers.setdefault(server, []).append(fragment(row.upstream_name, NAME_CHARS))
    if not servers:
        return "Behind it now: no tools yet. The user adds some with `banyan add`, or `banyan import`."
    total = sum(len(names) for names in servers.values())
    head = f"Behind it now: {_many(total, 'tool')} of {_many(len(servers), 'server')}: "
    for samples in range(SAMPLES, -1, -1):
        text = head + "; ".join(_listed(servers, samples)) + "."
        if len(text) <= limit:
            return text
    return head + _joined(_listed(servers, 0), limit - len(head))


def _listed(servers: Mapping[str, Sequence[str]], samples: int) -> list[str]:
    """Name the servers, the largest first, each with a few of its tools that share the fewest words."""
    ordered = sorted(servers.items(), key=lambda one: (-len(one[1]), one[0]))
    return [f"{server} ({len(names)}{_sample(names, samples)})" for server, names in ordered]


def _sample(names: Sequence[str], count: int) -> str:
    chosen: list[str] = []
    seen: set[str] = set()
    for name in sorted(names):
        words = set(_WORD.findall(name.casefold().replace("_", " ")))
        if len(chosen) < count and len(words & seen) * 2 <= len(words):
            chosen.append(name)
            seen |= words
    more = ", …" if len(names) > len(chosen) else ""
    return f": {', '.join(chosen)}{more}" if chosen else ""


def _joined(parts: list[str], limit: int) -> str:
    """Join what fits, the largest servers first, and count the rest."""
    text = "; ".join(parts) + "."
    kept = len(parts)
    while len(text) > limit and kept:
        kept -= 1
        text = "; ".join([*parts[:kept], f"and {len(parts) - kept} more"]) + "."
    return text


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
