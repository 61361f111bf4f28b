"""The tables of task memory, beside the others.

Everything of a tree goes by its number in `trees`, a task by that number and its own in one integer (`row_id`), and
moments are microseconds: at a million tasks the keys weigh more than what they lead to. Of a task, what is looked up or
counted is a column, and the rest one JSON body.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, SmallInteger, Table, text

from banyan.memory.tables import Line, metadata

TREE_BITS: Final = 32
"""The number of a task takes the lower 32 bits of its row's id, and that of its tree those above."""

ROW_ID: Final = BigInteger().with_variant(Integer, "sqlite")


def row_id(tree: int, number: int) -> int:
    """Return the id of the row of a task."""
    return (tree << TREE_BITS) | number


def where(condition: str) -> dict[str, Any]:
    """Return what makes an index hold only the rows that meet `condition`, on both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


trees = Table(
    "trees",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", Line, nullable=False),
    Column("revision", BigInteger, nullable=False),
    # The revision whose state it is in: not the last one after an undo.
    Column("standing", BigInteger, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("next_number", BigInteger, nullable=False),
    Column("pruned", BigInteger, nullable=False),
    Column("state", Line, nullable=False),
    Column("origin", Line),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    # How many tasks there are of each status, so that nobody counts them.
    Column("counts", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "code", unique=True),
    Index("ix_trees_origin", "origin", "code", **where("origin IS NOT NULL")),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("tree", Integer, nullable=False),
    Column("parent", BigInteger),
    Column("key", Line),
    # Digest of the title without regard to case: what it leads to is compared.
    Column("title_hash", Integer, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("gate", Boolean, nullable=False),
    Column("ready", Boolean, nullable=False),
    Column("priority", BigInteger, nullable=False),
    Column("own", Float, nullable=False),
    Column("tail", Float, nullable=False),
    Column("children", Integer, nullable=False),
    Column("unended", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("holder", Line),
    Column("lease_until", BigInteger),
    Column("revision", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_tasks_parent", "tree", "parent"),
    Index("ix_tasks_title", "tree", "title_hash"),
    Index("ix_tasks_key", "tree", "key", unique=True, **where("key IS NOT NULL")),
    Index("ix_tasks_failed", "tree", "parent", **where("status = 4")),
    # In order of number: an index of SQLite ends with the row's id.
    Index("ix_tasks_unended", "tree", **where("status IN (0, 1, 2, 7)")),
    Index("ix_tasks_lease", "tree", "lease_until", **where("lease_until IS NOT NULL")),
)
Index(
    "ix_tasks_ready", tasks.c.tree, tasks.c.tail.desc(), tasks.c.priority.desc(), tasks.c.id, **where("ready")
)  # what can be claimed, in the order in which it is claimed

task_links = Table(
    "task_links",
    metadata,
    # What leads to a task: a parent that shares it, a task that it has an edge from, a fact that it uses, the name of
    # an input; of names the digest.
    Column("tree", Integer, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("source", BigInteger, primary_key=True, autoincrement=False),
    Column("task", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

task_facts = Table(
    "task_facts",
    metadata,
    Column("tree", Integer, primary_key=True, autoincrement=False),
    Column("task", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Line, primary_key=True),
    Column("turn", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("speaker", Line, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_task_facts_key", "tree", "key"),
    sqlite_with_rowid=False,
)

task_revisions = Table(
    "task_revisions",
    metadata,
    Column("tree", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("turn", BigInteger, nullable=False),
    # It is the first of its turn: turns never go back, so the last revision of one is the one before such.
    Column("opens", Boolean, nullable=False),
    Column("speaker", Line, nullable=False),
    Column("kind", Line, nullable=False),
    # NULL where they are what they mostly are: the revision's own number, and the one before it.
    Column("state", BigInteger),
    Column("base", BigInteger),
    Column("note", Line),
    Index("ix_task_revisions_opens", "tree", "turn", **where("opens")),
    sqlite_with_rowid=False,
)

task_changes = Table(
    "task_changes",
    metadata,
    # One row for each run of changes of one task within a revision; a fact's or an input's has one of its own.
    Column("tree", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    # Place of the first of them in the revision, and how many they are.
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("size", Integer, nullable=False),
    Column("task", BigInteger, nullable=False),
    # Which fields: their bits, one more where the task went, or for a name below zero its digest.
    Column("field", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_task_changes_task", "tree", "task", "revision", "field"),
    Index("ix_task_changes_field", "tree", "field", "revision", **where("field < 0")),
    Index("ix_task_changes_named", "tree", "revision", **where("field > 0 AND (field & 10) <> 0")),
    Index("ix_task_changes_gone", "tree", "revision", **where("field >= 1073741824")),
    sqlite_with_rowid=False,
)
