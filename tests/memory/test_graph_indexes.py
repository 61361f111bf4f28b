"""Every question about a tree, and every change of one, goes by an index: none reads a whole table."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Connection

from banyan.core.task import ABSENT, Edge, EdgeKind, Event, Fact, Status, Task, TreeId
from banyan.memory import Database
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import Intent
from banyan.memory.graph.workspace import Workspace
from banyan.testing.clock import StillClock

QUESTIONS: dict[str, Callable[[GraphSource], Any]] = {
    "one task": lambda source: source.tasks([2]),
    "some tasks": lambda source: source.tasks([1, 2, 3]),
    "children": lambda source: source.children(1),
    "failed children": lambda source: source.failed_children(1),
    "dependents": lambda source: source.dependents(2),
    "roots": lambda source: source.roots(),
    "titled": lambda source: source.titled("Shop"),
    "keyed": lambda source: source.keyed("shop"),
    "facts": lambda source: source.facts([1, 2]),
    "facts called": lambda source: source.facts_called("guests"),
    "fact users": lambda source: source.fact_users("guests"),
    "input holders": lambda source: source.input_holders("for"),
    "events since": lambda source: source.events(after=1, until=5),
    "events of a task": lambda source: source.events(tasks=[2], newest=1),
    "a field of a task": lambda source: source.events(tasks=[2], fields=["status", "*"], newest=1),
    "a fact of a task": lambda source: source.events(tasks=[2], fields=["facts/guests", "*"], until=9, newest=1),
    "a fact of any task": lambda source: source.events(fields=["facts/guests"], newest=3),
    "removals": lambda source: source.removals("x"),
    "revision": lambda source: source.revision(1),
    "last revision of a turn": lambda source: source.last_revision_of(-1),
    "branches": lambda source: source.branches(),
    "effects": lambda source: source.effects(2),
    "lapsed": lambda source: source.lapsed(StillClock()()),
    "ready": lambda source: source.ready(10),
    "unended": lambda source: source.unended(5),
    "counts": lambda source: source.counts(),
}


def plant(ws: Workspace) -> None:
    """A root with two tasks, of which the second waits for the first."""
    for task in (
        Task(number=ws.new_number(), title="Feast"),
        Task(number=ws.new_number(), title="Shop", parent=1, key="shop", inputs={"for": {"$fact": "guests"}}),
        Task(number=ws.new_number(), title="Cook", parent=1, requires=(Edge(source=2, kind=EdgeKind.AFTER_ANY),)),
    ):
        ws.add(task)
    ws.set_fact(Fact(task=1, key="guests", value=10, turn=0, source="user", revision=1))
    quieten(ws)


def work(ws: Workspace) -> None:
    """One of every kind of change."""
    ws.move(2, Status.RUNNING)
    ws.set_fact(Fact(task=1, key="guests", value=11, turn=0, source="user", revision=2))
    ws.set(3, requires=(), key="cook")
    ws.mark(1, gate=True)
    quieten(ws)


def quieten(ws: Workspace) -> None:
    """Have nothing follow: this is about what is read and written."""
    ws.touched.clear()
    ws.lengths.clear()


@pytest.fixture
async def plans(sqlite_url: str) -> Any:
    """A function that does something with a store and returns how SQLite went about it, by statement."""
    database = await Database.open(sqlite_url)

    async def run(doing: Callable[[Database], Any]) -> list[tuple[str, str]]:
        said: list[str] = []
        # Every connection tells the statements that it runs, their values filled in.
        with watched(database, said.append):
            await doing(database)
        with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
            found = [
                (one, "; ".join(step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {one}")))
                for one in said
                if one.startswith(("SELECT", "UPDATE", "DELETE", "INSERT"))
            ]
        connection.close()
        return found

    yield run
    await database.close()


@contextmanager
def watched(database: Database, tell: Callable[[str], object]) -> Iterator[None]:
    engine = database.transactions._engine

    def begin(connection: Connection) -> None:
        connection.connection.dbapi_connection.set_trace_callback(tell)  # type: ignore[union-attr]

    event.listen(engine, "begin", begin)
    yield
    event.remove(engine, "begin", begin)


def scans(plans: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that read a whole table, or sort more than the calls of one task or the changes of one revision."""
    return [
        (statement, plan)
        for statement, plan in plans
        if "SCAN" in plan or ("TEMP B-TREE FOR ORDER BY" in plan and "FROM calls" not in statement)
    ]


async def test_every_question_is_answered_by_an_index(plans: Any) -> None:
    trees: list[TreeId] = []

    async def make(database: Database) -> None:
        _, result = await database.graphs.change(Intent(tree=None), plant)
        trees.append(result.tree)

    await plans(make)
    for name, question in QUESTIONS.items():
        taken = await plans(lambda database, question=question: database.graphs.ask(trees[0], question))
        assert scans(taken) == [], name
        assert len(taken) <= 4, name


async def test_what_was_called_otherwise_and_what_is_gone_is_found_by_an_index_of_such_changes(plans: Any) -> None:
    trees: list[TreeId] = []

    async def make(database: Database) -> None:
        _, result = await database.graphs.change(Intent(tree=None), plant)
        trees.append(result.tree)
        await database.graphs.change(Intent(tree=trees[0]), work)

    await plans(make)
    found: list[Event] = []

    def question(source: GraphSource) -> None:
        found.extend(source.events(fields=["title", "key"], newest=500))

    taken = await plans(lambda database: database.graphs.ask(trees[0], question))
    assert [(one.change.before, one.change.after) for one in found] == [(ABSENT, "cook")]
    assert any("ix_task_changes_named" in plan for _, plan in taken)
    taken = await plans(lambda database: database.graphs.ask(trees[0], lambda source: source.removals("x")))
    assert any("ix_task_changes_gone" in plan for _, plan in taken)


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("events of a task", "ix_task_changes_task (tree=? AND task=? AND revision>?)"),
        ("a field of a task", "ix_task_changes_task (tree=? AND task=? AND revision>?)"),
        ("a fact of any task", "ix_task_changes_field (tree=? AND field=? AND revision>?)"),
        ("removals", "ix_task_changes_gone (tree=?)"),
        ("ready", "ix_tasks_ready (tree=?)"),
    ],
)
async def test_the_record_is_not_read_through_for_a_part_of_it(plans: Any, question: str, index: str) -> None:
    trees: list[TreeId] = []

    async def make(database: Database) -> None:
        _, result = await database.graphs.change(Intent(tree=None), plant)
        trees.append(result.tree)

    await plans(make)
    taken = await plans(lambda database: database.graphs.ask(trees[0], QUESTIONS[question]))
    assert any(index in plan for _, plan in taken), taken


async def test_a_change_writes_few_rows_and_each_goes_by_an_index(plans: Any) -> None:
    trees: list[TreeId] = []

    async def make(database: Database) -> None:
        _, result = await database.graphs.change(Intent(tree=None), plant)
        trees.append(result.tree)

    await plans(make)
    taken = await plans(lambda database: database.graphs.change(Intent(tree=trees[0]), work))
    assert scans(taken) == []
    writes = [statement.split(" ")[0:3] for statement, _ in taken if not statement.startswith("SELECT")]
    assert len(writes) <= 12, writes
