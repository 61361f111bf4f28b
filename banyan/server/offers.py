"""Tools for a task: searched in its own words and within its scope, and remembered with it until it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from banyan.core.task import ABSENT

if TYPE_CHECKING:
    from banyan.core.find import Filters, FindAnswer
    from banyan.core.taskview import TaskView
    from banyan.server.wiring import Parts

SERVERS = "tools/servers"
"""A fact of this key narrows the search of every task in its scope to the servers that it lists."""
QUERY_CHARS = 2_000
"""Characters of a task's own words that a search is made with."""

LIKELY = 0.1
"""Confidence from which on a tool is kept with the task that it was found for."""


async def find_for(
    parts: Parts, task: str, query: str, *, k: int, filters: Filters, explain: bool = False
) -> FindAnswer:
    """Return the tools that fit `query` and the words of a task best, and remember with the task what was found.

    Raises:
        UnknownTask: there is no such task.
    """
    view = await parts.tasks.get(task)
    narrowed = replace(filters, servers=filters.servers or _servers(view))
    found = await parts.finder.find(words_of(view, query), k=k, filters=narrowed, explain=explain)
    likely = [one.name for one in found.results if one.confidence >= LIKELY]
    if found.fits and likely:
        await parts.offers.offer(view.id, likely)
    return replace(found, query=query)


def words_of(view: TaskView, query: str) -> str:
    """Return what a search for a task is made with: the query, or, where there is none, what the task says of itself.

    The two are not joined: a task speaks of what it is for, and a tool of what it does. ("put the report into the
    bucket" leads a search for "create an S3 bucket" to the tools for reports.)
    """
    if query.strip():
        return query
    return " ".join(part for part in (view.task.title, view.task.instruction) if part)[:QUERY_CHARS]


def _servers(view: TaskView) -> frozenset[str]:
    said: Mapping[str, object] = {fact.key: fact.value for fact in view.facts if fact.value is not ABSENT}
    wanted = said.get(SERVERS)
    names = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    return frozenset(str(name) for name in names)
