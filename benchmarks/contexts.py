"""How long a task's prompt takes, and a search of its tree by text, as trees grow."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio

from benchmarks.report import Aim, Report

SIZES = (100, 10_000, 100_000)
BUDGETS = (500, 4_000)
ASKED = 100
"""Contexts and searches that are timed at each size."""
CHANGES = 10
"""Changes of a tree, each followed by a search, that are timed at each size."""
BRANCHING = 10
SUBJECTS = ("invoice", "harbour", "museum", "ticket", "garden", "bridge", "recipe", "contract", "lantern", "orchard")
VERBS = ("Compare", "Book", "Describe", "Count", "Translate", "Repair", "Order", "Measure", "Paint", "Sort")


def main(_data: Path | None) -> Sequence[Report]:
    """Time contexts and searches by text at each size of tree."""
    return anyio.run(_measure)


async def _measure() -> list[Report]:
    contexts: list[tuple[Any, ...]] = []
    searches: list[tuple[Any, ...]] = []
    for size in SIZES:
        with TemporaryDirectory() as folder:
            found, search = await _measure_size(Path(folder), size)
        contexts += found
        searches.append(search)
    return [_context_report(contexts), _search_report(searches)]


async def _measure_size(folder: Path, size: int) -> tuple[list[tuple[Any, ...]], tuple[Any, ...]]:
    from banyan.memory.database import Database
    from banyan.memory.tasks import Tasks
    from banyan.memory.text_recall import IndexedRecall
    from banyan.retrieval import load_encoder
    from banyan.retrieval.index import HybridIndex
    from banyan.server.wiring import TREE_LIMITS

    database = await Database.open(f"sqlite:///{folder}/tasks.db")
    try:
        texts = IndexedRecall(
            database.graphs,
            lambda feed, tree: HybridIndex(
                feed, database.vectors, load_encoder, cache=tree and folder / tree, limits=TREE_LIMITS
            ),
        )
        tasks = Tasks(database.graphs, _now, texts)
        await database.graphs.load(tree_of(size))
        return [await _contexts(tasks, size, budget) for budget in BUDGETS], await _searches(tasks, size)
    finally:
        await database.close()


async def _contexts(tasks: Any, size: int, budget_tokens: int) -> tuple[Any, ...]:
    used: list[int] = []

    async def one(at: int) -> None:
        leaf = 1 + (at * 7919) % size
        used.append((await tasks.context(f"bench1.{leaf}", budget_tokens)).tokens)

    took = await _timed(one, ASKED)
    return (size, budget_tokens, sum(used) / len(used), *took)


async def _searches(tasks: Any, size: int) -> tuple[Any, ...]:
    started = time.perf_counter()
    await tasks.recall("bench1", text="which bridge was painted")
    first_s = time.perf_counter() - started

    async def search(at: int) -> None:
        await tasks.recall("bench1", text=f"{VERBS[at % 10].lower()} the {SUBJECTS[at // 10 % 10]}")

    for at in range(ASKED):
        await search(at)

    async def change(at: int) -> None:
        edit = {"op": "fact", "key": "colour", "value": f"shade {at}"}
        await tasks.apply("bench1", [edit])
        await tasks.recall("bench1", text=f"shade {at}")

    return (size, first_s, *await _timed(search, ASKED), *await _timed(change, CHANGES))


async def _timed(ask: Callable[[int], Awaitable[None]], count: int) -> tuple[float, float]:
    from banyan.retrieval.measures import quantile

    await ask(0)
    took_ms = []
    for at in range(1, count + 1):
        started = time.perf_counter()
        await ask(at)
        took_ms.append((time.perf_counter() - started) * 1_000)
    return quantile(took_ms, 0.5), quantile(took_ms, 0.95)


def tree_of(size: int) -> Any:
    """Return a tree in which each task has up to ten under it, one of two is done, and each uses the one before."""
    from banyan.core.task import Edge, EdgeKind, Fact, Revision, RevisionKind, Status, Task, Tree, TreeId
    from banyan.memory.graph.store import Dump

    at = _now()
    tree = Tree(id=TreeId("bench1"), title="A lot of work", revision=1, turn=1, next_number=size + 1, created_at=at,
                changed_at=at)  # fmt: skip
    made = []
    for number in range(1, size + 1):
        title = f"{VERBS[number % 10]} the {SUBJECTS[number // 10 % 10]} of day {number}"
        instruction = f"{title}, and write down what was special. " * 4
        task = Task(number=number, title=title, instruction=instruction, revision=1)
        if number > 1:
            task = replace(task, parent=1 + (number - 2) // BRANCHING)
        if number > 2 + BRANCHING:
            task = replace(task, requires=(Edge(source=number - 1, kind=EdgeKind.AFTER_ANY),))
        under = max(0, min(BRANCHING, size - 1 - (number - 1) * BRANCHING))
        task = replace(task, children=under)
        if number % 2:
            output = {"seen": [f"{title} {at}" for at in range(10)], "cost": number}
            task = replace(task, status=Status.DONE, output=output)
        made.append(task)
    facts = [
        Fact(task=number, key=f"fact {place}", value=f"{SUBJECTS[place]} {number}", turn=1, source="user", revision=1)
        for number in range(1, size + 1, BRANCHING)
        for place in range(5)
    ]
    revision = Revision(tree=tree.id, number=1, at=at, turn=1, source="user", kind=RevisionKind.EDIT, state=1, base=0)
    return Dump(tree=tree, tasks=made, facts=facts, revisions=[revision], events=[])


def _now() -> datetime:
    return datetime.now(UTC)


def _context_report(rows: Sequence[tuple[Any, ...]]) -> Report:
    largest = rows[-1]
    return Report(
        title="A task's context",
        columns=("tasks", "budget", "tokens, mean", "p50 ms", "p95 ms"),
        rows=tuple(rows),
        aims=(
            Aim(text=f"p50 of {BUDGETS[-1]:,} tokens at {SIZES[-1]:,} tasks", value=largest[3], limit=50, unit="ms"),
        ),
        notes=(f"{ASKED} tasks of each tree, spread over it, from SQLite; counted by the default counter.",),
    )


def _search_report(rows: Sequence[tuple[Any, ...]]) -> Report:
    return Report(
        title="Recall by text",
        columns=("tasks", "first search s", "p50 ms", "p95 ms", "after a change p50 ms", "after a change p95 ms"),
        rows=tuple(rows),
        aims=(Aim(text=f"p50 at {rows[-1][0]:,} tasks", value=rows[-1][2], limit=200, unit="ms"),),
        notes=(
            "Tasks, facts and results: two a task. The first search makes the index, and searches embed what is "
            "nearest by words and is not yet embedded; the timed ones are asked for the second time. After a change: a "
            "fact is said, and found.",
        ),
    )
