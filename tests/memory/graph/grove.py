"""Trees that grow and change at random, and what is derived of them, worked out from nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any

from hypothesis import strategies as st

from banyan.core.errors import BadEdit, Conflict
from banyan.core.lifecycle import CLAIMABLE, ENDED, FIRINGS, GONE, Firing
from banyan.core.task import ABSENT, Edge, EdgeKind, RevisionKind, Status, Task, is_fact_reference, is_reference
from banyan.memory.graph.basis import at_pointer
from banyan.memory.graph.batch import make
from banyan.memory.graph.claims import claim, finish, lapse
from banyan.memory.graph.settle import settle
from banyan.memory.graph.store import Intent
from banyan.memory.graph.view import View, parents_of
from banyan.memory.graph.workspace import Workspace
from banyan.testing.graph import MemoryGraphs
from tests.memory.graph.pad import START

KINDS = ("after_success", "after_failure", "after_any", "when", "data")
OUTPUTS = (1, 2, {"x": 1}, {"x": 2}, None)

Batch = list[dict[str, Any]]


def story(seed: int) -> list[Batch]:
    """Return batches at random: the tree grows first, then it is worked on and changed at once."""
    dice = Random(seed)
    first = [[_add(dice)] for _ in range(dice.randint(4, 10))]
    then = [[_step(dice) for _ in range(dice.choice([1, 1, 1, 2, 3]))] for _ in range(30)]
    return first + then


STORIES = st.integers(0, 2**32 - 1).map(story)
"""A task is picked by its place among those that there are."""


def _step(dice: Random) -> dict[str, Any]:
    kind = dice.choices(["add", "change", "end", "claim", "other"], [2, 4, 6, 2, 2])[0]
    if kind == "add":
        return _add(dice)
    if kind == "change":
        return _change(dice)
    if kind == "claim":
        return {"op": "claim", "limit": dice.randint(1, 3)}
    if kind == "other":
        return {
            "op": dice.choice(["wait", "cancel", "reopen", "reopen", "lapse", "remove"]),
            "task": dice.randrange(99),
        }
    op = dice.choice(["complete", "complete", "complete", "fail", "end", "end"])
    outcome = dice.choice(["done", "done", "failed"])
    return {"op": op, "task": dice.randrange(99), "output": dice.choice(OUTPUTS), "outcome": outcome}


def _add(dice: Random) -> dict[str, Any]:
    return {
        "op": "add",
        "parent": dice.randrange(99),
        "under": [dice.randrange(99)] if dice.random() < 0.2 else [],
        "edges": _edges(dice),
        "fact": dice.random() < 0.3,
        "optional": dice.random() < 0.3,
        "result": dice.choice(["worker", "worker", "children"]),
        "effort": dice.choice([1.0, 0.5, 3.0, 200.0]),
        "attempts": dice.choice([1, 1, 2]),
    }


def _change(dice: Random) -> dict[str, Any]:
    found: dict[str, Any] = {"op": dice.choice(["edges", "move", "effort", "say", "say", "instruct"])}
    found |= {"task": dice.randrange(99), "parent": dice.randrange(99), "edges": _edges(dice)}
    found["under"] = [dice.randrange(99)] if dice.random() < 0.3 else []
    found |= {"effort": dice.choice([1.0, 0.25, 7.0]), "value": dice.choice("ab")}
    return found | {"instruction": dice.choice(["", "a"])}


def _edges(dice: Random) -> list[tuple[int, str]]:
    return [(dice.randrange(99), dice.choice(KINDS)) for _ in range(dice.choice([0, 0, 1, 1, 2]))]


class Grove:
    """One tree, to be changed batch by batch."""

    def __init__(self, dice: Random | None = None) -> None:
        self.dice = dice
        """Shuffles what is to be looked at, where given."""
        self.now = START
        self.graphs = MemoryGraphs(lambda: self.now)

    async def plant(self) -> None:
        """Begin the tree with its root."""
        _, made = await self.graphs.change(Intent(tree=None), lambda ws: make(ws, [{"op": "add", "title": "root"}]))
        self.tree = made.tree

    @property
    def view(self) -> View:
        return View(self.graphs.source(self.tree))

    @property
    def tasks(self) -> dict[int, Task]:
        return dict(sorted(self.graphs.kept[self.tree].tasks.items()))

    @property
    def facts(self) -> dict[tuple[int, str], Any]:
        return {place: fact.value for place, fact in self.graphs.kept[self.tree].facts.items()}

    async def grow(self, batch: Sequence[Mapping[str, Any]]) -> bool:
        """Make a batch, all or nothing; return whether it was made."""
        self.now += timedelta(minutes=1)
        intent = Intent(tree=self.tree, kind=RevisionKind.EDIT)
        try:
            await self.graphs.change(intent, lambda ws: self._work(ws, batch))
        except (BadEdit, Conflict):
            return False
        return True

    def _work(self, ws: Workspace, batch: Sequence[Mapping[str, Any]]) -> None:
        for step in batch:
            numbers = [number for number in range(1, ws.tree.next_number) if ws.find(number) is not None]
            do(ws, step, numbers)
        if self.dice is not None:
            touched = list(ws.touched.items())
            self.dice.shuffle(touched)
            ws.touched.clear()
            ws.touched.update(touched)
        settle(ws)


def do(ws: Workspace, step: Mapping[str, Any], numbers: list[int]) -> None:
    """Do one step of a batch."""
    op = step["op"]
    if op == "claim":
        settle(ws)
        claim(ws, worker="ana", lease_s=90.0, limit=step["limit"])
    elif op == "lapse":
        lapse(ws)
    elif op == "end":
        held = [number for number in numbers if ws.task(number).status is Status.RUNNING]
        if held:
            number = held[step["task"] % len(held)]
            finish(ws, number, step["outcome"], output={"x": 1}, fence=ws.task(number).fence)
    else:
        settle(ws)
        able = [number for number in numbers if ws.task(number).ready]
        make(ws, [edit(step, able if able and op in {"complete", "fail", "wait"} else numbers)])


def edit(step: Mapping[str, Any], numbers: list[int]) -> dict[str, Any]:
    """Return the edit that a step stands for."""

    def picked(pick: int) -> int:
        return numbers[pick % len(numbers)]

    op = step["op"]
    task = picked(step.get("task", 0))
    if op == "remove" and task == numbers[0]:
        op = "update"
    found: dict[str, Any] = {"op": op, "task": task}
    if op == "say":
        value = step["value"]
        return {"op": "fact", "task": task, "key": "k", "value": value}
    if op in {"add", "move"}:
        found |= {"parent": picked(step["parent"]), "under": [picked(one) for one in step["under"]]}
    if op in {"add", "edges"}:
        edges = [(picked(pick), kind) for pick, kind in step["edges"]]
        found["requires"] = [
            {"from": one, "kind": kind} | ({"when": "output == 1"} if kind == "when" else {})
            for one, kind in edges
            if kind != "data"
        ]
        found["inputs"] = {f"i{one}": {"$from": one, "path": "/x"} for one, kind in edges if kind == "data"}
    if op == "add":
        del found["task"]
        found |= {"title": "t", "optional": step["optional"], "result": step["result"], "effort": step["effort"]}
        found["budget"] = {"attempts": step["attempts"]}
        if step["fact"]:
            found["inputs"]["k"] = {"$fact": "k"}
        return found
    if op == "complete":
        return found | {"output": step["output"]}
    if op in {"effort", "instruct"}:
        found |= {name: step[name] for name in ("effort", "instruction") if name in step}
    return found | {"op": "update" if op in {"edges", "move", "effort", "instruct"} else op}


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What is derived of a task."""

    children: int
    unended: int
    gate: bool
    ready: bool
    own: float
    tail: float


