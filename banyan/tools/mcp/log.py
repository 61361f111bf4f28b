"""What a server says on its standard error: kept in a small file, and the end of it in memory."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import anyio
import anyio.to_thread

logger = logging.getLogger(__name__)

_PENDING_BYTES = 2**18
"""Waiting to be written; what comes faster is dropped, and counted in the log."""

_PAUSE_S = 0.1
"""Between two writes, so that a flood costs the disk little."""

_LINE_BYTES = 2**14
"""An unfinished line that is longer is written as it is."""

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class BoundedLog:
    """Takes what a server says without ever making it wait, and forgets all but the end of it.

    `add` is called by the event loop; `write` runs as a task beside it, and touches the disk in a worker thread.
    """

    def __init__(self, file: Path | None, *, cap_bytes: int, tail_bytes: int, redact: Callable[[str], str]) -> None:
        self._file = file
        self._cap = cap_bytes
        self._tail_bytes = tail_bytes
        self._redact = redact
        self._tail = bytearray()
        self._pending = bytearray()
        self._dropped_bytes = 0
        self._more = anyio.Event()

    def add(self, data: bytes) -> None:
        """Take `data`; never waits."""
        self._tail += data[-self._tail_bytes :]
        if len(self._tail) > 2 * self._tail_bytes:
            del self._tail[: -self._tail_bytes]
        if self._file is None:
            return
        room = _PENDING_BYTES - len(self._pending)
        self._pending += data[:room]
        self._dropped_bytes += max(0, len(data) - room)
        self._more.set()

    def tail(self) -> str:
        """Return the last lines, without secrets and control characters."""
        text = bytes(self._tail[-self._tail_bytes :]).decode("utf-8", "replace")
        return _CONTROL.sub("", self._redact(text))

    async def write(self) -> None:
        """Write what comes to the file, until cancelled."""
        while True:
            await self._more.wait()
            self._more = anyio.Event()
            await anyio.to_thread.run_sync(self._append, self._take(whole_lines=True))
            await anyio.sleep(_PAUSE_S)

    async def flush(self) -> None:
        """Write what is left."""
        if self._pending or self._dropped_bytes:
            await anyio.to_thread.run_sync(self._append, self._take(whole_lines=False))

    def _take(self, *, whole_lines: bool) -> bytes:
        """Take what waits; half a line stays, lest half a secret is written that `redact` cannot know."""
        end = len(self._pending)
        if whole_lines and end < _PENDING_BYTES:
            newline = self._pending.rfind(b"\n")
            end = newline + 1 if newline >= 0 or end < _LINE_BYTES else end
        taken = bytes(self._pending[:end])
        del self._pending[:end]
        if self._dropped_bytes:
            taken += f"\n[{self._dropped_bytes:,} bytes came too fast and were dropped]\n".encode()
            self._dropped_bytes = 0
        return taken

    def _append(self, data: bytes) -> None:
        if self._file is None or not data:
            return
        clean = self._redact(data.decode("utf-8", "replace")).encode()[-self._cap :]
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._file.exists() and self._file.stat().st_size + len(clean) > self._cap:
                self._file.replace(self._file.with_name(self._file.name + ".1"))
            with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as out:
                out.write(clean)
        except OSError as error:
            # A full disk must not stop the server that talks; the tail in memory still tells.
            logger.warning("the log of a tool server cannot be written: %s", error.strerror)


def file_name(source: str) -> str:
    """Return a name for the files of `source`, whatever characters it has."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", source)[:60]
    return plain if plain == source else f"{plain}-{sha256(source.encode('utf-8', 'replace')).hexdigest()[:8]}"
