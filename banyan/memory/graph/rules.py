"""What a task becomes by itself, as the tasks around it stand: each rule says it of one task, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from banyan.core.effect import is_unsettled
from banyan.core.lifecycle import GONE, Firing
from banyan.core.task import ABSENT, Json, ResultRule, Status, Task, task_id
from banyan.memory.graph.basis import basis, open_part, resolve_inputs
from banyan.memory.graph.firing import failed_by_rule, gate_verdict, gone_with, unrecovered, work_verdict
from banyan.memory.graph.view import View, parents_of

AS_BEFORE: Final = "what it went by is as before"
CHILD_LEVELS: Final = 99
"""Levels of a child's output that its parent's may hold."""
ALL_ENDED: Final = "everything under it has ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a task becomes."""

    status: Status
    reason: str
    lasting: bool = False
    """No rule takes it back."""
    by_children: bool = False
    """It ends with what is under it, and not of work of its own."""


def next_step(view: View, task: Task, cause: str) -> Step | None:
    """Return what a task becomes by itself; None where it stays as it is.

    Args:
        view: the tree; the task's gate there has to be right.
        task: the task.
        cause: what has changed around it, for the reason.
    """
    return _RULES[task.status](view, task, cause)


def is_open(view: View, task: Task) -> bool:
    """Return whether the gate of a task is open, by its edges and by its parents, those that are over left out."""
    parents = [view.task(parent) for parent in parents_of(task)]
    return gate_verdict(view, task).firing is Firing.FIRED and (
        not parents or any(parent.gate and parent.status not in GONE for parent in parents)
    )


def is_ready(view: View, task: Task) -> bool:
    """Return whether a task can be claimed now; its gate has to be right."""
    waits = task.status is Status.WAITING
    if task.status not in {Status.PENDING, Status.STALE} and not (waits and is_resumable(view, task)):
        return False
    return may_work(view, task) and not resolve_inputs(view, task).missing


def may_work(view: View, task: Task) -> bool:
    """Return whether the own work of a task may begin, by its gate and what is under it."""
    return task.gate and not task.unended and work_verdict(view, task).firing is Firing.FIRED


def is_resumable(view: View, task: Task) -> bool:
    """Whether a task waits only since it was not known what its worker did in the world, and is now."""
    return task.status is Status.WAITING and task.lease_until is not None and effects_settled(view, task)


def effects_settled(view: View, task: Task) -> bool:
    """Whether it is known what came of every call under a task that may have changed the world."""
    return not any(is_unsettled(call) for call in view.effects(task.number))


def output_of_children(view: View, task: Task) -> dict[str, Any]:
    """Return the result of a parent that is made of its children's: their outputs by id.

    Results of results may stand in one another without end: what is too deep to stand there is null, and asked of the
    child itself.
    """
    children = map(view.task, view.children(task.number))
    return {
        task_id(view.tree.id, one.number): one.output if _is_within(one.output, CHILD_LEVELS) else None
        for one in children
        if one.output is not ABSENT
    }


def _is_within(value: Json, levels: int) -> bool:
    """Whether a value has at most so many levels of arrays and objects."""
    level = [value]
    for _ in range(levels + 1):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return True
    return False


def _pending(view: View, task: Task, cause: str) -> Step | None:
    gone = gone_with(view, task)
    if gone is not None:
        return Step(status=gone[0], reason=gone[1], lasting=gone[0] is Status.CANCELLED)
    never = _never(view, task)
    if never:
        return Step(status=Status.SKIPPED, reason=never)
    return _ended_by_children(view, task)


def _stale(view: View, task: Task, cause: str) -> Step | None:
    gone = gone_with(view, task)
    if gone is not None and gone[0] is Status.CANCELLED:
        return Step(status=Status.CANCELLED, reason=gone[1], lasting=True)
    never = gone[1] if gone is not None else _never(view, task)
    if never:
        return Step(status=Status.PENDING, reason=never, lasting=True)
    if task.basis is not None and basis(view, task.number) == task.basis:
        return Step(status=Status.DONE, reason=AS_BEFORE)
    return _ended_by_children(view, task)


def _held(view: View, task: Task, cause: str) -> Step | None:
    gone = gone_with(view, task)
    return None if gone is None else Step(status=Status.CANCELLED, reason=gone[1], lasting=True)


def _done(view: View, task: Task, cause: str) -> Step | None:
    part = open_part(view, task.number)
    if part is None and task.basis is not None and basis(view, task.number) == task.basis:
        return None
    return Step(status=Status.STALE, reason=part or cause)


def _failed(view: View, task: Task, cause: str) -> Step | None:
    if not task.unended or not failed_by_rule(task):
        return None
    return Step(status=Status.PENDING, reason=cause)


def _skipped(view: View, task: Task, cause: str) -> Step | None:
    if gone_with(view, task) is not None or _never(view, task):
        return None
    return Step(status=Status.PENDING, reason=f"it may be done after all: {cause}")


def _cancelled(view: View, task: Task, cause: str) -> Step | None:
    # Whoever wants it reopens it.
    return None


_RULES: Final[Mapping[Status, Callable[[View, Task, str], Step | None]]] = {
    Status.PENDING: _pending,
    Status.RUNNING: _held,
    Status.WAITING: _held,
    Status.DONE: _done,
    Status.FAILED: _failed,
    Status.SKIPPED: _skipped,
    Status.CANCELLED: _cancelled,
    Status.STALE: _stale,
}


def _never(view: View, task: Task) -> str:
    """Return why a task can never be done as things stand; empty where it may be."""
    gate = gate_verdict(view, task)
    if gate.firing is Firing.NEVER:
        return "; ".join(gate.reasons)
    if task.unended or not task.children:
        return ""
    work = work_verdict(view, task)
    if work.firing is not Firing.NEVER:
        return ""
    # A child that failed without recovery fails its parent: that comes first, and says more. What is skipped already
    # stays so, since a recovery may be skipped because of that.
    fails = task.status is not Status.SKIPPED and unrecovered(view, task.number)
    return "" if fails else "; ".join(work.reasons)


def _ended_by_children(view: View, task: Task) -> Step | None:
    """Return how a parent ends whose children have: failed with one that it requires, done where that is its rule."""
    if not task.children or task.unended or not task.gate:
        return None
    failed = unrecovered(view, task.number)
    if failed:
        reason = " and ".join(f"`{one.title}` has failed" for one in failed)
        return Step(status=Status.FAILED, reason=reason, lasting=True, by_children=True)
    if task.result is ResultRule.WORKER or not may_work(view, task) or resolve_inputs(view, task).missing:
        return None
    return Step(status=Status.DONE, reason=ALL_ENDED, lasting=True, by_children=True)
