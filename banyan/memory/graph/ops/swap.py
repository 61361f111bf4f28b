"""One thing in place of another, wherever it is named: `replace`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from banyan.core.errors import BadEdit
from banyan.core.task import ABSENT, Fact, Json, is_fact_reference, is_reference
from banyan.memory.graph.names import shown
from banyan.memory.graph.ops.edit import TITLE_CHARS, Edit, brief, literal_of
from banyan.memory.graph.ops.fields import fact_of, is_rule
from banyan.memory.graph.view import same
from banyan.memory.graph.walk import is_under, under

Swap: TypeAlias = Callable[[Json], Json]


def swap(edit: Edit) -> None:
    """Put a new value in place of an old one in the facts, literal inputs, titles and instructions of a scope."""
    ws = edit.ws
    scope = edit.task_or_root()
    old, new = literal_of(edit.fields["old"], "old"), literal_of(edit.fields["new"], "new")
    if isinstance(old, str) and not old.strip():
        raise BadEdit("`old` should not be empty")
    change = _swap(old, new)
    reason = edit.text("reason") or f"{brief(old)} was replaced by {brief(new)}"
    before = len(ws.changes)
    for number in _places(edit, scope, old):
        _in_task(edit, number, change, reason)
    if len(ws.changes) == before:
        edit.note(f"{brief(old)} is nowhere under {shown(ws.task(scope))}: nothing was replaced")


def _places(edit: Edit, scope: int, old: Json) -> list[int]:
    """Return the tasks in a scope that may hold a value."""
    ws = edit.ws
    if not isinstance(old, str):
        return sorted(under(ws, scope))
    found = {*ws.source.mentioning(old.strip()), *(task.number for task in ws.tasks_known())}
    ws.load(found)
    present = sorted(number for number in found if ws.find(number) is not None)
    if scope == edit.root():
        return present
    return [number for number in present if is_under(ws, number, scope)]


def _in_task(edit: Edit, number: int, change: Swap, reason: str) -> None:
    ws = edit.ws
    task = ws.task(number)
    title = change(task.title)
    if not isinstance(title, str) or not title.strip() or len(title) > TITLE_CHARS:
        title = task.title
    instruction = change(task.instruction) if task.instruction else ""
    state: dict[str, Any] = {
        "title": title,
        "instruction": instruction if isinstance(instruction, str) else task.instruction,
        "inputs": {name: _in_value(value, change) for name, value in task.inputs.items()},
    }
    ws.set(number, reason=reason, **state)
    for key, fact in sorted(ws.facts(number).items()):
        changed = _in_fact(edit, fact, change)
        if not (same(changed.value, fact.value) and same(list(changed.candidates), list(fact.candidates))):
            ws.set_fact(replace(changed, key=key), reason)


def _in_value(value: Json, change: Swap) -> Json:
    return value if is_reference(value) or is_fact_reference(value) else change(value)


def _in_fact(edit: Edit, fact: Fact, change: Swap) -> Fact:
    if is_rule(fact.value):
        return fact
    value = fact.value if fact.value is ABSENT else change(fact.value)
    said = fact if same(value, fact.value) else fact_of(edit, fact.task, fact.key, value)
    readings: list[Json] = []
    for one in map(change, fact.candidates):
        if not any(same(one, other) for other in (value, *readings)):
            readings.append(one)
    return replace(said, candidates=tuple(readings))


def _swap(old: Json, new: Json) -> Swap:
    """Return what puts `new` for `old` within a value: for whole values, and for whole words of texts."""
    words = _words(old, new) if isinstance(old, str) and isinstance(new, str) else None

    def change(value: Json) -> Json:
        if same(value, old):
            return new
        if isinstance(value, str):
            return value if words is None else words(value)
        if isinstance(value, dict):
            return {key: change(one) for key, one in value.items()}
        return [change(one) for one in value] if isinstance(value, list) else value

    return change


def _words(old: str, new: str) -> Callable[[str], str]:
    """Return what puts `new` for `old` in a text, where it stands as words of its own; upper case stays upper case."""
    old = old.strip()
    pattern = f"{_edge('(?<!', old[0])}{re.escape(old)}{_edge('(?!', old[-1])}"
    search = re.compile(pattern, re.IGNORECASE)

    def put(found: re.Match[str]) -> str:
        return _in_case(found[0], old, new)

    return lambda text: search.sub(put, text)


def _edge(look: str, character: str) -> str:
    """Return the condition that a word ends here; there are none between words in scripts without spaces."""
    spaced = unicodedata.east_asian_width(character) not in {"W", "F"}
    return rf"{look}\w)" if spaced and (character.isalnum() or character == "_") else ""


def _in_case(found: str, old: str, new: str) -> str:
    """Return `new` written as `found` is, where that is otherwise than `old` is."""
    if found == old or not new:
        return new
    if found.isupper() and len(found) > 1:
        return new.upper()
    first = new[0].upper() if found[0].isupper() else new[0].lower()
    return first + new[1:] if found[0] != old[0] else new
