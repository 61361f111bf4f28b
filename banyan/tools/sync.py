"""Bringing the catalogue up to date with what its sources list now."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from banyan.core.errors import BanyanError, SourceUnavailable, UnknownSource
from banyan.core.ports import PartedBackend
from banyan.core.preset import presets, with_presets
from banyan.core.shorten import cut
from banyan.core.source import Listing, Source, SyncReport

if TYPE_CHECKING:
    from banyan.core.ports import Clock, SourceStore, ToolStore
    from banyan.core.tool import ToolSpec
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
            with anyio.move_on_after(self._limits.timeout_s):
                report = await self._take(source)
                return replace(report, took_ms=(time.monotonic() - began_s) * 1_000)
            report = await self._failed(source, f"it was not listed within {self._limits.timeout_s:g} s")
        except BanyanError as error:
            report = await self._failed(source, error.problem if isinstance(error, SourceUnavailable) else str(error))
        except Exception as error:
            # A named border: one source's backend must not end the sync of the others.
            logger.exception("sync of source `%s` failed unexpectedly", source.name)
            report = await self._failed(source, f"an error within Banyan: {type(error).__name__}")
        return replace(report, took_ms=(time.monotonic() - began_s) * 1_000)

    async def _take(self, source: Source) -> SyncReport:
        backend = await self._backends.get(source.name)
        if isinstance(backend, PartedBackend):
            report = await self._parts(source, backend)
        else:
            listing = await backend.listing()
            report = await self._write(source, listing)
            await self._note(source, error=None, instructions=listing.instructions)
        return report

    async def _parts(self, source: Source, backend: PartedBackend) -> SyncReport:
        """Sync part by part, then let go of the servers that no part was of."""
        report = SyncReport(source=source.name)
        seen: set[str] = set()
        async for listing in backend.listings():
            seen |= listing.servers or set()
            report = _joined(report, await self._write(source, listing))
        known = {one.server for one in await self._tools.servers() if one.source == source.name}
        if left := frozenset(known - seen):
            report = _joined(report, await self._tools.sync(source.name, (), servers=left))
        await self._note(source, error=None)
        return report

    async def _write(self, source: Source, listing: Listing) -> SyncReport:
        inside, notes = _inside(listing)
        given = presets(source.config)
        specs = [with_presets(spec, given) for spec in inside[: self._limits.max_tools]]
        if left := len(inside) - len(specs):
            notes = (*notes, f"{left:,} tools beyond the first {len(specs):,} were left out")
        return await self._tools.sync(source.name, specs, servers=listing.servers, notes=notes)

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
            said = now.instructions if instructions is None else cut(instructions, self._limits.instructions_chars)
            await self._sources.put(replace(now, synced_at=self._clock(), sync_error=None, instructions=said))


def _joined(one: SyncReport, two: SyncReport) -> SyncReport:
    return replace(
        one,
        new=one.new + two.new,
        changed=one.changed + two.changed,
        gone=one.gone + two.gone,
        back=one.back + two.back,
        unchanged=one.unchanged + two.unchanged,
        quarantined=one.quarantined + two.quarantined,
        notes=one.notes + two.notes,
    )


def _inside(listing: Listing) -> tuple[tuple[ToolSpec, ...], tuple[str, ...]]:
    """Return the tools that are of the listing's own servers, and its notes with one on the others."""
    if listing.servers is None:
        return listing.tools, listing.notes
    inside = tuple(spec for spec in listing.tools if spec.server in listing.servers)
    outside = len(listing.tools) - len(inside)
    notes = (f"{outside:,} tools of other servers than the listing is of were left out",) if outside else ()
    return inside, (*listing.notes, *notes)
