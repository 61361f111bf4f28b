"""What comes before what, and whether anything comes before itself.

A task has three moments: it opens, its own work begins, it ends. A parent opens before its children, whose ends come
before its own work; an edge leads from the end of one task to the opening of another, or, where it comes from under
that other, to its own work.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from banyan.memory.graph.moves import regrouped
from banyan.memory.graph.view import View, parents_of
from banyan.memory.graph.walk import is_under


class Moment(IntEnum):
    """A moment in the life of a task."""

    OPEN = 0
    WORK = 1
    END = 2


Point = tuple[int, Moment]


def circle(view: View, number: int) -> list[int] | None:
    """Return the tasks of a circle through `number`, which comes last too; None where there is none.

    Where it was moved, edges from under other tasks may have become others: circles through those are found too.
    Searches from both sides at once, whichever has less before it, and reads nothing of the tree beyond that.
    """
    moved = [one for one, _ in regrouped(view, number, view.moved[number])] if number in view.moved else []
    ways = (_through(view, one) for one in dict.fromkeys([number, *moved]))
    return next((way for way in ways if way is not None), None)


def _through(view: View, number: int) -> list[int] | None:
    task = view.task(number)
    if not task.edges and len(parents_of(task)) <= 1 and not (task.children or view.dependents(number)):
        # It waits for nothing but its parent, and nothing waits for it but its parent.
        return None
    starts = (Moment.OPEN, Moment.WORK) if task.children else (Moment.OPEN,)
    for moment in starts:
        way = _way_round(view, (number, moment))
        if way is not None:
            return way
    return None


def _way_round(view: View, start: Point) -> list[int] | None:
    ahead: dict[Point, Point | None] = {start: None}
    behind: dict[Point, Point | None] = {start: None}
    front, back = [start], [start]
    while front and back:
        forwards = len(front) <= len(back)
        known, other = (ahead, behind) if forwards else (behind, ahead)
        level: list[Point] = []
        for point in front if forwards else back:
            for after in _after(view, point) if forwards else _before(view, point):
                # Back at the start by a step is a circle as much as meeting the other side is.
                if after in other:
                    return _joined(ahead, behind, *((point, after) if forwards else (after, point)))
                if after not in known:
                    known[after] = point
                    level.append(after)
        front, back = (level, back) if forwards else (front, level)
    return None


def _joined(ahead: dict[Point, Point | None], behind: dict[Point, Point | None], one: Point, two: Point) -> list[int]:
    """Return the tasks on the way from the start to `one`, to `two`, and back to the start."""
    first: list[int] = []
    point: Point | None = one
    while point is not None:
        first.append(point[0])
        point = ahead[point]
    found = first[::-1]
    point = two
    while point is not None:
        found.append(point[0])
        point = behind[point]
    short = [number for at, number in enumerate(found) if at == 0 or found[at - 1] != number]
    return short if len(short) > 1 else short * 2


def _after(view: View, point: Point) -> Iterable[Point]:
    number, moment = point
    if moment is Moment.OPEN:
        yield number, Moment.WORK
        if view.task(number).children:
            for child in view.children(number):
                yield child, Moment.OPEN
    elif moment is Moment.WORK:
        yield number, Moment.END
    else:
        for parent in parents_of(view.task(number)):
            yield parent, Moment.WORK
        for one in view.dependents(number):
            yield one, Moment.WORK if _comes_from_under(view, number, one) else Moment.OPEN


def _before(view: View, point: Point) -> Iterable[Point]:
    number, moment = point
    task = view.task(number)
    if moment is Moment.END:
        yield number, Moment.WORK
        return
    view.load([*parents_of(task), *(edge.source for edge in task.edges)])
    inner = moment is Moment.WORK
    for source in dict.fromkeys(edge.source for edge in task.edges):
        if view.find(source) is not None and _comes_from_under(view, source, number) is inner:
            yield source, Moment.END
    if moment is Moment.OPEN:
        for parent in parents_of(task):
            yield parent, Moment.OPEN
        return
    yield number, Moment.OPEN
    if task.children:
        for child in view.children(number):
            yield child, Moment.END


def _comes_from_under(view: View, source: int, number: int) -> bool:
    return view.task(number).children > 0 and is_under(view, source, number)
