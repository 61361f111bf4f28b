"""A double of the store of trees: the same contract, kept in memory, for one process."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from banyan.core.call import CallRecord
from banyan.core.errors import Conflict, UnknownTree
from banyan.core.ids import HANDLE
from banyan.core.lifecycle import ENDED
from banyan.core.ports import Clock
from banyan.core.task import (
    ABSENT,
    EditResult,
    Event,
    Fact,
    Json,
    Revision,
    Status,
    Task,
    Tree,
    TreeId,
    TreeState,
    is_fact_reference,
    split_id,
    task_id,
)
from banyan.memory.graph.commit import (
    CONFLICT_EVENTS,
    Commit,
    begin,
    close,
    conflict,
    copied,
    events_of,
    new_tree,
    written,
)
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import Dump, Intent
from banyan.memory.graph.view import parents_of
from banyan.memory.graph.workspace import Workspace
from banyan.testing.stores import MemoryArtifacts, MemoryJournal

T = TypeVar("T")


def _is_of(task: str | None, tree: TreeId) -> bool:
    parts = None if task is None else split_id(task)
    return parts is not None and parts[0] == tree


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class KeptTree:
    """Everything that is kept of one tree."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.tasks: dict[int, Task] = {}
        self.facts: dict[tuple[int, str], Fact] = {}
        self.revisions: list[Revision] = []
        self.events: list[Event] = []
        self.children: defaultdict[int, set[int]] = defaultdict(set)
        self.dependents: defaultdict[int, set[int]] = defaultdict(set)

    def put(self, number: int, task: Task | None) -> None:
        """Keep a task as it is now; None for one that is gone."""
        before = self.tasks.pop(number, None)
        for one, come in ((before, False), (task, True)):
            if one is None:
                continue
            for index, ends in (
                (self.children, parents_of(one)),
                (self.dependents, [edge.source for edge in one.edges]),
            ):
                for end in ends:
                    (index[end].add if come else index[end].discard)(number)
        if task is not None:
            self.tasks[number] = task

    def put_fact(self, task: int, key: str, fact: Fact | None) -> None:
        """Keep a fact as it is now; None for one that is gone."""
        self.facts.pop((task, key), None)
        if fact is not None:
            self.facts[task, key] = fact

    def copy(self, tree: Tree) -> KeptTree:
        """Return a copy of the tasks and facts under another tree, with the end of its record."""
        found = KeptTree(tree)
        for number, task in self.tasks.items():
            found.put(number, copied(task))
        found.facts = dict(self.facts)
        # The last revision stays known, as where a record was pruned.
        found.revisions = [replace(one, tree=tree.id) for one in self.revisions[-1:]]
        return found


class MemoryTree:
    """One tree in memory."""

    def __init__(self, kept: KeptTree, graphs: MemoryGraphs) -> None:
        self._kept = kept
        self._graphs = graphs

    @property
    def tree(self) -> Tree:
        """The tree."""
        return self._kept.tree

    def where(self, test: Callable[[Task], bool]) -> list[int]:
        """Return the tasks that pass a test."""
        return sorted(number for number, task in self._kept.tasks.items() if test(task))


class MemoryTasks(MemoryTree):
    """The tasks of one tree, and what joins them."""

    def tasks(self, numbers: Collection[int]) -> list[Task]:
        """Return these tasks; numbers that are not there (any more) are left out."""
        return [self._kept.tasks[number] for number in sorted(set(numbers)) if number in self._kept.tasks]

    def children(self, number: int) -> list[int]:
        """Return the tasks that have `number` as their parent, or share it as one."""
        return sorted(self._kept.children.get(number, ()))

    def failed_children(self, number: int) -> list[int]:
        """Return those of its children that have failed."""
        return [one for one in self.children(number) if self._kept.tasks[one].status is Status.FAILED]

    def dependents(self, number: int) -> list[int]:
        """Return the tasks that have an edge from `number`, of any kind."""
        return sorted(self._kept.dependents.get(number, ()))

    def roots(self) -> list[int]:
        """Return the tasks that have no parent."""
        return self.where(lambda task: task.parent is None)

    def titled(self, title: str) -> list[int]:
        """Return the tasks of this title, without regard to case."""
        wanted = title.casefold()
        return self.where(lambda task: task.title.casefold() == wanted)

    def keyed(self, key: str) -> int | None:
        """Return the task of this key."""
        return next(iter(self.where(lambda task: task.key == key)), None)

    def titles_like(self, text: str) -> list[str]:
        """Return some titles that share a word with `text`, at most 50."""
        words = set(text.casefold().split())
        titles = (self._kept.tasks[number].title for number in sorted(self._kept.tasks))
        return list(dict.fromkeys(title for title in titles if words & set(title.casefold().split())))[:50]


