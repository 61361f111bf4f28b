"""The record of one tree in SQL: what changed, who made it so and when, each part of it by an index of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Select, TextClause, and_, false, func, or_, select, text
from sqlalchemy.engine import Connection

from banyan.core.task import Event, Fact, Revision, Task, Tree
from banyan.memory.batches import batches
from banyan.memory.graph_statements import (
    EVENTS,
    LINKED,
    MADE,
    OPENING,
    REVISION,
)
from banyan.memory.graph_texts import holding
from banyan.memory.packing import Packer
from banyan.memory.statements import Row, Statement
from banyan.memory.task_rows import (
    FIELD_BITS,
    events_row,
    fact_row,
    field_code,
    revision_row,
    task_row,
    tree_of,
)
from banyan.memory.task_tables import (
    task_changes,
    trees,
)

REMOVALS_FOUND = 50
"""Removed tasks that one question finds at most."""

_g = task_changes.c
NAMING: Final = FIELD_BITS["title"] | FIELD_BITS["key"]
"""Bits of the fields that a task is named by: 10, in the words of the index of their changes."""
_ID, _STANDING, _COUNTS = (list(trees.c.keys()).index(name) for name in ("id", "standing", "counts"))


class SqlRows:
    """One tree in an open transaction, and how its rows are read."""

    def __init__(self, connection: Connection, row: Sequence[Any], packer: Packer | None = None) -> None:
        self.connection = connection
        self.packer = packer or Packer()
        self.id: int = row[_ID]
        """Number of the tree in the tables."""
        self.standing: int = row[_STANDING]
        """The revision whose state the tree is in."""
        self.stored_counts: list[int] = orjson.loads(row[_COUNTS])
        """How many tasks there are, by the code of their status."""
        self._tree = tree_of(row)

    @property
    def tree(self) -> Tree:
        """The tree."""
        return self._tree

    def rows(self, statement: Statement, **values: Any) -> list[Row]:
        """Return the rows that a statement finds in this tree."""
        return statement.rows(self.connection, {"tree": self.id, **values})

    def linked(self, kind: int, source: int) -> list[int]:
        """Return the tasks that a link of this kind leads to."""
        return [number for (number,) in self.rows(LINKED, kind=kind, source=source)]

    def tasks_of(self, rows: Iterable[Sequence[Any]]) -> list[Task]:
        """Return the tasks of rows."""
        return [task_row(row, self.packer) for row in rows]

    def facts_of(self, rows: Iterable[Sequence[Any]]) -> list[Fact]:
        """Return the facts of rows."""
        return [fact_row(row, self.packer) for row in rows]


class SqlRecord(SqlRows):
    """The record of one tree."""

    def events(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        tasks: Collection[int] | None = None,
        fields: Collection[str] | None = None,
        newest: int | None = None,
    ) -> list[Event]:
        """Return the record in the revisions after `after`, up to and with `until`, oldest first.

        With `tasks` or `fields` only theirs; with `newest` only the last so many of them.
        """
        found: dict[tuple[int, int], Event] = {}
        for search in _searches(tasks, fields):
            query = search.where(_g.tree == self.id, _g.revision > after)
            if until is not None:
                query = query.where(_g.revision <= until)
            for event in self._newest(query, fields, newest) if newest is not None else self._events(query, fields):
                found[event.revision, event.seq] = event
        ordered = [event for _, event in sorted(found.items(), key=lambda one: one[0])]
        return ordered if newest is None else ordered[max(0, len(ordered) - newest) :]

    def revision(self, number: int) -> Revision | None:
        """Return one revision."""
        found = self.rows(REVISION, number=number)
        return revision_row(self.tree.id, found[0]) if found else None

    def last_revision_of(self, turn: int) -> int:
        """Return the last revision made at `turn` or before; 0 where there is none."""
        if turn >= self.tree.turn:
            return self.tree.revision
        opening = self.rows(OPENING, turn=turn, limit=1)
        last = opening[0][0] - 1 if opening else self.tree.revision
        return last if last >= self.tree.pruned else 0

    def removals(self, text: str) -> list[Event]:
        """Return the removals of tasks whose record holds `text`, without regard to case; the last 50."""
        holds = holding(text)
        gone = _through("ix_task_changes_gone", EVENTS).where(_g.tree == self.id, _goes())
        gone = gone.order_by(_g.revision.desc(), _g.seq.desc())
        rows = []
        for row in self.connection.execute(gone):
            if holds(self.packer.unpack(row.body)):
                rows.append(row)
            if len(rows) == REMOVALS_FOUND:
                break
        found = [one for one in self._read(rows, {"*"}) if holds(orjson.dumps(one.change.before))]
        return sorted(found, key=lambda event: (event.revision, event.seq))

    def count_events(self, after: int) -> int:
        """Return how many changes there are in the revisions after `after`."""
        query = select(func.sum(_g.size)).where(_g.tree == self.id, _g.revision > after)
        return int(self.connection.execute(query).scalar() or 0)

    def first_events(self, after: int, limit: int) -> list[Event]:
        """Return the first `limit` changes in the revisions after `after`."""
        query = EVENTS.where(_g.tree == self.id, _g.revision > after).order_by(_g.revision, _g.seq).limit(limit)
        return self._events(query, None)[:limit]

    def _newest(self, query: Select[Any], fields: Collection[str] | None, newest: int) -> list[Event]:
        """Return at least the last `newest` events that `query` finds, where there are as many."""
        backwards = query.order_by(_g.revision.desc(), _g.seq.desc())
        rows = self.connection.execute(backwards.limit(newest)).all()
        # Every row holds one of them, but where two names share a digest.
        found = self._read(rows, fields)
        return found if len(found) >= newest or len(rows) < newest else self._events(backwards, fields)

    def _events(self, query: Select[Any], fields: Collection[str] | None) -> list[Event]:
        return self._read(self.connection.execute(query).all(), fields)

    def _read(self, rows: Sequence[Any], fields: Collection[str] | None) -> list[Event]:
        numbers = sorted({row.revision for row in rows})
        made = {number: rest for number, *rest in MADE.rows(self.connection, numbers, tree=self.id)}
        return [
            event
            for row in rows
            for event in events_row(self.tree.id, (*row, *made[row.revision]), self.packer)
            if fields is None or event.change.field in fields
        ]


def _searches(numbers: Collection[int] | None, fields: Collection[str] | None) -> Iterator[Select[Any]]:
    """Yield the statements that find the changes of these tasks and fields, each with the index that it goes by."""
    bits = sum(FIELD_BITS[name] for name in set(fields or ()) if name in FIELD_BITS)
    names = [field_code(name) for name in set(fields or ()) if name not in FIELD_BITS]
    ours = and_(_g.field > 0, _g.field.bitwise_and(bits) != 0)
    if numbers is not None:
        kinds = [*([ours] if bits else []), *([_g.field.in_(names)] if names else [])]
        wanted = [] if fields is None else [or_(false(), *kinds)]
        for part in batches(sorted(set(numbers))):
            of_tasks = _g.task == part[0] if len(part) == 1 else _g.task.in_(part)
            yield _through("ix_task_changes_task", EVENTS).where(of_tasks, *wanted)
        return
    if fields is None:
        yield EVENTS
    if names:
        yield _through("ix_task_changes_field", EVENTS).where(_g.field.in_(names), _negative())
    if bits == NAMING:
        yield _through("ix_task_changes_named", EVENTS).where(_renames())
    elif bits:
        yield EVENTS.where(ours)


def _negative() -> TextClause:
    """Return the condition that a change is of a name, in the words of the index of such."""
    return text("field < 0")


def _through(index: str, query: Select[Any]) -> Select[Any]:
    """Return a query that goes by an index of few rows: SQLite knows not how few, and would read the whole record."""
    return query.with_hint(task_changes, f"INDEXED BY {index}", "sqlite")


def _renames() -> TextClause:
    """Return the condition that a task got another title or key, in the words of the index of such."""
    return text("field > 0 AND (field & 10) <> 0")


def _goes() -> TextClause:
    """Return the condition that a task went, in the words of the index of such."""
    return text("field >= 1073741824")
