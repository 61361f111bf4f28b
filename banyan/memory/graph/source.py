"""What is stored of one tree, as the graph reads it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from banyan.core.call import CallRecord
from banyan.core.task import Event, Fact, Revision, Status, Task, Tree, TreeId


class TaskSource(Protocol):
    """The tasks of one tree, and what joins them."""

    @property
    def tree(self) -> Tree:
        """The tree."""
        ...

    def tasks(self, numbers: Collection[int]) -> list[Task]:
        """Return these tasks; numbers that are not there (any more) are left out."""
        ...

    def roots(self) -> list[int]:
        """Return the tasks that have no parent."""
        ...

    def children(self, number: int) -> list[int]:
        """Return the tasks that have `number` as their parent, or share it as one."""
        ...

    def failed_children(self, number: int) -> list[int]:
        """Return those of its children that have failed."""
        ...

    def dependents(self, number: int) -> list[int]:
        """Return the tasks that have an edge from `number`, of any kind."""
        ...

    def titled(self, title: str) -> list[int]:
        """Return the tasks of this title, without regard to case."""
        ...

    def keyed(self, key: str) -> int | None:
        """Return the task of this key."""
        ...

    def titles_like(self, text: str) -> list[str]:
        """Return some titles that share a word with `text`, at most 50: to suggest from."""
        ...


class FactSource(Protocol):
    """What is said in one tree, and where it is used."""

    def facts(self, numbers: Collection[int]) -> list[Fact]:
        """Return the facts said at these tasks, by task and key."""
        ...

    def facts_called(self, key: str) -> list[Fact]:
        """Return the facts of this key, and those whose key goes on from it after a `/`, by task and key."""
        ...

    def fact_users(self, key: str) -> list[int]:
        """Return the tasks that have an input `{"$fact": key}`."""
        ...

    def input_holders(self, name: str) -> list[int]:
        """Return the tasks that have an input of this name."""
        ...

    def mentioning(self, text: str) -> list[int]:
        """Return at least the tasks whose title, instruction, inputs or facts hold `text`, without regard to case."""
        ...


class RecordSource(Protocol):
    """The record of one tree, and the trees made of it."""

    def events(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        tasks: Collection[int] | None = None,
        fields: Collection[str] | None = None,
        newest: int | None = None,
    ) -> list[Event]:
        """Return the record in the revisions after `after`, up to and with `until`, oldest first.

        With `tasks` or `fields` only theirs; with `newest` only the last so many of them.
        """
        ...

    def revision(self, number: int) -> Revision | None:
        """Return one revision."""
        ...

    def last_revision_of(self, turn: int) -> int:
        """Return the last revision made at `turn` or before; 0 where there is none."""
        ...

    def branches(self) -> list[Tree]:
        """Return the what-if copies of this tree, of any state, by id."""
        ...

    def other(self, tree: TreeId) -> GraphSource:
        """Return another tree of the same store.  Raises `UnknownTree`."""
        ...

    def removals(self, text: str) -> list[Event]:
        """Return at least the removals of tasks whose record holds `text`, without regard to case; the last 50."""
        ...


class WorkSource(Protocol):
    """What can be done in one tree, is being done, and was done in the world for it."""

    def ready(self, limit: int) -> list[Task]:
        """Return the tasks that can be claimed, the longest `tail` first, then the largest priority, then by number."""
        ...

    def unended(self, limit: int) -> list[Task]:
        """Return the first tasks that have not ended, by number."""
        ...

    def counts(self) -> dict[Status, int]:
        """Return how many tasks there are of each status, in the order of `Status`; without those of none."""
        ...

    def lapsed(self, now: datetime) -> list[int]:
        """Return the running tasks whose lease has ended."""
        ...

    def effects(self, number: int) -> list[CallRecord]:
        """Return the calls made under a task that may have changed the world, oldest first."""
        ...


class GraphSource(TaskSource, FactSource, RecordSource, WorkSource, Protocol):
    """One tree as it was when the transaction began.  Every method reads what its answer needs, by an index.

    Lists are in ascending order of number, or of revision and seq.
    """
