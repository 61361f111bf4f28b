"""Run benchmarks and show what they measured."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import NeedsData
from benchmarks.report import Report, machine

PAGE = """# Benchmarks

Numbers of one machine on one day: trust the ratios within a table more than the absolutes. They are made anew by
`make bench DATA=FOLDER`, where the folder holds real tools and labelled queries; without it, those run that need
none. What was promised stands below each table, met or missed.

"""
"""How the page starts that `--markdown` writes."""

NAMES = (
    "calls",
    "rest",
    "start",
    "sync",
    "apis",
    "find",
    "memory",
    "retrieval",
    "leaves",
    "contexts",
    "conversations",
    "tasks",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that were asked for, and return 0 when every aim was met."""
    chosen = _parse(arguments)
    where = machine()
    reports: list[Report] = []
    print(f"# Benchmarks\n\n{describe(where)}\n", flush=True)
    for name in chosen.only or NAMES:
        started = time.perf_counter()
        try:
            made = import_module(f"benchmarks.{name}").main(chosen.data)
        except NeedsData:
            print(f"`{name}` needs real tools: give a folder with --data.\n", file=sys.stderr)
            continue
        fresh = [made] if isinstance(made, Report) else list(made)
        reports += fresh
        for report in fresh:
            print(report.to_markdown(), flush=True)
        print(f"`{name}` took {time.perf_counter() - started:.0f} s\n", file=sys.stderr)
    if chosen.json:
        found = {"machine": where, "reports": [report.to_json() for report in reports]}
        chosen.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    if chosen.markdown:
        text = "\n".join(report.to_markdown() for report in reports)
        chosen.markdown.write_text(f"{PAGE}{describe(where)}\n\n{text}", encoding="utf-8")
    return 0 if all(aim.met for report in reports for aim in report.aims) else 1


def describe(where: dict[str, Any]) -> str:
    """Return the machine as one sentence."""
    libraries = ", ".join(f"{name} {number}" for name, number in where["libraries"].items())
    return (
        f"Measured on {where['cores']} cores of {where['cpu']}, {where['memory_gib']} GiB, {where['system']}, "
        f"Python {where['python']}; {libraries}; load average at the start {where['load']}."
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of real tools and queries")
    parser.add_argument("--only", nargs="+", choices=NAMES, help="run these alone")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--markdown", type=Path, help="write them here as a page, as docs/benchmarks.md is")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
