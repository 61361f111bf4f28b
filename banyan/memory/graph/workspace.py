"""What a batch has read of a tree and changed in it, and what is to be looked at again because of that."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from banyan.core.call import CallRecord
from banyan.core.lifecycle import ENDED, GONE, RECOVERS, TRANSITIONS
from banyan.core.ports import StoredResult
from banyan.core.task import ABSENT, STATE_FIELDS, Change, Fact, Status, Task, Tree, TreeId, TreeState, task_id
from banyan.memory.graph.records import field_json, record_of
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.view import View, parents_of, same


class Workspace(View):
    """A tree with the changes of one batch over it.

    Every change of a task's state goes through `add`, `remove`, `set` and `set_fact`: they keep the record, the indexes
    and the counts of children, and `touch` what may follow from it. `mark` writes bookkeeping that is not recorded.
    """

    def __init__(self, source: GraphSource, *, now: datetime, turn: int, speaker: str) -> None:
        super().__init__(source)
        self.now = now
        self.turn = turn
        self.speaker = speaker
        """Who makes the batch: `user`, `assistant`, `tool`, `program`."""
        self.changes: list[Change] = []
        self.touched: dict[int, str] = {}
        """Tasks to be looked at again, with what touched them first, in the order in which that happened."""
        self.lengths: set[int] = set()
        """Tasks whose path to the end may be longer or shorter now."""
        self.measured = False
        """Whether lengths of paths are other than stored, so that what is stored is no measure any more."""
        self.prepared: list[CallRecord] = []
        """Calls to be written as prepared in the same transaction."""
        self.ended: list[tuple[CallRecord, StoredResult | None]] = []
        """Calls to be written as ended in the same transaction, with their results."""
        self.branches: dict[str, Tree] = {}
        """What-if copies to be made, by name, of the tree as the batch leaves it."""
        self.closed: dict[TreeId, TreeState] = {}
        """What-if copies that are adopted or dropped."""
        self.went_to: int | None = None
        """The state that an undo or redo brought back, for the revision to name."""

    def effects(self, number: int) -> list[CallRecord]:
        """Return the calls made under a task that may have changed the world, as the batch leaves them."""
        task = task_id(self.tree.id, number)
        calls = [*super().effects(number), *self.prepared, *(record for record, _ in self.ended)]
        return list({one.call_id: one for one in calls if one.task == task and one.effectful}.values())

    # Changing what is recorded.

    def new_number(self) -> int:
        """Return a number that no task of the tree has or had."""
        number = self.tree.next_number
        self.tree = replace(self.tree, next_number=number + 1)
        return number

    def add(self, task: Task, reason: str = "", facts: Iterable[Fact] = ()) -> None:
        """Add a task; its parents and the tasks that its edges come from must be there."""
        self._stored.setdefault(task.number, None)
        self._stored_facts.setdefault(task.number, {})
        facts = list(facts)
        self._tasks[task.number] = replace(task, revision=self.tree.revision + 1)
        self._facts[task.number] = {fact.key: fact for fact in facts}
        self._index(task, come=True)
        self._record(Change(task=task.number, field="*", before=ABSENT, after=record_of(task, facts), reason=reason))
        self.touch(task.number, "it was added")
        for number in parents_of(task):
            self._count(number, 1, 0 if task.status in ENDED else 1)
            self.touch(number, f"`{task.title}` was added under it")
        for fact in facts:
            self._touch_users(fact.key, f"`{fact.key}` was said")
        # What comes before it and over it follows: its way to the end can but be longer than they knew.
        self.lengths.add(task.number)

    def remove(self, number: int, reason: str = "") -> None:
        """Take a task away, and what was said in it; nothing may refer to it any more once the batch ends."""
        task, facts = self.task(number), list(self.facts(number).values())
        affected = self.dependents(number)
        self._record(Change(task=number, field="*", before=record_of(task, facts), after=ABSENT, reason=reason))
        self._index(task, come=False)
        self._tasks[number] = None
        self._facts[number] = {}
        for parent in parents_of(task):
            if self.find(parent) is not None:
                self._count(parent, -1, 0 if task.status in ENDED else -1)
                self.touch(parent, f"`{task.title}` was removed from under it")
        for one in affected:
            self.touch(one, f"`{task.title}` was removed")
        for fact in facts:
            self._touch_users(fact.key, f"`{fact.key}` was removed")
        self.touched.pop(number, None)
        self.lengths.discard(number)
        self.lengths.update({*parents_of(task), *(edge.source for edge in task.edges)})

    def set(self, number: int, *, reason: str = "", **state: Any) -> None:
        """Change state fields of a task; those that are as they were are left alone.

        A change of status is checked against no table here: `move` does that.
        """
        before = self.task(number)
        state = {
            name: value
            for name, value in state.items()
            if getattr(before, name) != value or _unlike(before, name, value)
        }
        if not state:
            return
        unknown = state.keys() - set(STATE_FIELDS)
        if unknown:
            raise LookupError(f"not recorded: {', '.join(sorted(unknown))}")
        after = replace(before, **state, revision=self.tree.revision + 1)
        if "status" in state:
            # What was found for a task is let go with it.
            tools = () if after.status in ENDED else after.tools
            after = replace(after, reason=reason, tools=tools)
        for name in (name for name in STATE_FIELDS if name in state):
            self._record_field(number, name, getattr(before, name), state[name], reason)
        self._tasks[number] = after
        self._follow(before, after, state.keys(), reason)

    def move(self, number: int, status: Status, reason: str = "") -> None:
        """Change the status of a task along the table of transitions.

        Raises:
            LookupError: the table has no such transition: a defect of the caller, which checks what people ask for.
        """
        before = self.task(number).status
        if before is status:
            return
        if status not in TRANSITIONS[before]:
            raise LookupError(f"no way from {before.value} to {status.value} (task {number} of {self.tree.id})")
        self.set(number, status=status, reason=reason)

    def set_fact(self, fact: Fact, reason: str = "") -> None:
        """Say a fact in place of what was said under its key at its task, with its candidates."""
        before = self.facts(fact.task).get(fact.key)
        gone = fact.value is ABSENT and not fact.candidates
        if gone:
            self._facts[fact.task].pop(fact.key, None)
        else:
            self._facts[fact.task][fact.key] = fact
        was = before.value if before else ABSENT
        if not same(was, fact.value):
            field = f"facts/{fact.key}"
            self._record(Change(task=fact.task, field=field, before=was, after=fact.value, reason=reason))
            self._touch_users(fact.key, f"`{fact.key}` changed")
            self.mark(fact.task, revision=self.tree.revision + 1)
        old, new = list(before.candidates) if before else [], list(fact.candidates)
        if not same(old, new):
            field = f"candidates/{fact.key}"
            self._record(Change(task=fact.task, field=field, before=old or ABSENT, after=new or ABSENT, reason=reason))

    # Changing what is not.

    def mark(self, number: int, **bookkeeping: Any) -> None:
        """Change fields of a task that are not recorded: its claim, what is derived, its reason."""
        wrong = bookkeeping.keys() & set(STATE_FIELDS)
        if wrong:
            raise LookupError(f"to be recorded: {', '.join(sorted(wrong))}")
        self._tasks[number] = replace(self.task(number), **bookkeeping)

    def touch(self, number: int, cause: str) -> None:
        """Have a task looked at again."""
        self.touched.setdefault(number, cause)

    # What a store writes.

    def written(self) -> dict[int, tuple[Task | None, Task | None]]:
        """Return the tasks that are not as stored, by number, as they were and are."""
        # What was read alone is the same object still: most of what a batch looks at.
        pairs = {number: (self._stored.get(number), task) for number, task in sorted(self._tasks.items())}
        return {
            number: (one, task)
            for number, (one, task) in pairs.items()
            if one is not task and (one != task or _differs(one, task))
        }

    def written_facts(self) -> dict[tuple[int, str], Fact | None]:
        """Return the facts that are not as stored, by task and key; None for one that is gone."""
        found: dict[tuple[int, str], Fact | None] = {}
        for number, facts in sorted(self._facts.items()):
            stored = self._stored_facts.get(number, {})
            for key in sorted(stored.keys() | facts.keys()):
                if facts.get(key) != stored.get(key) or _fact_differs(stored.get(key), facts.get(key)):
                    found[number, key] = facts.get(key)
        return found

    def _record(self, change: Change) -> None:
        self.changes.append(change)

    def _record_field(self, number: int, name: str, before: Any, after: Any, reason: str) -> None:
        if name != "inputs":
            old, new = field_json(name, before), field_json(name, after)
            self._record(Change(task=number, field=name, before=old, after=new, reason=reason))
            return
        for key in sorted(before.keys() | after.keys()):
            old, new = before.get(key, ABSENT), after.get(key, ABSENT)
            if old is ABSENT or new is ABSENT or not same(old, new):
                self._record(Change(task=number, field=f"inputs/{key}", before=old, after=new, reason=reason))

    def _follow(self, before: Task, after: Task, names: Collection[str], reason: str) -> None:
        """Keep indexes and counts, and touch what may follow from a change of one task."""
        number = after.number
        self.touch(number, reason or "it was changed")
        if {"parent", "under"} & set(names):
            self._rehang(before, after)
        if {"inputs", "requires"} & set(names):
            self._index(before, come=False)
            self._index(after, come=True)
            self.lengths.update({edge.source for edge in before.edges + after.edges})
        if "effort" in names:
            self.lengths.add(number)
        unended = (after.status not in ENDED) - (before.status not in ENDED)
        for parent in parents_of(after) if unended else ():
            self._count(parent, 0, unended)
        # Whatever has not ended is alike to all around it.
        if {"status", "output"} & set(names) and {before.status, after.status} & ENDED:
            told = after.status.value if "status" in names else "done with another output"
            _touch_around(self, before, after, f"`{after.title}` is {told}")

    def _rehang(self, before: Task, after: Task) -> None:
        was, now = set(parents_of(before)), set(parents_of(after))
        # As it was: where its status changes too, that is counted for the parents that it has then.
        unended = 0 if before.status in ENDED else 1
        for parent in sorted(was - now):
            self._joined[parent].discard(after.number)
            self._left[parent].add(after.number)
            if self.find(parent) is not None:
                self._count(parent, -1, -unended)
                self.touch(parent, f"`{after.title}` was moved away")
        for parent in sorted(now - was):
            self._left[parent].discard(after.number)
            self._joined[parent].add(after.number)
            self._count(parent, 1, unended)
            self.touch(parent, f"`{after.title}` was moved under it")
        self.lengths.update({after.number, *was, *now})
        self.moved.setdefault(after.number, parents_of(before))

    def _index(self, task: Task, *, come: bool) -> None:
        for here, there, numbers in (
            (self._joined, self._left, parents_of(task)),
            (self._depending, self._free, [edge.source for edge in task.edges]),
        ):
            for number in numbers:
                (here if come else there)[number].add(task.number)
                (there if come else here)[number].discard(task.number)

    def _count(self, parent: int, children: int, unended: int) -> None:
        task = self.task(parent)
        self.mark(parent, children=task.children + children, unended=task.unended + unended)

    def _touch_users(self, key: str, cause: str) -> None:
        for number in self.fact_users(key):
            self.touch(number, cause)


def touch_recovered(ws: Workspace, number: int) -> None:
    """Have the parents of a failed task looked at again that are yet to end: its recovery is not what it was."""
    failed = ws.find(number)
    if failed is None or failed.status is not Status.FAILED:
        return
    for parent in map(ws.task, parents_of(failed)):
        if parent.status not in ENDED:
            ws.touch(parent.number, f"`{failed.title}` has failed")


def _touch_around(ws: Workspace, before: Task, after: Task, cause: str) -> None:
    """Touch what is around a task that has ended, or has not any more, or otherwise."""
    for one in (*parents_of(after), *ws.dependents(after.number)):
        ws.touch(one, cause)
    if (before.status in GONE) == (after.status in GONE):
        return
    for child in ws.children(after.number) if after.children else ():
        ws.touch(child, cause)
    for edge in after.requires:
        if edge.kind in RECOVERS:
            touch_recovered(ws, edge.source)


def _unlike(task: Task, name: str, value: Any) -> bool:
    """Whether two equal values are different JSON all the same: Python takes 1 for true."""
    if name == "inputs":
        return not same(dict(task.inputs), dict(value))
    return name == "output" and not same(task.output, value)


def _differs(one: Task | None, other: Task | None) -> bool:
    return (
        one is not None
        and other is not None
        and (_unlike(one, "inputs", other.inputs) or _unlike(one, "output", other.output))
    )


def _fact_differs(one: Fact | None, other: Fact | None) -> bool:
    if one is None or other is None:
        return one is not other
    return not same(one.value, other.value) or not same(list(one.candidates), list(other.candidates))
