"""One tree in SQL, as the graph reads it: every answer by an index, and each in as few statements as it takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar

import orjson
from sqlalchemy import ColumnElement, Select, TextClause, and_, false, func, or_, select, text
from sqlalchemy.engine import Connection

from banyan.core.call import CallRecord
from banyan.core.errors import UnknownTree
from banyan.core.task import Event, Fact, Revision, Status, Task, Tree, TreeId, task_id
from banyan.memory.batches import batches
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import Dump
from banyan.memory.graph_statements import (
    BRANCHES,
    CHILDREN,
    EVENTS,
    FACTS,
    FACTS_CALLED,
    FAILED_CHILDREN,
    KEYED,
    LAPSED,
    LINKED,
    MADE,
    OPENING,
    READY,
    REVISION,
    ROOTS,
    TASKS,
    TITLED,
    TREE,
    TREE_LOCKED,
    UNENDED,
)
from banyan.memory.graph_texts import holding, mentioning, titles_like
from banyan.memory.journal import effects_of
from banyan.memory.packing import Packer
from banyan.memory.statements import Row, Statement
from banyan.memory.tables import storable
from banyan.memory.task_rows import (
    EDGE,
    FIELD_BITS,
    HAS_INPUT,
    SHARED,
    STATUS_OF,
    USES_FACT,
    events_row,
    fact_row,
    field_code,
    micros,
    name_digest,
    revision_row,
    task_row,
    title_hash,
    tree_of,
)
from banyan.memory.task_tables import (
    TREE_BITS,
    row_id,
    task_changes,
    task_facts,
    task_revisions,
    tasks,
    trees,
)

T = TypeVar("T")

REMOVALS_FOUND = 50
"""Removed tasks that one question finds at most."""

_LOW = (1 << TREE_BITS) - 1
_g = task_changes.c
_ID, _STANDING, _COUNTS = (list(trees.c.keys()).index(name) for name in ("id", "standing", "counts"))


class SqlSource:
    """A `GraphSource` over an open transaction."""

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

    def tasks(self, numbers: Collection[int]) -> list[Task]:
        """Return these tasks; numbers that are not there (any more) are left out."""
        ids = sorted({row_id(self.id, number) for number in numbers if 0 < number <= _LOW})
        return self._tasks(TASKS.rows(self.connection, ids))

    def children(self, number: int) -> list[int]:
        """Return the tasks that have `number` as their parent, or share it as one."""
        return sorted({id_ & _LOW for (id_,) in self._rows(CHILDREN, source=number)})

    def failed_children(self, number: int) -> list[int]:
        """Return those of its children that have failed."""
        failed = [id_ & _LOW for (id_,) in self._rows(FAILED_CHILDREN, source=number)]
        sharing = self.tasks(self._linked(SHARED, number))
        return sorted({*failed, *(task.number for task in sharing if task.status is Status.FAILED)})

    def dependents(self, number: int) -> list[int]:
        """Return the tasks that have an edge from `number`, of any kind."""
        return sorted(self._linked(EDGE, number))

    def roots(self) -> list[int]:
        """Return the tasks that have no parent."""
        return sorted(id_ & _LOW for (id_,) in self._rows(ROOTS))

    def titled(self, title: str) -> list[int]:
        """Return the tasks of this title, without regard to case."""
        wanted = title.casefold()
        found = self._tasks(self._rows(TITLED, title=title_hash(title)))
        return sorted(task.number for task in found if task.title.casefold() == wanted)

    def keyed(self, key: str) -> int | None:
        """Return the task of this key."""
        found = self._rows(KEYED, key=storable(key))
        return found[0][0] & _LOW if found else None

    def titles_like(self, text: str) -> list[str]:
        """Return some titles that share a word with `text`, at most 50: to suggest from."""
        return titles_like(self.connection, self.id, text, self.packer)

    def facts(self, numbers: Collection[int]) -> list[Fact]:
        """Return the facts said at these tasks, by task and key."""
        return self._facts(FACTS.rows(self.connection, sorted(set(numbers)), tree=self.id))

    def facts_called(self, key: str) -> list[Fact]:
        """Return the facts of this key, and those whose key goes on from it after a `/`, by task and key."""
        key = storable(key) or ""
        found = self._facts(self._rows(FACTS_CALLED, key=key, low=f"{key}/", high=f"{key}0"))
        return sorted(found, key=lambda fact: (fact.task, fact.key))

    def fact_users(self, key: str) -> list[int]:
        """Return the tasks that have an input `{"$fact": key}`."""
        return sorted(self._linked(USES_FACT, name_digest(key)))

    def input_holders(self, name: str) -> list[int]:
        """Return the tasks that have an input of this name."""
        return sorted(self._linked(HAS_INPUT, name_digest(name)))

    def mentioning(self, text: str) -> list[int]:
        """Return at least the tasks whose title, instruction, inputs or facts hold `text`, without regard to case."""
        return mentioning(self.connection, self.id, text, self.packer)

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
        found = self._rows(REVISION, number=number)
        return revision_row(self.tree.id, found[0]) if found else None

    def last_revision_of(self, turn: int) -> int:
        """Return the last revision made at `turn` or before; 0 where there is none."""
        if turn >= self.tree.turn:
            return self.tree.revision
        opening = self._rows(OPENING, turn=turn, limit=1)
        last = opening[0][0] - 1 if opening else self.tree.revision
        return last if last >= self.tree.pruned else 0

    def branches(self) -> list[Tree]:
        """Return the what-if copies of this tree, of any state, by id."""
        return [tree_of(row) for row in BRANCHES.rows(self.connection, {"origin": self.tree.id})]

    def other(self, tree: TreeId) -> GraphSource:
        """Return another tree of the same store.  Raises `UnknownTree`."""
        return open_source(self.connection, tree, packer=self.packer)

    def effects(self, number: int) -> list[CallRecord]:
        """Return the calls made under a task that may have changed the world, oldest first."""
        return effects_of(self.connection, task_id(self.tree.id, number))

    def lapsed(self, now: datetime) -> list[int]:
        """Return the running tasks whose lease has ended."""
        rows = self._rows(LAPSED, now=micros(now))
        return sorted(id_ & _LOW for id_, status in rows if STATUS_OF[status] is Status.RUNNING)

    def ready(self, limit: int) -> list[Task]:
        """Return the tasks that can be claimed, the longest `tail` first, then the largest priority, then by number."""
        return self._tasks(self._rows(READY, limit=limit))

    def unended(self, limit: int) -> list[Task]:
        """Return the first tasks that have not ended, by number."""
        return self._tasks(self._rows(UNENDED, limit=limit))

    def counts(self) -> dict[Status, int]:
        """Return how many tasks there are of each status, in the order of `Status`; without those of none."""
        by_status = {STATUS_OF[code]: count for code, count in enumerate(self.stored_counts)}
        return {status: by_status[status] for status in Status if by_status[status]}

    def dump(self) -> Dump:
        """Return everything that is kept of the tree."""
        every = select(tasks).where(tasks.c.id.between(row_id(self.id, 0), row_id(self.id, _LOW))).order_by(tasks.c.id)
        said = select(task_facts).where(task_facts.c.tree == self.id).order_by(task_facts.c.task, task_facts.c.key)
        numbers = task_revisions.c.number
        revisions = select(task_revisions).where(task_revisions.c.tree == self.id).order_by(numbers)
        return Dump(
            tree=self.tree,
            tasks=self._tasks(self.connection.execute(every)),
            facts=self._facts(self.connection.execute(said)),
            revisions=[revision_row(self.tree.id, row) for row in self.connection.execute(revisions)],
            events=self.events(),
        )

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

    def _rows(self, statement: Statement, **values: Any) -> list[Row]:
        return statement.rows(self.connection, {"tree": self.id, **values})

    def _linked(self, kind: int, source: int) -> list[int]:
        return [number for (number,) in self._rows(LINKED, kind=kind, source=source)]

    def _tasks(self, rows: Iterable[Sequence[Any]]) -> list[Task]:
        return [task_row(row, self.packer) for row in rows]

    def _facts(self, rows: Iterable[Sequence[Any]]) -> list[Fact]:
        return [fact_row(row, self.packer) for row in rows]


def open_source(connection: Connection, tree: str, *, lock: bool = False, packer: Packer | None = None) -> SqlSource:
    """Return one tree; with `lock` nobody else can change it before the transaction ends.  Raises `UnknownTree`."""
    found = (TREE_LOCKED if lock else TREE).rows(connection, {"code": storable(tree)})
    if not found:
        known = connection.scalars(select(trees.c.code).order_by(trees.c.changed_at.desc()).limit(10))
        raise UnknownTree(tree, known=sorted(known))
    return SqlSource(connection, found[0], packer)


Condition: TypeAlias = ColumnElement[bool] | TextClause
NAMING: Final = FIELD_BITS["title"] | FIELD_BITS["key"]
"""Bits of the fields that a task is named by: 10, in the words of the index of their changes."""


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
