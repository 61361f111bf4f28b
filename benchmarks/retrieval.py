"""How well tools are found, on every set of labelled queries: by words, by meaning, and by both."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio

from benchmarks import NeedsData
from benchmarks.corpus import HOMES
from benchmarks.report import Aim, Report

MODES = ("lexical", "dense", "hybrid")
QUERIES = 1_000
"""Queries asked of each set, spread over it; fewer sets have more."""
PLAIN_BM25 = {
    "metatool": 0.400,
    "bfcl": 0.676,
    "sealtools": 0.823,
    "aws_examples": 0.828,
    "jentic_arazzo_dev": 0.431,
    "mcptoolbenchpp": 0.752,
    "nestful": 0.657,
    "apibank": 0.547,
    "restbench": 0.498,
    "gnn_tmdb": 0.400,
    "autotools": 0.315,
}
"""Recall at 10 of a plain BM25 (server, name twice, description) in the same pools, as the data's own notes give it."""


def main(data: Path | None) -> Sequence[Report]:
    """Evaluate every set of queries in its recommended pool, in every mode."""
    if data is None:
        raise NeedsData
    found = anyio.run(measure, data)
    return [_by_set(found), _means(found)]


async def measure(data: Path) -> dict[str, dict[str, Any]]:
    """Return the measures of every set of queries, by set and mode."""
    from banyan.memory.database import Database
    from banyan.retrieval import load_encoder
    from banyan.retrieval.evaluate import Trial, evaluate
    from banyan.retrieval.rank import Mode

    HOMES.mkdir(parents=True, exist_ok=True)
    pools: dict[str, list[str]] = json.loads((data / "MANIFEST.json").read_text(encoding="utf-8"))["recommended_pool"]
    database = await Database.open(f"sqlite:///{HOMES / 'retrieval.db'}")
    found: dict[str, dict[str, Any]] = {}
    try:
        for name, pool in pools.items():
            found[name] = {}
            for mode in MODES:
                trial = Trial(
                    tools=tuple(data / "tools" / f"{one}.jsonl.zst" for one in pool),
                    queries=(data / "queries" / f"{name}.jsonl.gz",),
                    equivalents=data / "equivalent_tools.json.gz",
                    mode=Mode(mode),
                    limit=QUERIES,
                    cache=HOMES / "retrieval" / "-".join([*pool, mode]),
                )
                done = (await evaluate(trial, load_encoder, database.vectors)).to_json()
                found[name][mode] = done["files"][0] | {"pool": done["pool"]}
            print(f"{name} done", file=sys.stderr, flush=True)
    finally:
        await database.close()
    return found


def _by_set(found: dict[str, dict[str, Any]]) -> Report:
    rows = []
    for name, modes in found.items():
        recalls = [modes[mode]["recall"][k] for k in ("5", "10") for mode in MODES]
        rows.append((name, modes["hybrid"]["n"], modes["hybrid"]["pool"], *recalls, PLAIN_BM25.get(name, "")))
    columns = [f"R@{k} {mode}" for k in ("5", "10") for mode in MODES]
    return Report(
        title="Retrieval, by set of queries",
        columns=("queries", "n", "pool", *columns, "R@10 plain BM25"),
        rows=tuple(rows),
        notes=(
            f"R@k: the part of the tools that a query needs which is among the first k, mean over up to {QUERIES:,} "
            f"queries of each set. Each set is asked in the pool that its notes recommend.",
        ),
    )


def _means(found: dict[str, dict[str, Any]]) -> Report:
    rows: list[tuple[Any, ...]] = []
    for mode in MODES:
        ran = [modes[mode] for modes in found.values()]
        recalls = [_mean([one["recall"][k] for one in ran]) for k in ("1", "5", "10", "20")]
        rest = [
            _mean([one["ndcg"]["10"] for one in ran]),
            _mean([one["mrr"] for one in ran]),
            _mean([one["completeness"]["10"] for one in ran]),
            _mean([one["latency_ms"]["p50"] for one in ran]),
        ]
        rows.append((mode, *recalls, *rest))
    plain = _mean([PLAIN_BM25[name] for name in found if name in PLAIN_BM25])
    return Report(
        title="Retrieval, means over sets",
        columns=("mode", "R@1", "R@5", "R@10", "R@20", "nDCG@10", "MRR", "complete@10", "p50 ms"),
        rows=tuple(rows),
        aims=(
            Aim(
                text="R@10 of hybrid over the better of both alone",
                value=rows[2][3] / max(rows[0][3], rows[1][3]),
                limit=1.0,
                at_most=False,
            ),
            Aim(text="R@10 of hybrid over plain BM25's", value=rows[2][3] / plain, limit=1.0, at_most=False),
        ),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
