"""Tasks come, and are defined otherwise: `add` and `update`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from banyan.core.errors import BadEdit, CycleFound
from banyan.core.lifecycle import ENDED
from banyan.core.task import Status, Task
from banyan.memory.graph.firing import gone_with
from banyan.memory.graph.names import keyed, shown
from banyan.memory.graph.ops.edit import KEY_CHARS, Edit, refuse_circle, refuse_circle_moved, text_of
from banyan.memory.graph.ops.fields import facts_of, inputs_of, plain_fields, requires_of
from banyan.memory.graph.view import parents_of, same
from banyan.memory.graph.walk import scope, under
from banyan.memory.graph.workspace import Workspace


def add(edit: Edit) -> None:
    """Add a task; where one of the same key is there already and is the same, leave it as it is."""
    ws = edit.ws
    parent = edit.task("parent") if edit.given("parent") else edit.root()
    requires, handed = requires_of(edit)
    state = plain_fields(edit)
    task = Task(
        number=0,
        parent=parent,
        under=_under(edit, parent),
        inputs=inputs_of(edit) | handed,
        requires=requires,
        key=key_of(edit) if edit.given("key") else None,
        **state,
    )
    there = None if task.key is None else _keyed(edit, task.key)
    number = _place(edit, task) if there is None else _leave(edit, ws.task(there), task)
    give_ref(edit, number)


def update(edit: Edit) -> None:
    """Define a task otherwise in the fields that are given."""
    ws = edit.ws
    number = edit.task()
    before = ws.task(number)
    if before.status in ENDED and before.status is not Status.DONE:
        raise BadEdit(f"{shown(before)} is {before.status.value}: `reopen` it first")
    state = plain_fields(edit)
    requires, handed = requires_of(edit)
    if edit.has("requires"):
        state["requires"] = requires
    if edit.has("inputs") or handed:
        merged = {**before.inputs, **inputs_of(edit), **handed}
        taken_away = {name for name, value in (edit.fields.get("inputs") or {}).items() if value is None}
        state["inputs"] = {name: value for name, value in merged.items() if name not in taken_away}
    if edit.has("key"):
        state["key"] = _new_key(edit, number)
    _move(edit, before, state)
    above = scope(ws, number) if {"parent", "under"} & state.keys() else []
    ws.set(number, reason=edit.text("reason"), **state)
    if above or {"requires", "inputs"} & state.keys():
        refuse_circle_moved(ws, number, above)


def ref_of(value: object) -> str:
    """Return the name by which a batch speaks of a task that it adds, with its `@`."""
    text = text_of(value, "ref", most=KEY_CHARS, empty=False).strip()
    return text if text.startswith("@") else f"@{text}"


def give_ref(edit: Edit, number: int) -> None:
    """Let the batch speak of a task by the `ref` that is given.  Raises `BadEdit` where it means another one."""
    if not edit.given("ref"):
        return
    ref = ref_of(edit.fields["ref"])
    there = edit.ws.find(edit.shared.refs.get(ref, number))
    if there is not None and there.number != number:
        raise BadEdit(f"`ref`: `{ref}` is {shown(there)} in this batch already")
    edit.shared.refs[ref] = number


def key_of(edit: Edit) -> str:
    """Return the key that is given to a task: no number, no id, no `@ref`."""
    key = edit.key()
    if key.startswith("@") or key.isdecimal():
        raise BadEdit(f"`key`: `{key}` could be taken for another way to name a task: let it start with a letter")
    return key


def check_parents(ws: Workspace, task: Task) -> None:
    """Raise `BadEdit` where nothing can be done under any parent of a task."""
    gone = gone_with(ws, task)
    if gone is not None:
        raise BadEdit(f"nothing under it can be done: {gone[1]}; `reopen` that first")


def _place(edit: Edit, task: Task) -> int:
    ws = edit.ws
    if not task.title:
        raise BadEdit("`title` is missing")
    check_parents(ws, task)
    number = ws.new_number()
    task = replace(task, number=number)
    ws.add(task, edit.text("reason"), facts_of(edit, number))
    if task.key is not None:
        edit.shared.keys[task.key] = number
    if task.edges or task.under:
        refuse_circle(ws, [number])
    return number


def _leave(edit: Edit, there: Task, wanted: Task) -> int:
    """Leave a task of the same key as it is where it is what the edit asks for."""
    names = (
        "title",
        "instruction",
        "parent",
        "under",
        "requires",
        "labels",
        "priority",
        "effort",
        "optional",
        "result",
    )
    unlike = [name for name in names if getattr(there, name) != getattr(wanted, name)]
    unlike += [
        name for name in ("inputs", "budget") if not same(dict(getattr(there, name)), dict(getattr(wanted, name)))
    ]
    if unlike:
        different = ", ".join(f"`{name}`" for name in unlike)
        raise BadEdit(
            f"the key `{wanted.key}` is taken by {shown(there)}, which is another task ({different} differ): "
            "`update` it, or give another key"
        )
    edit.note(f"the task of the key `{wanted.key}` is there already: {shown(there)} was left as it is")
    return there.number


def _under(edit: Edit, parent: int | None) -> tuple[int, ...]:
    further = [number for number in edit.tasks("under") if number != parent]
    if further and parent is None:
        raise BadEdit("`under`: the first task of a tree has no parents")
    return tuple(further)


def _move(edit: Edit, before: Task, state: dict[str, Any]) -> None:
    """Take the parents that are given into `state`."""
    ws = edit.ws
    if edit.has("parent"):
        new = edit.task_or_root("parent")
        if new != before.number or before.parent is not None:
            state["parent"] = new
    parent = state.get("parent", before.parent)
    if edit.has("under") or "parent" in state:
        further = _under(edit, parent) if edit.has("under") else before.under
        state["under"] = tuple(number for number in further if number != parent)
    if "parent" not in state and "under" not in state:
        return
    after = replace(before, parent=parent, under=state["under"])
    joined = [number for number in parents_of(after) if number not in parents_of(before)]
    if joined:
        below = set(under(ws, before.number))
        for above in joined:
            if above in below:
                raise CycleFound([before.title, ws.task(above).title, before.title])
        check_parents(ws, after)


def _new_key(edit: Edit, number: int) -> str | None:
    return claim_key(edit, number) if edit.given("key") else None


def claim_key(edit: Edit, number: int) -> str:
    """Return the key that is given to a task.  Raises `BadEdit` where another one has it."""
    key = key_of(edit)
    there = _keyed(edit, key)
    if there is not None and there != number:
        raise BadEdit(f"the key `{key}` is taken by {shown(edit.ws.task(there))}")
    edit.shared.keys[key] = number
    return key


def _keyed(edit: Edit, key: str) -> int | None:
    number = edit.shared.keys.get(key)
    if number is not None and (task := edit.ws.find(number)) is not None and task.key == key:
        return number
    stored = edit.ws.source.keyed(key)
    if stored is None and not edit.shared.rekeyed:
        return None
    return keyed(edit.ws, key)
