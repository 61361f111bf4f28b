"""The task memory again, as simply as it can be said: `docs/design/task-memory.md` read aloud in Python.

Nothing here is quick or kept up to date: every rule looks at the whole tree, again and again, until none has anything
to say. It shares with the engine the names of statuses and the two tables of `core/lifecycle.py`, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from banyan.core.lifecycle import CLAIMABLE, ENDED, FIRINGS, HELD, TRANSITIONS, Firing
from banyan.core.task import ABSENT, EdgeKind, Status

WHENS: dict[str, Callable[[Any], bool]] = {
    "output == 1": lambda output: output == 1 and output is not True,
    "output.x == 1": lambda output: isinstance(output, dict) and output.get("x") == 1,
    "output > 1": lambda output: isinstance(output, int) and not isinstance(output, bool) and output > 1,
}
"""The expressions that the model understands, and what they mean."""

DEFINING = {"add", "update", "fact", "confirm", "retract"}
GONE = {Status.SKIPPED, Status.CANCELLED, Status.FAILED}
DEFINITION = (
    *("title", "instruction", "parent", "under", "inputs", "requires"),
    *("labels", "priority", "effort", "optional", "result", "budget"),
)
NOTHING: Mapping[str, Any] = {}
LONGEST = 256.0


class Refused(Exception):
    """What was asked for is not allowed, so nothing of it was done."""


@dataclass
class Node:
    """One task."""

    number: int
    title: str
    instruction: str = ""
    key: str | None = None
    parent: int | None = None
    under: list[int] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    requires: list[dict[str, Any]] = field(default_factory=list)
    """`{"from", "kind", "when"?}`."""
    labels: list[str] = field(default_factory=list)
    priority: int = 0
    effort: float = 1.0
    optional: bool = False
    result: str = "worker"
    budget: dict[str, Any] = field(default_factory=dict)
    status: Status = Status.PENDING
    output: Any = ABSENT
    attempts: int = 0
    summary: str | None = None
    basis: str | None = None
    by_rule: bool = False
    """It failed with what is under it, not by its own work."""
    with_: int | None = None
    """The task with which it was cancelled by a rule."""
    moved_in: int = 0
    """The batch that brought it to its status."""
    fence: int = 0
    holder: str | None = None
    lease_until: float = 0.0
    lost: bool = False
    """It waits because its worker was lost."""

    @property
    def parents(self) -> list[int]:
        own = [] if self.parent is None else [self.parent]
        return list(dict.fromkeys([*own, *self.under]))


@dataclass
class Said:
    """One fact."""

    value: Any = ABSENT
    candidates: list[Any] = field(default_factory=list)


State = tuple[dict[int, Node], dict[tuple[int, str], Said]]


def like(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON."""
    return text_of(one) == text_of(other)


def text_of(value: Any) -> str:
    return "nothing" if value is ABSENT else json.dumps(value, sort_keys=True)


def at_pointer(value: Any, path: str) -> Any:
    for part in path.split("/")[1:]:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return ABSENT
    return value


def is_reference(value: Any) -> bool:
    return isinstance(value, dict) and "$from" in value


def is_fact_reference(value: Any) -> bool:
    return isinstance(value, dict) and "$fact" in value


