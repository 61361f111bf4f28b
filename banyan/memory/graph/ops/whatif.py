"""What-if copies of a tree: `branch`, `adopt`, `drop`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from banyan.core.errors import BadEdit
from banyan.core.task import ABSENT, STATE_FIELDS, Fact, Json, Status, Task, Tree, TreeState, is_reference
from banyan.memory.graph.names import keyed, shown
from banyan.memory.graph.ops.edit import KEY_CHARS, Edit, refuse_circle, refuse_circle_moved
from banyan.memory.graph.ops.fields import fact_of
from banyan.memory.graph.ops.remove import refuse_held, take_away
from banyan.memory.graph.restore import parents_first
from banyan.memory.graph.rewind import rewound
from banyan.memory.graph.view import View, same
from banyan.memory.graph.walk import scope
from banyan.memory.graph.workspace import Workspace

CONFLICTS_TOLD = 10
"""Places that a refusal to adopt names at most."""
FOLLOWS = frozenset({Status.STALE, Status.SKIPPED})
"""Statuses that are not taken over: they follow from what is."""


def branch(edit: Edit) -> None:
    """Make a what-if copy of the tree as the batch leaves it."""
    ws = edit.ws
    name = edit.text("name", most=KEY_CHARS, empty=False).strip()
    if name in ws.branches or any(one.name == name for one in _open(ws)):
        raise BadEdit(f"there is a what-if `{name}` already: `adopt` or `drop` it first, or give another name")
    ws.branches[name] = replace(ws.tree, name=name)


def drop(edit: Edit) -> None:
    """Close a what-if copy."""
    edit.ws.closed[_meant(edit).id] = TreeState.DROPPED


def adopt(edit: Edit) -> None:
    """Take over what was changed in a what-if copy, and close it."""
    copy = _meant(edit)
    reason = edit.text("reason") or f"`{copy.name or copy.id}` was adopted"
    adoption = _Adoption(edit, copy, reason)
    adoption.compare()
    adoption.make()
    edit.shared.rekeyed = True
    edit.ws.closed[copy.id] = TreeState.ADOPTED


def _open(ws: Workspace) -> list[Tree]:
    return [one for one in ws.source.branches() if one.state is TreeState.OPEN and one.id not in ws.closed]


def _meant(edit: Edit) -> Tree:
    name = edit.text("branch", most=KEY_CHARS, empty=False).strip()
    known = _open(edit.ws)
    found = [one for one in known if name in {one.id, one.name}]
    if not found:
        hint = ", ".join(f"`{one.name or one.id}`" for one in known)
        raise BadEdit(
            f"there is no open what-if `{name}`; there is {hint}" if hint else f"there is no what-if `{name}`"
        )
    return found[0]


@dataclass(slots=True)
class _Plan:
    """What is taken over of one task that both have."""

    state: dict[str, Any] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)


class _Adoption:
    """Takes what a copy has changed since it was made over into the tree, where that has not changed the same."""

    def __init__(self, edit: Edit, copy: Tree, reason: str) -> None:
        self._edit = edit
        self._ws = edit.ws
        self._reason = reason
        self._copy = View(edit.ws.source.other(copy.id))
        base = copy.origin_revision or 0
        numbers = sorted({event.change.task for event in self._copy.source.events(after=base)})
        self._before = rewound(self._copy.source, numbers, base)
        self._copy.load(numbers)
        self._copy.load_facts(numbers)
        self._numbers: dict[int, int] = {}
        self._plans: dict[int, _Plan] = {}
        self._gone: list[int] = []
        self._conflicts: list[str] = []

    def compare(self) -> None:
        """Find out what is taken over.

        Raises:
            BadEdit: both have changed the same field of the same task; names the places.
        """
        for number, before in self._before.items():
            now = self._copy.find(number)
            if before.task is None:
                if now is not None:
                    self._numbers[number] = self._ws.new_number()
            elif now is None:
                self._compare_gone(number, before.task, before.facts)
            else:
                self._compare_both(before.task, before.facts, now)
        if self._conflicts:
            told = "; ".join(self._conflicts[:CONFLICTS_TOLD])
            more = (
                f"; and {len(self._conflicts) - CONFLICTS_TOLD} more" if len(self._conflicts) > CONFLICTS_TOLD else ""
            )
            raise BadEdit(f"both have changed since: {told}{more}")

    def make(self) -> None:
        """Take it over."""
        new = [self._copy.task(number) for number in self._numbers]
        for task in parents_first(new):
            self._add(task)
        above = {number: scope(self._ws, number) for number in self._plans}
        for number, plan in self._plans.items():
            self._ws.set(number, reason=self._reason, **self._mapped(plan.state))
            if "status" in plan.state:
                self._ws.mark(number, holder=None, lease_until=None)
            for fact in plan.facts:
                self._ws.set_fact(self._said(number, fact), self._reason)
        for number in self._gone:
            refuse_held(self._ws.task(number))
        take_away(self._ws, self._gone, self._reason)
        self._part([*self._numbers.values(), *self._plans])
        refuse_circle(self._ws, self._numbers.values())
        for number in self._plans:
            if self._ws.find(number) is not None:
                refuse_circle_moved(self._ws, number, above[number])

    def _compare_gone(self, number: int, before: Task, facts: Mapping[str, Fact]) -> None:
        here = self._ws.find(number)
        if here is None:
            return
        changed = [name for name, *_ in _fields(before, facts, here, self._ws.facts(number)) if name != "basis"]
        if changed:
            self._conflicts.append(f"{shown(here)} is removed there, and its `{changed[0]}` is changed here")
        self._gone.append(number)

    def _compare_both(self, before: Task, facts: Mapping[str, Fact], now: Task) -> None:
        number = now.number
        there = list(_fields(before, facts, now, self._copy.facts(number)))
        here = self._ws.find(number)
        if here is None:
            if there:
                self._conflicts.append(f"{shown(now)} is removed here, and its `{there[0][0]}` is changed there")
            return
        changed_here = {name: value for name, _, value in _fields(before, facts, here, self._ws.facts(number))}
        plan = self._plans[number] = _Plan()
        for name, _, value in there:
            if name == "status" and value in FOLLOWS:
                continue
            if name not in changed_here:
                self._take(plan, number, name, value)
            elif name != "basis" and not same_field(changed_here[name], value):
                self._conflicts.append(f"`{name}` of {shown(here)}")

    def _take(self, plan: _Plan, number: int, name: str, value: Any) -> None:
        group, _, key = name.partition("/")
        if group == "facts":
            nothing = Fact(task=number, key=key, value=ABSENT, turn=0, source="", revision=0)
            plan.facts.append(self._copy.facts(number).get(key, nothing))
        elif group == "inputs":
            inputs = plan.state.setdefault("inputs", dict(self._ws.task(number).inputs))
            inputs.pop(key, None)
            if value is not ABSENT:
                inputs[key] = value
        else:
            plan.state[name] = value

    def _add(self, task: Task) -> None:
        number = self._numbers[task.number]
        state = self._mapped({name: getattr(task, name) for name in STATE_FIELDS})
        if state["status"] in FOLLOWS:
            state["status"] = Status.DONE if task.status is Status.STALE else Status.PENDING
        if task.key is not None and keyed(self._ws, task.key) is not None:
            raise BadEdit(f"{shown(task)} cannot come over: its key `{task.key}` is taken here")
        facts = [self._said(number, fact) for _, fact in sorted(self._copy.facts(task.number).items())]
        self._ws.add(Task(number=number, **state), self._reason, facts)

    def _said(self, number: int, fact: Fact) -> Fact:
        said = fact_of(self._edit, number, fact.key, fact.value)
        return replace(said, candidates=fact.candidates, confirmed=fact.confirmed)

    def _mapped(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return state with the tasks that are new in the copy under their numbers here."""
        found = dict(state)
        if found.get("parent") is not None:
            found["parent"] = self._number(found["parent"])
        for name in ("under", "made_of"):
            if name in found:
                found[name] = tuple(map(self._number, found[name]))
        if "requires" in found:
            found["requires"] = tuple(replace(edge, source=self._number(edge.source)) for edge in found["requires"])
        if "inputs" in found:
            found["inputs"] = {name: self._input(value) for name, value in found["inputs"].items()}
        for parent in (found.get("parent"), *found.get("under", ())):
            if parent is not None and self._ws.find(parent) is None:
                raise BadEdit("what was moved or added there is under a task that was removed here")
        return found

    def _input(self, value: Json) -> Json:
        return {**value, "$from": self._number(value["$from"])} if is_reference(value) else value

    def _number(self, number: int) -> int:
        return self._numbers.get(number, number)

    def _part(self, numbers: Collection[int]) -> None:
        """Refuse what takes data from a task that is gone; part other edges from what is gone."""
        ws = self._ws
        for number in numbers:
            task = ws.find(number)
            if task is None:
                continue
            lost = [edge for edge in task.edges if ws.find(edge.source) is None]
            if any(edge.name for edge in lost):
                raise BadEdit(f"{shown(task)} takes data from a task that was removed here")
            if lost:
                ws.set(number, requires=tuple(edge for edge in task.requires if edge not in lost))


def _fields(
    before: Task, facts_before: Mapping[str, Fact], after: Task, facts_after: Mapping[str, Fact]
) -> Iterable[tuple[str, Any, Any]]:
    """Yield the fields in which a task differs, each with its value before and after."""
    for name in STATE_FIELDS:
        one, other = getattr(before, name), getattr(after, name)
        if name == "inputs":
            for key in sorted(one.keys() | other.keys()):
                values = one.get(key, ABSENT), other.get(key, ABSENT)
                if not same(*values):
                    yield f"inputs/{key}", *values
        elif not same_field(one, other):
            yield name, one, other
    for key in sorted(facts_before.keys() | facts_after.keys()):
        said = _readings(facts_before.get(key)), _readings(facts_after.get(key))
        if not same(*said):
            yield f"facts/{key}", *said


def _readings(fact: Fact | None) -> Json:
    if fact is None:
        return ABSENT
    return [[] if fact.value is ABSENT else [fact.value], list(fact.candidates)]


def same_field(one: Any, other: Any) -> bool:
    """Whether two values of a state field are the same."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return same(dict(one), dict(other))
    return same(one, other)
