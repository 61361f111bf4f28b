"""Whether a tree that was read from a file holds together: a store, and every question after, may then rely on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from banyan.core.task import ABSENT, STATE_FIELDS, Change, Json, Task, is_fact_reference, is_reference
from banyan.memory.graph.records import field_value, task_of
from banyan.memory.graph.store import Dump
from banyan.memory.graph.view import parents_of

DEPTH: Final = 240
"""Levels of arrays and objects that are read of a file."""
NUMBERS: Final = 2**31
"""Numbers of tasks, turns, revisions and the like are less than this."""
_GROUPS: Final = frozenset({"inputs", "facts", "candidates"})
_ABSENT: Final = frozenset({"*", "key", "parent", "output", "basis", "summary"})
"""Fields that may be without a value."""


def unkept(document: Json) -> str:
    """Return what a document holds that cannot be kept; empty where it can be."""
    pending: list[tuple[Any, int]] = [(document, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > DEPTH:
            return f"it has more than {DEPTH} levels"
        if isinstance(value, dict):
            pending += [(one, depth + 1) for pair in value.items() for one in pair]
        elif isinstance(value, list):
            pending += [(one, depth + 1) for one in value]
        elif isinstance(value, str) and ("\0" in value or any("\ud800" <= one <= "\udfff" for one in value)):
            return "it holds a character that cannot be kept (NUL, or half of a pair)"
        elif isinstance(value, int) and not -(2**63) <= value < 2**64:
            return "it holds a whole number beyond 64 bits"
    return ""


def problems(dump: Dump) -> Iterator[str]:
    """Yield what does not hold together: a store takes it that all this does."""
    tasks = {task.number: task for task in dump.tasks}
    if len(tasks) != len(dump.tasks) or list(tasks) != sorted(tasks):
        yield "tasks: their numbers should grow"
    if tasks and not 0 < min(tasks) <= max(tasks) < dump.tree.next_number:
        yield "tree/next_number: a task has this number, or a larger one"
    keys = [task.key for task in dump.tasks if task.key is not None]
    if len(keys) != len(set(keys)):
        yield "tasks: two have one key"
    yield from _ranges(dump)
    yield from _references(tasks)
    said = [(fact.task, fact.key) for fact in dump.facts]
    yield from (f"facts: there is no task {task}" for task, _ in said if task not in tasks)
    if len(said) != len(set(said)):
        yield "facts: one is said twice at one task"
    numbers = [revision.number for revision in dump.revisions]
    last = dump.tree.revision
    if numbers != list(range(dump.tree.pruned or 1, last + 1)):
        yield f"revisions: they should go from {dump.tree.pruned or 1} to {last} without a gap"
    yield from _circles(tasks)
    yield from _events(dump)


def _ranges(dump: Dump) -> Iterator[str]:
    """Yield numbers that are too large to be any, and times of nobody knows where."""
    tree = dump.tree
    times: list[tuple[str, datetime | None]] = [("tree", tree.created_at), ("tree", tree.changed_at)]
    counts = [("tree", one) for one in (tree.revision, tree.turn, tree.next_number, tree.pruned, *tree.redo)]
    for task in dump.tasks:
        counted = (task.priority, task.attempts, task.fence, task.children, task.unended, task.revision)
        counts += [("tasks", one) for one in counted]
        times.append(("tasks", task.lease_until))
    for revision in dump.revisions:
        counts += [("revisions", one) for one in (revision.turn, revision.state, revision.base)]
        times.append(("revisions", revision.at))
    counts += [("facts", one) for fact in dump.facts for one in (fact.turn, fact.revision)]
    yield from (f"{part}: {number} is too large a number" for part, number in counts if abs(number) >= NUMBERS)
    yield from (f"{part}: a time has no time zone" for part, at in times if at is not None and at.tzinfo is None)


def _references(tasks: Mapping[int, Task]) -> Iterator[str]:
    for task in tasks.values():
        wrong = [name for name, value in task.inputs.items() if not _is_input(value)]
        if wrong:
            yield f"tasks: the input `{wrong[0][:80]}` of {task.number} refers to nothing"
            return
        if not all(isinstance(edge.source, int) for edge in task.requires):
            yield f"tasks: an edge into {task.number} comes from no task"
            return
        missing = {*parents_of(task), *(edge.source for edge in task.edges)} - tasks.keys()
        if missing:
            yield f"tasks: {task.number} refers to {min(missing)}, which is not there"


def _circles(tasks: Mapping[int, Task]) -> Iterator[str]:
    settled: set[int] = set()
    for start in tasks:
        seen: dict[int, None] = {}
        number: int | None = start
        while number is not None and number not in settled:
            if number in seen:
                yield f"tasks: {number} stands under itself"
                return
            seen[number] = None
            number = tasks[number].parent if number in tasks else None
        settled.update(seen)


def _events(dump: Dump) -> Iterator[str]:
    places = [(event.revision, event.seq) for event in dump.events]
    if any(one >= following for one, following in pairwise(places)):
        yield "events: they should be in order, each with a `seq` of its own"
    for at, event in enumerate(dump.events):
        change = event.change
        if not 0 < change.task < dump.tree.next_number or not 0 < event.seq < NUMBERS:
            yield f"events/{at}: there was no such task or place"
        elif not all(_is_value(change, value) for value in (change.before, change.after)):
            yield f"events/{at}: `{change.field[:80]}` has a value that it cannot have"


def _is_value(change: Change, value: Json) -> bool:
    """Whether a field that is on record may have had a value."""
    group, _, key = change.field.partition("/")
    if key:
        listed = group == "candidates" and value is not ABSENT
        return group in _GROUPS and (not listed or isinstance(value, list)) and (group != "inputs" or _is_input(value))
    if value is ABSENT:
        return change.field in _ABSENT
    try:
        if change.field != "*":
            field_value(change.field, value)
            return change.field in STATE_FIELDS
        return _is_record(change.task, value)
    except (ValueError, TypeError, LookupError, AttributeError):
        return False


def _is_record(number: int, value: Mapping[str, Json]) -> bool:
    task_of(number, value)
    groups = [value.get(group, {}) for group in sorted(_GROUPS)]
    return all(isinstance(one, dict) for one in groups) and all(map(_is_input, value.get("inputs", {}).values()))


def _is_input(value: Json) -> bool:
    if is_fact_reference(value):
        return isinstance(value["$fact"], str)
    return not is_reference(value) or (type(value["$from"]) is int and isinstance(value.get("path", ""), str))