class Model:
    """One tree of tasks."""

    def __init__(self, tree: str) -> None:
        self.tree = tree
        self.nodes: dict[int, Node] = {}
        self.facts: dict[tuple[int, str], Said] = {}
        self.next_number = 1
        self.batch = 0
        self.worked = False
        """A parent has ended in the batch: its steps are on record even where they lead back."""
        self.fences: dict[int, int] = {}
        self.effects: dict[int, dict[int, bool]] = {}
        """What was sent under a task, by fence, and whether it is known what came of it."""
        self.done: list[State] = []
        """What to go back to, the last edit last."""
        self.undone: list[tuple[list[State], State]] = []

    # What is asked of the tree.

    def children(self, number: int) -> list[int]:
        return [one.number for one in self.each() if number in one.parents]

    def each(self) -> Iterator[Node]:
        return iter([self.nodes[number] for number in sorted(self.nodes)])

    def below(self, number: int) -> set[int]:
        found = {number}
        while more := {child for one in found for child in self.children(one)} - found:
            found |= more
        return found

    def edges(self, node: Node) -> list[tuple[int, EdgeKind, str]]:
        """Return every edge into a task: where from, of what kind, and its expression or path."""
        found = [(edge["from"], EdgeKind(edge["kind"]), edge.get("when", "")) for edge in node.requires]
        data = [value for _, value in sorted(node.inputs.items()) if is_reference(value)]
        return found + [(value["$from"], EdgeKind.DATA, value.get("path", "")) for value in data]

    def outer_edges(self, node: Node) -> list[tuple[int, EdgeKind, str]]:
        return [edge for edge in self.edges(node) if edge[0] not in self.below(node.number)]

    def inner_edges(self, node: Node) -> list[tuple[int, EdgeKind, str]]:
        return [edge for edge in self.edges(node) if edge[0] in self.below(node.number)]

    def firing(self, edge: tuple[int, EdgeKind, str]) -> Firing:
        source, kind, more = edge
        node = self.nodes[source]
        found = FIRINGS[kind].get(node.status, Firing.OPEN)
        if found is not Firing.FIRED or kind not in {EdgeKind.WHEN, EdgeKind.DATA}:
            return found
        if kind is EdgeKind.WHEN:
            return Firing.FIRED if node.output is not ABSENT and WHENS[more](node.output) else Firing.NEVER
        return Firing.NEVER if self.output_at(node, more) is ABSENT else Firing.FIRED

    def output_at(self, node: Node, path: str) -> Any:
        return ABSENT if node.output is ABSENT else at_pointer(node.output, path)

    def scope(self, number: int) -> list[int]:
        found = [number]
        for one in found:
            found += [parent for parent in self.nodes[one].parents if parent not in found]
        return found

    def fact(self, number: int, key: str) -> Any:
        """Return the nearest fact: of each level the own parents before those that share it."""
        level, seen = [number], {number}
        while level:
            for one in level:
                said = self.facts.get((one, key))
                if said is not None and said.value is not ABSENT:
                    return said.value
            level = [up for up in dict.fromkeys(u for one in level for u in self.nodes[one].parents) if up not in seen]
            seen |= set(level)
        return ABSENT

    def value(self, node: Node, name: str) -> Any:
        """Return the value of an input now."""
        given = node.inputs[name]
        if is_reference(given):
            source = self.nodes[given["$from"]]
            return self.output_at(source, given.get("path", "")) if source.status is Status.DONE else ABSENT
        return self.fact(node.number, given["$fact"]) if is_fact_reference(given) else given

    def basis(self, node: Node) -> str | None:
        """Return everything that a task goes by; None while something of it is open."""
        values = {name: self.value(node, name) for name in node.inputs}
        sources = [self.nodes[edge["from"]] for edge in node.requires if edge["kind"] in {"after_success", "when"}]
        children = [self.nodes[one] for one in self.children(node.number)]
        if ABSENT in values.values() or any(one.status not in ENDED for one in [*sources, *children]):
            return None
        handed = sorted({one.number: text_of(one.output) for one in sources}.items())
        below = [(one.number, one.status.value, text_of(one.output)) for one in children]
        return json.dumps([node.instruction, values, handed, below], sort_keys=True)

    # What is derived.

    def gate(self, node: Node) -> bool:
        parents = [self.nodes[one] for one in node.parents]
        fired = all(self.firing(edge) is Firing.FIRED for edge in self.outer_edges(node))
        return fired and (not parents or any(one.status not in GONE and self.gate(one) for one in parents))

    def unended(self, node: Node) -> int:
        return sum(self.nodes[one].status not in ENDED for one in self.children(node.number))

    def may_work(self, node: Node) -> bool:
        inner = all(self.firing(edge) is Firing.FIRED for edge in self.inner_edges(node))
        return self.gate(node) and inner and not self.unended(node)

    def ready(self, node: Node) -> bool:
        values = all(self.value(node, name) is not ABSENT for name in node.inputs)
        known = node.status is not Status.WAITING or (node.lost and all(self.effects.get(node.number, {}).values()))
        return node.status in CLAIMABLE and self.may_work(node) and values and known

    def own(self, node: Node) -> float:
        after = [self.own(self.nodes[parent]) for parent in node.parents]
        for one in self.each():
            if any(edge[0] == node.number for edge in self.inner_edges(one)):
                after.append(self.own(one))
            if any(edge[0] == node.number for edge in self.outer_edges(one)):
                after.append(self.tail(one))
        return min(LONGEST, node.effort + max(after, default=0.0))

    def tail(self, node: Node) -> float:
        return max([self.own(node), *(self.tail(self.nodes[one]) for one in self.children(node.number))])

    def order(self) -> list[int]:
        ready = [node for node in self.each() if self.ready(node)]
        return [one.number for one in sorted(ready, key=lambda one: (-self.tail(one), -one.priority, one.number))]

    # What follows.

    def settle(self) -> None:
        """Apply the rules until none has anything to say: always the first, in the order of what comes before what."""
        for _ in range(20 * len(self.nodes) + 20):
            if not any(self.move_by_rule(self.nodes[number], moment) for number, moment in self.moments()):
                return
        raise AssertionError("the rules do not come to an end")

    def move_by_rule(self, node: Node, moment: str) -> bool:
        after = {"open": self.rule_of_opening, "work": self.rule_of_work}.get(moment, lambda _: None)(node)
        if after is None:
            return False
        assert after in TRANSITIONS[node.status] or after in {Status.FAILED, Status.DONE}
        node.by_rule = after is Status.FAILED
        if (after is Status.DONE and node.status is Status.PENDING) or self.made_by_children(node, after):
            outputs = {f"{self.tree}.{one}": self.nodes[one].output for one in self.children(node.number)}
            node.output = {name: value for name, value in outputs.items() if value is not ABSENT}
            node.basis = self.basis(node)
            self.worked = True
        if after is Status.FAILED:
            self.worked = True
        if after is Status.CANCELLED:
            node.with_ = self.nodes[node.parents[0]].with_ or node.parents[0]
        if node.status is Status.RUNNING:
            node.holder = None
        node.status = after
        return True

    def made_by_children(self, node: Node, after: Status) -> bool:
        again = node.basis is not None and self.basis(node) == node.basis
        return after is Status.DONE and node.status is Status.STALE and not again

    def rule_of_opening(self, node: Node) -> Status | None:
        """Return what becomes of a task by what is before and over it; None where it stays as it is."""
        gone, never = self.gone(node), self.never(node)
        if node.status in {Status.RUNNING, Status.WAITING}:
            return Status.CANCELLED if gone else None
        if node.status is Status.PENDING:
            return gone or (Status.SKIPPED if never else None)
        if node.status is Status.STALE and (gone or never):
            return Status.CANCELLED if gone is Status.CANCELLED else Status.PENDING
        if node.status is Status.SKIPPED and not gone and not never and not self.never_works(node):
            return Status.PENDING
        return None

    def rule_of_work(self, node: Node) -> Status | None:
        """Return what becomes of a task by what it goes by, and what is under it; None where it stays as it is."""
        now = self.basis(node)
        if node.status is Status.DONE:
            return Status.STALE if now is None or now != node.basis else None
        if node.status is Status.FAILED:
            return Status.PENDING if node.by_rule and self.unended(node) else None
        if node.status not in {Status.PENDING, Status.STALE}:
            return None
        if self.never_works(node):
            return Status.SKIPPED if node.status is Status.PENDING else Status.PENDING
        if node.status is Status.STALE and now is not None and now == node.basis:
            return Status.DONE
        return self.ended_by_children(node)

    def gone(self, node: Node) -> Status | None:
        """Return what a task becomes with its parents, where all of them are gone."""
        parents = [self.nodes[one] for one in node.parents]
        if not parents or not all(self.shut(one) for one in parents):
            return None
        return Status.SKIPPED if all(one.status is Status.SKIPPED for one in parents) else Status.CANCELLED

    def shut(self, node: Node) -> bool:
        """Return whether nothing under a task can be done: one that failed with a child is open to another."""
        return node.status in GONE and not node.by_rule

    def choose(self, number: int, status: Status) -> None:
        """Take `status` where a task may be skipped by an edge as well as cancelled with its parents."""
        node, either = self.nodes.get(number), {Status.SKIPPED, Status.CANCELLED}
        if node is not None and {node.status, status} == either and self.gone(node) and self.never(node):
            node.status = status
            self.settle()

    def never(self, node: Node) -> bool:
        """Return whether an edge that gates a task can never fire."""
        return any(self.firing(edge) is Firing.NEVER for edge in self.outer_edges(node))

    def never_works(self, node: Node) -> bool:
        """Return whether an edge from under a task can never fire, which gates its own work.

        A child that fails it comes first; but what is skipped already stays so, and may be why that child has failed.
        """
        inner = any(self.firing(edge) is Firing.NEVER for edge in self.inner_edges(node))
        fails = node.status is not Status.SKIPPED and self.failed_below(node)
        return inner and not self.unended(node) and not fails

    def failed_below(self, node: Node) -> bool:
        failed = [self.nodes[one] for one in self.children(node.number)]
        return any(one.status is Status.FAILED and not one.optional and not self.recovered(one) for one in failed)

    def recovered(self, node: Node) -> bool:
        kinds = {EdgeKind.AFTER_FAILURE, EdgeKind.AFTER_ANY}
        return any(
            edge[0] == node.number and edge[1] in kinds and one.status not in GONE
            for one in self.each()
            for edge in self.edges(one)
        )

    def ended_by_children(self, node: Node) -> Status | None:
        if not self.children(node.number) or self.unended(node) or not self.gate(node):
            return None
        if self.failed_below(node):
            return Status.FAILED
        values = all(self.value(node, name) is not ABSENT for name in node.inputs)
        return Status.DONE if node.result == "children" and self.may_work(node) and values else None

    def check_no_circle(self) -> None:
        """Refuse where a moment of a task comes before itself."""
        self.moments()

    def moments(self) -> list[tuple[int, str]]:
        """Return the moments of every task, its opening, its own work and its end, each after what comes before it."""
        before: dict[tuple[int, str], set[tuple[int, str]]] = {}
        for node in self.each():
            number, below = node.number, self.below(node.number)
            before.setdefault((number, "open"), set()).update((parent, "open") for parent in node.parents)
            before.setdefault((number, "work"), set()).add((number, "open"))
            before[number, "work"].update((child, "end") for child in self.children(number))
            before.setdefault((number, "end"), set()).add((number, "work"))
            for source, _, _ in self.edges(node):
                before[number, "work" if source in below else "open"].add((source, "end"))
        try:
            return list(TopologicalSorter(before).static_order())
        except CycleError as error:
            raise Refused("a circle") from error

    # Edits.

    def apply(self, edits: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        """Make these edits, all or none, and what follows."""
        before, number = self.state(), self.next_number
        refs: dict[str, int] = {}
        self.batch += 1
        self.worked = False
        try:
            goes_by_statuses = False
            for edit in edits:
                self.stamp(before)
                # What only defines or says something is one step; the rest finds everything before it settled.
                if goes_by_statuses or edit["op"] not in DEFINING:
                    self.settle()
                goes_by_statuses = edit["op"] not in DEFINING
                getattr(self, f"op_{edit['op']}")(refs, **{name: edit[name] for name in edit if name != "op"})
                self.check_no_circle()
            self.settle()
            for node in self.each():
                node.summary = node.summary if node.status in ENDED else None
        except Refused:
            self.nodes, self.facts, self.next_number = *before, number
            raise
        self.stamp(before)
        if self.differs(before) or self.worked:
            self.done.append(before)
            self.undone.clear()
        return refs

    def stamp(self, before: State) -> None:
        """Note which tasks this batch has brought to another status."""
        for node in self.each():
            was = before[0].get(node.number)
            if was is None or was.status is not node.status:
                node.moved_in = self.batch

    def state(self) -> State:
        return copied((self.nodes, self.facts))

    def differs(self, before: State) -> bool:
        return recorded(before) != recorded((self.nodes, self.facts))

    def named(self, name: Any, refs: Mapping[str, int]) -> int:
        number = refs.get(name, -1) if isinstance(name, str) else name
        if number not in self.nodes:
            raise Refused(f"no task {name}")
        return int(number)

    def root(self) -> int | None:
        return next((node.number for node in self.each() if node.parent is None), None)

    def fields(self, refs: Mapping[str, int], given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of an edit with numbers in place of names."""
        found = {name: value for name, value in given.items() if name not in {"under", "requires", "inputs", "parent"}}
        if "requires_labels" in found:
            found["labels"] = found.pop("requires_labels")
        if given.get("parent") is not None:
            found["parent"] = self.named(given["parent"], refs)
        if "under" in given:
            found["under"] = [self.named(one, refs) for one in given["under"]]
        if "requires" in given:
            edges = [{**edge, "from": self.named(edge["from"], refs)} for edge in given["requires"]]
            found["requires"] = [edge for at, edge in enumerate(edges) if edge not in edges[:at]]
        if "inputs" in given:
            found["inputs"] = {
                name: {**value, "$from": self.named(value["$from"], refs)} if is_reference(value) else value
                for name, value in given["inputs"].items()
            }
        return found

    def check_place(self, node: Node) -> None:
        """Refuse a task where nothing can be open."""
        if self.gone(node) is not None:
            raise Refused(f"what is over {node.number} is over")

    def op_add(self, refs: dict[str, int], *, ref: str = "", facts: Mapping[str, Any] = NOTHING, **given: Any) -> None:
        fields = self.fields(refs, given)
        root = self.root()
        if root is not None:
            fields.setdefault("parent", root)
        fields["under"] = [one for one in dict.fromkeys(fields.get("under", [])) if one != fields.get("parent")]
        node = Node(number=self.next_number, **fields)
        there = next((one for one in self.each() if one.key is not None and one.key == node.key), None)
        if there is not None:
            if any(text_of(getattr(there, name)) != text_of(getattr(node, name)) for name in DEFINITION):
                raise Refused(f"the key {node.key} is taken")
            refs |= {ref: there.number} if ref else {}
            return
        self.next_number += 1
        self.nodes[node.number] = node
        node.fence = self.fences.get(node.number, 0)
        for key, value in facts.items():
            self.facts[node.number, key] = Said(value)
        self.check_place(node)
        if ref:
            refs[ref] = node.number

    def op_update(self, refs: dict[str, int], *, task: Any, **given: Any) -> None:
        node = self.nodes[self.named(task, refs)]
        if node.status in ENDED and node.status is not Status.DONE:
            raise Refused("to be reopened first")
        fields = self.fields(refs, given)
        if "inputs" in fields:
            merged = {**node.inputs, **fields["inputs"]}
            fields["inputs"] = {name: value for name, value in merged.items() if value is not None}
        if node.parent is None and (fields.pop("parent", node.number) != node.number or fields.get("under")):
            raise Refused("the root stays where it is")
        if any(one.key == fields.get("key", ABSENT) for one in self.each() if one is not node):
            raise Refused("the key is taken")
        parents = node.parents
        for name, value in fields.items():
            setattr(node, name, value)
        node.under = [one for one in dict.fromkeys(node.under) if one != node.parent]
        self.check_no_circle()
        if set(node.parents) - set(parents):
            self.check_place(node)

    def op_remove(self, refs: dict[str, int], *, task: Any) -> None:
        gone = {self.named(task, refs)}
        while True:
            below = {child for one in gone for child in self.children(one)} - gone
            more = {one for one in below if set(self.nodes[one].parents) <= gone}
            if not more:
                break
            gone |= more
        rest = [node for node in self.each() if node.number not in gone]
        if any(value["$from"] in gone for node in rest for value in node.inputs.values() if is_reference(value)):
            raise Refused("others take data from it")
        if any(self.nodes[one].status is Status.RUNNING for one in gone):
            raise Refused("somebody holds it")
        for node in rest:
            node.requires = [edge for edge in node.requires if edge["from"] not in gone]
            parents = [one for one in node.parents if one not in gone]
            if parents != node.parents:
                node.parent, node.under = parents[0], parents[1:]
        self.nodes = {node.number: node for node in rest}
        self.facts = {place: said for place, said in self.facts.items() if place[0] not in gone}

    def op_complete(self, refs: dict[str, int], *, task: Any, output: Any = ABSENT, fence: int | None = None) -> None:
        node = self.nodes[self.named(task, refs)]
        self.check_fence(node, fence)
        if node.status in ENDED and node.status is not Status.DONE:
            raise Refused("to be reopened first")
        begun = node.status in {Status.RUNNING, Status.WAITING, Status.DONE}
        valued = all(self.value(node, name) is not ABSENT for name in node.inputs)
        begins = node.status not in {Status.RUNNING, Status.DONE}
        if self.unended(node) or (begins and not (valued and self.may_work(node))):
            raise Refused("not yet")
        if fence is None:
            node.basis = self.basis(node)
        node.attempts += not begun
        node.status, node.output, node.holder = Status.DONE, output, None

    def op_fail(self, refs: dict[str, int], *, task: Any, reason: str = "", fence: int | None = None) -> None:
        node = self.nodes[self.named(task, refs)]
        self.check_fence(node, fence)
        if node.status in ENDED:
            raise Refused("it has ended")
        node.attempts += node.status in {Status.PENDING, Status.STALE}
        if node.status is not Status.RUNNING:
            node.basis = node.basis or self.basis(node) or "-"
        tries = node.budget.get("attempts", 1)
        node.status = Status.PENDING if node.attempts < tries else Status.FAILED
        node.holder = None
        node.by_rule = False

    def op_wait(self, refs: dict[str, int], *, task: Any, reason: str = "", fence: int | None = None) -> None:
        node = self.nodes[self.named(task, refs)]
        self.check_fence(node, fence)
        if node.status in ENDED:
            raise Refused("it has ended")
        node.attempts += node.status in {Status.PENDING, Status.STALE}
        # With calls of which nobody knows how they ended it waits for that alone.
        node.lost = not all(self.effects.get(node.number, {}).values())
        node.status, node.holder = Status.WAITING, None

    def op_cancel(self, refs: dict[str, int], *, task: Any, reason: str = "", fence: int | None = None) -> None:
        node = self.nodes[self.named(task, refs)]
        if fence is not None:
            self.check_fence(node, fence)
        if node.status in ENDED - {Status.FAILED}:
            raise Refused("it has ended")
        for one in self.each():
            # What went with it when it failed did not go with it now.
            one.with_ = None if one.with_ == node.number else one.with_
        node.status, node.holder, node.with_, node.by_rule = Status.CANCELLED, None, None, False

    def op_reopen(self, refs: dict[str, int], *, task: Any, reason: str = "") -> None:
        node = self.nodes[self.named(task, refs)]
        if node.status not in ENDED:
            raise Refused("it has not ended")
        again = [node]
        if node.status in {Status.CANCELLED, Status.FAILED}:
            below = [self.nodes[one] for one in sorted(self.below(node.number)) if one != node.number]
            cancelled = [one for one in below if one.status is Status.CANCELLED]
            again += [one for one in cancelled if one.moved_in == node.moved_in or one.with_ == node.number]
        self.check_place(node)
        for one in again:
            one.status, one.by_rule, one.with_, one.attempts = Status.PENDING, False, None, 0

    def check_fence(self, node: Node, fence: int | None) -> None:
        if fence is not None and (node.status not in HELD or fence != node.fence):
            raise Refused("the claim was lost")
        if fence is None and node.status is Status.RUNNING:
            raise Refused("somebody holds it")

    def op_fact(
        self,
        refs: dict[str, int],
        *,
        key: str,
        value: Any,
        task: Any = None,
        candidate: bool = False,
        was: Any = ABSENT,
    ) -> None:
        number = self.root() if task is None else self.named(task, refs)
        if number is None:
            raise Refused("there is no task")
        held = self.fact(number, key)
        if was is not ABSENT and not like(None if held is ABSENT else held, was):
            raise Refused("a false premise")
        said = self.facts.setdefault((number, key), Said())
        if candidate:
            if not any(like(one, value) for one in [said.value, *said.candidates]):
                said.candidates.append(value)
        else:
            said.value = value
            said.candidates = [one for one in said.candidates if not like(one, value)]

    def op_confirm(self, refs: dict[str, int], *, key: str, task: Any = None, value: Any = ABSENT) -> None:
        said = self.facts[self.said(refs, key, task)]
        readings = [one for one in [said.value, *said.candidates] if one is not ABSENT]
        if value is ABSENT and (said.value is not ABSENT or len(readings) == 1):
            value = readings[0]
        if value is ABSENT or not any(like(one, value) for one in readings):
            raise Refused("no such reading")
        said.value, said.candidates = value, []

    def op_retract(self, refs: dict[str, int], *, key: str, task: Any = None) -> None:
        place = self.said(refs, key, task)
        if task is not None and place[0] != self.named(task, refs):
            raise Refused("it was said elsewhere")
        del self.facts[place]

    def said(self, refs: Mapping[str, int], key: str, task: Any) -> tuple[int, str]:
        """Return where the fact is said that is meant."""
        number = self.root() if task is None else self.named(task, refs)
        if number is None:
            raise Refused("there is no task")
        everywhere = [place for place in sorted(self.facts) if place[1] == key]
        near = [place for one in self.scope(number) for place in everywhere if place[0] == one]
        if not near and (task is not None or len(everywhere) != 1):
            raise Refused("nothing was said, or in several places")
        return (near or everywhere)[0]

    # Work, time, and going back.

    def claim(self, number: int, worker: str, lease_until: float, fence: int, *, sends: bool = False) -> None:
        """Give a task to a worker under a fence that it has not had before."""
        node = self.nodes[number]
        if not self.ready(node):
            raise Refused("it is not ready")
        node.basis = self.basis(node)
        node.status, node.holder, node.lease_until = Status.RUNNING, worker, lease_until
        assert fence > self.fences.get(number, 0)
        node.attempts, node.fence, self.fences[number] = node.attempts + 1, fence, fence
        if sends:
            self.effects.setdefault(number, {})[fence] = False
        self.settle()

    def lapse(self, now: float) -> None:
        """Take tasks from those who were not heard of."""
        for node in self.each():
            if node.status is Status.RUNNING and node.lease_until <= now:
                sent = node.fence in self.effects.get(node.number, {})
                node.status, node.holder, node.lost = Status.WAITING if sent else Status.PENDING, None, sent
        self.settle()

    def undo(self) -> None:
        now, done = self.state(), list(self.done)
        while not self.differs(now):
            if not self.done:
                self.nodes, self.facts, self.done = *now, done
                raise Refused("nothing to undo")
            self.go_to(self.done.pop())
        self.undone.append((done, now))

    def redo(self) -> None:
        if not self.undone:
            raise Refused("nothing to redo")
        self.done, after = self.undone.pop()
        self.go_to(after)

    def take(self, nodes: Mapping[int, Node], facts: Mapping[tuple[int, str], Said], next_number: int) -> None:
        """Take over what an edit came to that the model does not know, and check that nothing follows from it."""
        before, old = self.state(), self.nodes
        self.nodes, self.facts, self.next_number = dict(nodes), dict(facts), next_number
        for node in self.each():
            was = old.get(node.number, node)
            node.basis, node.with_, node.moved_in = was.basis, was.with_, was.moved_in
            same = was is not node and was.status is node.status
            node.by_rule = was.by_rule if same else node.status is Status.FAILED and self.failed_below(node)
            node.fence, node.lost = was.fence, was.lost
            if node.status is Status.RUNNING:
                node.holder, node.lease_until = was.holder, was.lease_until
            if node.status is Status.DONE:
                node.basis = self.basis(node)
        self.check_no_circle()
        taken = self.state()
        self.settle()
        assert not self.differs(taken), "something follows that did not"
        self.batch += 1
        self.stamp(before)
        if self.differs(before):
            self.done.append(before)
            self.undone.clear()

    def go_to(self, state: State) -> None:
        before, now = self.state(), self.nodes
        held = {node.number: node for node in self.each() if node.status is Status.RUNNING}
        self.nodes, self.facts = copied(state)
        for node in self.each():
            node.fence = self.fences.get(node.number, 0)
            if node.status is Status.RUNNING and node.number not in held:
                node.status, node.holder = Status.PENDING, None
            elif node.status is Status.WAITING:
                was = now.get(node.number)
                node.lost = was is not None and was.status is Status.WAITING and was.lost
            elif node.status is Status.RUNNING:
                node.holder, node.lease_until = held[node.number].holder, held[node.number].lease_until
        self.settle()
        self.batch += 1
        for node in self.each():
            node.moved_in = now[node.number].moved_in if node.number in now else self.batch
        self.stamp(before)


def copied(state: State) -> State:
    """Return a state of its own; there is only one `ABSENT`."""
    return deepcopy(state, {id(ABSENT): ABSENT})


def recorded(state: State) -> str:
    """Return what of a state is on record, as a text."""
    nodes, facts = state
    kept = [{**shown_node(node), "basis": node.basis} for _, node in sorted(nodes.items())]
    said = [[*place, text_of(one.value), text_of(one.candidates)] for place, one in sorted(facts.items())]
    return json.dumps([kept, said], sort_keys=True)


def shown_node(node: Node) -> dict[str, Any]:
    """Return a task as the model and the engine are compared: everything that is recorded of it but its basis."""
    return {
        "number": node.number,
        "title": node.title,
        "instruction": node.instruction,
        "key": node.key,
        "parent": node.parent,
        "under": node.under,
        "inputs": {name: text_of(value) for name, value in sorted(node.inputs.items())},
        "requires": [text_of(edge) for edge in node.requires],
        "labels": node.labels,
        "priority": node.priority,
        "effort": node.effort,
        "optional": node.optional,
        "result": node.result,
        "budget": node.budget,
        "status": node.status.value,
        "output": text_of(node.output),
        "attempts": node.attempts,
        "summary": node.summary,
    }
