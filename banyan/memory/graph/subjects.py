"""What a name may mean: facts, inputs and tasks that are called so, or were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from banyan.core.task import ABSENT, Event, Json, is_fact_reference, split_id
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.timeline import successors

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


def subjects(source: GraphSource, key: str) -> list[Subject]:
    """Return what is or was called `key`: facts of this key and under it, then inputs, then tasks by key or title."""
    found = dict.fromkeys([*_said(source, key), *_given(source, key)])
    tasks = called(source, key)
    found.update(dict.fromkeys(Subject(task=number, field=OUTPUT) for number in tasks))
    for one in _of_old(source, key):
        found.update(dict.fromkeys(_today(source, one)))
    return list(found)


def called(source: GraphSource, name: str) -> list[int]:
    """Return the tasks of this id, key or title; where there is none, those that were called so."""
    parts = split_id(name)
    if parts is not None and parts[0] == source.tree.id:
        return [parts[1]] if source.tasks([parts[1]]) else successors(source, parts[1]) or _known(source, parts[1])
    keyed = source.keyed(name)
    found = [*([] if keyed is None else [keyed]), *source.titled(name.strip())]
    return list(dict.fromkeys(found)) or _once_called(source, name)


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
    for event in source.removals(name.strip()):
        if wanted in {_plain(event.change.before.get("title")), _plain(event.change.before.get("key"))}:
            found += successors(source, event.change.task) or [event.change.task]
    return list(dict.fromkeys(found))


def _plain(value: Json) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""


def _known(source: GraphSource, number: int) -> list[int]:
    """Return the number of a task that is gone; nothing where there never was one."""
    events: Iterable[Event] = source.events(tasks=[number], fields=["*"], newest=1)
    return [number for event in events if event.change.after is ABSENT]


def _today(source: GraphSource, one: Subject) -> list[Subject]:
    """Return where something that was said in a task is today: with the tasks that it was split or merged into."""
    if source.tasks([one.task]):
        return [one]
    return [Subject(task=number, field=one.field) for number in successors(source, one.task)] or [one]
