"""Wire names: stable, unique without regard to case, and short enough for any client's own prefix."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection

from banyan.core.ids import ToolName

MAX_NAME = 48
"""Characters of a wire name.  Clients allow 64 after a prefix of their own, as `mcp__banyan__`."""

MAX_SERVER = 18
"""Characters that the server's part keeps when the whole is too long."""

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]+")
_HASH = 6


def wire_name(server: str, upstream: str, taken: Collection[str]) -> ToolName:
    """Return a wire name for the tool `upstream` of `server` that is not in `taken`.

    The plain form is `server__tool`; signs outside the alphabet become `_`. Where it is taken, too long or lost
    letters, a hash of the exact pair is appended. Of two tools with one plain form the first to come has it, and
    keeps it: names are given once.

    Args:
        server: the server's name, any text.
        upstream: the tool's name at its server, any text.
        taken: case-folded names that other tools have.

    Returns:
        A name of `A-Z a-z 0-9 _ -`, 3 to `MAX_NAME` characters, whose case-folded form is not in `taken`.
    """
    head, tool = _slug(server), _slug(upstream)
    plain = f"{head}__{tool}"
    exact = _ascii(server) == server.strip() and _ascii(upstream) == upstream.strip() and head and tool
    if exact and len(plain) <= MAX_NAME and plain.casefold() not in taken:
        return ToolName(plain)
    for attempt in range(1_000):
        suffix = _hash(server, upstream, attempt)
        name = _fit(head or "s", tool or "t", suffix)
        if name.casefold() not in taken:
            return ToolName(name)
    raise AssertionError("a thousand hashes of one pair are all taken")


def _fit(head: str, tool: str, suffix: str) -> str:
    """Join the parts and shorten: the tool's words tell more than the server's, so the server gives way first."""
    room = MAX_NAME - len("__") - 1 - len(suffix)
    head = head[: max(MAX_SERVER, room - len(tool))]
    return f"{head}__{_middle_out(tool, room - len(head)).rstrip('_-') or 't'}_{suffix}"


def _middle_out(tool: str, room: int) -> str:
    """Cut `tool` to `room` characters; where its last words fit they stay, since they tell most: `_topics_publish`."""
    if len(tool) <= room:
        return tool
    starts = (at for at, sign in enumerate(tool) if sign in "_-" and len(tool) - at <= room * 3 // 4)
    at = next(starts, len(tool))
    return tool[: room - (len(tool) - at)].rstrip("_-") + tool[at:]


def _hash(server: str, upstream: str, attempt: int) -> str:
    exact = f"{server}\0{upstream}\0{attempt}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(exact).hexdigest()[:_HASH]


def _ascii(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text)
    return folded.encode("ascii", "ignore").decode("ascii").strip()


def _slug(text: str) -> str:
    return _FOREIGN.sub("_", _ascii(text)).strip("_-")
