"""A tree as a batch sees it: what is stored, with what the batch has changed over it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from banyan.core.call import CallRecord
from banyan.core.task import ABSENT, Fact, Json, Task, Tree, is_fact_reference
from banyan.memory.graph.source import GraphSource


class View:
    """Reads a tree as it is needed, each thing once."""

    def __init__(self, source: GraphSource) -> None:
        self.source = source
        self.tree: Tree = source.tree
        self._stored: dict[int, Task | None] = {}
        self._tasks: dict[int, Task | None] = {}
        self._stored_facts: dict[int, dict[str, Fact]] = {}
        self._facts: dict[int, dict[str, Fact]] = {}
        self._read_children: dict[int, Collection[int]] = {}
        self._read_dependents: dict[int, Collection[int]] = {}
        self._joined: defaultdict[int, set[int]] = defaultdict(set)
        self._left: defaultdict[int, set[int]] = defaultdict(set)
        self._depending: defaultdict[int, set[int]] = defaultdict(set)
        self._free: defaultdict[int, set[int]] = defaultdict(set)
        self.moved: dict[int, list[int]] = {}
        """Parents that tasks had before they were moved, until what follows from that is settled."""

    def find(self, number: int) -> Task | None:
        """Return a task as it now is; None where there is none."""
        if number not in self._tasks:
            self.load([number])
        return self._tasks[number]

    def task(self, number: int) -> Task:
        """Return a task that is known to be there."""
        found = self.find(number)
        if found is None:
            raise LookupError(f"no task {number} in {self.tree.id}")
        return found

    def load(self, numbers: Iterable[int], stored: Iterable[Task] | None = None) -> None:
        """Read these tasks at once, where they are not known yet; `stored` has them where they were read already."""
        missing = [number for number in dict.fromkeys(numbers) if number not in self._tasks]
        if not missing:
            return
        found = {task.number: task for task in (self.source.tasks(missing) if stored is None else stored)}
        for number in missing:
            self._stored[number] = self._tasks[number] = found.get(number)

    def was(self, number: int) -> Task | None:
        """Return a task as it is stored; None where it is not."""
        self.find(number)
        return self._stored.get(number)

    def children(self, number: int) -> list[int]:
        """Return the tasks that have `number` as their parent, or share it as one, in order."""
        found = self.child_numbers(number)
        self.load(found)
        return found

    def dependents(self, number: int) -> list[int]:
        """Return the tasks that have an edge from `number`, in order."""
        found = self.dependent_numbers(number)
        self.load(found)
        return found

    def child_numbers(self, number: int) -> list[int]:
        """Return the children of a task without reading them."""
        return sorted((set(self._stored_children(number)) | self._joined[number]) - self._left[number])

    def dependent_numbers(self, number: int) -> list[int]:
        """Return the dependents of a task without reading them."""
        return sorted((set(self._stored_dependents(number)) | self._depending[number]) - self._free[number])

    def joined(self, number: int) -> tuple[set[int], set[int]]:
        """Return the children and the dependents that a task has and is not stored with."""
        return self._joined[number], self._depending[number]

    def parted(self, number: int) -> tuple[set[int], set[int]]:
        """Return the children and the dependents that a task is stored with and has no more."""
        return self._left[number], self._free[number]

    def facts(self, number: int) -> Mapping[str, Fact]:
        """Return the facts said at a task, by key."""
        if number not in self._facts:
            self.load_facts([number])
        return self._facts[number]

    def load_facts(self, numbers: Iterable[int]) -> None:
        """Read the facts of these tasks at once, where they are not known yet."""
        missing = [number for number in dict.fromkeys(numbers) if number not in self._facts]
        if not missing:
            return
        for number in missing:
            self._stored_facts[number], self._facts[number] = {}, {}
        for fact in self.source.facts(missing):
            self._stored_facts[fact.task][fact.key] = self._facts[fact.task][fact.key] = fact

    def fact_users(self, key: str) -> list[int]:
        """Return the tasks that have an input `{"$fact": key}`, in order."""
        stored = set(self.source.fact_users(key))
        changed = {number for number, task in self._tasks.items() if task != self._stored.get(number)}
        using = {number for number in changed if _uses_fact(self._tasks[number], key)}
        return sorted((stored - changed) | using)

    def effects(self, number: int) -> list[CallRecord]:
        """Return the calls made under a task that may have changed the world."""
        return self.source.effects(number)

    def tasks_known(self) -> list[Task]:
        """Return every task that was read or added and is there."""
        return [task for task in self._tasks.values() if task is not None]

    def _stored_children(self, number: int) -> Collection[int]:
        if number not in self._read_children:
            stored = self.was(number)
            known = stored is not None and stored.children
            self._read_children[number] = self.source.children(number) if known else ()
        return self._read_children[number]

    def _stored_dependents(self, number: int) -> Collection[int]:
        if number not in self._read_dependents:
            self._read_dependents[number] = self.source.dependents(number) if self.was(number) is not None else ()
        return self._read_dependents[number]


def parents_of(task: Task) -> list[int]:
    """Return the parents of a task: its own first, then those that share it."""
    own = () if task.parent is None else (task.parent,)
    return list(dict.fromkeys((*own, *task.under)))


def same(one: Json, other: Json) -> bool:
    """Whether two JSON values are the same: 1 is not true, and 1.0 is 1; absent is nothing but absent."""
    if one is ABSENT or other is ABSENT:
        return one is other
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _uses_fact(task: Task | None, key: str) -> bool:
    return task is not None and any(
        is_fact_reference(value) and value["$fact"] == key for value in task.inputs.values()
    )
