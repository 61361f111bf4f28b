"""What changed, who changed it and when; and what uses what."""

from __future__ import annotations

from collections.abc import Collection

from banyan.core.task import Event
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.timeline import lineage, recorded
from banyan.memory.graph.view import View
from banyan.memory.graph.walk import fact_in_scope

NOT_TOLD = "basis"
"""A field whose values mean nothing to anybody."""


def history(
    source: GraphSource, numbers: Collection[int] | None = None, *, since: int = 0, limit: int = 100
) -> list[Event]:
    """Return what changed after revision `since`, oldest first; of more than `limit` changes the last.

    Args:
        source: the tree.
        numbers: of these tasks, and of those that they were split or merged from; None for all.
        since: a revision.
        limit: changes at most.
    """
    if numbers is not None:
        line = lineage(source, numbers)
        return [event for event in recorded(source, tasks=line, after=since) if _told(event)][-limit:]
    most = limit
    while True:
        found = source.events(after=since, newest=most)
        told = [event for event in found if _told(event)]
        if len(told) >= limit or len(found) < most:
            return told[-limit:]
        most *= 2


def users(source: GraphSource, number: int) -> list[int]:
    """Return the tasks that use something of a task: its end or its output, or facts said in it."""
    view = View(source)
    found = set(view.dependents(number))
    for key in view.facts(number):
        for user in view.fact_users(key):
            fact = fact_in_scope(view, user, key)
            if fact is not None and fact.task == number:
                found.add(user)
    return sorted(found)


def _told(event: Event) -> bool:
    return event.change.field != NOT_TOLD
