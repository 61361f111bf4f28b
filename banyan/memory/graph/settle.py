"""What follows from a change: the rules of `docs/design/task-memory.md`, worked off task by task until none applies."""

from __future__ import annotations

from banyan.core.effect import is_unsettled
from banyan.core.lifecycle import CLAIMABLE, ENDED, Firing
from banyan.core.task import ABSENT, ResultRule, Status, Task, task_id
from banyan.memory.graph.basis import basis, resolve_inputs
from banyan.memory.graph.firing import Verdict, failed_by_rule, gate_verdict, gone_with, unrecovered, work_verdict
from banyan.memory.graph.order import relength
from banyan.memory.graph.view import parents_of
from banyan.memory.graph.workspace import Workspace

AS_BEFORE = "what it went by is as before"


def settle(ws: Workspace) -> None:
    """Bring every touched task, and whatever follows, to where the rules have it.

    The graph has no circle, and what a task becomes depends on what comes before it and on what is under it alone: so
    the rules come to an end, in whatever order they are applied.
    """
    relength(ws)
    while ws.touched:
        number = next(iter(ws.touched))
        cause = ws.touched.pop(number)
        if ws.find(number) is not None:
            _look(ws, number, cause)


def _look(ws: Workspace, number: int, cause: str) -> None:
    """Apply the first rule that has something to say; what it changes is touched, and looked at again."""
    task = ws.task(number)
    ws.load(parents_of(task))
    verdict = gate_verdict(ws, task) if task.status not in ENDED or task.status is Status.SKIPPED else None
    before = task.status
    _RULES[task.status](ws, task, cause, verdict or _FIRED)
    if ws.task(number).status is before:
        _derive(ws, number, verdict or _FIRED)


_FIRED = Verdict(firing=Firing.FIRED)


def _pending(ws: Workspace, task: Task, cause: str, verdict: Verdict) -> None:
    gone = gone_with(ws, task)
    if gone is not None:
        ws.move(task.number, *gone)
        return
    never = _never(ws, task, verdict)
    if never:
        ws.move(task.number, Status.SKIPPED, never)
        return
    _end_by_children(ws, task, verdict)


def _stale(ws: Workspace, task: Task, cause: str, verdict: Verdict) -> None:
    gone = gone_with(ws, task)
    if gone is not None and gone[0] is Status.CANCELLED:
        ws.move(task.number, *gone)
    elif gone is not None or (never := _never(ws, task, verdict)):
        ws.move(task.number, Status.PENDING, gone[1] if gone is not None else never)
    elif task.basis is not None and basis(ws, task.number) == task.basis:
        ws.move(task.number, Status.DONE, AS_BEFORE)
    else:
        _end_by_children(ws, task, verdict)


def _held(ws: Workspace, task: Task, cause: str, verdict: Verdict) -> None:
    gone = gone_with(ws, task)
    if gone is not None:
        ws.move(task.number, Status.CANCELLED, gone[1])
        ws.mark(task.number, holder=None, lease_until=None)


def _done(ws: Workspace, task: Task, cause: str, verdict: Verdict) -> None:
    now = basis(ws, task.number)
    if now is None or now != task.basis:
        ws.move(task.number, Status.STALE, cause)


def _failed(ws: Workspace, task: Task, cause: str, verdict: Verdict) -> None:
    if task.unended and failed_by_rule(task):
        ws.move(task.number, Status.PENDING, cause)


def _skipped(ws: Workspace, task: Task, cause: str, verdict: Verdict) -> None:
    if gone_with(ws, task) is None and not _never(ws, task, verdict):
        ws.move(task.number, Status.PENDING, f"it is possible again: {cause}")


def _cancelled(ws: Workspace, task: Task, cause: str, verdict: Verdict) -> None:
    """Stay: what was cancelled is taken up again by whoever reopens it."""


_RULES = {
    Status.PENDING: _pending,
    Status.STALE: _stale,
    Status.RUNNING: _held,
    Status.WAITING: _held,
    Status.DONE: _done,
    Status.FAILED: _failed,
    Status.SKIPPED: _skipped,
    Status.CANCELLED: _cancelled,
}


def _never(ws: Workspace, task: Task, verdict: Verdict) -> str:
    """Return why a task can never be done as things stand; empty where it may be."""
    if verdict.firing is Firing.NEVER:
        return "; ".join(verdict.reasons)
    if task.unended or not task.children:
        return ""
    work = work_verdict(ws, task)
    # A child that failed without recovery fails its parent: that comes first, and says more.
    return "; ".join(work.reasons) if work.firing is Firing.NEVER and not unrecovered(ws, task.number) else ""


def _end_by_children(ws: Workspace, task: Task, verdict: Verdict) -> None:
    """End a parent whose children have all ended: failed where one that it requires is, done where that is its rule."""
    if not task.children or task.unended or not _gate(ws, task, verdict):
        return
    failed = unrecovered(ws, task.number)
    if failed:
        _begin(ws, task)
        ws.move(task.number, Status.FAILED, " and ".join(f"`{one.title}` failed" for one in failed))
        ws.set(task.number, basis=None)
        return
    if task.result is not ResultRule.CHILDREN or not _may_work(ws, task):
        return
    children = [ws.task(child) for child in ws.children(task.number)]
    outputs = {task_id(ws.tree.id, one.number): one.output for one in children if one.output is not ABSENT}
    now = basis(ws, task.number)
    _begin(ws, task)
    ws.set(task.number, output=outputs, basis=now)
    ws.move(task.number, Status.DONE, "everything under it has ended")


def _begin(ws: Workspace, task: Task) -> None:
    """Take the steps that the table has between what waits and what has ended."""
    if task.status is Status.STALE:
        ws.move(task.number, Status.PENDING, "it is made anew")
    ws.move(task.number, Status.RUNNING, "everything under it has ended")


def _gate(ws: Workspace, task: Task, verdict: Verdict) -> bool:
    parents = parents_of(task)
    return verdict.firing is Firing.FIRED and (not parents or any(ws.task(parent).gate for parent in parents))


def _may_work(ws: Workspace, task: Task) -> bool:
    return work_verdict(ws, task).firing is Firing.FIRED and not resolve_inputs(ws, task).missing


def _derive(ws: Workspace, number: int, verdict: Verdict) -> None:
    """Bring `gate` and `ready` up to date, and touch what is under a task whose gate has opened or closed."""
    task = ws.task(number)
    gate = task.status not in ENDED and _gate(ws, task, verdict)
    ready = (
        gate
        and not task.unended
        and (task.status in CLAIMABLE - {Status.WAITING} or _resumable(ws, task))
        and _may_work(ws, task)
    )
    if (gate, ready) == (task.gate, task.ready):
        return
    ws.mark(number, gate=gate, ready=ready)
    if gate != task.gate and task.children:
        for child in ws.children(number):
            ws.touch(child, f"`{task.title}` {'can begin' if gate else 'cannot begin'}")


def _resumable(ws: Workspace, task: Task) -> bool:
    """Whether a task waits only because its worker was lost, and what that worker did in the world is known."""
    return task.status is Status.WAITING and task.lease_until is not None and effects_settled(ws, task)


def effects_settled(ws: Workspace, task: Task) -> bool:
    """Whether the outcome of every call is known that was made under a task and may have changed the world."""
    return not any(is_unsettled(call) for call in ws.source.effects(task.number))
