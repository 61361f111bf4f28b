"""Tasks by what they say: the one kind of question that reads a tree through."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection

from banyan.memory.packing import Packer
from banyan.memory.task_tables import TREE_BITS, row_id, task_facts, tasks

TITLES_READ = 20_000
"""Tasks whose titles are looked through for a suggestion."""
TITLES_SUGGESTED = 50

_LOW = (1 << TREE_BITS) - 1
_BODIES = (
    select(tasks.c.id, tasks.c.body)
    .where(tasks.c.id.between(bindparam("first"), bindparam("last")))
    .order_by(tasks.c.id)
)
_SAID = select(task_facts.c.task, task_facts.c.key, task_facts.c.body).where(task_facts.c.tree == bindparam("tree"))


def titles_like(connection: Connection, tree: int, text: str, packer: Packer) -> list[str]:
    """Return some titles that share a word with `text`."""
    words = set(text.casefold().split())
    found: dict[str, None] = {}
    for row in connection.execute(_BODIES.limit(TITLES_READ), _all(tree)):
        title: str = orjson.loads(packer.unpack(row.body))["title"]
        if words & set(title.casefold().split()):
            found[title] = None
        if len(found) == TITLES_SUGGESTED:
            break
    return list(found)


def mentioning(connection: Connection, tree: int, text: str, packer: Packer) -> list[int]:
    """Return at least the tasks whose title, instruction, inputs or facts hold `text`, without regard to case."""
    holds = holding(text)
    found = {row.id & _LOW for row in connection.execute(_BODIES, _all(tree)) if holds(packer.unpack(row.body))}
    found |= {
        row.task
        for row in connection.execute(_SAID, {"tree": tree})
        if holds(orjson.dumps(row.key)) or holds(packer.unpack(row.body))
    }
    return sorted(found)


def holding(text: str) -> Callable[[bytes], bool]:
    """Return a test of whether JSON may hold `text`, without regard to case: it is looked for as JSON spells it."""
    spelt = orjson.dumps(text).decode()[1:-1].casefold()
    return lambda body: spelt in body.decode().casefold()


def _all(tree: int) -> dict[str, int]:
    return {"first": row_id(tree, 0), "last": row_id(tree, _LOW)}
