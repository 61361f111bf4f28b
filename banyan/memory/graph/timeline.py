"""How the value of one field came and went, through splits and merges of its task."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from banyan.core.errors import UnknownTree
from banyan.core.recall import Ended, Said
from banyan.core.task import ABSENT, Event, Json, TreeId, public, task_id
from banyan.memory.graph.asof import value_at
from banyan.memory.graph.rewind import value_after, value_before
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.view import parents_of, same

REMOVED, REPLACED, SPLIT, MERGED = "removed", "replaced", "split", "merged"
"""How a value ends."""


def recorded(
    source: GraphSource,
    *,
    tasks: Collection[int] | None = None,
    fields: Collection[str] | None = None,
    after: int = 0,
    until: int | None = None,
) -> list[Event]:
    """Return the record; of a what-if copy with what its origin recorded before they parted."""
    if tasks is not None and not tasks:
        return []
    tree = source.tree
    found = source.events(after=after, until=until, tasks=tasks, fields=fields)
    if tree.origin is None or tree.origin_revision is None or after >= tree.origin_revision:
        return found
    try:
        origin = source.other(tree.origin)
    except UnknownTree:
        return found
    parted = tree.origin_revision if until is None else min(until, tree.origin_revision)
    earlier = recorded(origin, tasks=tasks, fields=fields, after=after, until=parted)
    return [replace(event, tree=tree.id) for event in earlier] + found


def lineage(source: GraphSource, numbers: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Return these tasks and all that they were made of, by number, each with what it was made of itself."""
    found: dict[int, tuple[int, ...]] = {}
    level = list(dict.fromkeys(numbers))
    while level:
        made = {task.number: task.made_of for task in source.tasks(level)}
        gone = [number for number in level if number not in made]
        for event in recorded(source, tasks=gone, fields=["*"]):
            made[event.change.task] = tuple(_record(event).get("made_of", ()))
        found.update((number, made.get(number, ())) for number in level)
        level = [one for one in dict.fromkeys(old for number in level for old in found[number]) if one not in found]
    return dict(sorted(found.items()))


def standing(source: GraphSource, number: int, revision: int) -> list[int]:
    """Return what stood for a task at the end of a revision: itself, or over however many steps what it was made into.

    Of a task that came later it is what it was made of; of one that was removed for good, nothing.
    """
    found: list[int] = []
    level, seen = [number], {number}
    while level:
        following: list[int] = []
        for one in level:
            if was_there(source, one, revision):
                found.append(one)
                continue
            last = recorded(source, tasks=[one], fields=["*"], until=revision)[-1:]
            gone = [event for event in last if event.change.after is ABSENT]
            following += _made_of(source, gone[0]) if gone else lineage(source, [one])[one]
        level = [one for one in dict.fromkeys(following) if one not in seen]
        seen.update(level)
    return sorted(found)


def was_there(source: GraphSource, number: int, revision: int) -> bool:
    """Whether there was a task of this number at the end of a revision."""
    if revision == source.tree.revision:
        return bool(source.tasks([number]))
    return value_at(source, number, "title", revision) is not ABSENT


def scope_then(source: GraphSource, number: int, revision: int) -> list[int]:
    """Return the tasks whose facts held for a task, nearest first; of one that was gone, before it went."""
    found = {number: None}
    level = [number]
    while level:
        level = list(
            dict.fromkeys(up for one in level for up in _parents_then(source, one, revision) if up not in found)
        )
        found.update(dict.fromkeys(level))
    return list(found)


def _parents_then(source: GraphSource, number: int, revision: int) -> Iterator[int]:
    if revision == source.tree.revision and (there := source.tasks([number])):
        yield from parents_of(there[0])
        return
    parent = value_at(source, number, "parent", revision)
    shared = value_at(source, number, "under", revision)
    if shared is ABSENT:
        for event in recorded(source, tasks=[number], fields=["*"], until=revision)[-1:]:
            if event.change.after is ABSENT:
                parent, shared = event.change.before.get("parent", ABSENT), event.change.before.get("under", [])
    if parent is not ABSENT:
        yield parent
    yield from () if shared is ABSENT else shared


def timeline(source: GraphSource, number: int, name: str, until: int) -> list[Said]:
    """Return every value that a field of a task had up to a revision, the first first.

    The values of the tasks that it was split or merged from are among them; what was handed on as it was is one value.
    """
    line = lineage(source, [number])
    by_task: defaultdict[int, list[Event]] = defaultdict(list)
    for event in recorded(source, tasks=line, fields=[name, "*"], until=until):
        by_task[event.change.task].append(event)
    periods: dict[int, list[Said]] = {}
    for one, made_of in line.items():
        own = _periods(by_task[one], name)
        if one == number and not by_task[one]:
            own = _unrecorded(source, number, name, until)
        periods[one] = _joined(own, [periods[old] for old in made_of if old in periods], merged=len(made_of) > 1)
    return sorted(periods[number], key=lambda one: (one.revision, one.task))