class MemoryFacts(MemoryTree):
    """What was said in one tree."""

    def facts(self, numbers: Collection[int]) -> list[Fact]:
        """Return the facts said at these tasks, by task and key."""
        wanted = set(numbers)
        return [fact for (task, _), fact in sorted(self._kept.facts.items()) if task in wanted]

    def facts_called(self, key: str) -> list[Fact]:
        """Return the facts of this key, and those whose key goes on from it after a `/`, by task and key."""
        found = sorted(self._kept.facts.items())
        return [fact for (_, called), fact in found if called == key or called.startswith(f"{key}/")]

    def fact_users(self, key: str) -> list[int]:
        """Return the tasks that have an input `{"$fact": key}`."""

        def uses(value: Json) -> bool:
            return is_fact_reference(value) and value["$fact"] == key

        return self.where(lambda task: any(map(uses, task.inputs.values())))

    def input_holders(self, name: str) -> list[int]:
        """Return the tasks that have an input of this name."""
        return self.where(lambda task: name in task.inputs)

    def mentioning(self, text: str) -> list[int]:
        """Return the tasks whose title, instruction, inputs or facts hold `text`, without regard to case."""
        wanted = text.casefold()

        def holds(value: Json) -> bool:
            if isinstance(value, dict):
                return any(holds(one) for pair in value.items() for one in pair)
            if isinstance(value, list | tuple):
                return any(map(holds, value))
            return wanted in str(value).casefold()

        said = {
            task
            for (task, key), fact in self._kept.facts.items()
            if holds(key) or holds(fact.value) or holds(fact.candidates)
        }
        return self.where(
            lambda task: task.number in said or holds(task.title) or holds(task.instruction) or holds(dict(task.inputs))
        )


class MemoryRecord(MemoryTree):
    """The record of one tree."""

    def events(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        tasks: Collection[int] | None = None,
        fields: Collection[str] | None = None,
        newest: int | None = None,
    ) -> list[Event]:
        """Return the record in the revisions after `after`, up to and with `until`, oldest first."""
        end = self.tree.revision if until is None else until
        wanted = None if tasks is None else set(tasks)
        found = [
            event
            for event in self._kept.events
            if after < event.revision <= end
            and (wanted is None or event.change.task in wanted)
            and (fields is None or event.change.field in fields)
        ]
        return found if newest is None else found[max(0, len(found) - newest) :]

    def revision(self, number: int) -> Revision | None:
        """Return one revision."""
        return next((one for one in self._kept.revisions if one.number == number), None)

    def last_revision_of(self, turn: int) -> int:
        """Return the last revision made at `turn` or before; 0 where there is none."""
        if turn >= self.tree.turn:
            return self.tree.revision
        revisions = self._kept.revisions
        found = bisect_right(revisions, turn, key=lambda one: one.turn)
        return revisions[found - 1].number if found else 0

    def removals(self, text: str) -> list[Event]:
        """Return the removals of tasks whose record holds `text`, without regard to case; the last 50."""
        wanted = text.casefold()
        gone = [one for one in self._kept.events if one.change.field == "*" and one.change.after is ABSENT]
        return [one for one in gone if wanted in str(one.change.before).casefold()][-50:]

    def branches(self) -> list[Tree]:
        """Return the what-if copies of this tree, of any state, by id."""
        kept = self._graphs.kept
        return [kept[tree].tree for tree in sorted(kept) if kept[tree].tree.origin == self.tree.id]

    def other(self, tree: TreeId) -> GraphSource:
        """Return another tree of the same store.  Raises `UnknownTree`."""
        return self._graphs.source(tree)


class MemorySource(MemoryTasks, MemoryFacts, MemoryRecord):
    """A `GraphSource` of a tree in memory."""

    def effects(self, number: int) -> list[CallRecord]:
        """Return the calls made under a task that may have changed the world, oldest first."""
        task = task_id(self.tree.id, number)
        calls = [one for one in self._graphs.calls.values() if one.task == task and one.effectful]
        return sorted(calls, key=lambda one: (one.started_at, one.call_id))

    def lapsed(self, now: datetime) -> list[int]:
        """Return the running tasks whose lease has ended."""
        return self.where(
            lambda task: task.status is Status.RUNNING and task.lease_until is not None and task.lease_until <= now
        )

    def ready(self, limit: int) -> list[Task]:
        """Return the tasks that can be claimed, the longest `tail` first, then the largest priority, then by number."""
        found = [task for task in self._kept.tasks.values() if task.ready]
        return sorted(found, key=lambda task: (-task.tail, -task.priority, task.number))[:limit]

    def unended(self, limit: int) -> list[Task]:
        """Return the first tasks that have not ended, by number."""
        found = self.where(lambda task: task.status not in ENDED)
        return [self._kept.tasks[number] for number in found[:limit]]

    def counts(self) -> dict[Status, int]:
        """Return how many tasks there are of each status, in the order of `Status`; without those of none."""
        statuses = [task.status for task in self._kept.tasks.values()]
        return {status: statuses.count(status) for status in Status if status in statuses}


