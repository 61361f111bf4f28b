"""Tasks go, with what is under them: `remove`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from banyan.core.errors import BadEdit
from banyan.core.task import Status, Task, is_reference
from banyan.memory.graph.names import shown
from banyan.memory.graph.ops.edit import Edit, refuse_circle_moved
from banyan.memory.graph.view import View, parents_of
from banyan.memory.graph.walk import scope, under
from banyan.memory.graph.workspace import Workspace


def remove(edit: Edit) -> None:
    """Remove a task with everything under it that no other parent shares."""
    ws = edit.ws
    number = edit.task()
    gone = going(ws, number)
    for one in gone:
        refuse_held(ws.task(one))
    take_away(ws, gone, edit.text("reason"))


def going(view: View, number: int) -> list[int]:
    """Return a task and everything under it that has no parent elsewhere, from below upwards."""
    level = under(view, number)
    gone = set(level)
    while True:
        shared = {
            one for one in gone if one != number and any(parent not in gone for parent in parents_of(view.task(one)))
        }
        if not shared:
            return [one for one in reversed(level) if one in gone]
        gone -= shared


def refuse_held(task: Task) -> None:
    """Raise `BadEdit` where somebody holds a task."""
    if task.status is Status.RUNNING:
        raise BadEdit(f"{shown(task)} is held by `{task.holder}`: wait for it, or `cancel` it first")


def take_away(ws: Workspace, numbers: Collection[int], reason: str = "") -> None:
    """Remove tasks; what stays loses its edges from them, and has other parents.

    Raises:
        BadEdit: something that stays takes data from one of them, or has no other parent, or would wait for itself.
    """
    gone = set(numbers)
    moved: dict[int, list[int]] = {}
    for number in numbers:
        children = ws.children(number)
        for one in (*ws.dependents(number), *children):
            if one not in gone:
                moved.update({one: scope(ws, one)} if one in children and one not in moved else {})
                _part(ws, one, gone, reason)
    for number in numbers:
        ws.remove(number, reason)
    for one, above in moved.items():
        refuse_circle_moved(ws, one, above)


def _part(ws: Workspace, number: int, gone: Collection[int], reason: str) -> None:
    """Part a task that stays from those that go."""
    task = ws.task(number)
    for name, value in sorted(task.inputs.items()):
        if is_reference(value) and value["$from"] in gone:
            source = ws.task(value["$from"])
            raise BadEdit(
                f"{shown(task)} takes its input `{name}` from {shown(source)}: `update` that input first, "
                f"or remove {shown(task)} too"
            )
    rest = tuple(one for one in parents_of(task) if one not in gone)
    if parents_of(task) and not rest:
        raise BadEdit(f"{shown(task)} is under what would go, and has no other parent")
    kept = replace(
        task,
        requires=tuple(edge for edge in task.requires if edge.source not in gone),
        parent=rest[0] if rest else None,
        under=rest[1:],
    )
    ws.set(number, reason=reason, requires=kept.requires, parent=kept.parent, under=kept.under)
