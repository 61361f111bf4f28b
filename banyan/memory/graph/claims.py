"""Who holds a task, for how long, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from banyan.core.errors import BadEdit, ClaimLost, Conflict
from banyan.core.lifecycle import ENDED, HELD
from banyan.core.task import ABSENT, Json, Status, Task, task_id
from banyan.memory.graph.basis import basis
from banyan.memory.graph.firing import blockers
from banyan.memory.graph.rules import effects_settled
from banyan.memory.graph.settle import settle
from banyan.memory.graph.view import same
from banyan.memory.graph.workspace import Workspace

OUTCOMES = ("done", "failed", "waiting", "cancelled")
SHOWN = 5
"""Tasks named in a refusal."""


def claim(
    ws: Workspace, *, worker: str, lease_s: float, limit: int, numbers: Sequence[int] | None = None
) -> list[Task]:
    """Give ready tasks to a worker, the longest way to the end first, or exactly these; return them as they are held.

    Raises:
        BadEdit: the tree is a what-if.
        Conflict: one of `numbers` cannot be claimed; says why.
    """
    if ws.tree.origin is not None:
        raise BadEdit("a what-if is not worked on: adopt it first")
    chosen = _first_ready(ws, limit) if numbers is None else [_claimable(ws, number) for number in numbers]
    return [_hold(ws, task, worker, lease_s) for task in chosen]


def _first_ready(ws: Workspace, limit: int) -> list[Task]:
    known = ws.tasks_known()
    stored = ws.source.ready(limit + len(known))
    ws.load(task.number for task in stored)
    ready = {task.number: task for task in ws.tasks_known() if task.ready}
    return sorted(ready.values(), key=lambda task: (-task.tail, -task.priority, task.number))[:limit]


def _claimable(ws: Workspace, number: int) -> Task:
    task = ws.task(number)
    if not task.ready and not (task.status is Status.WAITING and effects_settled(ws, task)):
        why = blockers(ws, number) or [f"it is {task.status.value}"]
        raise Conflict(f"{task_id(ws.tree.id, number)} `{task.title}` cannot be claimed: {'; '.join(why)}")
    return task


def _hold(ws: Workspace, task: Task, worker: str, lease_s: float) -> Task:
    number = task.number
    if task.status is Status.STALE:
        ws.move(number, Status.PENDING, "it is done again")
    ws.move(number, Status.RUNNING, f"{worker} holds it")
    ws.set(number, basis=basis(ws, number), attempts=task.attempts + 1)
    until = ws.now + timedelta(seconds=lease_s)
    ws.mark(number, holder=worker, lease_until=until, fence=task.fence + 1, ready=False)
    return ws.task(number)


def renew(ws: Workspace, number: int, fence: int, lease_s: float) -> datetime:
    """Have a claim last `lease_s` seconds from now, and return until when.  Raises `ClaimLost`."""
    check_fence(ws, number, fence)
    until = ws.now + timedelta(seconds=lease_s)
    ws.mark(number, lease_until=until)
    return until


def lapse(ws: Workspace) -> list[int]:
    """Give back the tasks whose lease has ended, and return them."""
    found = []
    for number in ws.source.lapsed(ws.now):
        task = ws.task(number)
        if task.status is not Status.RUNNING or task.lease_until is None or task.lease_until > ws.now:
            continue
        if any(call.fence == task.fence for call in ws.source.effects(number)):
            ws.move(number, Status.WAITING, f"the lease of {task.holder} ended after it had acted in the world")
            ws.mark(number, holder=None)
        else:
            ws.move(number, Status.PENDING, f"the lease of {task.holder} ended")
            ws.mark(number, holder=None, lease_until=None)
        found.append(number)
    return found


def check_fence(ws: Workspace, number: int, fence: int) -> None:
    """Raise `ClaimLost` where a task is not held under this fence."""
    task = ws.task(number)
    if task.status is Status.RUNNING and task.fence == fence:
        return
    name = f"{task_id(ws.tree.id, number)} `{task.title}`"
    if task.status is Status.RUNNING:
        raise ClaimLost(f"{name} is held by {task.holder} under another claim: this answer comes too late")
    raise ClaimLost(f"{name} is {task.status.value}, and not held under fence {fence}: claim it again")


def finish(
    ws: Workspace,
    number: int,
    outcome: str,
    *,
    output: Json = ABSENT,
    reason: str = "",
    fence: int | None = None,
) -> None:
    """End a task, or have it wait.

    Raises:
        BadEdit: the outcome is none, or the task cannot end so: something before it or under it has not.
        ClaimLost: somebody holds it under another claim.
    """
    if outcome not in OUTCOMES:
        raise BadEdit(f"`{outcome}` is no outcome: it should be one of {', '.join(f'`{one}`' for one in OUTCOMES)}")
    # What the same batch did before may have opened it.
    settle(ws)
    if fence is not None:
        check_fence(ws, number, fence)
    elif ws.task(number).status is Status.RUNNING and outcome != "cancelled":
        task = ws.task(number)
        until = "" if task.lease_until is None else f" until {task.lease_until:%H:%M:%S} UTC"
        raise ClaimLost(f"`{task.title}` is held by {task.holder}{until}: give the `fence` of that claim")
    if outcome == "done":
        _complete(ws, number, None if output is ABSENT else output, reason)
    elif outcome == "cancelled":
        _cancel(ws, number, reason)
    else:
        _stop(ws, number, Status.FAILED if outcome == "failed" else Status.WAITING, reason)


def _complete(ws: Workspace, number: int, output: Json, reason: str) -> None:
    task = ws.task(number)
    if task.status in ENDED - {Status.DONE}:
        raise BadEdit(f"`{task.title}` is {task.status.value}: `reopen` it first")
    if task.unended:
        open_ones = [one for one in map(ws.task, ws.children(number)) if one.status not in ENDED]
        names = ", ".join(f"`{one.title}` ({one.status.value})" for one in open_ones[:SHOWN])
        raise BadEdit(f"`{task.title}` has {task.unended} tasks under it that have not ended: {names}")
    if task.status is Status.DONE and same(task.output, output):
        return
    held = task.status is Status.RUNNING
    if not held and task.status not in {Status.DONE, Status.WAITING} and not task.ready:
        raise BadEdit(f"`{task.title}` cannot be done yet: {'; '.join(blockers(ws, number))}")
    went_by = task.basis if held else basis(ws, number)
    _run(ws, task, reason)
    ws.set(number, reason=reason, output=output, basis=went_by, attempts=task.attempts + _counts(task))
    ws.move(number, Status.DONE, reason)
    ws.mark(number, holder=None, lease_until=None)


def _stop(ws: Workspace, number: int, status: Status, reason: str) -> None:
    task = ws.task(number)
    if task.status in ENDED:
        raise BadEdit(f"`{task.title}` is {task.status.value} already: `reopen` it first")
    attempts = task.attempts + _counts(task)
    if task.status is not status and not (task.status is Status.WAITING and status is Status.FAILED):
        _run(ws, task, reason)
    ws.set(number, attempts=attempts)
    if status is Status.FAILED:
        ws.set(number, basis=task.basis or basis(ws, number) or UNKNOWN_BASIS)
    ws.move(number, status, reason)
    ws.mark(number, holder=None, lease_until=None, reason=reason)
    allowed = task.budget.get("attempts", 1)
    if status is Status.FAILED and attempts < allowed:
        ws.move(number, Status.PENDING, f"attempt {attempts} of {allowed} failed{': ' + reason if reason else ''}")


UNKNOWN_BASIS = "-"
"""Stands for what a task went by that failed before all of that was there: it did not fail by rule."""


def _cancel(ws: Workspace, number: int, reason: str) -> None:
    task = ws.task(number)
    if task.status in ENDED - {Status.FAILED}:
        raise BadEdit(f"`{task.title}` is {task.status.value} already")
    ws.move(number, Status.CANCELLED, reason or "it was cancelled")
    ws.mark(number, holder=None, lease_until=None)


def _run(ws: Workspace, task: Task, reason: str) -> None:
    """Take the steps that the table has on the way to an end."""
    if task.status in {Status.DONE, Status.STALE}:
        ws.move(task.number, Status.PENDING, reason or "it is done again")
    ws.move(task.number, Status.RUNNING, reason)


def _counts(task: Task) -> int:
    """How many attempts it is: one that was begun was counted then, and another output of the same is none."""
    return 0 if task.status in {*HELD, Status.DONE} else 1
