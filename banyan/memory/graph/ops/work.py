"""Tasks end, wait, and are taken up again: `complete`, `fail`, `wait`, `cancel`, `reopen`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from banyan.core.errors import BadEdit
from banyan.core.lifecycle import ENDED
from banyan.core.task import ABSENT, Change, Status
from banyan.memory.graph.claims import finish
from banyan.memory.graph.firing import gone_with
from banyan.memory.graph.names import shown
from banyan.memory.graph.ops.define import check_parents
from banyan.memory.graph.ops.edit import Edit
from banyan.memory.graph.view import View, parents_of
from banyan.memory.graph.walk import under


def complete(edit: Edit) -> None:
    """End a task as done, with its output."""
    _finish(edit, "done", output=edit.fields.get("output", ABSENT))


def fail(edit: Edit) -> None:
    """End a task as failed; where it has attempts left it is pending again."""
    _finish(edit, "failed", output=ABSENT)


def wait(edit: Edit) -> None:
    """Have a task wait for an approval or an answer."""
    _finish(edit, "waiting", output=ABSENT)


def cancel(edit: Edit) -> None:
    """End a task as cancelled, with what is under it."""
    _finish(edit, "cancelled", output=ABSENT)


def reopen(edit: Edit) -> None:
    """Take up an ended task again, with what was cancelled with it."""
    ws = edit.ws
    number = edit.task()
    task = ws.task(number)
    if task.status not in ENDED:
        raise BadEdit(f"{shown(task)} is {task.status.value}: it has not ended")
    check_parents(ws, task)
    reason = edit.text("reason") or "it was reopened"
    below = _cancelled_with(ws, ws.changes, number) if task.status in {Status.CANCELLED, Status.FAILED} else []
    for one in (number, *below):
        ws.move(one, Status.PENDING, reason if one == number else f"{shown(task)} was reopened")
        ws.set(one, reason=reason, attempts=0)


def _finish(edit: Edit, outcome: str, *, output: Any) -> None:
    fence = edit.integer("fence", 0) if edit.given("fence") else None
    finish(edit.ws, edit.task(), outcome, output=output, reason=edit.text("reason"), fence=fence)


def _cancelled_with(view: View, batch: Sequence[Change], number: int) -> list[int]:
    """Return what is under a task and was cancelled in the revision that ended it, and not since."""
    below = [one for one in under(view, number)[1:] if view.task(one).status is Status.CANCELLED]
    if not below:
        return []
    last = _ended_in(view, batch, [number, *below])
    found: list[int] = []
    for one in below:
        if last.get(one) == last.get(number) or _again_by_rule(view, one, {number, *found}):
            found.append(one)
    return found


def _again_by_rule(view: View, number: int, reopened: Collection[int]) -> bool:
    """Whether a task went with its parents, though the record has it cancelled before: it was reopened in between."""
    task = view.task(number)
    gone = gone_with(view, task)
    return gone is not None and task.reason == gone[1] and any(parent in reopened for parent in parents_of(task))


def _ended_in(view: View, batch: Sequence[Change], numbers: Sequence[int]) -> dict[int, int]:
    """Return the revisions in which these tasks got the statuses that they have; what is not on record is left out."""
    events = view.source.events(tasks=numbers, fields=["status", "*"])
    found = {event.change.task: event.revision for event in events}
    wanted = set(numbers)
    this = view.tree.revision + 1
    found.update({change.task: this for change in batch if change.task in wanted and change.field == "status"})
    return found
