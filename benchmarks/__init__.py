"""Benchmarks of Banyan: `python -m benchmarks [--data FOLDER] [--only NAME ...] [--json FILE] [--markdown FILE]`.

Each module has `main(data: Path | None) -> Report | Sequence[Report]`. `data` is a folder of real tools and queries
(`tools/*.jsonl.zst`, `queries/*.jsonl.gz`); a benchmark that cannot run without it raises `NeedsData`.
"""

from __future__ import annotations


class NeedsData(Exception):
    """The benchmark needs a folder of real tools; give one with `--data`."""
