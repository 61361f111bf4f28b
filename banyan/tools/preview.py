"""What adding a source would bring, found by listing it without writing anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from banyan.core.ports import Backend, NeedyBackend, PartedBackend
from banyan.core.source import Listing, Need, Source
from banyan.core.tool import ToolSpec

_QUARANTINED_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a source lists now."""

    source: str
    servers: Mapping[str, int]
    """How many tools each server has."""
    effects: Mapping[str, int]
    """How many tools may do what: `read_only`, `writes`, `destructive`."""
    quarantined: tuple[tuple[str, str], ...] = ()
    """Tools that cannot be offered, as `server.tool`, with the reason; the first of them, if they are many."""
    quarantined_count: int = 0
    needs: tuple[Need, ...] = ()
    """What a person must still provide before anything can be called."""
    notes: tuple[str, ...] = ()

    @property
    def tools(self) -> int:
        """How many tools there are, with those that cannot be offered."""
        return sum(self.servers.values())

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        return {
            "source": self.source,
            "tools": self.tools,
            "servers": dict(self.servers),
            "effects": dict(self.effects),
            "quarantined": [{"name": name, "reason": reason} for name, reason in self.quarantined],
            "quarantined_count": self.quarantined_count,
            "needs": [{"what": one.what, "fix": one.fix} for one in self.needs],
            "notes": list(self.notes),
        }


async def preview_of(source: Source, backend: Backend) -> Preview:
    """Return what `backend` lists for `source`, part by part where it can.

    Raises:
        SourceUnavailable: it cannot be listed.
    """
    servers: Counter[str] = Counter()
    effects: Counter[str] = Counter()
    faulty: list[tuple[str, str]] = []
    notes: list[str] = []
    async for listing in _parts(backend):
        servers.update(spec.server for spec in listing.tools)
        effects.update(spec.effects.kind.value for spec in listing.tools)
        faulty += [(_name(spec), spec.fault) for spec in listing.tools if spec.fault is not None]
        notes += listing.notes
    return Preview(
        source=source.name,
        servers=servers,
        effects=effects,
        quarantined=tuple(faulty[:_QUARANTINED_SHOWN]),
        quarantined_count=len(faulty),
        needs=tuple(await backend.needs()) if isinstance(backend, NeedyBackend) else (),
        notes=tuple(notes),
    )


async def _parts(backend: Backend) -> AsyncIterator[Listing]:
    if isinstance(backend, PartedBackend):
        async for listing in backend.listings():
            yield listing
    else:
        yield await backend.listing()


def _name(spec: ToolSpec) -> str:
    return f"{spec.server}.{spec.upstream_name}"
