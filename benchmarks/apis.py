"""All of AWS, all of Google and real OpenAPI documents: read, added to a new catalogue, and synced again unchanged."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Aim, Report

BACKEND = """
import sys, time
from datetime import UTC, datetime
import anyio
from banyan.core.source import Source, SourceKind
from banyan.tools.aws import AwsBackend
from banyan.tools.google import GoogleBackend

def backend(source):
    if source.kind is SourceKind.AWS:
        return AwsBackend(source, secrets=None)
    return GoogleBackend(source, secrets=None, environment={})

kind = SourceKind(sys.argv[2])
source = Source(name=kind.value, kind=kind, config={} if kind is SourceKind.AWS else {"apis": []})
"""

READ = (
    BACKEND
    + """
async def main():
    began = time.perf_counter()
    count = 0
    async for part in backend(source).listings():
        count += len(part.tools)
    print(count, time.perf_counter() - began)
"""
)

SYNC = (
    BACKEND
    + """
from banyan.memory.database import Database
from banyan.tools.backends import Backends
from banyan.tools.sync import Syncer

async def main():
    database = await Database.open("sqlite:///" + sys.argv[1])
    await database.sources.put(source)
    backends = Backends(database.sources, {kind: backend})
    syncer = Syncer(database.sources, database.tools, backends, clock=lambda: datetime.now(UTC))
    began = time.perf_counter()
    (report,) = await syncer.sync()
    assert report.error is None, report.error
    print(len(report.new) + report.unchanged, time.perf_counter() - began)
    await database.close()
"""
)

END = """
anyio.run(main)
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) / 1024)
"""


DOCUMENT = """
import sys, time
from pathlib import Path
from banyan.tools.openapi.document import load
from banyan.tools.openapi.operations import operations

async def main():
    began = time.perf_counter()
    path = Path(sys.argv[1])
    specs = [one.spec for one in operations(load(path.read_bytes(), origin=path.name), server="api")]
    print(len(specs), time.perf_counter() - began)
"""


def main(data: Path | None) -> Sequence[Report]:
    """Measure both libraries of APIs, then the documents of the data folder if it is given."""
    reports = [_library("aws", "AWS", limit_s=60), _library("google", "Google", limit_s=60)]
    return reports if data is None else [*reports, _documents(data / "openapi")]


def _library(kind: str, name: str, *, limit_s: float) -> Report:
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as folder:
        file = str(Path(folder) / "banyan.db")
        rows = [
            ("read from its descriptions", *_run(READ, file, kind)),
            ("added, cold", *_run(SYNC, file, kind)),
            ("synced again, unchanged", *_run(SYNC, file, kind)),
        ]
        size_mib = Path(file).stat().st_size / 2**20
    return Report(
        title=f"All of {name}",
        columns=("what", "operations", "seconds", "peak MiB of the process", "operations per s"),
        rows=tuple((what, count, took_s, peak_mib, count / took_s) for what, count, took_s, peak_mib in rows),
        aims=(
            Aim(text=f"peak while adding all of {name}", value=rows[1][3], limit=200, unit="MiB"),
            Aim(text=f"adding all of {name}, without its vectors", value=rows[1][2], limit=limit_s, unit="s"),
        ),
        notes=(
            f"One run each, in a process of its own that imports what it needs. The SQLite file (WAL, "
            f"synchronous=FULL) then has {size_mib:.0f} MiB. Vectors are computed afterwards and not counted.",
        ),
    )


def _documents(folder: Path) -> Report:
    """Read every document in a process of its own; what an empty one costs is taken off its memory."""
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as scratch:
        empty = Path(scratch) / "empty.json"
        empty.write_text('{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}', encoding="utf-8")
        _, _, floor_mib = _run("import anyio" + DOCUMENT, str(empty))
    rows = []
    for path in sorted(folder.iterdir()):
        count, took_s, peak_mib = _run("import anyio" + DOCUMENT, str(path))
        more_mib = peak_mib - floor_mib
        rows.append((path.name, count, took_s, took_s * 1_000 / count, more_mib, more_mib * 1_000 / count))
    count, took_s = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return Report(
        title="OpenAPI documents",
        columns=("document", "operations", "seconds", "s per 1,000", "more MiB", "more MiB per 1,000"),
        rows=tuple(rows),
        notes=(
            f"{count:,} operations in {took_s:.1f} s, {took_s * 1_000 / count:.2f} s per 1,000: the document loaded, "
            f"every operation made a tool and checked. One run each; memory is the peak of a process that reads the "
            f"document beyond one that reads an empty one, so small documents cost most for each operation.",
        ),
    )


def _run(program: str, *arguments: str) -> tuple[int, float, float]:
    """Return operations, seconds and peak memory of a program."""
    command = [sys.executable, "-c", program + END, *arguments]
    count, took_s, peak_mib = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(count), float(took_s), float(peak_mib)
