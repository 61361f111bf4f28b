"""Results that tasks refer to: they are kept for as long as something in their tree is open."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.engine import Connection

from banyan.core.ids import HANDLE
from banyan.core.task import TreeState, split_id
from banyan.memory.packing import Packer
from banyan.memory.tables import calls
from banyan.memory.task_rows import OPEN_CODES
from banyan.memory.task_tables import task_facts, tasks, trees

ROWS_READ = 1000
"""Rows that are read at once."""


def handles_needed(connection: Connection) -> set[str]:
    """Return the handles that stand in tasks and facts of trees with something open, or were got by calls for them."""
    open_trees = {
        row.id: row.code
        for row in connection.execute(select(trees.c.id, trees.c.code).where(trees.c.state == TreeState.OPEN.value))
        if connection.execute(
            select(tasks.c.id).where(tasks.c.tree == row.id, tasks.c.status.in_(OPEN_CODES)).limit(1)
        ).first()
    }
    if not open_trees:
        return set()
    found = {
        match.decode() for tree in open_trees for body in _bodies(connection, tree) for match in HANDLE.findall(body)
    }
    got = select(calls.c.task, calls.c.handle).where(calls.c.task.is_not(None), calls.c.handle.is_not(None))
    codes = set(open_trees.values())
    for task, handle in connection.execute(got):
        parts = split_id(task)
        if parts is not None and parts[0] in codes:
            found.add(handle)
    return found


def _bodies(connection: Connection, tree: int) -> Iterator[bytes]:
    packer = Packer()
    for table in (tasks, task_facts):
        query = select(table.c.body).where(table.c.tree == tree)
        for part in connection.execute(query.execution_options(yield_per=ROWS_READ)).scalars():
            yield packer.unpack(part)
