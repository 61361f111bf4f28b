"""A tree as it was, to be read like one that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from banyan.core.call import CallRecord
from banyan.core.lifecycle import ENDED, GONE, Firing
from banyan.core.task import Event, Fact, Revision, Status, Task, Tree, TreeId, is_fact_reference
from banyan.memory.graph.basis import resolve_inputs
from banyan.memory.graph.firing import gate_verdict, work_verdict
from banyan.memory.graph.rewind import Then, rewound
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.view import View, parents_of

CHUNK = 500
"""Tasks that are brought back at once."""


class _States:
    """The tasks of a tree as they were, each brought back when it is read."""

    def __init__(self, source: GraphSource, revision: int) -> None:
        self._source = source
        self._revision = revision
        self._then: dict[int, Then] = {}
        self._changed: set[int] | None = None

    def state(self, numbers: Iterable[int]) -> dict[int, tuple[Task, list[Fact]]]:
        """Return these tasks without what is derived, with their facts; those that were not there are left out."""
        numbers = sorted(set(numbers))
        self._load(numbers)
        return {
            number: (then.task, [fact for _, fact in sorted(then.facts.items())])
            for number in numbers
            if (then := self._then[number]).task is not None
        }

    def changed(self) -> set[int]:
        """Return the tasks that are not as they were, or were not there, or are there no more."""
        if self._changed is None:
            self._changed = {event.change.task for event in self._source.events(after=self._revision)}
            self._load(sorted(self._changed))
        return self._changed

    def where(self, stored: Iterable[int], holds: Callable[[Task], bool]) -> list[int]:
        """Return the tasks of which something held: as stored where they are as they were, else by looking."""
        changed = self.changed()
        found = {number for number in stored if number not in changed}
        found |= {number for number, (task, _) in self.state(changed).items() if holds(task)}
        return sorted(found)

    def _load(self, numbers: Iterable[int]) -> None:
        missing = [number for number in numbers if number not in self._then]
        for start in range(0, len(missing), CHUNK):
            self._then.update(rewound(self._source, missing[start : start + CHUNK], self._revision))


class _Relations:
    """What is found by a relation or a name: it takes all that changed since."""

    def __init__(self, source: GraphSource, revision: int) -> None:
        self._source = source
        self._states = _States(source, revision)

    def children(self, number: int) -> list[int]:
        """Return the tasks that had `number` as a parent."""
        return self._states.where(self._source.children(number), lambda task: number in parents_of(task))

    def failed_children(self, number: int) -> list[int]:
        """Return those of its children that had failed."""
        below = self._states.state(self.children(number))
        return [one for one, (task, _) in below.items() if task.status is Status.FAILED]

    def dependents(self, number: int) -> list[int]:
        """Return the tasks that had an edge from `number`."""
        stored = self._source.dependents(number)
        return self._states.where(stored, lambda task: any(edge.source == number for edge in task.edges))

    def roots(self) -> list[int]:
        """Return the tasks that had no parent."""
        return self._states.where(self._source.roots(), lambda task: task.parent is None)

    def titled(self, title: str) -> list[int]:
        """Return the tasks of this title."""
        wanted = title.casefold()
        return self._states.where(self._source.titled(title), lambda task: task.title.casefold() == wanted)

    def keyed(self, key: str) -> int | None:
        """Return the task of this key."""
        now = self._source.keyed(key)
        found = self._states.where([] if now is None else [now], lambda task: task.key == key)
        return found[0] if found else None

    def titles_like(self, text: str) -> list[str]:
        """Return some titles to suggest from: of what is there now."""
        return self._source.titles_like(text)

    def facts_called(self, key: str) -> list[Fact]:
        """Return the facts of this key, and those under it."""
        changed = self._states.changed()
        found = [fact for fact in self._source.facts_called(key) if fact.task not in changed]
        for _, facts in self._states.state(changed).values():
            found += [fact for fact in facts if fact.key == key or fact.key.startswith(f"{key}/")]
        return sorted(found, key=lambda fact: (fact.task, fact.key))

    def fact_users(self, key: str) -> list[int]:
        """Return the tasks that had an input `{"$fact": key}`."""
        return self._states.where(
            self._source.fact_users(key),
            lambda task: any(is_fact_reference(one) and one["$fact"] == key for one in task.inputs.values()),
        )

    def input_holders(self, name: str) -> list[int]:
        """Return the tasks that had an input of this name."""
        return self._states.where(self._source.input_holders(name), lambda task: name in task.inputs)

    def mentioning(self, text: str) -> list[int]:
        """Return at least the tasks that mentioned `text`."""
        return self._states.where(self._source.mentioning(text), lambda task: True)


class Past(_Relations):
    """A tree as it was at the end of a revision, without what could be begun then: `PastWork` knows that too."""

    def __init__(self, source: GraphSource, revision: int) -> None:
        super().__init__(source, revision)
        self._revision = revision
        self._more: Mapping[int, tuple[int, int]] | None = None
        made = source.revision(revision)
        self._tree = replace(
            source.tree,
            revision=revision,
            turn=made.turn if made else 0,
            changed_at=made.at if made else source.tree.created_at,
        )

    @property
    def tree(self) -> Tree:
        """The tree."""
        return self._tree

    def tasks(self, numbers: Collection[int]) -> list[Task]:
        """Return these tasks."""
        found = []
        now = {task.number: task for task in self._source.tasks(numbers)}
        more = self._below()
        for number, (task, _) in self._states.state(numbers).items():
            stored = now.get(number)
            children, unended = more.get(number, (0, 0))
            if stored is not None:
                children, unended = stored.children + children, stored.unended + unended
            found.append(replace(task, children=children, unended=unended, gate=False, ready=False))
        return found

    def facts(self, numbers: Collection[int]) -> list[Fact]:
        """Return the facts that were said at these tasks."""
        return [fact for _, facts in self._states.state(numbers).values() for fact in facts]

    def removals(self, text: str) -> list[Event]:
        """Return at least the removals of tasks whose record holds `text`."""
        return [event for event in self._source.removals(text) if event.revision <= self._revision]

    def events(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        tasks: Collection[int] | None = None,
        fields: Collection[str] | None = None,
        newest: int | None = None,
    ) -> list[Event]:
        """Return the record up to this revision."""
        until = self._revision if until is None else min(until, self._revision)
        return self._source.events(after=after, until=until, tasks=tasks, fields=fields, newest=newest)

    def revision(self, number: int) -> Revision | None:
        """Return one revision."""
        return self._source.revision(number) if number <= self._revision else None

    def last_revision_of(self, turn: int) -> int:
        """Return the last revision made at `turn` or before."""
        return min(self._revision, self._source.last_revision_of(turn))

    def branches(self) -> list[Tree]:
        """Return the what-if copies that had been made."""
        return [tree for tree in self._source.branches() if (tree.origin_revision or 0) <= self._revision]

    def other(self, tree: TreeId) -> GraphSource:
        """Return another tree of the same store, as it is now."""
        return self._source.other(tree)

    def effects(self, number: int) -> list[CallRecord]:
        """Return the calls made under a task, those made since too."""
        return self._source.effects(number)

    def lapsed(self, now: datetime) -> list[int]:
        """Return nothing: what claims there were is not on record."""
        return []

    def ready(self, limit: int) -> list[Task]:
        """Return the tasks that could be claimed."""
        found = [task for task in self.unended(self.tree.next_number) if task.ready]
        return sorted(found, key=lambda task: (-task.tail, -task.priority, task.number))[:limit]

    def unended(self, limit: int) -> list[Task]:
        """Return the first tasks that had not ended."""
        changed = self._states.changed()
        stored = [task.number for task in self._source.unended(limit + len(changed))]
        open_then = self._states.where(stored, lambda task: task.status not in ENDED)
        return self.tasks(open_then[:limit])

    def counts(self) -> dict[Status, int]:
        """Return how many tasks there were of each status."""
        changed = self._states.changed()
        count = Counter(self._source.counts())
        count.subtract(task.status for task in self._source.tasks(changed))
        count.update(task.status for task, _ in self._states.state(changed).values())
        return {status: count[status] for status in Status if count[status]}

    def _below(self) -> Mapping[int, tuple[int, int]]:
        """Return by how many more children, and children that had not ended, tasks had than they have now."""
        if self._more is None:
            children: Counter[int] = Counter()
            unended: Counter[int] = Counter()
            changed = self._states.changed()
            then = (task for task, _ in self._states.state(changed).values())
            for sign, tasks in ((-1, self._source.tasks(changed)), (1, then)):
                for task in tasks:
                    for parent in parents_of(task):
                        children[parent] += sign
                        unended[parent] += sign * (task.status not in ENDED)
            self._more = {parent: (children[parent], unended[parent]) for parent in children}
        return self._more


class PastWork(Past):
    """A tree as it was at the end of a revision, with what could be begun then."""

    def __init__(self, source: GraphSource, revision: int) -> None:
        super().__init__(source, revision)
        self._view = View(Past(source, revision))
        self._gates: dict[int, bool] = {}

    def tasks(self, numbers: Collection[int]) -> list[Task]:
        """Return these tasks."""
        self._view.load(numbers)
        found = (self._view.find(number) for number in sorted(set(numbers)))
        return [replace(task, gate=self._gate(task.number), ready=self._ready(task)) for task in found if task]

    def _gate(self, number: int) -> bool:
        """Return whether a task could be begun, or what is under it, as far as edges go: its parents' first."""
        stack = [number]
        while stack:
            task = self._view.task(stack[-1])
            parents = parents_of(task)
            missing = [parent for parent in parents if parent not in self._gates]
            if missing:
                stack += missing
                continue
            fired = gate_verdict(self._view, task).firing is Firing.FIRED
            through = [one for one in parents if self._view.task(one).status not in GONE and self._gates[one]]
            self._gates[stack.pop()] = fired and (not parents or bool(through))
        return self._gates[number]

    def _ready(self, task: Task) -> bool:
        """Return whether a task could be claimed; one that waited could not, for why it did is not on record."""
        return (
            task.status in {Status.PENDING, Status.STALE}
            and not task.unended
            and self._gate(task.number)
            and work_verdict(self._view, task).firing is Firing.FIRED
            and not resolve_inputs(self._view, task).missing
        )
