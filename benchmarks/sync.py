"""Sync of a source with 50,000 real tools: cold, unchanged, and with one tool in a hundred changed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from banyan.core.ids import SourceName
from banyan.core.ports import Backend, Caller
from banyan.core.source import Listing, Source, SourceKind, SyncReport
from banyan.core.tool import Tool, ToolSpec
from banyan.memory.database import Database
from banyan.tools.backends import Backends
from banyan.tools.sync import Syncer
from benchmarks.corpus import fresh, read_tools
from benchmarks.report import Aim, Report, median

TOOLS, ROUNDS, CHANGED_EVERY = 50_000, 3, 100
SOURCE = SourceName("corpus")


class Lister:
    """A source that lists what it is given."""

    def __init__(self) -> None:
        self.specs: list[ToolSpec] = []

    async def listing(self) -> Listing:
        """Return the tools that were given last."""
        return Listing(tools=tuple(self.specs))

    async def call(self, tool: Tool, arguments: Mapping[str, Any], *, timeout_s: float, caller: Caller) -> Any:
        """Never called here."""
        raise NotImplementedError

    def status(self) -> Mapping[str, Any]:
        """Return nothing."""
        return {}

    async def aclose(self) -> None:
        """Do nothing."""


def main(data: Path | None) -> Report:
    """Measure the three kinds of sync."""
    return anyio.run(measure, read_tools(data, TOOLS))


async def measure(specs: list[ToolSpec]) -> Report:
    """Time each kind of sync on new databases, and return the table."""
    kinds: dict[str, list[float]] = {"cold": [], "unchanged": [], "1 % changed": []}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="banyan-bench-") as folder:
            database = await Database.open(f"sqlite:///{Path(folder) / 'banyan.db'}")
            try:
                await _round(database, specs, kinds)
            finally:
                await database.close()
    rows = tuple((kind, median(times), TOOLS / median(times)) for kind, times in kinds.items())
    return Report(
        title=f"Sync of {TOOLS:,} tools",
        columns=("sync", "median s", "tools per s"),
        rows=rows,
        aims=(Aim(text="unchanged", value=median(kinds["unchanged"]), limit=3, unit="s"),),
        notes=(
            f"N = {ROUNDS} rounds, each with a new SQLite file (WAL, synchronous=FULL). From a listing in memory to "
            "the committed catalogue: digests are computed anew; the time that servers take to list is not included.",
        ),
    )


async def _round(database: Database, specs: list[ToolSpec], kinds: dict[str, list[float]]) -> None:
    lister = Lister()
    makers: dict[SourceKind, Any] = {SourceKind.MCP: lambda source: _backend(lister)}
    backends = Backends(database.sources, makers)
    syncer = Syncer(database.sources, database.tools, backends, clock=lambda: datetime.now(UTC))
    await database.sources.put(Source(name=SOURCE, kind=SourceKind.MCP, config={"command": ["none"]}))
    for kind, every in (("cold", 0), ("unchanged", 0), ("1 % changed", CHANGED_EVERY)):
        lister.specs = fresh(specs, changed_every=every)
        started = time.perf_counter()
        (report,) = await syncer.sync([SOURCE])
        kinds[kind].append(time.perf_counter() - started)
        _check(kind, report)


def _backend(lister: Lister) -> Backend:
    return lister


def _check(kind: str, report: SyncReport) -> None:
    found = (len(report.new) + len(report.quarantined), len(report.changed))
    expected = {"cold": (TOOLS, 0), "unchanged": (0, 0), "1 % changed": (0, TOOLS // CHANGED_EVERY)}[kind]
    if report.error or (kind != "cold" and found[1] != expected[1]):
        raise RuntimeError(f"{kind}: expected {expected}, found {found}: {report.error}")
