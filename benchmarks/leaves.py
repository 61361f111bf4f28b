"""Tools found for the leaves of a plan, each in its own words, beside those found for the whole request."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import anyio
import orjson

from benchmarks import NeedsData
from benchmarks.corpus import HOMES
from benchmarks.report import Aim, Report

SETS = ("gnn_tmdb", "autotools", "nestful", "sealtools", "jentic_arazzo_dev")
"""The sets whose queries have plans; without restbench, whose requests are gnn_tmdb's, and of one clause each."""
SHOWN = (3, 5, 10, 20)
QUERIES = 300
"""Queries asked of each set, spread over those that have several leaves."""

_CUT = re.compile(r"(?<=[.?!;])\s+|\n+|,?\s+(?:and\s+)?(?:then|also|finally|after\s+that)\s+|,\s+and\s+", re.IGNORECASE)
_LEAST_WORDS = 3
_STEP = re.compile(r"^\s*Step\s+\d+\s*[:.]?\s*Call\s+\S+\s+(?:API\s+)?(?:to\s+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request, its leaves, and the tools that it takes."""

    request: str
    leaves: tuple[str, ...]
    wanted: tuple[frozenset[str], ...]


def main(data: Path | None) -> Sequence[Report]:
    """Search for whole requests and for their leaves, at the same number of tools shown."""
    if data is None:
        raise NeedsData
    return [_report(anyio.run(measure, data))]


async def measure(data: Path) -> dict[str, dict[str, Any]]:
    """Return recall and completeness of each set, by way of searching and number of tools shown."""
    from banyan.memory.database import Database
    from banyan.retrieval import load_encoder
    from banyan.retrieval.collection import pool_of, read_equivalents
    from banyan.retrieval.evaluate import Pool
    from banyan.retrieval.index import HybridIndex

    HOMES.mkdir(parents=True, exist_ok=True)
    pools: dict[str, list[str]] = json.loads((data / "MANIFEST.json").read_text(encoding="utf-8"))["recommended_pool"]
    equivalents = read_equivalents(data / "equivalent_tools.json.gz")
    found: dict[str, dict[str, Any]] = {}
    database = await Database.open(f"sqlite:///{HOMES / 'retrieval.db'}")
    try:
        for name in SETS:
            jobs = _spread(read_jobs(data / "queries" / f"{name}.jsonl.gz", equivalents), QUERIES)
            pool = pool_of([data / "tools" / f"{one}.jsonl.zst" for one in pools[name]])
            cache = HOMES / "retrieval" / "-".join([*pools[name], "hybrid"])
            index = HybridIndex(Pool(pool), database.vectors, load_encoder, cache=cache)
            await index.embed_missing()
            found[name] = {"n": len(jobs), "pool": len(pool), **await _ask(index, jobs)}
            print(f"{name} done", file=sys.stderr, flush=True)
    finally:
        await database.close()
    return found


def read_jobs(path: Path, equivalents: dict[str, frozenset[str]]) -> list[Job]:
    """Return the requests of a file that have several leaves.

    The leaves are the steps of the plan where they are written out, without the names of tools; else the parts into
    which the request falls by its own sentences and clauses, which needs nothing of the answer.
    """
    from banyan.retrieval.collection import read_questions

    jobs = []
    for question, line in zip(read_questions(path, equivalents), _lines(path), strict=True):
        steps = [_STEP.sub("", step) for step in line.get("steps", ())]
        leaves = tuple(steps or [part for part in _CUT.split(question.query) if len(part.split()) >= _LEAST_WORDS])
        if len(leaves) > 1 and len(question.wanted) > 1:
            jobs.append(Job(request=question.query, leaves=leaves, wanted=question.wanted))
    return jobs


async def _ask(index: Any, jobs: Sequence[Job]) -> dict[str, Any]:
    from banyan.retrieval.measures import Ranking, completeness, mean, recall

    most = max(SHOWN)
    ways: dict[str, list[list[list[str]]]] = {"whole": [], "leaf": [], "leaf in request": []}
    for job in jobs:
        ways["whole"].append([await _keys(index, job.request, most)])
        ways["leaf"].append([await _keys(index, leaf, most) for leaf in job.leaves])
        ways["leaf in request"].append([await _keys(index, f"{leaf}\n{job.request}", most) for leaf in job.leaves])
    found: dict[str, Any] = {}
    for way, answers in ways.items():
        for shown in SHOWN:
            for what, together in (("all", True), ("each", False)):
                rankings = [
                    Ranking(wanted=job.wanted, keys=tuple(_shown(lists, shown, together=together)))
                    for job, lists in zip(jobs, answers, strict=True)
                ]
                found[f"{way}/{what}/{shown}"] = (
                    mean([recall(one, len(one.keys)) for one in rankings]),
                    mean([completeness(one, len(one.keys)) for one in rankings]),
                )
    return found


async def _keys(index: Any, text: str, count: int) -> list[str]:
    from banyan.core.find import Filters

    return [hit.key for hit in (await index.search(text, k=count, filters=Filters())).hits]


def _shown(lists: Sequence[Sequence[str]], count: int, *, together: bool) -> list[str]:
    """Return what is shown: `count` tools together, taken from the lists in turn, or `count` of each list."""
    if not together:
        return list(dict.fromkeys(chain.from_iterable(keys[:count] for keys in lists)))
    turns = chain.from_iterable(zip_longest(*lists))
    return list(dict.fromkeys(key for key in turns if key is not None))[:count]


def _lines(path: Path) -> list[dict[str, Any]]:
    import gzip

    return [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).split(b"\n") if line.strip()]


def _spread(jobs: list[Job], count: int) -> list[Job]:
    return jobs if len(jobs) <= count else [jobs[at * len(jobs) // count] for at in range(count)]


def _report(found: dict[str, dict[str, Any]]) -> Report:
    rows: list[tuple[Any, ...]] = []
    for shown in SHOWN:
        for name, one in found.items():
            whole, leaf, each = one[f"whole/all/{shown}"], one[f"leaf/all/{shown}"], one[f"leaf/each/{shown}"]
            rows.append((shown, name, one["n"], one["pool"], whole[0], leaf[0], each[0], whole[1], leaf[1], each[1]))
        rows.append((shown, "mean", "", "", *_means(rows[-len(found) :])))
    at_five = next(row for row in rows if row[0] == 5 and row[1] == "mean")
    return Report(
        title="Leaf against whole request",
        columns=(
            "tools shown", "queries", "n", "pool", "recall whole", "recall leaves together", "recall each leaf",
            "complete whole", "complete leaves together", "complete each leaf",
        ),
        rows=tuple(rows),
        aims=(
            Aim(text="recall of leaves over the whole, 5 tools in each prompt", value=at_five[6] / at_five[4],
                limit=1.0, at_most=False),
        ),
        notes=(
            "Whole: one search with the request. Leaves together: one search for each leaf, and as many tools shown in "
            "all, from each in turn. Each leaf: as many tools in the prompt of each leaf, as a tree is worked off."
            " The leaves of gnn_tmdb are its written steps without the names of tools; of the others the sentences "
            f"and clauses of the request. Up to {QUERIES} requests of each set with several leaves and several tools.",
        ),
    )  # fmt: skip


def _means(rows: Sequence[tuple[Any, ...]]) -> list[float]:
    return [sum(row[at] for row in rows) / len(rows) for at in range(4, len(rows[0]))]
