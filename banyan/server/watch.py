"""Keeping up: other processes' changes, servers whose tools changed, and vectors that are missing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
from filelock import FileLock, Timeout

from banyan.core.errors import BanyanError, ModelUnavailable
from banyan.server.wiring import Parts, now

if TYPE_CHECKING:
    from banyan.core.ids import SourceName

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
"""Seconds between two looks at the catalogue's version: others' changes are promised within 2 s."""

RETRY_EVERY_S = 5.0
"""Seconds between two looks while the database is away, or another process embeds."""

TIDY_EVERY_S = 600.0
"""Seconds between two looks for calls that lost their process, and for what is past its time."""

UNSETTLED_AFTER = 2
"""A call prepared this many timeouts ago and never finished has lost its process."""


class Watcher:
    """Follows the catalogue for one Banyan."""

    def __init__(self, parts: Parts, changed: set[SourceName]) -> None:
        self._parts = parts
        self._changed = changed
        """Sources whose server said that its tools changed."""
        self._callbacks: list[Callable[[], None]] = []
        self._version: int | None = None
        self._looking = anyio.Lock()  # one refresh at a time: the second would do the first one's work again
        self._wake = anyio.Event()

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Add a callback; the returned function takes it away again."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    async def ready(self) -> None:
        """Make the index searchable, if it is not yet."""
        if self._version is None:
            await self.look()

    async def look(self) -> None:
        """Take in what changed in the catalogue since the last look."""
        async with self._looking:
            version = await self._parts.database.tools.version()
            if version == self._version:
                return
            first, self._version = self._version is None, version
            self._parts.resolver.forget()
            await self._parts.index.refresh()
        self._wake.set()
        if not first:
            for callback in tuple(self._callbacks):
                callback()

    async def embed(self, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Compute missing vectors; waits while another process of the same index does, and takes in its work.

        Raises:
            ModelUnavailable: there is no model, or the folder of the index cannot be written.
        """
        folder = self._parts.index_folder
        lock = FileLock(folder / "embedding.lock", thread_local=False)
        await self.ready()
        while True:
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock.acquire(blocking=False)
            except Timeout:
                await anyio.sleep(RETRY_EVERY_S / 5)
                continue
            except OSError as error:
                raise ModelUnavailable(f"`{folder}` cannot be written: {error.strerror}") from error
            try:
                return await self._parts.index.embed_missing(on_progress)
            finally:
                lock.release()

    async def run(self) -> None:
        """Follow the catalogue until cancelled; a database that goes away is waited for."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep_house)
            group.start_soon(self._follow)
            group.start_soon(self._embed_as_needed)

    async def _follow(self) -> None:
        while True:
            pause_s = LOOK_EVERY_S
            try:
                await self._resync()
                await self.look()
            except BanyanError as error:
                logger.warning("the catalogue cannot be followed, trying again: %s", error)
                pause_s = RETRY_EVERY_S
            await anyio.sleep(pause_s)

    async def _resync(self) -> None:
        if not self._changed:
            return
        names = sorted(self._changed)
        self._changed.clear()
        for report in await self._parts.syncer.sync(names):
            if report.error is not None:
                logger.warning("source `%s` changed, but could not be listed: %s", report.source, report.error)

    async def _embed_as_needed(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            try:
                await self.embed()
            except BanyanError as error:
                logger.warning("search goes on by words alone: %s", error)
                await anyio.sleep(RETRY_EVERY_S)

    async def _keep_house(self) -> None:
        while True:
            await self._tidy()
            await anyio.sleep(TIDY_EVERY_S)

    async def _tidy(self) -> None:
        """Settle what a dead process left behind, and drop results and records that are past their time."""
        settings, database = self._parts.settings, self._parts.database
        lost_before = now() - timedelta(seconds=UNSETTLED_AFTER * settings.calls.timeout_s)
        try:
            lost = await database.journal.settle(older_than=lost_before)
            if lost:
                logger.warning("%d calls were sent and never answered; see `banyan doctor`", len(lost))
            before = now() - timedelta(days=settings.results.keep_days)
            await database.artifacts.expire(before=before, keep_bytes=settings.results.keep_bytes)
        except BanyanError as error:
            logger.warning("old calls and results were not cleared: %s", error)
