"""Who holds a task, for how long, and how it ends."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from banyan.core.errors import BadEdit, ClaimLost, Conflict
from banyan.core.lifecycle import ENDED, HELD
from banyan.core.task import ABSENT, Json, Status, Task, task_id
from banyan.memory.graph.basis import basis, resolve_inputs
from banyan.memory.graph.firing import blockers
from banyan.memory.graph.ops.edit import INSTRUCTION_CHARS, json_of, text_of
from banyan.memory.graph.rules import effects_settled, may_work
from banyan.memory.graph.settle import settle
from banyan.memory.graph.steps import bring
from banyan.memory.graph.workspace import Workspace

OUTCOMES = ("done", "failed", "waiting", "cancelled")
SHOWN = 5
"""Tasks named in a refusal."""
UNKNOWN_BASIS = "-"
"""Stands for what a task went by that failed before all of that was there."""


def claim(
    ws: Workspace, *, worker: str, lease_s: float, limit: int, numbers: Sequence[int] | None = None
) -> list[Task]:
    """Give ready tasks to a worker, the longest way to the end first, or exactly these; return them as they are held.

    What waits for an approval or an answer is given only to who asks for it.

    Raises:
        BadEdit: the tree is a what-if.
        Conflict: one of `numbers` cannot be claimed; says why.
    """
    if ws.tree.origin is not None:
        raise BadEdit("a what-if is not worked on: adopt it first")
    chosen = _first_ready(ws, limit) if numbers is None else [_claimable(ws, one) for one in dict.fromkeys(numbers)]
    return [_hold(ws, task, worker, lease_s) for task in chosen]


def _first_ready(ws: Workspace, limit: int) -> list[Task]:
    # What the batch has begun stands among the stored ones still.
    taken = sum(1 for task in ws.tasks_known() if not task.ready and (was := ws.was(task.number)) and was.ready)
    stored = ws.source.ready(limit + taken)
    ws.load([task.number for task in stored], stored)
    ready = [task for task in ws.tasks_known() if task.ready]
    return sorted(ready, key=lambda task: (-task.tail, -task.priority, task.number))[:limit]


def _claimable(ws: Workspace, number: int) -> Task:
    task = ws.task(number)
    if not task.ready and not (task.status is Status.WAITING and may_work(ws, task) and effects_settled(ws, task)):
        why = blockers(ws, number) or [f"it is {task.status.value}"]
        raise Conflict(f"{task_id(ws.tree.id, number)} `{task.title}` cannot be claimed: {'; '.join(why)}")
    return task


def _hold(ws: Workspace, task: Task, worker: str, lease_s: float) -> Task:
    number = task.number
    bring(ws, number, Status.RUNNING, f"{worker} holds it")
    ws.set(number, basis=basis(ws, number), attempts=task.attempts + 1)
    until = ws.now + timedelta(seconds=lease_s)
    ws.mark(number, holder=worker, lease_until=until, fence=task.fence + 1, ready=False)
    return ws.task(number)


def renew(ws: Workspace, number: int, fence: int, lease_s: float) -> datetime:
    """Have a claim last `lease_s` seconds from now, and return until when.  Raises `ClaimLost`."""
    _check_held(ws, number, fence, {Status.RUNNING})
    until = ws.now + timedelta(seconds=lease_s)
    ws.mark(number, lease_until=until)
    return until


def release(ws: Workspace, number: int, fence: int) -> None:
    """Give a claim back without having ended the task.  Raises `ClaimLost`."""
    _check_held(ws, number, fence, {Status.RUNNING})
    _give_back(ws, ws.task(number), f"{ws.task(number).holder} gave it back")


def lapse(ws: Workspace) -> list[int]:
    """Give back the tasks whose lease has ended, and return them."""
    lapsed = ws.source.lapsed(ws.now)
    ws.load(lapsed)
    held = [task for task in map(ws.find, lapsed) if task is not None and task.status is Status.RUNNING]
    found = [task for task in held if task.lease_until is not None and task.lease_until <= ws.now]
    for task in found:
        _give_back(ws, task, f"the lease of {task.holder} ended")
    return [task.number for task in found]


def check_fence(ws: Workspace, number: int, fence: int) -> None:
    """Raise `ClaimLost` where a task is neither running nor waiting under this fence."""
    _check_held(ws, number, fence, HELD)


def _check_held(ws: Workspace, number: int, fence: int, statuses: Collection[Status]) -> None:
    task = ws.task(number)
    if task.status in statuses and task.fence == fence:
        return
    name = f"{task_id(ws.tree.id, number)} `{task.title}`"
    if task.status is Status.RUNNING:
        raise ClaimLost(f"{name} is held by {task.holder} under another claim: this answer comes too late")
    then = "it has ended, and nothing was changed" if task.status in ENDED else "claim it again"
    raise ClaimLost(f"{name} is {task.status.value}, and not held under fence {fence}: {then}")


def _give_back(ws: Workspace, task: Task, reason: str) -> None:
    """Take a task from who holds it: it waits where something was sent for it, and is pending where nothing was.

    A lease that has ended is kept where it waits: it tells that from waiting for an answer.
    """
    if any(call.fence == task.fence for call in ws.effects(task.number)):
        ws.move(task.number, Status.WAITING, f"{reason}, after something was done in the world for it")
        ws.mark(task.number, holder=None)
    else:
        ws.move(task.number, Status.PENDING, reason)
        ws.mark(task.number, holder=None, lease_until=None)


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
        raise BadEdit(
            f"`{str(outcome)[:80]}` is no outcome: it should be one of {', '.join(f'`{one}`' for one in OUTCOMES)}"
        )
    # What a tool answered may be no JSON that can be kept: that has to be known before anything is written.
    output = output if output is ABSENT else json_of(output, "output")
    reason = text_of(reason, "reason", most=INSTRUCTION_CHARS)
    # What the same batch did before may have opened it.
    settle(ws)
    if fence is not None:
        check_fence(ws, number, fence)
    elif ws.task(number).status is Status.RUNNING and outcome != "cancelled":
        task = ws.task(number)
        until = "" if task.lease_until is None else f" until {task.lease_until:%H:%M:%S} UTC"
        raise ClaimLost(f"`{task.title}` is held by {task.holder}{until}: give the `fence` of that claim")
    if outcome == "done":
        _complete(ws, number, output, reason, held=fence is not None)
    elif outcome == "failed":
        _fail(ws, number, reason)
    elif outcome == "waiting":
        _wait(ws, number, reason)
    else:
        _cancel(ws, number, reason)


def _complete(ws: Workspace, number: int, output: Json, reason: str, *, held: bool) -> None:
    task = ws.task(number)
    if task.status in ENDED - {Status.DONE}:
        raise BadEdit(f"`{task.title}` is {task.status.value}: `reopen` it first")
    if task.unended:
        open_ones = [one for one in map(ws.task, ws.children(number)) if one.status not in ENDED]
        names = ", ".join(f"`{one.title}` ({one.status.value})" for one in open_ones[:SHOWN])
        raise BadEdit(f"`{task.title}` has {task.unended} tasks under it that have not ended: {names}")
    begins = task.status not in {Status.RUNNING, Status.DONE}
    if begins and (not may_work(ws, task) or resolve_inputs(ws, task).missing):
        raise BadEdit(f"`{task.title}` cannot be done yet: {'; '.join(blockers(ws, number))}")
    went_by = task.basis if held else basis(ws, number)
    ws.set(number, reason=reason, output=output, basis=went_by, attempts=task.attempts + _counts(task))
    bring(ws, number, Status.DONE, reason)
    ws.mark(number, holder=None, lease_until=None)


def _fail(ws: Workspace, number: int, reason: str) -> None:
    task = _not_ended(ws, number)
    attempts, allowed = task.attempts + _counts(task), task.budget.get("attempts", 1)
    # Nothing was gone by only where a task fails with what is under it.
    went_by = task.basis or basis(ws, number) or UNKNOWN_BASIS
    ws.set(number, reason=reason, attempts=attempts, basis=went_by)
    bring(ws, number, Status.FAILED, reason)
    ws.mark(number, holder=None, lease_until=None)
    if attempts < allowed:
        ws.move(number, Status.PENDING, f"attempt {attempts} of {allowed} failed{': ' + reason if reason else ''}")


def _wait(ws: Workspace, number: int, reason: str) -> None:
    task = _not_ended(ws, number)
    ws.set(number, reason=reason, attempts=task.attempts + _counts(task))
    bring(ws, number, Status.WAITING, reason)
    # What waits only until it is known what was done for it keeps its lease, as where that has ended.
    until = None if effects_settled(ws, task) else task.lease_until or ws.now
    ws.mark(number, holder=None, lease_until=until, reason=reason)
    ws.touch(number, reason or "it waits")


def _cancel(ws: Workspace, number: int, reason: str) -> None:
    task = ws.task(number)
    if task.status in ENDED - {Status.FAILED}:
        raise BadEdit(f"`{task.title}` is {task.status.value} already")
    bring(ws, number, Status.CANCELLED, reason or "it was cancelled")
    ws.mark(number, holder=None, lease_until=None)


def _not_ended(ws: Workspace, number: int) -> Task:
    task = ws.task(number)
    if task.status in ENDED:
        raise BadEdit(f"`{task.title}` is {task.status.value} already: `reopen` it first")
    return task


def _counts(task: Task) -> int:
    """How many attempts it is: one that was begun was counted then, and another output of the same is none."""
    return 0 if task.status in {*HELD, Status.DONE} else 1
