"""Lines out of a stream of bytes, none of them kept beyond a cap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_EDGE_BYTES = 512
"""Kept of either end of a line that is too long: the request's id stands there."""

_ID_FIRST = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,18})\s*,\s*"(?:result|error)"')
_ID_LAST = re.compile(rb'[}\]]\s*,\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,18})\s*\}\s*$')


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLong:
    """A line that was over the cap, and was let go."""

    request_id: int | None
    """The request that it would have answered; None where the line does not say."""


def answered_id(head: bytes, tail: bytes) -> int | None:
    """Return the id of the request that a message answers, by the start and the end of it; None where they do not say.

    Servers write the id before the result or after it, never both.
    """
    found = _ID_FIRST.match(head[:_EDGE_BYTES]) or _ID_LAST.search(tail[-_EDGE_BYTES:])
    return int(found[1]) if found else None


class LineReader:
    """Cuts a stream into lines in time linear in its length, in memory bounded by the cap and one chunk."""

    def __init__(self, cap_bytes: int) -> None:
        self._cap = cap_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._tail = b""
        self._answered = False
        """The line that is being let go was reported when its start told whom it answers."""

    def feed(self, chunk: bytes) -> Iterator[bytes | TooLong]:
        """Yield the lines that end in `chunk`, without their ends, and word of such as are too long; empty ones not."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield from self._grow(end)
            yield from self._finish()
        yield from self._grow(rest)

    @property
    def held_bytes(self) -> int:
        """Bytes of an unfinished line that are in memory."""
        return min(self._size, self._cap) + len(self._tail)

    def _grow(self, piece: bytes) -> Iterator[TooLong]:
        if not piece:
            return
        before, self._size = self._size, self._size + len(piece)
        if self._size <= self._cap:
            self._parts.append(piece)
            return
        self._tail = (self._tail + piece[-_EDGE_BYTES:])[-_EDGE_BYTES:]
        if before <= self._cap:
            yield from self._give_up(piece)

    def _give_up(self, piece: bytes) -> Iterator[TooLong]:
        """Let go of what was kept; where the line's start tells whom it answers, that need not wait for its end."""
        head = b"".join(self._parts[:8])[:_EDGE_BYTES] or piece[:_EDGE_BYTES]
        self._parts.clear()
        request_id = answered_id(head, b"")
        self._answered = request_id is not None
        if self._answered:
            yield TooLong(request_id=request_id)

    def _finish(self) -> Iterator[bytes | TooLong]:
        if self._size > self._cap:
            if not self._answered:
                yield TooLong(request_id=answered_id(b"", self._tail))
        elif line := b"".join(self._parts).strip():
            yield line
        self._parts.clear()
        self._size, self._tail, self._answered = 0, b"", False
