"""Why a task is where it is, in words."""

from __future__ import annotations

from banyan.core.task import Event, Status, Task
from banyan.memory.graph.firing import blockers
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.timeline import recorded
from banyan.memory.graph.view import View


def why(source: GraphSource, number: int) -> list[str]:
    """Return why a task is not running, or how it came to end, in sentences: when and by whom first."""
    view = View(source)
    task = view.task(number)
    found = [_stands(source, task)]
    if task.status is Status.RUNNING:
        until = "" if task.lease_until is None else f" until {task.lease_until.isoformat()}"
        return [*found, f"{task.holder or 'somebody'} holds it{until}"]
    if task.status in {Status.PENDING, Status.STALE, Status.WAITING}:
        found += blockers(view, number) or ["it can be claimed now"]
    return found


def _stands(source: GraphSource, task: Task) -> str:
    """Return since when a task has its status, and why."""
    event = _last(source, task.number)
    text = f"{task.status.value}"
    if event is not None:
        text += f" since turn {event.turn}, by {event.source} (revision {event.revision})"
    return f"{text}: {task.reason}" if task.reason else text


def _last(source: GraphSource, number: int) -> Event | None:
    found = source.events(tasks=[number], fields=["status", "*"], newest=1)
    return found[0] if found else next(iter(recorded(source, tasks=[number], fields=["status", "*"])[-1:]), None)
