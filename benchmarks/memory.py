"""Memory of a Banyan that searches 50,000 real tools: a process of its own, measured from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio

from benchmarks.corpus import prepared_home
from benchmarks.report import Aim, Report

COUNTS = (1_000, 50_000)
PROGRAM = """
import asyncio, sys
import banyan

QUERIES = ["send a message to a channel", "list virtual machines", "convert a currency", "delete a user", "weather"]

def resident_mib(what):
    for line in open("/proc/self/status"):
        if line.startswith(what):
            return int(line.split()[1]) / 1024

async def main():
    async with banyan.open(sys.argv[1]) as b:
        for query in QUERIES * 4:
            await b.find(query)
        print(resident_mib("VmRSS"), resident_mib("VmHWM"))

asyncio.run(main())
"""


def main(data: Path | None) -> Report:
    """Measure a process that opens a home and searches it."""
    rows = []
    for count in COUNTS:
        home = anyio.run(prepared_home, data, count)
        done = subprocess.run([sys.executable, "-c", PROGRAM, str(home)], capture_output=True, text=True, check=True)
        now_mib, peak_mib = map(float, done.stdout.split())
        rows.append((count, now_mib, peak_mib))
    return Report(
        title="Memory",
        columns=("tools", "resident MiB after 20 searches", "peak MiB"),
        rows=tuple(rows),
        aims=(Aim(text=f"resident at {COUNTS[-1]:,} tools", value=rows[-1][1], limit=400, unit="MiB"),),
        notes=("One process with the encoder, the index and the database open, every vector in place.",),
    )