class Naive:
    """What is derived of the tasks of a tree, each thing from all of them."""

    def __init__(self, tasks: Mapping[int, Task], facts: Mapping[tuple[int, str], Any]) -> None:
        self.tasks = tasks
        self.facts = facts
        for name in ("children", "below", "gate", "own", "tail"):
            setattr(self, name, cache(getattr(self, name)))

    def derived(self, number: int) -> Derived:
        task = self.tasks[number]
        below = self.children(number)
        return Derived(
            children=len(below),
            unended=sum(self.tasks[one].status not in ENDED for one in below),
            gate=self.gate(number),
            ready=self.ready(task),
            own=self.own(number),
            tail=self.tail(number),
        )

    def children(self, number: int) -> list[int]:
        return [one.number for one in self.tasks.values() if number in parents_of(one)]

    def below(self, number: int) -> set[int]:
        return {number}.union(*(self.below(child) for child in self.children(number)))

    def fired(self, edge: Edge) -> bool:
        source = self.tasks[edge.source]
        if FIRINGS[edge.kind].get(source.status) is not Firing.FIRED:
            return False
        if edge.kind is EdgeKind.WHEN:
            return source.output == 1 and source.output is not True
        return edge.kind is not EdgeKind.DATA or at_pointer(source.output, edge.path) is not ABSENT

    def gate(self, number: int) -> bool:
        task, below = self.tasks[number], self.below(number)
        fired = all(self.fired(edge) for edge in task.edges if edge.source not in below)
        parents = parents_of(task)
        over = any(self.gate(one) and self.tasks[one].status not in GONE for one in parents)
        return fired and (not parents or over)

    def ready(self, task: Task) -> bool:
        below = self.below(task.number)
        if task.status not in CLAIMABLE - {Status.WAITING} or not self.gate(task.number):
            return False
        if any(self.tasks[one].status not in ENDED for one in self.children(task.number)):
            return False
        inner = all(self.fired(edge) for edge in task.edges if edge.source in below)
        return inner and all(self.has_value(task, value) for value in task.inputs.values())

    def has_value(self, task: Task, value: Any) -> bool:
        if is_reference(value):
            source = self.tasks[value["$from"]]
            return source.status is Status.DONE and at_pointer(source.output, value.get("path", "")) is not ABSENT
        over = [one for one in self.tasks if task.number in self.below(one)]
        return not is_fact_reference(value) or any((one, value["$fact"]) in self.facts for one in over)

    def own(self, number: int) -> float:
        task = self.tasks[number]
        following = [one.number for one in self.tasks.values() if any(edge.source == number for edge in one.edges)]
        after = [self.own(parent) for parent in parents_of(task)]
        after += [self.own(one) if number in self.below(one) else self.tail(one) for one in following]
        return min(256.0, task.effort + max(after, default=0.0))

    def tail(self, number: int) -> float:
        return max([self.own(number), *map(self.tail, self.children(number))])

    def arcs(self) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Yield what comes right before what: 0 a task opens, 1 its work begins, 2 it ends."""
        for number, task in self.tasks.items():
            yield (number, 0), (number, 1)
            yield (number, 1), (number, 2)
            for parent in parents_of(task):
                yield (parent, 0), (number, 0)
                yield (number, 2), (parent, 1)
            below = self.below(number)
            for edge in task.edges:
                yield (edge.source, 2), (number, 1 if edge.source in below else 0)

    def has_circle(self) -> bool:
        after: dict[tuple[int, int], set[tuple[int, int]]] = {}
        for one, other in self.arcs():
            after.setdefault(one, set()).add(other)
        left = set(after)
        while True:
            free = {one for one in left if not after[one] & left}
            if not free:
                return bool(left)
            left -= free
