"""Back to what is on record, in part: `rollback`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from banyan.core.errors import BadEdit
from banyan.core.task import ABSENT, Fact, split_id
from banyan.memory.graph.asof import tree_at
from banyan.memory.graph.names import near, shown
from banyan.memory.graph.ops.edit import Edit, brief, refuse_circle
from banyan.memory.graph.ops.fields import fact_of
from banyan.memory.graph.restore import check_kept, effects_since, restore
from banyan.memory.graph.rewind import Then, rewound
from banyan.memory.graph.view import View
from banyan.memory.graph.walk import scope, under

_JOINS: Final = frozenset({"*", "parent", "under", "requires", "inputs"})
"""Fields that say what a task stands under, and what it waits for."""


def rollback(edit: Edit) -> None:
    """Bring back a fact, an input, or a task with all under it, as on record at the end of a turn or revision."""
    revision = _revision(edit)
    if edit.given("key"):
        _bring_back_value(edit, revision)
    else:
        _bring_back_tasks(edit, revision)


def _revision(edit: Edit) -> int:
    to = edit.fields["to"]
    if not isinstance(to, Mapping) or len(to) != 1 or not {"turn", "revision"} & to.keys():
        raise BadEdit(f'`to` should be {{"turn": n}} or {{"revision": n}}, not {brief(to)}')
    [(name, number)] = to.items()
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise BadEdit(f"`to/{name}` should be a whole number from 0, not {brief(number)}")
    revision = number if name == "revision" else edit.ws.source.last_revision_of(number)
    check_kept(edit.ws, revision)
    return revision


def _bring_back_tasks(edit: Edit, revision: int) -> None:
    ws = edit.ws
    number = _task_now_or_then(edit, revision)
    past = View(tree_at(ws.source, revision))
    if past.find(number) is None:
        raise BadEdit(
            f"{shown(ws.task(number))} was not there yet at revision {revision}: `remove` it, or go elsewhere"
        )
    numbers = set(under(past, number))
    if ws.find(number) is not None:
        numbers.update(under(ws, number))
    begun = len(ws.changes)
    restore(ws, revision, numbers, edit.text("reason") or f"it was rolled back to revision {revision}")
    edit.shared.rekeyed = True
    # A circle goes through what was joined otherwise: to look at every task would take its square of time.
    joined = dict.fromkeys(one.task for one in ws.changes[begun:] if one.field.partition("/")[0] in _JOINS)
    present = sorted(one for one in joined if ws.find(one) is not None)
    refuse_circle(ws, dict.fromkeys([*present, *(after for one in present for after in ws.dependents(one))]))
    for text in effects_since(ws, sorted(numbers), revision):
        edit.note(text)


def _task_now_or_then(edit: Edit, revision: int) -> int:
    """Return the task that is meant; one that is gone is named by its id."""
    ws, name = edit.ws, edit.fields.get("task")
    parts = split_id(name.strip()) if isinstance(name, str) else None
    if parts is None or parts[0] != ws.tree.id or ws.find(parts[1]) is not None:
        return edit.task_or_root()
    was = rewound(ws.source, [parts[1]], revision)[parts[1]].task
    return edit.task_or_root() if was is None else parts[1]


def _bring_back_value(edit: Edit, revision: int) -> None:
    ws, key = edit.ws, edit.key()
    number = edit.task_or_root()
    near_by = scope(ws, number)
    then = rewound(ws.source, near_by, revision)
    ws.load_facts(near_by)
    reason = edit.text("reason") or f"it was rolled back to revision {revision}"
    if not _has_fact(ws, then, number, key) and _has_input(ws, then, number, key):
        _bring_back_input(edit, number, then[number], reason)
        return
    place = next((one for one in near_by if _has_fact(ws, then, one, key)), None)
    if place is None:
        raise BadEdit(f"there is no fact or input `{key}` at {shown(ws.task(number))}{_hint(ws, near_by, key)}")
    _bring_back_fact(edit, place, then[place].facts.get(key), reason)


def _bring_back_input(edit: Edit, number: int, then: Then, reason: str) -> None:
    ws, key = edit.ws, edit.key()
    task = ws.task(number)
    inputs = {name: value for name, value in task.inputs.items() if name != key}
    if then.task is not None and key in then.task.inputs:
        inputs[key] = then.task.inputs[key]
    after = replace(task, inputs=inputs)
    for edge in after.edges:
        if ws.find(edge.source) is None:
            raise BadEdit(f"`{key}` of {shown(task)} came from a task that is gone: bring that back first")
    ws.set(number, reason=reason, inputs=inputs)
    refuse_circle(ws, [number])


def _bring_back_fact(edit: Edit, place: int, then: Fact | None, reason: str) -> None:
    ws, key = edit.ws, edit.key()
    now = ws.facts(place).get(key)
    fresh = fact_of(edit, place, key, ABSENT if then is None else then.value)
    ws.set_fact(replace(fresh, candidates=() if then is None else then.candidates), reason)
    if now is None and then is None:
        edit.note(f"`{key}` was not said then either")


def _has_fact(view: View, then: Mapping[int, Then], number: int, key: str) -> bool:
    return key in view.facts(number) or key in then[number].facts


def _has_input(view: View, then: Mapping[int, Then], number: int, key: str) -> bool:
    was = then[number].task
    return key in view.task(number).inputs or (was is not None and key in was.inputs)


def _hint(view: View, numbers: Iterable[int], key: str) -> str:
    known: dict[str, Any] = {}
    for number in numbers:
        known.update(dict.fromkeys((*view.task(number).inputs, *view.facts(number))))
    found = near(key, known)
    return f"; did you mean `{found[0]}`?" if found else ""
