"""What follows from a change: the rules of `docs/design/task-memory.md`, worked off task by task until none applies."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Final

from banyan.core.task import Status, Task
from banyan.memory.graph.basis import basis, load_scopes
from banyan.memory.graph.lengths import relength
from banyan.memory.graph.moves import follow_moves
from banyan.memory.graph.rules import Step, is_open, is_ready, next_step, output_of_children
from banyan.memory.graph.steps import bring
from banyan.memory.graph.view import parents_of
from banyan.memory.graph.workspace import Workspace, touch_recovered

ROUNDS: Final = 100
"""Rounds for each task that was read, beyond which a rule contradicts another: that is a defect of this program."""


def settle(ws: Workspace) -> None:
    """Bring every touched task, and whatever follows, to where the rules have it.

    Tasks are skipped, stale and back again in whatever order they come up: the graph has no circle, so that comes to
    an end, and to the same one. What no rule takes back (a task is cancelled, a parent ends) is done only once nothing
    else is left to say, so that it never rests on what is about to change.
    """
    sources = follow_moves(ws)
    for number in ws.lengths:
        touch_recovered(ws, number)
    relength(ws, sources)
    lasting: dict[int, str] = {}
    for rounds in count():
        if not ws.touched and not lasting:
            return
        if rounds % ROUNDS == ROUNDS - 1 and rounds > ROUNDS * len(ws.tasks_known()):
            raise LookupError(f"the rules come to no end in {ws.tree.id}: {sorted(ws.touched)[:5]}")
        last = not ws.touched
        batch = dict(lasting if last else ws.touched)
        (lasting if last else ws.touched).clear()
        _read_around(ws, batch)
        for number in _first_first(ws, batch) if last else batch:
            if ws.find(number) is not None and not _look(ws, number, batch[number], last=last):
                lasting.setdefault(number, batch[number])


def _first_first(ws: Workspace, numbers: Iterable[int]) -> list[int]:
    """Return tasks so that what comes before another stands before it: a parent opens before what is open under it."""
    tasks = [task for number in numbers if (task := ws.find(number)) is not None]
    tasks.sort(key=lambda task: (-task.tail if task.unended else -task.own, task.own))
    return [task.number for task in tasks]


def _look(ws: Workspace, number: int, cause: str, *, last: bool) -> bool:
    """Take the step that a task takes by itself, if any; return False where that has to wait for the last."""
    _derive_gate(ws, number)
    task = ws.task(number)
    step = next_step(ws, task, cause)
    if step is not None:
        if step.lasting and not last:
            return False
        _take(ws, task, step)
    ready = is_ready(ws, ws.task(number))
    if ready != task.ready:
        ws.mark(number, ready=ready)
    return True


def _take(ws: Workspace, task: Task, step: Step) -> None:
    """Bring a task to where a rule has it, with its result where that follows too."""
    number = task.number
    if step.by_children:
        # A task that fails with its children went by nothing: so it is known that it is pending again with them.
        done = step.status is Status.DONE
        state = {"output": output_of_children(ws, task), "basis": basis(ws, number)} if done else {"basis": None}
        ws.set(number, reason=step.reason, **state)
    bring(ws, number, step.status, step.reason)
    if task.status in {Status.RUNNING, Status.WAITING}:
        ws.mark(number, holder=None, lease_until=None)


def _derive_gate(ws: Workspace, number: int) -> None:
    task = ws.task(number)
    gate = is_open(ws, task)
    if gate == task.gate:
        return
    ws.mark(number, gate=gate)
    for child in ws.children(number) if task.children else ():
        ws.touch(child, f"`{task.title}` {'can begin' if gate else 'cannot begin'}")


def _read_around(ws: Workspace, numbers: Iterable[int]) -> None:
    """Read at once what is needed to look at these tasks."""
    ws.load(numbers)
    tasks = [task for number in numbers if (task := ws.find(number)) is not None]
    ws.load(one for task in tasks for one in (*parents_of(task), *(edge.source for edge in task.edges)))
    load_scopes(ws, (task for task in tasks if task.status is not Status.RUNNING))
