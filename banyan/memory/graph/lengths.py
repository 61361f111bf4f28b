"""The longest way from a task to the end of its tree, kept as tasks and edges come and go.

A task has two lengths: `own`, from its own work on, and `tail`, from the first work under it on. After its own work
comes that of its parents, and whatever has an edge from it; `tail` is the longest of its own and of its children's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias

from banyan.memory.graph.view import parents_of
from banyan.memory.graph.walk import is_under
from banyan.memory.graph.workspace import Workspace

LONGEST: Final = 256.0
"""Lengths above this count alike: what is that far from the end need not be told apart, nor measured again."""
CHUNK: Final = 200
"""Tasks that are read at once in search of one that is as long as another was."""

Length: TypeAlias = tuple[int, Literal["own", "tail"]]


def relength(ws: Workspace, afresh: Iterable[int] = ()) -> None:
    """Bring `own` and `tail` up to date from the tasks of `ws.lengths` on, and from those of `afresh`.

    A length that grows is carried on as it is; only where one shrinks that was the longest is the rest read.
    """
    lengths = _Lengths(ws)
    for number in sorted(ws.lengths):
        if ws.find(number) is not None:
            lengths.begin(number)
    for number in afresh:
        lengths.waiting[number, "own"] = None
    ws.measured |= bool(ws.lengths)
    ws.lengths.clear()
    lengths.work_off()


class _Lengths:
    """Lengths that are to be measured, as far as that is known."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self.waiting: dict[Length, set[Length] | None] = {}
        """Each with what may have made it longer; None where everything after it has to be looked at."""
        self._new: set[Length] = set()
        self._growing: set[Length] = set()
        """Those that may be longer than they were, whatever else is shorter."""

    def begin(self, number: int) -> None:
        """Have the lengths of a task measured, by what has changed at the task itself."""
        ws, task, was = self._ws, self._ws.task(number), self._ws.was(number)
        own: Length = (number, "own")
        tail: Length = (number, "tail")
        if was is None or ws.measured:
            # What is stored says nothing of what has been measured since.
            self._new |= {own, tail}
            self.waiting |= {own: None, tail: None}
            return
        (children, dependents), (children_gone, dependents_gone) = ws.joined(number), ws.parted(number)
        for one in dependents:
            self._grow(own, self._after(number, one))
        for one in children:
            self._grow(tail, (one, "tail"))
        # Nothing is measured by the tail before that is by the own length.
        self._grow(tail, own)
        if was.effort != task.effort or parents_of(was) != parents_of(task):
            self.waiting[own] = None
        if any(self._through(own, self._stored_tail(one)) >= task.own for one in dependents_gone):
            self.waiting[own] = None
        if any(self._stored_tail(one) >= task.tail for one in children_gone):
            self.waiting[tail] = None

    def work_off(self) -> None:
        """Measure until nothing waits; of what waits, what comes later in the tree comes first."""
        while self.waiting:
            for length in list(self.waiting):
                self._measure_after(length)

    def _measure_after(self, length: Length) -> None:
        stack, begun = [length], set[Length]()
        while stack:
            one = stack[-1]
            if one in begun or one not in self.waiting:
                stack.pop()
                if one in self.waiting:
                    self._measure(one)
            else:
                begun.add(one)
                heads = self.waiting[one]
                stack += [head for head in (self._heads(one) if heads is None else heads) if head in self.waiting]

    def _measure(self, length: Length) -> None:
        heads, before = self.waiting.pop(length), self._value(length)
        if heads is None:
            enough = LONGEST if length in self._growing or length in self._new else before
            value = self._afresh(length, enough)
        else:
            value = max([before, *(self._through(length, self._value(head)) for head in heads)])
        self._growing.discard(length)
        number, kind = length
        if value != before:
            self._ws.mark(number, **{kind: value})
        if value != before or length in self._new:
            self._carry_on(length, before, value)

    def _carry_on(self, length: Length, before: float, value: float) -> None:
        """Have measured what comes before a length, where that matters there."""
        longer = value > before or length in self._new
        self._new.discard(length)
        for one in self._tails(length):
            there = self._value(one)
            if longer and self._through(one, value) > there:
                self._grow(one, length)
            if value < before and self._through(one, before) >= there:
                self.waiting[one] = None

    def _grow(self, length: Length, head: Length) -> None:
        self._growing.add(length)
        heads = self.waiting.setdefault(length, set())
        if heads is not None:
            heads.add(head)

    def _afresh(self, length: Length, enough: float) -> float:
        """Return a length by everything that comes after it; reading ends with one that is long enough."""
        number, kind = length
        task = self._ws.task(number)
        if kind == "own":
            return min(LONGEST, task.effort + max(map(self._value, self._heads(length)), default=0.0))
        value = task.own
        children = self._ws.child_numbers(number) if task.children else []
        for start in range(0, len(children), CHUNK):
            if value >= min(enough, LONGEST):
                break
            chunk = children[start : start + CHUNK]
            self._ws.load(chunk)
            value = max(value, *(self._ws.task(child).tail for child in chunk))
        return value

    def _heads(self, length: Length) -> Iterator[Length]:
        """Yield what comes next after a length."""
        number, kind = length
        task = self._ws.task(number)
        if kind == "tail":
            yield number, "own"
            for child in self._ws.child_numbers(number) if task.children else ():
                yield child, "tail"
            return
        for parent in parents_of(task):
            yield parent, "own"
        for one in self._ws.dependents(number):
            yield self._after(number, one)

    def _tails(self, length: Length) -> Iterator[Length]:
        """Yield what a length comes next after."""
        number, kind = length
        task = self._ws.task(number)
        sources = dict.fromkeys(edge.source for edge in task.edges)
        self._ws.load([*parents_of(task), *sources])
        for source in sources:
            if self._ws.find(source) is not None and self._after(source, number)[1] == kind:
                yield source, "own"
        if kind == "tail":
            for parent in parents_of(task):
                yield parent, "tail"
            return
        yield number, "tail"
        for child in self._ws.children(number) if task.children else ():
            yield child, "own"

    def _after(self, source: int, number: int) -> Length:
        """Return which length of a task an edge into it leads to: of its own work, where it comes from under it."""
        inner = self._ws.task(number).children > 0 and is_under(self._ws, source, number)
        return number, "own" if inner else "tail"

    def _value(self, length: Length) -> float:
        task = self._ws.task(length[0])
        return task.own if length[1] == "own" else task.tail

    def _through(self, length: Length, after: float) -> float:
        """Return how long a length is by what comes next after it."""
        number, kind = length
        return min(LONGEST, self._ws.task(number).effort + after) if kind == "own" else after

    def _stored_tail(self, number: int) -> float:
        was = self._ws.was(number)
        return 0.0 if was is None else was.tail