def came(source: GraphSource, number: int, until: int) -> list[str]:
    """Return how a task came to be by splits and merges, and went by them, in sentences."""
    line = lineage(source, [number])
    if len(line) == 1:
        return []
    titles: dict[int, str] = {}
    made: dict[int, Event] = {}
    for event in recorded(source, tasks=line, fields=["*"], until=until):
        titles[event.change.task] = _record(event).get("title", "")
        if event.change.before is ABSENT:
            made.setdefault(event.change.task, event)
    titles.update((task.number, task.title) for task in source.tasks(line))
    tree = source.tree.id
    return [
        _sentence(tree, event, titles, line[one])
        for one, event in sorted(made.items())
        if line[one] and titles.get(one)
    ]


def _sentence(tree: TreeId, event: Event, titles: Mapping[int, str], made_of: Sequence[int]) -> str:
    def name(number: int) -> str:
        return f"`{titles.get(number, '')}` ({task_id(tree, number)})"

    how = "merged from" if len(made_of) > 1 else "split from"
    sources = " and ".join(map(name, made_of))
    return f"{name(event.change.task)} was {how} {sources} in turn {event.turn} by {event.source}"


def _made_of(source: GraphSource, gone: Event) -> list[int]:
    """Return the tasks that were made of one in the revision in which it went."""
    number, revision = gone.change.task, gone.revision
    there = recorded(source, after=revision - 1, until=revision, fields=["*"])
    return [one.change.task for one in there if number in _record(one).get("made_of", ()) and one.change.task != number]


def _periods(events: Sequence[Event], name: str) -> list[Said]:
    found: list[Said] = []
    if events and (before := value_before(events[0], name)) is not ABSENT:
        # Said before the record begins.
        found.append(replace(_said(events[0], name, before), turn=0, source="", revision=0))
    for event in events:
        value = value_after(event, name)
        open_one = found[-1] if found and found[-1].ended_by is None else None
        now = public(event.tree, value, name) if value is not ABSENT else ABSENT
        if open_one is not None:
            if same(open_one.value, now):
                continue
            found[-1] = replace(open_one, ended_by=_ended(event, now))
        if value is not ABSENT:
            found.append(_said(event, name, value))
    return found


def _said(event: Event, name: str, value: Json) -> Said:
    return Said(
        task=task_id(event.tree, event.change.task),
        value=public(event.tree, value, name),
        turn=event.turn,
        source=event.source,
        revision=event.revision,
        at=event.at,
    )


def _ended(event: Event, value: Json) -> Ended:
    return Ended(
        how=REMOVED if value is ABSENT else REPLACED,
        turn=event.turn,
        source=event.source,
        revision=event.revision,
        reason=event.change.reason,
        value=value,
    )


def _unrecorded(source: GraphSource, number: int, name: str, until: int) -> list[Said]:
    """Return the value of a field that was not changed since the record begins."""
    value = value_at(source, number, name, until)
    if value is ABSENT:
        return []
    tree = source.tree
    group, _, key = name.partition("/")
    fact = next((one for one in source.facts([number]) if group == "facts" and one.key == key), None)
    return [
        Said(
            task=task_id(tree.id, number),
            value=public(tree.id, value, name),
            turn=fact.turn if fact else 0,
            source=fact.source if fact else "",
            revision=fact.revision if fact else 0,
            at=tree.created_at,
        )
    ]


def _joined(own: list[Said], before: Iterable[list[Said]], *, merged: bool) -> list[Said]:
    """Return the values of a task after those of the tasks that it was made of."""
    earlier = _once(one for periods in before for one in periods)
    if not own:
        return earlier
    first, kept = own[0], []
    for one in earlier:
        handed_on = (
            one.ended_by is not None and one.ended_by.how == REMOVED and one.ended_by.revision == own[0].revision
        )
        if not handed_on or one.ended_by is None:
            kept.append(one)
        elif same(one.value, first.value):
            if one.revision < first.revision:
                first = replace(one, task=own[0].task, ended_by=own[0].ended_by)
        else:
            kept.append(
                replace(one, ended_by=replace(one.ended_by, how=MERGED if merged else SPLIT, value=own[0].value))
            )
    return [*kept, first, *own[1:]]


def _once(periods: Iterable[Said]) -> list[Said]:
    """Return each saying once, as it lasted longest: parts of one task that are merged have its values in common."""
    found: list[Said] = []
    for one in periods:
        twin = next(
            (at for at, old in enumerate(found) if old.revision == one.revision and same(old.value, one.value)), -1
        )
        if twin < 0:
            found.append(one)
        elif _end(one) > _end(found[twin]):
            found[twin] = one
    return found


def _end(period: Said) -> float:
    return math.inf if period.ended_by is None else period.ended_by.revision


def _record(event: Event) -> Mapping[str, Json]:
    """Return the record of the task that came or went."""
    found: Mapping[str, Json] = event.change.before if event.change.after is ABSENT else event.change.after
    return found
