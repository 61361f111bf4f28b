"""Tasks, what joins them, what is said in them, and the record of how they came to be so.

Inside, a task is its number in its tree, so that a what-if copy of a tree is a copy of rows; outside it is its
`TaskId`, the tree and the number: `k7f3a.12`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NewType, TypeAlias

TreeId = NewType("TreeId", str)
"""Id of a tree: 6 random base32 characters."""
TaskId = NewType("TaskId", str)
"""Id of a task: the id of its tree, a dot, and its number there, from 1."""

Json: TypeAlias = Any
"""A JSON value."""


class Absent:
    """There is no value; JSON's null is one."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent()


class Status(StrEnum):
    """Where a task stands.  Ready and blocked are not statuses: they are derived, with reasons."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"  # for an approval, an answer, or a reconcile
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    STALE = "stale"  # was done, but something it used has changed


class EdgeKind(StrEnum):
    """When an edge fires."""

    AFTER_SUCCESS = "after_success"
    AFTER_FAILURE = "after_failure"
    AFTER_ANY = "after_any"
    WHEN = "when"  # after success, where an expression over the output holds
    DATA = "data"  # after success, and hands over a value of the output


class ResultRule(StrEnum):
    """How a parent's own result is made once its children have ended."""

    WORKER = "worker"  # somebody claims it, and completes it
    CHILDREN = "children"  # from theirs, at once: an object of their outputs by id


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What must have happened to another task before this one starts."""

    source: int
    """Number of the task that it comes from."""
    kind: EdgeKind
    when: str = ""
    """For `when`: a CEL expression over `output`, the output of the task that it comes from."""
    path: str = ""
    """For `data`: JSON Pointer into that output."""
    name: str = ""
    """For `data`: the input that it fills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task as it stands now.

    The fields up to `made_of` are its state: every change of them is a `Change` in the record. The rest is bookkeeping:
    a claim, and what is derived from the state and kept so that it need not be derived again.
    """

    number: int
    title: str
    instruction: str = ""
    key: str | None = None
    """A name for programs, unique in the tree."""
    parent: int | None = None
    under: tuple[int, ...] = ()
    """Further parents that share it."""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    """By name: a literal, `{"$from": number, "path": pointer}` or `{"$fact": key}`."""
    requires: tuple[Edge, ...] = ()
    """Edges into it that carry no value; those that do are in `inputs`."""
    labels: tuple[str, ...] = ()
    """What whoever works on it must be able to do."""
    priority: int = 0
    """Larger goes first among tasks with equally much after them."""
    effort: float = 1.0
    """How long it takes, in any unit that the tree keeps to; > 0."""
    optional: bool = False
    """Its failure is no failure of its parent."""
    result: ResultRule = ResultRule.WORKER
    budget: Mapping[str, Json] = field(default_factory=dict)
    """Limits by name; `attempts` (default 1) is how often it may be tried."""
    status: Status = Status.PENDING
    output: Json = ABSENT
    attempts: int = 0
    basis: str | None = None
    """Digest of everything that its last attempt went by: see `banyan.memory.graph.basis`."""
    summary: str | None = None
    """What stands for it and everything under it while it is folded."""
    made_of: tuple[int, ...] = ()
    """The tasks that were split or merged into it."""

    reason: str = ""
    """Why its status is what it is."""
    tools: tuple[str, ...] = ()
    """Names of tools that were found for it, the last found first; let go when it ends."""
    holder: str | None = None
    lease_until: datetime | None = None
    fence: int = 0
    """Grows with every claim: an answer under an older one comes too late."""
    gate: bool = False
    """Derived: its edges have fired, and one of its parents is open."""
    ready: bool = False
    """Derived: it can be claimed now."""
    children: int = 0
    """Derived: tasks that have it as a parent or share it."""
    unended: int = 0
    """Derived: those of them that have not ended."""
    own: float = 1.0
    """Derived: effort of the longest path from its own work to the end of the tree, its own included, at most 256."""
    tail: float = 1.0
    """Derived: the same from the first of its children's work."""
    revision: int = 0
    """The last revision that changed its state."""

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Every edge into it: `requires`, then its data edges by name."""
        return self.requires + data_edges(self.inputs)


STATE_FIELDS: Final = (
    "title", "instruction", "key", "parent", "under", "inputs", "requires", "labels", "priority", "effort", "optional",
    "result", "budget", "status", "output", "attempts", "basis", "summary", "made_of",
)  # fmt: skip
"""The fields whose changes are recorded.  `inputs` is recorded by name: `inputs/NAME`."""


def data_edges(inputs: Mapping[str, Json]) -> tuple[Edge, ...]:
    """Return the edges that `inputs` imply, by name."""
    return tuple(
        Edge(source=value["$from"], kind=EdgeKind.DATA, path=value.get("path", ""), name=name)
        for name, value in sorted(inputs.items())
        if is_reference(value)
    )


def is_reference(value: Json) -> bool:
    """Whether an input is another task's output, or a part of it."""
    return isinstance(value, dict) and "$from" in value and value.keys() <= {"$from", "path"}


