"""Bringing the catalogue up to date with what its sources list now."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from banyan.core.errors import BanyanError, SourceUnavailable, UnknownSource
from banyan.core.source import Listing, Source, SyncReport
from banyan.tools.shorten import cut

if TYPE_CHECKING:
    from banyan.core.ports import Clock, SourceStore, ToolStore
    from banyan.tools.backends import Backends

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingLimits:
    """What bounds a sync."""

    at_once: int = 8
    """Sources listed at a time."""
    timeout_s: float = 300.0
    """Seconds that one source may take, its start included; its own deadlines are shorter."""
    max_tools: int = 100_000
    """Tools taken of one source."""
    instructions_chars: int = 4_000
    """Characters kept of what a source says of itself."""
    error_chars: int = 500
    """Characters kept of why a source failed."""


class Syncer:
    """Lists sources and writes what changed; one that fails never hides another."""

    def __init__(
        self,
        sources: SourceStore,
        tools: ToolStore,
        backends: Backends,
        limits: ListingLimits | None = None,
        *,
        clock: Clock,
    ) -> None:
        self._sources = sources
        self._tools = tools
        self._backends = backends
        self._limits = limits or ListingLimits()
        self._clock = clock

    async def sync(
        self, names: Sequence[str] = (), *, on_done: Callable[[SyncReport], None] | None = None
    ) -> list[SyncReport]:
        """List these sources, or every one that is switched on, at the same time; return their reports, by source.

        Args:
            names: sources; empty means all.
            on_done: gets each report as soon as it is there.

        Raises:
            UnknownSource: there is no source of one of `names`; nothing was listed.
            DatabaseUnavailable: the sources cannot be read.
        """
        reports: dict[str, SyncReport] = {}
        limiter = anyio.CapacityLimiter(self._limits.at_once)

        async def one(source: Source) -> None:
            async with limiter:
                reports[source.name] = report = await self._one(source)
            if on_done is not None:
                on_done(report)

        chosen = await self._chosen(names)
        async with anyio.create_task_group() as group:
            for source in chosen:
                group.start_soon(one, source)
        return [reports[source.name] for source in chosen]

    async def _chosen(self, names: Sequence[str]) -> list[Source]:
        every = {source.name: source for source in await self._sources.all()}
        for name in names:
            if name not in every:
                raise UnknownSource(name, known=sorted(every))
        return [source for name, source in sorted(every.items()) if name in names or (not names and source.enabled)]

    async def _one(self, source: Source) -> SyncReport:
        began_s = time.monotonic()
        try:
            listing = await self._list(source)
            specs = listing.tools[: self._limits.max_tools]
            report = await self._tools.sync(source.name, specs, notes=_notes(listing, len(specs)))
            instructions = cut(listing.instructions, self._limits.instructions_chars)
            await self._note(source, error=None, instructions=instructions)
        except BanyanError as error:
            report = await self._failed(source, error.problem if isinstance(error, SourceUnavailable) else str(error))
        except Exception as error:
            # A named border: one source's backend must not end the sync of the others.
            logger.exception("sync of source `%s` failed unexpectedly", source.name)
            report = await self._failed(source, f"an error within Banyan: {type(error).__name__}")
        return replace(report, took_ms=(time.monotonic() - began_s) * 1_000)

    async def _list(self, source: Source) -> Listing:
        with anyio.move_on_after(self._limits.timeout_s):
            backend = await self._backends.get(source.name)
            return await backend.listing()
        raise SourceUnavailable(source.name, f"it was not listed within {self._limits.timeout_s:g} s")

    async def _failed(self, source: Source, problem: str) -> SyncReport:
        problem = cut(problem, self._limits.error_chars)
        try:
            await self._note(source, error=problem)
        except BanyanError as error:
            logger.warning("that source `%s` failed could not be recorded: %s", source.name, error)
        return SyncReport(source=source.name, error=problem)

    async def _note(self, source: Source, *, error: str | None, instructions: str | None = None) -> None:
        """Write when the source was synced, or why it could not be; its configuration is left as it is by now."""
        try:
            now = await self._sources.get(source.name)
        except UnknownSource:
            return
        if error is not None:
            await self._sources.put(replace(now, sync_error=error))
        else:
            said = now.instructions if instructions is None else instructions
            await self._sources.put(replace(now, synced_at=self._clock(), sync_error=None, instructions=said))


def _notes(listing: Listing, taken: int) -> tuple[str, ...]:
    left = len(listing.tools) - taken
    return (*listing.notes, f"{left:,} tools beyond the first {taken:,} were left out") if left else listing.notes
