"""The trees of a database: questions and changes, each in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.engine import Connection

from banyan.core.call import CallRecord
from banyan.core.errors import RevisionConflict
from banyan.core.ports import Clock
from banyan.core.task import EditResult, RevisionKind, Tree, TreeId, split_id
from banyan.memory.graph.commit import CONFLICT_EVENTS, begin, close, conflict, new_tree
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import Dump, Intent
from banyan.memory.graph.workspace import Workspace
from banyan.memory.graph_source import SqlSource, open_source
from banyan.memory.graph_writes import add_tree, forget, remove, write, write_dump
from banyan.memory.task_rows import tree_of
from banyan.memory.task_tables import trees
from banyan.memory.transactions import Transactions

T = TypeVar("T")


class SqlGraphs:
    """The `GraphStore` of a database.

    A change locks its tree first, so changes of one tree happen one after the other, and each sees what the one
    before it did.
    """

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def trees(self) -> list[Tree]:
        """Return every tree, the last changed first."""
        query = select(trees).order_by(trees.c.changed_at.desc(), trees.c.code)
        return await self._transactions.read(lambda connection: [tree_of(row) for row in connection.execute(query)])

    async def ask(self, tree: str, question: Callable[[GraphSource], T]) -> T:
        """Return what `question` finds out of one tree, all from one moment.  Raises `UnknownTree`."""
        return await self._transactions.read(lambda connection: question(_at_one_moment(connection, tree)))

    async def change(self, intent: Intent, work: Callable[[Workspace], T]) -> tuple[T, EditResult]:
        """Have `work` change a tree, settle what follows, and keep all of it or, where anything is raised, nothing.

        Raises:
            UnknownTree: there is no such tree.
            RevisionConflict: `base_revision` is not the tree's; carries what changed since.
            BanyanError: whatever `work` raises.
        """
        return await self._transactions.write(lambda connection: self._change(connection, intent, work))

    async def remove(self, trees: Sequence[TreeId]) -> int:
        """Remove trees with everything that is known of them, and return how many tasks they had."""
        return await self._transactions.write(lambda connection: remove(connection, trees))

    async def dump(self, tree: str) -> Dump:
        """Return everything that is kept of a tree, from one moment.  Raises `UnknownTree`."""
        return await self._transactions.read(lambda connection: _at_one_moment(connection, tree).dump())

    async def load(self, dump: Dump) -> None:
        """Keep a tree as it was dumped, all or nothing.  Raises `Conflict` where there is one of this id."""
        await self._transactions.write(lambda connection: write_dump(connection, dump))

    async def forget(self, tree: str, revision: int) -> int:
        """Drop the record of a tree up to `revision`, whose state can still be asked for; return how many changes."""
        return await self._transactions.write(
            lambda connection: forget(open_source(connection, tree, lock=True), revision)
        )

    def look_again(self, connection: Connection, call: CallRecord) -> None:
        """Have the task of a call that has ended looked at again, in the transaction that writes its end."""
        tree, number = split_id(call.task or "") or (None, 0)
        if tree is None:
            return
        intent = Intent(tree=tree, speaker="tool", kind=RevisionKind.WORK, note="a call ended")
        self._change(connection, intent, lambda ws: ws.touch(number, f"the call of `{call.tool}` has ended"))

    def _change(self, connection: Connection, intent: Intent, work: Callable[[Workspace], T]) -> tuple[T, EditResult]:
        at = self._clock()
        code = intent.tree
        if code is None:
            made = new_tree(intent.title, at)
            add_tree(connection, made)
            code = made.id
        source = open_source(connection, code, lock=True)
        if intent.base_revision is not None and intent.base_revision != source.tree.revision:
            raise _conflict(source, intent.base_revision)
        ws = begin(source, intent, at)
        found = work(ws)
        commit = close(ws, intent, source.standing)
        write(source, ws, commit)
        return found, commit.result


def _at_one_moment(connection: Connection, tree: str) -> SqlSource:
    if connection.dialect.name == "postgresql":
        # It would show each statement what was committed last; SQLite's transactions see one moment anyway.
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return open_source(connection, tree)


def _conflict(source: SqlSource, base: int) -> RevisionConflict:
    since = source.first_events(base, CONFLICT_EVENTS)
    return conflict(source.tree, base, since, source.count_events(base))