class MemoryGraphs:
    """A `GraphStore` in memory; calls that a change prepares or ends go to the journal's calls."""

    def __init__(self, clock: Clock = now, artifacts: MemoryArtifacts | None = None) -> None:
        self._clock = clock
        self._artifacts = artifacts or MemoryArtifacts()
        self._journal = MemoryJournal(self._artifacts)
        self.calls = self._artifacts.calls
        self._artifacts.referring.append(self._handles)
        self.kept: dict[TreeId, KeptTree] = {}

    def source(self, tree: str) -> MemorySource:
        """Return one tree.  Raises `UnknownTree`."""
        if tree not in self.kept:
            raise UnknownTree(tree, known=sorted(self.kept)[:10])
        return MemorySource(self.kept[TreeId(tree)], self)

    async def trees(self) -> list[Tree]:
        """Return every tree, the last changed first."""
        trees = sorted((kept.tree for kept in self.kept.values()), key=lambda tree: tree.id)
        return sorted(trees, key=lambda tree: tree.changed_at, reverse=True)

    async def ask(self, tree: str, question: Callable[[GraphSource], T]) -> T:
        """Return what `question` finds out of one tree, all from one moment.  Raises `UnknownTree`."""
        return question(self.source(tree))

    async def change(self, intent: Intent, work: Callable[[Workspace], T]) -> tuple[T, EditResult]:
        """Have `work` change a tree, settle what follows, and keep all of it or, where anything is raised, nothing."""
        at = self._clock()
        if intent.tree is None:
            source = MemorySource(KeptTree(new_tree(intent.title, at)), self)
        else:
            source = self.source(intent.tree)
        tree = source.tree
        if intent.base_revision is not None and intent.base_revision != tree.revision:
            since = source.events(after=intent.base_revision)
            raise conflict(tree, intent.base_revision, since[:CONFLICT_EVENTS], len(since))
        ws = begin(source, intent, at)
        found = work(ws)
        before = source.revision(tree.revision)
        commit = close(ws, intent, before.state if before else tree.revision)
        for record in ws.prepared:
            self._journal.add(record)
        self._keep(source._kept, ws, commit)
        return found, commit.result

    async def remove(self, trees: Sequence[TreeId]) -> int:
        """Remove trees with everything that is known of them, and return how many tasks they had."""
        gone = [self.kept.pop(tree) for tree in set(trees) & self.kept.keys()]
        return sum(len(one.tasks) for one in gone)

    async def dump(self, tree: str) -> Dump:
        """Return everything that is kept of a tree, from one moment.  Raises `UnknownTree`."""
        kept = self.source(tree)._kept
        return Dump(
            tree=kept.tree,
            tasks=[task for _, task in sorted(kept.tasks.items())],
            facts=[fact for _, fact in sorted(kept.facts.items())],
            revisions=list(kept.revisions),
            events=list(kept.events),
        )

    async def load(self, dump: Dump) -> None:
        """Keep a tree as it was dumped, all or nothing.  Raises `Conflict` where there is one of this id."""
        if dump.tree.id in self.kept:
            raise Conflict(f"there is a tree `{dump.tree.id}`")
        kept = KeptTree(dump.tree)
        for task in dump.tasks:
            kept.put(task.number, task)
        kept.facts = {(fact.task, fact.key): fact for fact in dump.facts}
        kept.revisions, kept.events = list(dump.revisions), list(dump.events)
        self.kept[dump.tree.id] = kept

    async def forget(self, tree: str, revision: int) -> int:
        """Drop the record of a tree up to `revision`, whose state can still be asked for; return how many changes."""
        kept = self.source(tree)._kept
        revision = min(revision, kept.tree.revision)
        if revision <= kept.tree.pruned:
            return 0
        events = [event for event in kept.events if event.revision > revision]
        dropped = len(kept.events) - len(events)
        kept.events = events
        kept.revisions = [one for one in kept.revisions if one.number >= revision]
        kept.tree = replace(kept.tree, pruned=revision)
        return dropped

    def _handles(self) -> set[str]:
        """Return the handles in trees with something open, and those of calls made for them."""
        found: set[str] = set()
        for tree, kept in self.kept.items():
            if kept.tree.state is TreeState.OPEN and any(task.status not in ENDED for task in kept.tasks.values()):
                text = repr((list(kept.tasks.values()), list(kept.facts.values())))
                found |= {match.decode() for match in HANDLE.findall(text.encode())}
                found |= {one.handle for one in self.calls.values() if one.handle and _is_of(one.task, tree)}
        return found

    def _keep(self, kept: KeptTree, ws: Workspace, commit: Commit) -> None:
        kept.tree = commit.tree
        self.kept[commit.tree.id] = kept
        for number, (_, task) in written(ws, commit).items():
            kept.put(number, task)
        for (scope, key), fact in ws.written_facts().items():
            kept.put_fact(scope, key, fact)
        if commit.revision is not None:
            kept.revisions.append(commit.revision)
            kept.events += events_of(commit)
        for record, result in ws.ended:
            self._journal.end(record, result)
        for tree in commit.branches:
            self.kept[tree.id] = kept.copy(tree)
        for closed, state in ws.closed.items():
            other = self.kept[closed]
            other.tree = replace(other.tree, state=state, changed_at=ws.now)
