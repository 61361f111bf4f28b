"""From one status to another, along the table of transitions."""

from __future__ import annotations

from functools import cache

from banyan.core.lifecycle import TRANSITIONS
from banyan.core.task import Status
from banyan.memory.graph.workspace import Workspace


def bring(ws: Workspace, number: int, status: Status, reason: str = "") -> None:
    """Bring a task to a status by the shortest way that the table has; each step is recorded."""
    for step in way(ws.task(number).status, status):
        ws.move(number, step, reason)


@cache
def way(before: Status, after: Status) -> tuple[Status, ...]:
    """Return the steps from a status to another; none where it is the same."""
    ways: dict[Status, tuple[Status, ...]] = {before: ()}
    level = [before]
    while after not in ways:
        level = [one for one in Status for last in level if one in TRANSITIONS[last] and one not in ways]
        for one in level:
            last = next(known for known in ways if one in TRANSITIONS[known])
            ways.setdefault(one, (*ways[last], one))
    return ways[after]
