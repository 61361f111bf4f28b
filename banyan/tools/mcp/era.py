"""Remembering how a server wants to be greeted, so that no later start has to find out again."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread

from banyan.tools.mcp.connect import Era, ProbeRefused

logger = logging.getLogger(__name__)


class EraFile:
    """Knows the era of one server, and keeps it in a file where there is one."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._era: Era | None = None
        self._read = False

    @asynccontextmanager
    async def remembered(self) -> AsyncIterator[Era | None]:
        """Yield the era, None where it is not known; learns from a server that refuses the question."""
        if not self._read:
            self._era = await anyio.to_thread.run_sync(self._load)
            self._read = True
        try:
            yield self._era
        except ProbeRefused:
            # A server that was known to take it may have ended for another reason, so it is asked once more.
            self._era = Era.LEGACY if self._era is None else None
            raise

    async def learn(self, *, modern: bool) -> None:
        """Remember the era that a greeting showed."""
        found = Era.MODERN if modern else Era.LEGACY
        if found is not self._era or self._file is not None:
            await anyio.to_thread.run_sync(self._keep, found)
        self._era = found

    def _load(self) -> Era | None:
        if self._file is None:
            return None
        try:
            return Era(self._file.read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            # It is found out anew.
            return None

    def _keep(self, era: Era) -> None:
        if self._file is None or self._load() is era:
            return
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.write_text(era.value, encoding="ascii")
        except OSError as error:
            logger.debug("how to greet a server is not remembered: %s", error.strerror)
