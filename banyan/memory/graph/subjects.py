"""What a name may mean: facts, inputs and tasks that are called so, or were."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from banyan.core.task import ABSENT, Event, Json, is_fact_reference, split_id
from banyan.memory.graph.rewind import rewound
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.timeline import standing

OUTPUT = "output"
RECORD_READ = 500
"""Changes that are read, of each kind, to find what is no longer called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A field of a task that is asked about."""

    task: int
    field: str
    """`facts/KEY`, `inputs/KEY`, or the name of a field."""

    @property
    def key(self) -> str:
        """The key of the fact or input; empty for other fields."""
        return self.field.partition("/")[2]


def subjects(source: GraphSource, key: str, revision: int) -> list[Subject]:
    """Return what is or was called `key`, as it stood at the end of a revision.

    Facts of this key and under it come first, then inputs, then tasks of this id, key or title. What was split or
    merged by then is asked of what it was made into.
    """
    found = dict.fromkeys([*_said(source, key), *_given(source, key)])
    found.update(dict.fromkeys(Subject(task=number, field=OUTPUT) for number in _called(source, key, revision)))
    found.update(dict.fromkeys(_of_old(source, key)))
    stood = _stood(source, {one.task for one in found}, revision)
    placed = (Subject(task=number, field=one.field) for one in found for number in stood[one.task])
    return list(dict.fromkeys(placed))


def called(source: GraphSource, name: str, revision: int) -> list[int]:
    """Return the tasks of this id, key or title as they stood at the end of a revision; else those once called so."""
    stood = _stood(source, _called(source, name, revision), revision)
    return list(dict.fromkeys(number for numbers in stood.values() for number in numbers))


def _stood(source: GraphSource, numbers: Collection[int], revision: int) -> dict[int, list[int]]:
    """Return what stood for each task at a revision; itself where nothing did."""
    if revision == source.tree.revision:
        there = {task.number for task in source.tasks(numbers)}
    else:
        there = {number for number, then in rewound(source, numbers, revision).items() if then.task is not None}
    return {one: [one] if one in there else standing(source, one, revision) or [one] for one in numbers}


def _called(source: GraphSource, name: str, revision: int) -> list[int]:
    parts = split_id(name)
    if parts is not None and parts[0] == source.tree.id:
        return [parts[1]] if source.tasks([parts[1]]) else _known(source, parts[1])
    keyed = source.keyed(name)
    found = [*([] if keyed is None else [keyed]), *source.titled(name.strip())]
    if not found or revision < source.tree.revision:
        found += _once_called(source, name)
    return list(dict.fromkeys(found))


def _said(source: GraphSource, key: str) -> Iterator[Subject]:
    for fact in source.facts_called(key):
        yield Subject(task=fact.task, field=f"facts/{fact.key}")


def _given(source: GraphSource, key: str) -> Iterator[Subject]:
    holders = source.input_holders(key)[:RECORD_READ]
    for task in source.tasks(holders):
        # An input that stands for a fact of this key says nothing of its own.
        if not is_fact_reference(task.inputs[key]) or task.inputs[key]["$fact"] != key:
            yield Subject(task=task.number, field=f"inputs/{key}")


def _of_old(source: GraphSource, key: str) -> Iterator[Subject]:
    """Yield what was called so once, by the record."""
    for event in source.events(fields=[f"facts/{key}", f"candidates/{key}", f"inputs/{key}"], newest=RECORD_READ):
        group, _, name = event.change.field.partition("/")
        if not (is_fact_reference(event.change.before) and group == "inputs"):
            yield Subject(task=event.change.task, field=f"{'inputs' if group == 'inputs' else 'facts'}/{name}")
    for event in source.removals(key):
        record: dict[str, Json] = event.change.before
        for name in (*record.get("facts", {}), *record.get("candidates", {})):
            if name == key or name.startswith(f"{key}/"):
                yield Subject(task=event.change.task, field=f"facts/{name}")
        if key in record.get("inputs", {}) and not is_fact_reference(record["inputs"][key]):
            yield Subject(task=event.change.task, field=f"inputs/{key}")


def _once_called(source: GraphSource, name: str) -> list[int]:
    wanted = name.strip().casefold()
    renamed = source.events(fields=["title", "key"], newest=RECORD_READ)
    found = [event.change.task for event in renamed if _plain(event.change.before) == wanted]
    gone = source.removals(name.strip())
    names = ((event.change.task, event.change.before.get(field)) for event in gone for field in ("title", "key"))
    return list(dict.fromkeys([*found, *(number for number, one in names if _plain(one) == wanted)]))


def _plain(value: Json) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""


def _known(source: GraphSource, number: int) -> list[int]:
    """Return the number of a task that is gone; nothing where there never was one."""
    events: Iterable[Event] = source.events(tasks=[number], fields=["*"], newest=1)
    return [number for event in events if event.change.after is ABSENT]
