"""Whether the edges of a task have fired, may fire yet or never will, and why it is not ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from banyan.core.effect import is_unsettled
from banyan.core.lifecycle import ENDED, FIRINGS, GONE, RECOVERS, Firing
from banyan.core.task import ABSENT, Edge, EdgeKind, Status, Task, is_reference
from banyan.memory.graph.basis import at_pointer, resolve_inputs
from banyan.memory.graph.expression import holds
from banyan.memory.graph.view import View, parents_of
from banyan.memory.graph.walk import is_under


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What several edges together say."""

    firing: Firing
    reasons: Sequence[str] = ()
    """Why those that have not fired have not."""


def firing(view: View, task: Task, edge: Edge) -> tuple[Firing, str]:
    """Return what can be said of an edge into a task, and why, where it has not fired."""
    source = view.find(edge.source)
    if source is None:
        return Firing.NEVER, "the task that it came after is gone"
    found = FIRINGS[edge.kind].get(source.status, Firing.OPEN)
    title = f"`{source.title}`"
    if found is Firing.OPEN:
        return found, f"waits for {title} ({source.status.value})"
    if found is Firing.NEVER:
        return found, f"{title} is {source.status.value}, and this is to be done {_WHEN[edge.kind]}"
    if edge.kind is EdgeKind.WHEN and (source.output is ABSENT or not holds(edge.when, {"output": source.output})):
        return Firing.NEVER, f"`{edge.when}` does not hold for the output of {title}"
    if edge.kind is EdgeKind.DATA and at_pointer(source.output, edge.path) is ABSENT:
        return Firing.NEVER, f"the output of {title} has nothing at `{edge.path}` for the input `{edge.name}`"
    return Firing.FIRED, ""


_WHEN = {
    EdgeKind.AFTER_SUCCESS: "after its success",
    EdgeKind.WHEN: "after its success",
    EdgeKind.DATA: "with its output",
    EdgeKind.AFTER_FAILURE: "after its failure",
    EdgeKind.AFTER_ANY: "after its end",
}


def gate_verdict(view: View, task: Task) -> Verdict:
    """Return what the edges say that gate a task and what is under it."""
    return _verdict(view, task, [edge for edge in task.edges if not _inner(view, task, edge)])


def work_verdict(view: View, task: Task) -> Verdict:
    """Return what the edges say that come from under a task, and gate its own work alone."""
    if not task.children:
        return Verdict(firing=Firing.FIRED)
    return _verdict(view, task, [edge for edge in task.edges if _inner(view, task, edge)])


def unrecovered(view: View, number: int) -> list[Task]:
    """Return the children that have failed, are required, and have no recovery."""
    failed = [view.task(child) for child in view.children(number) if view.task(child).status is Status.FAILED]
    return [one for one in failed if not one.optional and not _recovered(view, one)]


def failed_by_rule(task: Task) -> bool:
    """Whether a task failed because of its children, not of its own work: then it went by nothing."""
    return task.status is Status.FAILED and task.basis is None


def gone_with(view: View, task: Task) -> tuple[Status, str] | None:
    """Return what a task becomes with its parents, and why, where nothing more happens under any of them."""
    parents = [view.task(number) for number in parents_of(task)]
    if not parents or not all(_shut(one) for one in parents):
        return None
    skipped = all(one.status is Status.SKIPPED for one in parents)
    reason = " and ".join(f"`{one.title}` is {one.status.value}" for one in parents)
    return (Status.SKIPPED if skipped else Status.CANCELLED), reason


def blockers(view: View, number: int) -> list[str]:
    """Return why a task is not ready, in words; empty where it is, or has ended."""
    task = view.task(number)
    if task.ready or task.status in ENDED:
        return []
    if task.status is Status.RUNNING:
        return [f"{task.holder} holds it" + (f" until {task.lease_until:%H:%M:%S} UTC" if task.lease_until else "")]
    if task.status is Status.WAITING:
        unknown = [call for call in view.effects(number) if is_unsettled(call)]
        why = f"it waits: {task.reason}" if task.reason else "it waits"
        return [why, *(f"nobody knows what came of its call of `{one.tool}` ({one.call_id})" for one in unknown)]
    found = [*gate_verdict(view, task).reasons, *_shut_over(view, task)]
    if task.unended:
        verb = "has" if task.unended == 1 else "have"
        found.append(f"{task.unended} of the {task.children} tasks under it {verb} not ended")
    else:
        found += work_verdict(view, task).reasons
    # What an input takes from a task has been told with its edge.
    missing = resolve_inputs(view, task).missing
    found += [reason for name, reason in missing.items() if not is_reference(task.inputs[name])]
    return list(dict.fromkeys(found)) or ["it has just changed"]


def _shut_over(view: View, task: Task) -> list[str]:
    """Return why nothing under any parent of a task can begin; nothing where something can."""
    parents = [view.task(parent) for parent in parents_of(task)]
    if any(parent.gate and parent.status not in GONE for parent in parents):
        return []
    found: list[str] = []
    for parent in parents:
        if parent.status in GONE:
            found.append(f"`{parent.title}` is {parent.status.value}")
        else:
            found += gate_verdict(view, parent).reasons or _shut_over(view, parent)
    return found


def _verdict(view: View, task: Task, edges: Sequence[Edge]) -> Verdict:
    view.load(edge.source for edge in edges)
    said = [firing(view, task, edge) for edge in edges]
    for wanted in (Firing.NEVER, Firing.OPEN):
        reasons = [reason for one, reason in said if one is wanted]
        if reasons:
            return Verdict(firing=wanted, reasons=reasons)
    return Verdict(firing=Firing.FIRED)


def _inner(view: View, task: Task, edge: Edge) -> bool:
    return task.children > 0 and view.find(edge.source) is not None and is_under(view, edge.source, task.number)


def _shut(parent: Task) -> bool:
    return parent.status in GONE and not failed_by_rule(parent)


def _recovered(view: View, failed: Task) -> bool:
    for number in view.dependents(failed.number):
        one = view.task(number)
        if one.status not in GONE and any(e.source == failed.number and e.kind in RECOVERS for e in one.requires):
            return True
    return False
