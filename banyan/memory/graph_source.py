"""One tree in SQL, as the graph reads it: every answer by an index, and each in as few statements as it takes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.engine import Connection

from banyan.core.call import CallRecord
from banyan.core.errors import UnknownTree
from banyan.core.task import Fact, Status, Task, Tree, TreeId, task_id
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import Dump
from banyan.memory.graph_record import SqlRecord, SqlRows
from banyan.memory.graph_statements import (
    BRANCHES,
    CHILDREN,
    FACTS,
    FACTS_CALLED,
    FAILED_CHILDREN,
    KEYED,
    LAPSED,
    READY,
    ROOTS,
    TASKS,
    TITLED,
    TREE,
    TREE_LOCKED,
    UNENDED,
)
from banyan.memory.graph_texts import mentioning, titles_like
from banyan.memory.journal import effects_of
from banyan.memory.packing import Packer
from banyan.memory.tables import storable
from banyan.memory.task_rows import (
    EDGE,
    HAS_INPUT,
    SHARED,
    STATUS_OF,
    USES_FACT,
    micros,
    name_digest,
    revision_row,
    title_hash,
    tree_of,
)
from banyan.memory.task_tables import (
    TREE_BITS,
    row_id,
    task_facts,
    task_revisions,
    tasks,
    trees,
)

_LOW = (1 << TREE_BITS) - 1


class SqlTasks(SqlRows):
    """The tasks of one tree, and what joins them."""

    def tasks(self, numbers: Collection[int]) -> list[Task]:
        """Return these tasks; numbers that are not there (any more) are left out."""
        ids = sorted({row_id(self.id, number) for number in numbers if 0 < number <= _LOW})
        return self.tasks_of(TASKS.rows(self.connection, ids))

    def children(self, number: int) -> list[int]:
        """Return the tasks that have `number` as their parent, or share it as one."""
        return sorted({id_ & _LOW for (id_,) in self.rows(CHILDREN, source=number)})

    def failed_children(self, number: int) -> list[int]:
        """Return those of its children that have failed."""
        failed = [id_ & _LOW for (id_,) in self.rows(FAILED_CHILDREN, source=number)]
        sharing = self.tasks(self.linked(SHARED, number))
        return sorted({*failed, *(task.number for task in sharing if task.status is Status.FAILED)})

    def dependents(self, number: int) -> list[int]:
        """Return the tasks that have an edge from `number`, of any kind."""
        return sorted(self.linked(EDGE, number))

    def roots(self) -> list[int]:
        """Return the tasks that have no parent."""
        return sorted(id_ & _LOW for (id_,) in self.rows(ROOTS))

    def titled(self, title: str) -> list[int]:
        """Return the tasks of this title, without regard to case."""
        wanted = title.casefold()
        found = self.tasks_of(self.rows(TITLED, title=title_hash(title)))
        return sorted(task.number for task in found if task.title.casefold() == wanted)

    def keyed(self, key: str) -> int | None:
        """Return the task of this key."""
        found = self.rows(KEYED, key=storable(key))
        return found[0][0] & _LOW if found else None

    def titles_like(self, text: str) -> list[str]:
        """Return some titles that share a word with `text`, at most 50: to suggest from."""
        return titles_like(self.connection, self.id, text, self.packer)


class SqlFacts(SqlRows):
    """What was said in one tree."""

    def facts(self, numbers: Collection[int]) -> list[Fact]:
        """Return the facts said at these tasks, by task and key."""
        return self.facts_of(FACTS.rows(self.connection, sorted(set(numbers)), tree=self.id))

    def facts_called(self, key: str) -> list[Fact]:
        """Return the facts of this key, and those whose key goes on from it after a `/`, by task and key."""
        key = storable(key) or ""
        found = self.facts_of(self.rows(FACTS_CALLED, key=key, low=f"{key}/", high=f"{key}0"))
        return sorted(found, key=lambda fact: (fact.task, fact.key))

    def fact_users(self, key: str) -> list[int]:
        """Return the tasks that have an input `{"$fact": key}`."""
        return sorted(self.linked(USES_FACT, name_digest(key)))

    def input_holders(self, name: str) -> list[int]:
        """Return the tasks that have an input of this name."""
        return sorted(self.linked(HAS_INPUT, name_digest(name)))

    def mentioning(self, text: str) -> list[int]:
        """Return at least the tasks whose title, instruction, inputs or facts hold `text`, without regard to case."""
        return mentioning(self.connection, self.id, text, self.packer)


class SqlSource(SqlTasks, SqlFacts, SqlRecord):
    """A `GraphSource` over an open transaction."""

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
        rows = self.rows(LAPSED, now=micros(now))
        return sorted(id_ & _LOW for id_, status in rows if STATUS_OF[status] is Status.RUNNING)

    def ready(self, limit: int) -> list[Task]:
        """Return the tasks that can be claimed, the longest `tail` first, then the largest priority, then by number."""
        return self.tasks_of(self.rows(READY, limit=limit))

    def unended(self, limit: int) -> list[Task]:
        """Return the first tasks that have not ended, by number."""
        return self.tasks_of(self.rows(UNENDED, limit=limit))

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
            tasks=self.tasks_of(self.connection.execute(every)),
            facts=self.facts_of(self.connection.execute(said)),
            revisions=[revision_row(self.tree.id, row) for row in self.connection.execute(revisions)],
            events=self.events(),
        )


def open_source(connection: Connection, tree: str, *, lock: bool = False, packer: Packer | None = None) -> SqlSource:
    """Return one tree; with `lock` nobody else can change it before the transaction ends.  Raises `UnknownTree`."""
    found = (TREE_LOCKED if lock else TREE).rows(connection, {"code": storable(tree)})
    if not found:
        known = connection.scalars(select(trees.c.code).order_by(trees.c.changed_at.desc()).limit(10))
        raise UnknownTree(tree, known=sorted(known))
    return SqlSource(connection, found[0], packer)