def is_fact_reference(value: Json) -> bool:
    """Whether an input is a fact of the scope."""
    return isinstance(value, dict) and value.keys() == {"$fact"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A named value said in the scope of a task: it holds for the task and everything under it."""

    task: int
    key: str
    value: Json
    """`ABSENT` where nothing is settled and there are candidates only."""
    turn: int
    source: str
    """Who said it: `user`, `assistant`, `tool`, `program`."""
    revision: int
    candidates: tuple[Json, ...] = ()
    """Other readings that wait to be confirmed."""
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field of one task, before and after."""

    task: int
    field: str
    """A name of `STATE_FIELDS`, `inputs/NAME`, `facts/KEY`, `candidates/KEY`, or `*`: the whole task, come or gone."""
    before: Json
    after: Json
    """JSON values, or `ABSENT`.  For `*` an object of every field that is not as by default, with `facts`."""
    reason: str = ""


class RevisionKind(StrEnum):
    """What made a revision."""

    EDIT = "edit"
    WORK = "work"  # a claim, a lost lease: what is not undone on its own
    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One batch of changes, committed together."""

    tree: TreeId
    number: int
    """From 1, without a gap."""
    at: datetime
    turn: int
    source: str
    kind: RevisionKind
    state: int
    """The revision whose state the tree is in after it: its own number, or the one that an undo or redo went to."""
    base: int
    """The `state` before it."""
    note: str = ""
    """What was done, in a few words: the operations of the batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change with who made it, when and in which revision: what the record holds."""

    tree: TreeId
    revision: int
    seq: int
    at: datetime
    turn: int
    source: str
    change: Change

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        return {
            "revision": self.revision,
            "seq": self.seq,
            "at": self.at.isoformat(),
            "turn": self.turn,
            "source": self.source,
            **delta_json(self.tree, self.change),
        }


class TreeState(StrEnum):
    """What may be done with a tree."""

    OPEN = "open"
    ADOPTED = "adopted"  # a what-if that was taken over
    DROPPED = "dropped"  # a what-if that was not


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One tree of tasks."""

    id: TreeId
    title: str
    revision: int = 0
    turn: int = 0
    state: TreeState = TreeState.OPEN
    next_number: int = 1
    origin: TreeId | None = None
    """The tree that it is a what-if copy of."""
    origin_revision: int | None = None
    name: str | None = None
    """Name of the what-if, unique among the open ones of its origin."""
    redo: tuple[int, ...] = ()
    """Revisions after which the tree was undone, the last one last: a redo brings back how it was then."""
    pruned: int = 0
    """Questions about revisions before this one can no longer be answered."""
    created_at: datetime
    changed_at: datetime


def task_id(tree: TreeId, number: int) -> TaskId:
    """Return the id of a task."""
    return TaskId(f"{tree}.{number}")


def split_id(text: str) -> tuple[TreeId, int] | None:
    """Return the tree and number of a task id; None where `text` is not one."""
    tree, dot, number = text.rpartition(".")
    if not dot or not number.isascii() or not number.isdecimal() or len(number) > 12 or not tree:
        return None
    return TreeId(tree), int(number)


def public(tree: TreeId, value: Json, name: str = "") -> Json:
    """Return a recorded value as it is shown: numbers of tasks as ids, absent as None; `name` is the field's."""
    if value is ABSENT or value is None:
        return None
    if name == "parent":
        return task_id(tree, value)
    if name in {"under", "made_of"}:
        return [task_id(tree, one) for one in value]
    if name == "requires":
        return [{**edge, "from": task_id(tree, edge["from"])} for edge in value]
    if name.startswith("inputs/") and is_reference(value):
        return {**value, "$from": task_id(tree, value["$from"])}
    if name == "inputs":
        return {key: public(tree, one, f"inputs/{key}") for key, one in value.items()}
    if name == "*":
        return {key: public(tree, one, key) for key, one in value.items() if key != "basis"}
    return value


def delta_json(tree: TreeId, change: Change) -> dict[str, Any]:
    """Return `{task, field, from, to, reason}`."""
    return {
        "task": task_id(tree, change.task),
        "field": change.field,
        "from": public(tree, change.before, change.field),
        "to": public(tree, change.after, change.field),
        "reason": change.reason,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class EditResult:
    """What a batch of edits came to."""

    tree: TreeId
    revision: int
    """The revision after it; where nothing changed, the one before it."""
    turn: int = 0
    changes: Sequence[Change] = ()
    refs: Mapping[str, int] = field(default_factory=dict)
    """Numbers of the tasks that the batch added, by `@ref`."""
    notes: Sequence[str] = ()
    """What is worth knowing: contradictions with what was said, broken rules, duplicates, that nothing changed."""
    branches: Mapping[str, TreeId] = field(default_factory=dict)
    """What-if copies that the batch made, by name."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {
            "tree": self.tree,
            "revision": self.revision,
            "turn": self.turn,
            "delta": [delta_json(self.tree, one) for one in self.changes if one.field != "basis"],
        }
        if self.refs:
            found["refs"] = {ref: task_id(self.tree, number) for ref, number in self.refs.items()}
        if self.branches:
            found["branches"] = dict(self.branches)
        if self.notes:
            found["notes"] = list(self.notes)
        return found
