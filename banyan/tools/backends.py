"""The live backends: one per source, made when it is first needed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from banyan.core.errors import SourceUnavailable, UnknownSource

if TYPE_CHECKING:
    from banyan.core.ids import SourceName
    from banyan.core.ports import Backend, SourceStore
    from banyan.core.source import Source, SourceKind

logger = logging.getLogger(__name__)

CLOSE_S = 15.0
"""Seconds that a backend may take to stop; its own deadlines are shorter."""

TRUST_S = 1.0
"""Seconds for which a source's configuration is not read again: changes by other processes show after that."""


@dataclass(slots=True)
class _Live:
    source: Source
    backend: Backend
    checked_at: float


class Backends:
    """Backends by source name.  Making one starts nothing; a source whose configuration changed gets a fresh one."""

    def __init__(self, sources: SourceStore, make: Mapping[SourceKind, Callable[[Source], Backend]]) -> None:
        self._sources = sources
        self._make = make
        self._live: dict[SourceName, _Live] = {}

    async def get(self, source: SourceName) -> Backend:
        """Return the backend of `source`.

        Raises:
            UnknownSource: there is no such source.
            SourceUnavailable: the source is switched off, or nothing here speaks to its kind.
        """
        known = self._live.get(source)
        if known is not None and time.monotonic() - known.checked_at < TRUST_S:
            return known.backend
        try:
            now = await self._sources.get(source)
        except UnknownSource:
            await self.drop(source)
            raise
        if not now.enabled:
            await self.drop(source)
            raise SourceUnavailable(source, "it is switched off")
        # Read again, since another task may have made it meanwhile; nothing is awaited from here to the end of making.
        known = self._live.get(source)
        if known is not None and _same(known.source, now):
            known.checked_at = time.monotonic()
            return known.backend
        backend = self.make(now)
        self._live[source] = _Live(now, backend, time.monotonic())
        if known is not None:
            await _close(source, known.backend)
        return backend

    def timeout_s(self, source: SourceName) -> float | None:
        """Return the seconds that the configuration of a live source gives its calls, if it does."""
        known = self._live.get(source)
        stated = known.source.config.get("timeout_s") if known is not None else None
        return float(stated) if isinstance(stated, int | float) and stated > 0 else None

    async def drop(self, source: SourceName) -> None:
        """Stop the backend of `source`, if it has one, and forget it."""
        known = self._live.pop(source, None)
        if known is not None:
            await _close(source, known.backend)

    def live(self) -> Mapping[SourceName, Backend]:
        """Return the backends that were made so far, by source name."""
        return {name: one.backend for name, one in sorted(self._live.items())}

    async def aclose(self) -> None:
        """Stop every backend; idempotent."""
        closing, self._live = self._live, {}
        async with anyio.create_task_group() as group:
            for name, one in closing.items():
                group.start_soon(_close, name, one.backend)

    def make(self, source: Source) -> Backend:
        """Return a fresh backend of `source`, which the caller stops; it need be no source of the catalogue.

        Raises:
            SourceUnavailable: nothing here speaks to its kind.
        """
        if source.kind not in self._make:
            raise SourceUnavailable(source.name, f"nothing here speaks to sources of kind `{source.kind}`")
        return self._make[source.kind](source)


def _same(one: Source, other: Source) -> bool:
    return (one.kind, dict(one.config)) == (other.kind, dict(other.config))


async def _close(name: SourceName, backend: Backend) -> None:
    """Stop a backend within bounds: a stuck one must not hold up the others, nor the end of the program."""
    with anyio.move_on_after(CLOSE_S, shield=True) as scope:
        await backend.aclose()
    if scope.cancelled_caught:
        logger.warning("source `%s` did not stop within %s s", name, CLOSE_S)
