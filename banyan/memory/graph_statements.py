"""The statements with which a tree is read, each made once and answered by an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, or_, select, text, union_all

from banyan.memory.statements import Listed, Statement
from banyan.memory.task_rows import SHARED
from banyan.memory.task_tables import task_changes, task_facts, task_links, task_revisions, tasks, trees

_c, _l, _f, _r, _g = tasks.c, task_links.c, task_facts.c, task_revisions.c, task_changes.c
_of_tree = _c.tree == bindparam("tree")


def _linked(kind: Any) -> Select[Any]:
    return select(_l.task).where(_l.tree == bindparam("tree"), _l.kind == kind, _l.source == bindparam("source"))


def _tasks(names: Sequence[str]) -> Select[Any]:
    return select(tasks).where(_c.id.in_([bindparam(name) for name in names])).order_by(_c.id)


def _facts(names: Sequence[str]) -> Select[Any]:
    listed = _f.task.in_([bindparam(name) for name in names])
    return select(task_facts).where(_f.tree == bindparam("tree"), listed).order_by(_f.task, _f.key)


def _made(names: Sequence[str]) -> Select[Any]:
    listed = _r.number.in_([bindparam(name) for name in names])
    return select(_r.number, _r.at, _r.turn, _r.speaker).where(_r.tree == bindparam("tree"), listed)


TREE = Statement(select(trees).where(trees.c.code == bindparam("code")))
TREE_LOCKED = Statement(select(trees).where(trees.c.code == bindparam("code")).with_for_update())
BRANCHES = Statement(select(trees).where(trees.c.origin == bindparam("origin")).order_by(trees.c.code))

TASKS = Listed(_tasks)
CHILDREN = Statement(
    union_all(
        select(_c.id).where(_of_tree, _c.parent == bindparam("source")),
        _linked(text(str(SHARED))),
    )
)
FAILED_CHILDREN = Statement(select(_c.id).where(_of_tree, _c.parent == bindparam("source"), text("status = 4")))
LINKED = Statement(_linked(bindparam("kind")))
ROOTS = Statement(select(_c.id).where(_of_tree, _c.parent.is_(None)))
TITLED = Statement(select(tasks).where(_of_tree, _c.title_hash == bindparam("title")))
KEYED = Statement(select(_c.id).where(_of_tree, _c.key == bindparam("key")))
LAPSED = Statement(select(_c.id, _c.status).where(_of_tree, _c.lease_until <= bindparam("now")))
READY = Statement(
    select(tasks)
    .where(_of_tree, text("ready"))
    .order_by(_c.tail.desc(), _c.priority.desc(), _c.id)
    .limit(bindparam("limit"))
)
UNENDED = Statement(
    select(tasks).where(_of_tree, text("status IN (0, 1, 2, 7)")).order_by(_c.id).limit(bindparam("limit"))
)

FACTS = Listed(_facts)
FACTS_CALLED = Statement(
    select(task_facts).where(
        _f.tree == bindparam("tree"),
        or_(_f.key == bindparam("key"), and_(_f.key >= bindparam("low"), _f.key < bindparam("high"))),
    )
)

REVISION = Statement(select(task_revisions).where(_r.tree == bindparam("tree"), _r.number == bindparam("number")))
OPENING = Statement(
    select(_r.number)
    .where(_r.tree == bindparam("tree"), _r.turn > bindparam("turn"), text("opens"))
    .order_by(_r.turn)
    .limit(bindparam("limit"))
)
MADE = Listed(_made)
EVENTS = select(_g.revision, _g.seq, _g.task, _g.body)
"""To be narrowed down: it is asked in too many ways to be made once.

Who made a revision and when is read by itself: within a join, SQLite goes through every revision first.
"""
