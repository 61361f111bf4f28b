"""Tasks brought back from the record: what they are now, with the changes since taken back one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from banyan.core.task import ABSENT, STATE_FIELDS, Event, Fact, Json, Task
from banyan.memory.graph.records import field_json, field_value, task_of
from banyan.memory.graph.source import GraphSource

_EMPTY: Final = Task(number=0, title="")
_DEFAULTS: Final[Mapping[str, Json]] = {name: field_json(name, getattr(_EMPTY, name)) for name in STATE_FIELDS}


@dataclass(slots=True)
class Then:
    """A task as it was, while it is being brought back."""

    task: Task | None = None
    facts: dict[str, Fact] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    """Keys of facts that are not as they are now: who said them then is to be found yet."""
    moved: bool = False
    """Its status is not what it is now: neither is the reason for it."""

    def undo(self, event: Event) -> None:
        """Take back one change."""
        change = event.change
        group, _, key = change.field.partition("/")
        if change.field == "*":
            self._undo_whole(change.task, change.before)
        elif group == "facts":
            self._tell(change.task, key, value=change.before)
        elif group == "candidates":
            self._tell(change.task, key, candidates=() if change.before is ABSENT else tuple(change.before))
        elif self.task is not None and group == "inputs" and key:
            inputs = {name: value for name, value in self.task.inputs.items() if name != key}
            if change.before is not ABSENT:
                inputs[key] = change.before
            self.task = replace(self.task, inputs=inputs)
        elif self.task is not None:
            before: dict[str, Any] = {change.field: field_value(change.field, change.before)}
            self.task = replace(self.task, **before)
            self.moved |= change.field == "status"

    def _undo_whole(self, number: int, record: Json) -> None:
        self.facts, self.told, self.moved = {}, set(), True
        self.task = None if record is ABSENT else task_of(number, record)
        if self.task is None:
            return
        for key, value in record.get("facts", {}).items():
            self._tell(number, key, value=value)
        for key, values in record.get("candidates", {}).items():
            self._tell(number, key, candidates=tuple(values))

    def _tell(self, task: int, key: str, **said: Any) -> None:
        old = self.facts.get(key) or Fact(task=task, key=key, value=ABSENT, turn=0, source="", revision=0)
        fact = replace(old, **said)
        self.told.add(key)
        if fact.value is ABSENT and not fact.candidates:
            self.facts.pop(key, None)
        else:
            self.facts[key] = fact


def rewound(source: GraphSource, numbers: Collection[int], revision: int) -> dict[int, Then]:
    """Return these tasks and their facts as they were at the end of a revision; those that were not there are empty."""
    found = {number: Then() for number in numbers}
    for task in source.tasks(numbers):
        found[task.number].task = task
    for fact in source.facts(numbers):
        found[fact.task].facts[fact.key] = fact
    since = source.events(after=revision, tasks=numbers)
    for event in reversed(since):
        found[event.change.task].undo(event)
    for number in {event.change.task for event in since}:
        _date(found[number], revision)
    _who_said(source, found, revision)
    _why(source, found, revision)
    return found


def of_record(record: Json, name: str) -> Json:
    """Return a field out of the record of a whole task, which leaves out what is as by default."""
    if record is ABSENT:
        return ABSENT
    group, _, key = name.partition("/")
    if key:
        return record.get(group, {}).get(key, ABSENT)
    return record[name] if name in record else _DEFAULTS.get(name, ABSENT)


def value_after(event: Event, name: str) -> Json:
    """Return what the field `name` is after `event`, which is of this field or of the whole task."""
    return of_record(event.change.after, name) if event.change.field == "*" else event.change.after


def value_before(event: Event, name: str) -> Json:
    """Return what the field `name` was before `event`, which is of this field or of the whole task."""
    return of_record(event.change.before, name) if event.change.field == "*" else event.change.before


def _date(then: Then, revision: int) -> None:
    """Forget what is not on record: a claim that there was."""
    if then.task is not None:
        last = min(then.task.revision, revision) or revision
        then.task = replace(then.task, holder=None, lease_until=None, revision=last)


def _who_said(source: GraphSource, found: Mapping[int, Then], revision: int) -> None:
    """Fill in who said the facts that are brought back, and when."""
    tasks = [number for number, then in found.items() if then.told & then.facts.keys()]
    if not tasks:
        return
    keys = {key for number in tasks for key in found[number].told}
    names = {"*", *(f"{group}/{key}" for key in keys for group in ("facts", "candidates"))}
    for event in source.events(until=revision, tasks=tasks, fields=names):
        then = found[event.change.task]
        group, _, key = event.change.field.partition("/")
        for one in (then.told if group == "*" else {key}) & then.told & then.facts.keys():
            # A further reading does not make whoever gives it the one who said the fact.
            if group != "candidates" or (then.facts[one].value is ABSENT and event.change.before is ABSENT):
                then.facts[one] = replace(
                    then.facts[one], turn=event.turn, source=event.source, revision=event.revision
                )


def _why(source: GraphSource, found: Mapping[int, Then], revision: int) -> None:
    """Fill in why the tasks that are brought back had the status that they had."""
    moved = [number for number, then in found.items() if then.moved and then.task is not None]
    reasons: dict[int, str] = {}
    for event in _statuses(source, moved, revision):
        reasons[event.change.task] = event.change.reason if event.change.field == "status" else ""
    for number in moved:
        then = found[number]
        if then.task is not None:
            then.task = replace(then.task, reason=reasons.get(number, ""))


def _statuses(source: GraphSource, numbers: Collection[int], revision: int) -> Iterable[Event]:
    return source.events(until=revision, tasks=numbers, fields=["status", "*"]) if numbers else ()
