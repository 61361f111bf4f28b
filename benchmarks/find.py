"""`find` from end to end, warm, over 1,000 to 100,000 real tools; and fastmcp's own search beside it."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio

from benchmarks import NeedsData
from benchmarks.corpus import prepared_home, read_tools
from benchmarks.report import Aim, Report, Timings
from examples.third_party import install, python_of

PROGRAMS = Path(__file__).parent / "programs"
SERVERS = Path(__file__).parents[1] / ".demo" / "servers"
COUNTS = (1_000, 10_000, 35_000, 50_000, 75_000, 100_000)
"""The last takes in what AWS and Google have today, beside the data folder's tools."""
PROMISED = 50_000
BESIDE = 10_000
"""Tools at which fastmcp is asked too."""
QUERY_SETS = ("mcptoolbenchpp", "bfcl", "aws_examples", "restbench")
QUERIES, WARM_QUERIES, FASTMCP_QUERIES = 400, 40, 30


def main(data: Path | None) -> Report:
    """Measure every count, then fastmcp."""
    if data is None:
        raise NeedsData
    queries = read_queries(data, QUERIES + WARM_QUERIES)
    rows: list[tuple[Any, ...]] = []
    medians: dict[int, float] = {}
    for count in COUNTS:
        home = anyio.run(prepared_home, data, count)
        whole, inner = anyio.run(time_find, home, queries)
        medians[count] = whole.median_ms
        rows.append((f"Banyan, {count:,} tools", whole.median_ms, whole.p95_ms, inner.median_ms, len(whole.seconds)))
    theirs, first_ms = time_fastmcp(data, queries[:FASTMCP_QUERIES])
    rows.append((f"fastmcp 4.1.2 BM25, {BESIDE:,} tools", theirs.median_ms, theirs.p95_ms, "", len(theirs.seconds)))
    return Report(
        title="Find, end to end",
        columns=("search", "p50 ms", "p95 ms", "p50 ms in the index alone", "queries"),
        rows=tuple(rows),
        aims=(
            Aim(text=f"p50 at {PROMISED:,} tools", value=medians[PROMISED], limit=12, unit="ms"),
            Aim(
                text=f"times faster than fastmcp at {BESIDE:,} tools",
                value=theirs.median_ms / medians[BESIDE],
                limit=20,
                at_most=False,
            ),
        ),
        notes=(
            f"One `find` for five tools each: the query is embedded, all tools are compared by words and by meaning, "
            f"the five are read from SQLite and shown with signatures. {WARM_QUERIES} queries go before, each is new. "
            f"fastmcp's search is called through its in-memory client; its first search, which makes the index, took "
            f"{first_ms:,.0f} ms and does not count.",
        ),
    )


def read_queries(data: Path, count: int) -> list[str]:
    """Return `count` different queries, of every set in turn."""
    from banyan.retrieval.collection import read_questions

    sets = [[one.query for one in read_questions(data / "queries" / f"{name}.jsonl.gz", {})] for name in QUERY_SETS]
    mixed = [query for at in range(count) for query in (one[at] for one in sets if at < len(one))]
    return list(dict.fromkeys(mixed))[:count]


async def time_find(home: Path, queries: list[str]) -> tuple[Timings, Timings]:
    """Return how long `find` took for each query, and how long the index's part of it."""
    import banyan
    from banyan.core.find import Filters
    from banyan.memory.database import Database
    from banyan.retrieval import HybridIndex, load_encoder

    whole, inner = Timings(), Timings()
    async with banyan.open(home, watch=False) as opened:
        for query in queries[:WARM_QUERIES]:
            await opened.find(query)
        for query in queries[WARM_QUERIES:]:
            started = time.perf_counter()
            await opened.find(query)
            whole.seconds.append(time.perf_counter() - started)
    database = await Database.open(f"sqlite:///{home / 'banyan.db'}")
    try:
        index = HybridIndex(database.documents, database.vectors, load_encoder, cache=home / "bench-index")
        for place, query in enumerate(queries):
            started = time.perf_counter()
            await index.search(query, k=10, filters=Filters())
            if place >= WARM_QUERIES:
                inner.seconds.append(time.perf_counter() - started)
    finally:
        await database.close()
    return whole, inner


def time_fastmcp(data: Path, queries: list[str]) -> tuple[Timings, float]:
    """Return how long fastmcp's search took for each query, and its first one in milliseconds."""
    install("fastmcp", SERVERS)
    tools: list[dict[str, Any]] = []
    for place, spec in enumerate(read_tools(data, BESIDE)):
        name = f"{spec.upstream_name}_{place}"  # it keeps one tool of each name
        tools.append({"name": name, "description": spec.description, "input_schema": dict(spec.input_schema)})
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "tools.json", Path(folder) / "queries.json"]
        for path, content in zip(files, (tools, queries), strict=True):
            path.write_text(json.dumps(content), encoding="utf-8")
        program = [str(python_of("fastmcp", SERVERS)), str(PROGRAMS / "fastmcp_search.py"), *map(str, files)]
        done = subprocess.run(program, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return Timings(seconds=[took_ms / 1_000 for took_ms in found["took_ms"]]), found["first_ms"]
