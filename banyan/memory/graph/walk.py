"""Ways through a tree: up, down, and to what holds at a task."""

from __future__ import annotations

from collections.abc import Iterable

from banyan.core.task import ABSENT, Fact, Task
from banyan.memory.graph.view import View, parents_of


def path(view: View, number: int) -> list[int]:
    """Return the tasks from the root to `number`, by its own parents."""
    found = [number]
    while (parent := view.task(found[-1]).parent) is not None:
        found.append(parent)
    return found[::-1]


def scope(view: View, number: int) -> list[int]:
    """Return the tasks whose facts hold for `number`, nearest first; its own parents before those that share it."""
    found = {number: None}
    level = [number]
    while level:
        view.load(level)
        level = list(dict.fromkeys(up for one in level for up in parents_of(view.task(one)) if up not in found))
        found.update(dict.fromkeys(level))
    return list(found)


def is_under(view: View, number: int, ancestor: int) -> bool:
    """Whether `number` is `ancestor`, or somewhere under it."""
    return ancestor in scope(view, number)


def under(view: View, number: int) -> list[int]:
    """Return `number` and every task under it, each level before the next."""
    found = {number: None}
    level = [number]
    while level:
        level = list(dict.fromkeys(child for one in level for child in view.children(one) if child not in found))
        found.update(dict.fromkeys(level))
    return list(found)


def fact_in_scope(view: View, number: int, key: str) -> Fact | None:
    """Return the fact of this key that holds for a task: the nearest with a value."""
    near = scope(view, number)
    view.load_facts(near)
    for one in near:
        fact = view.facts(one).get(key)
        if fact is not None and fact.value is not ABSENT:
            return fact
    return None


def load_above(view: View, tasks: Iterable[Task]) -> list[int]:
    """Read at once everything over several tasks, level by level, and return it with them."""
    level = list(tasks)
    found = dict.fromkeys(task.number for task in level)
    while level:
        above = list(dict.fromkeys(up for task in level for up in parents_of(task) if up not in found))
        found.update(dict.fromkeys(above))
        view.load(above)
        level = [view.task(one) for one in above]
    return list(found)
