"""What is shown of one task, of a tree, and of what is next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from banyan.core.lifecycle import ENDED
from banyan.core.task import ABSENT, Fact, Status, Task
from banyan.core.taskview import Claimed, Ready, TaskView, TreeView
from banyan.memory.graph.asof import revision_at, tree_at
from banyan.memory.graph.basis import resolve_inputs
from banyan.memory.graph.firing import blockers
from banyan.memory.graph.names import resolve
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.view import View
from banyan.memory.graph.walk import load_above, scope

BLOCKED_SHOWN = 5
"""Tasks whose reasons are given where nothing can be claimed."""


def task_view(view: View, number: int) -> TaskView:
    """Return one task with everything that is derived of it."""
    task = view.task(number)
    return TaskView(
        tree=view.tree.id,
        task=task,
        blockers=tuple(blockers(view, number)) if task.status not in ENDED else (),
        values=resolve_inputs(view, task).values,
        facts=facts_in_scope(view, number),
        dependents=tuple(view.dependents(number)),
        children=tuple(view.children(number)),
        calls=tuple(view.source.effects(number)),
    )


def work_view(view: View, number: int) -> TaskView:
    """Return one task as whoever is to do it needs it: without what uses it, with calls where it was begun before."""
    task = view.task(number)
    return TaskView(
        tree=view.tree.id,
        task=task,
        values=resolve_inputs(view, task).values,
        facts=facts_in_scope(view, number),
        children=tuple(view.children(number)),
        calls=tuple(view.source.effects(number)) if task.attempts > 1 or task.status is Status.WAITING else (),
    )


def line_view(view: View, number: int) -> TaskView:
    """Return one task as a line of a tree: without the facts of its scope, and what uses it."""
    task = view.task(number)
    return TaskView(
        tree=view.tree.id,
        task=task,
        blockers=() if task.ready or task.status in ENDED else tuple(blockers(view, number)),
        facts=tuple(view.facts(number).values()),
    )


def facts_in_scope(view: View, number: int) -> tuple[Fact, ...]:
    """Return the facts that hold for a task, the nearest first; of each key the nearest with a value."""
    near = scope(view, number)
    view.load_facts(near)
    found: dict[str, Fact] = {}
    for one in near:
        for key, fact in sorted(view.facts(one).items()):
            if key not in found or found[key].value is ABSENT:
                found.setdefault(key, fact) if fact.value is ABSENT else found.update({key: fact})
    return tuple(found.values())


def claimed_view(view: View, number: int) -> Claimed:
    """Return a task that has just been claimed, with what its worker needs to know."""
    task = view.task(number)
    if task.holder is None or task.lease_until is None:
        raise LookupError(f"nobody holds {number}")
    return Claimed(view=work_view(view, number), worker=task.holder, fence=task.fence, lease_until=task.lease_until)


def ready_view(source: GraphSource, *, limit: int, given_back: Sequence[int] = ()) -> Ready:
    """Return what can be claimed now, and why nothing where nothing can."""
    view = View(source)
    counts = source.counts()
    ready = source.ready(limit)
    view.load(task.number for task in ready)
    view.load_facts(load_above(view, ready))
    return Ready(
        tree=source.tree.id,
        revision=source.tree.revision,
        tasks=[work_view(view, task.number) for task in ready],
        counts=counts,
        given_back=tuple(given_back),
        blocked=[line_view(view, task.number) for task in source.unended(BLOCKED_SHOWN)] if not ready else [],
    )


def tree_view(
    source: GraphSource, *, under: str | None = None, as_of: Mapping[str, int] | None = None, limit: int = 500
) -> TreeView:
    """Return the tasks of a tree, or of what is under one of them, in order."""
    then = source if as_of is None else tree_at(source, revision_at(source, as_of))
    view = View(then)
    starts = then.roots() if under is None else [resolve(view, under, {})]
    found: list[tuple[int, TaskView]] = []
    seen: set[int] = set()
    stack = [(0, number) for number in reversed(starts)]
    while stack and len(found) < limit:
        depth, number = stack.pop()
        if number in seen:
            continue
        seen.add(number)
        line = line_view(view, number)
        found.append((depth, line))
        if line.task.summary is None:
            stack.extend((depth + 1, child) for child in reversed(view.children(number)))
    counts = then.counts()
    made = None if as_of is None else source.revision(then.tree.revision)
    return TreeView(
        tree=source.tree if made is None else replace(source.tree, turn=made.turn),
        tasks=found,
        counts=counts,
        left_out=sum(counts.values()) - len(found) if under is None else len({one for _, one in stack} - seen),
        revision=then.tree.revision,
    )


def counted(tasks: Sequence[Task]) -> dict[Status, int]:
    """Return how many tasks there are of each status, in the order of `Status`."""
    count = Counter(task.status for task in tasks)
    return {status: count[status] for status in Status if count[status]}
