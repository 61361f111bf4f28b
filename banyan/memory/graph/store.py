"""Where trees are kept: a store runs a question over one tree, or a change of it, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from banyan.core.task import EditResult, Event, Fact, Revision, RevisionKind, Task, Tree, TreeId
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Who wants to change which tree, and on what grounds."""

    tree: TreeId | None
    """None makes a tree."""
    title: str = ""
    """Of the tree that is made."""
    base_revision: int | None = None
    """The revision that the change was decided on; None takes the tree as it is."""
    turn: int | None = None
    """What was said that it follows; None means the turn of the last revision. It never goes back."""
    speaker: str = "program"
    kind: RevisionKind = RevisionKind.EDIT
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """Everything that is kept of one tree, each in ascending order."""

    tree: Tree
    tasks: Sequence[Task]
    facts: Sequence[Fact]
    revisions: Sequence[Revision]
    events: Sequence[Event]


class GraphStore(Protocol):
    """The trees of a database.  Every method raises `DatabaseUnavailable` or `StorageFull` when the database does."""

    async def trees(self) -> list[Tree]:
        """Return every tree, the last changed first."""
        ...

    async def ask(self, tree: str, question: Callable[[GraphSource], T]) -> T:
        """Return what `question` finds out of one tree, all from one moment.  Raises `UnknownTree`."""
        ...

    async def change(self, intent: Intent, work: Callable[[Workspace], T]) -> tuple[T, EditResult]:
        """Have `work` change a tree, settle what follows, and keep all of it or, where anything is raised, nothing.

        Where nothing is recorded the revision stays what it was; bookkeeping (a renewed lease) is kept all the same. A
        change of a kind other than `EDIT` is no edit to be undone, and leaves the states to redo as they are, unless
        `work` says otherwise. `work` may run more than once, on a
        fresh workspace each time, where a database asks for that; it must do nothing else.

        Raises:
            UnknownTree: there is no such tree.
            RevisionConflict: `base_revision` is not the tree's; carries what changed since.
            BanyanError: whatever `work` raises.
        """
        ...

    async def remove(self, trees: Sequence[TreeId]) -> int:
        """Remove trees with everything that is known of them, and return how many tasks they had."""
        ...

    async def dump(self, tree: str) -> Dump:
        """Return everything that is kept of a tree, from one moment.  Raises `UnknownTree`."""
        ...

    async def load(self, dump: Dump) -> None:
        """Keep a tree as it was dumped, all or nothing.  Raises `Conflict` where there is one of this id."""
        ...

    async def forget(self, tree: str, revision: int) -> int:
        """Drop the record of a tree up to `revision`, whose state can still be asked for; return how many changes.

        `Tree.pruned` says so. Raises `UnknownTree`.
        """
        ...
