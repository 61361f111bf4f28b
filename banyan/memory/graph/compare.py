"""How two trees differ, or two revisions of one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from banyan.core.task import ABSENT, Change, Fact, Json, Task
from banyan.memory.graph.asof import revision_at
from banyan.memory.graph.records import record_of
from banyan.memory.graph.rewind import of_record, rewound
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.view import same

CHUNK = 500
"""Tasks that are read at once."""
LEFT_OUT = frozenset({"basis"})
"""Fields whose differences mean nothing to anybody."""

States = Mapping[int, dict[str, Json]]
"""Tasks as they are recorded, by number."""


def compare(source: GraphSource, before: int, after: int) -> list[Change]:
    """Return how a tree at revision `after` differs from itself at revision `before`, by task and field.

    The reason of each difference is that of the last change of the field in between.

    Raises:
        InvalidArgument: there is no such revision, or its record was pruned.
    """
    for one in (before, after):
        revision_at(source, {"revision": one})
    low, high = min(before, after), max(before, after)
    events = source.events(after=low, until=high)
    reasons = {(event.change.task, event.change.field): event.change.reason for event in events}
    numbers = sorted({event.change.task for event in events})
    found: list[Change] = []
    for part in _chunks(numbers):
        found += _differences(_then(source, part, before), _then(source, part, after), reasons)
    return found


def compare_trees(one: GraphSource, other: GraphSource) -> list[Change]:
    """Return how the tree `other` differs from `one`, by task and field.

    Of a tree and its what-if copy only what either has changed since they parted is read; a number that both have given
    to a task since is two tasks.
    """
    numbers, parted = _may_differ(one, other)
    fresh = set() if parted is None else _fresh(one, other, numbers, parted)
    found: list[Change] = []
    for part in _chunks(numbers):
        here, there = _now(one, part), _now(other, part)
        apart = [number for number in part if number in fresh]
        found += _differences({number: here.pop(number) for number in apart}, {}, {})
        found += _differences({}, {number: there.pop(number) for number in apart}, {})
        found += _differences(here, there, {})
    return sorted(found, key=lambda change: change.task)


def _may_differ(one: GraphSource, other: GraphSource) -> tuple[list[int], int | None]:
    """Return the tasks that may differ, and at which revision the trees parted where one is a copy of the other."""
    copy, origin = (other, one) if other.tree.origin == one.tree.id else (one, other)
    parted = copy.tree.origin_revision
    if copy.tree.origin != origin.tree.id or parted is None or origin.tree.pruned > parted:
        return list(range(1, max(one.tree.next_number, other.tree.next_number))), None
    changed = [event.change.task for tree in (copy, origin) for event in tree.events(after=parted)]
    return sorted(set(changed)), parted


def _fresh(one: GraphSource, other: GraphSource, numbers: Collection[int], parted: int) -> set[int]:
    """Return the tasks that both trees have added since they parted."""
    added = [
        {event.change.task for event in tree.events(after=parted, fields=["*"]) if event.change.before is ABSENT}
        for tree in (one, other)
    ]
    there = [{task.number for part in _chunks(sorted(numbers)) for task in tree.tasks(part)} for tree in (one, other)]
    return added[0] & added[1] & there[0] & there[1]


def _now(source: GraphSource, numbers: Collection[int]) -> dict[int, dict[str, Json]]:
    return _states(source.tasks(numbers), source.facts(numbers))


def _then(source: GraphSource, numbers: Collection[int], revision: int) -> dict[int, dict[str, Json]]:
    if revision == source.tree.revision:
        return _now(source, numbers)
    found = rewound(source, numbers, revision).values()
    tasks = [then.task for then in found if then.task is not None]
    return _states(tasks, [fact for then in found for fact in then.facts.values()])


def _states(tasks: Iterable[Task], facts: Iterable[Fact]) -> dict[int, dict[str, Json]]:
    said: dict[int, list[Fact]] = {}
    for fact in facts:
        said.setdefault(fact.task, []).append(fact)
    return {task.number: record_of(task, said.get(task.number, ())) for task in tasks}


def _differences(before: States, after: States, reasons: Mapping[tuple[int, str], str]) -> Iterator[Change]:
    for number in sorted(before.keys() | after.keys()):
        old, new = before.get(number), after.get(number)
        if old is None or new is None:
            yield Change(
                task=number,
                field="*",
                before=ABSENT if old is None else old,
                after=ABSENT if new is None else new,
                reason=reasons.get((number, "*"), ""),
            )
            continue
        for name in _fields(old, new):
            was, now = of_record(old, name), of_record(new, name)
            if was is not now and not same(was, now):
                reason = reasons.get((number, name), "")
                yield Change(task=number, field=name, before=was, after=now, reason=reason)


def _fields(old: Mapping[str, Json], new: Mapping[str, Json]) -> list[str]:
    groups = ("inputs", "facts", "candidates")
    found = [name for name in {**old, **new} if name not in groups and name not in LEFT_OUT]
    for group in groups:
        found += [f"{group}/{key}" for key in sorted(old.get(group, {}).keys() | new.get(group, {}).keys())]
    return found


def _chunks(numbers: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(numbers), CHUNK):
        yield numbers[start : start + CHUNK]
