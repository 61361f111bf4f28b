"""What was, at the end of a turn or a revision.

The record is read backwards from what is stored now: a question costs what has changed since, and a record whose
beginning was pruned answers still.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from banyan.core.errors import InvalidArgument
from banyan.core.task import ABSENT, Json, Task
from banyan.memory.graph.past import PastWork
from banyan.memory.graph.records import record_of
from banyan.memory.graph.rewind import of_record, rewound, value_after, value_before
from banyan.memory.graph.source import GraphSource


def revision_at(source: GraphSource, as_of: Mapping[str, Any] | None) -> int:
    """Return the revision that `{"turn": n}` or `{"revision": n}` means; the last one for None.

    Raises:
        InvalidArgument: it means no revision of this tree, or one whose record was pruned.
    """
    tree = source.tree
    if as_of is None:
        return tree.revision
    given: object = as_of
    if not isinstance(given, Mapping) or len(given) != 1 or next(iter(given)) not in {"turn", "revision"}:
        raise InvalidArgument("as_of", 'should be {"turn": n} or {"revision": n}')
    [(name, number)] = given.items()
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise InvalidArgument("as_of", f"{name} should be a whole number from 0")
    if name == "revision" and number > tree.revision:
        raise InvalidArgument("as_of", f"`{tree.id}` is at revision {tree.revision}")
    revision = number if name == "revision" else source.last_revision_of(number)
    if revision < tree.pruned:
        where = f"ask `{tree.origin}`" if tree.origin else "what was before it is pruned"
        raise InvalidArgument("as_of", f"the record of `{tree.id}` begins at revision {tree.pruned}; {where}")
    return revision


def value_at(source: GraphSource, task: int, name: str, revision: int) -> Json:
    """Return what a field of a task was at the end of a revision; `ABSENT` where it, or the task, was not there.

    Args:
        source: the tree.
        task: number of the task.
        name: as in `Change.field`.
        revision: the revision.
    """
    last = source.events(until=revision, tasks=[task], fields=[name, "*"], newest=1)
    if last:
        return value_after(last[0], name)
    following = source.events(after=revision, tasks=[task], fields=[name, "*"])
    if following:
        return value_before(following[0], name)
    then = rewound(source, [task], revision)[task]
    return ABSENT if then.task is None else of_record(record_of(then.task, then.facts.values()), name)


def waiting(source: GraphSource, task: int, key: str, revision: int) -> tuple[Json, ...]:
    """Return the readings of a fact that waited to be confirmed at the end of a revision."""
    if revision == source.tree.revision:
        return next((fact.candidates for fact in source.facts([task]) if fact.key == key), ())
    found = value_at(source, task, f"candidates/{key}", revision)
    return () if found is ABSENT else tuple(found)


def task_at(source: GraphSource, number: int, revision: int) -> Task | None:
    """Return a task as it was at the end of a revision, without what is derived; None where it was not there."""
    return rewound(source, [number], revision)[number].task


def tree_at(source: GraphSource, revision: int) -> GraphSource:
    """Return a tree as it was at the end of a revision: it reads what changed since, and the rest as it is."""
    return source if revision == source.tree.revision else PastWork(source, revision)
