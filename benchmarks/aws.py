"""All of AWS: read from its models, added to a new catalogue, and synced again unchanged; each in its own process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Aim, Report

READ = """
import time
import anyio
from banyan.core.source import Source, SourceKind
from banyan.tools.aws import AwsBackend

async def main():
    began = time.perf_counter()
    count = 0
    async for part in AwsBackend(Source(name="aws", kind=SourceKind.AWS), secrets=None).listings():
        count += len(part.tools)
    print(count, time.perf_counter() - began)
"""

SYNC = """
import sys, time
from datetime import UTC, datetime
from functools import partial
import anyio
from banyan.core.source import Source, SourceKind
from banyan.memory.database import Database
from banyan.tools.aws import AwsBackend
from banyan.tools.backends import Backends
from banyan.tools.sync import Syncer

async def main():
    database = await Database.open("sqlite:///" + sys.argv[1])
    await database.sources.put(Source(name="aws", kind=SourceKind.AWS))
    backends = Backends(database.sources, {SourceKind.AWS: partial(AwsBackend, secrets=None)})
    syncer = Syncer(database.sources, database.tools, backends, clock=lambda: datetime.now(UTC))
    began = time.perf_counter()
    (report,) = await syncer.sync()
    assert report.error is None, report.error
    print(len(report.new) + report.unchanged, time.perf_counter() - began)
    await database.close()
"""

END = """
anyio.run(main)
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) / 1024)
"""


def main(data: Path | None) -> Report:
    """Measure the three, one after the other."""
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as folder:
        file = str(Path(folder) / "banyan.db")
        rows = [
            ("read from the models", *_run(READ, file)),
            ("added, cold", *_run(SYNC, file)),
            ("synced again, unchanged", *_run(SYNC, file)),
        ]
        size_mib = Path(file).stat().st_size / 2**20
    return Report(
        title="All of AWS",
        columns=("what", "operations", "seconds", "peak MiB of the process", "operations per s"),
        rows=tuple((what, count, took_s, peak_mib, count / took_s) for what, count, took_s, peak_mib in rows),
        aims=(
            Aim(text="peak while adding all of AWS", value=rows[1][3], limit=200, unit="MiB"),
            Aim(text="adding all of AWS, without its vectors", value=rows[1][2], limit=60, unit="s"),
        ),
        notes=(
            f"One run each, in a process of its own that imports what it needs. The SQLite file (WAL, "
            f"synchronous=FULL) then has {size_mib:.0f} MiB. Vectors are computed afterwards and not counted.",
        ),
    )


def _run(program: str, file: str) -> tuple[int, float, float]:
    """Return operations, seconds and peak memory of a program."""
    command = [sys.executable, "-c", program + END, file]
    count, took_s, peak_mib = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(count), float(took_s), float(peak_mib)
