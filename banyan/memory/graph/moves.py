"""What follows where tasks have been moved: what they now go by, and which edges now come from under a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from banyan.core.task import ABSENT, Json
from banyan.memory.graph.view import View, parents_of, same
from banyan.memory.graph.walk import is_under
from banyan.memory.graph.workspace import Workspace


def follow_moves(ws: Workspace) -> set[int]:
    """Touch what now goes by other facts, and what has other edges from under it, since tasks were moved.

    Returns the tasks that those edges come from.
    """
    found: set[int] = set()
    moved = dict(ws.moved)
    ws.moved.clear()
    for number, parents in moved.items():
        task = ws.find(number)
        if task is None:
            continue
        cause = f"`{task.title}` was moved"
        for key in _said_otherwise(ws, _over(ws, parents), _over(ws, parents_of(task))):
            for user in ws.fact_users(key):
                ws.touch(user, cause)
        for one, source in regrouped(ws, number, parents):
            ws.touch(one, cause)
            found.add(source)
    return found


def regrouped(view: View, number: int, parents: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the edges that come from under a task since `number` was moved away from `parents`, or do no more.

    Each as the task that it leads to, and the one that it comes from.
    """
    around = set(_over(view, parents)) ^ set(_over(view, parents_of(view.task(number))))
    for one in sorted(around):
        for source in dict.fromkeys(edge.source for edge in view.task(one).edges):
            if view.find(source) is not None and is_under(view, source, number):
                yield one, source


def _over(view: View, parents: Sequence[int]) -> list[int]:
    """Return these parents and everything over them that is still there, nearest first."""
    found: dict[int, None] = {}
    level = list(parents)
    while level:
        view.load(level)
        there = [task for one in level if one not in found and (task := view.find(one)) is not None]
        found.update(dict.fromkeys(task.number for task in there))
        level = list(dict.fromkeys(up for task in there for up in parents_of(task)))
    return list(found)


def _said_otherwise(view: View, before: Sequence[int], after: Sequence[int]) -> list[str]:
    """Return the keys of the facts that are not the same from one place as from another."""
    view.load_facts([*before, *after])
    keys = dict.fromkeys(key for one in (*before, *after) for key in view.facts(one))
    return [key for key in keys if not same(_held(view, before, key), _held(view, after, key))]


def _held(view: View, places: Sequence[int], key: str) -> Json:
    held = (view.facts(one).get(key) for one in places)
    return next((fact.value for fact in held if fact is not None and fact.value is not ABSENT), ABSENT)
