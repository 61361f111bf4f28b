"""Answers about tasks: what every surface shows of one task, of a tree, and of what is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from banyan.core.call import CallRecord
from banyan.core.claim import Held
from banyan.core.task import (
    ABSENT,
    EditResult,
    Fact,
    Json,
    ResultRule,
    Status,
    Task,
    TaskId,
    Tree,
    TreeId,
    public,
    task_id,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """One task, with what is derived of it."""

    tree: TreeId
    task: Task
    blockers: Sequence[str] = ()
    """Why it cannot be claimed now, in words; empty where it can, or where it has ended."""
    values: Mapping[str, Json] = field(default_factory=dict)
    """The values of those inputs that have one now."""
    facts: Sequence[Fact] = ()
    """Facts that hold for it, the nearest first; of each key the nearest alone."""
    dependents: Sequence[int] = ()
    """Tasks with an edge from it."""
    children: Sequence[int] = ()
    calls: Sequence[CallRecord] = ()
    """Calls made for it that may have changed the world, oldest first."""

    @property
    def id(self) -> TaskId:
        """The id of the task."""
        return task_id(self.tree, self.task.number)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints; what is as by default is left out."""
        task = self.task
        found: dict[str, Any] = {"id": self.id, "title": task.title, "status": task.status.value, "ready": task.ready}
        optional: dict[str, Any] = {
            "reason": task.reason,
            "blocked": list(self.blockers),
            "key": task.key,
            "instruction": task.instruction,
            "parent": public(self.tree, task.parent, "parent"),
            "under": public(self.tree, list(task.under), "under"),
            # Where they come from is told where that is somewhere else.
            "inputs": public(self.tree, dict(task.inputs), "inputs") if self.values != task.inputs else None,
            "values": dict(self.values),
            "requires": [_edge_json(self.tree, edge) for edge in task.requires],
            "requires_labels": list(task.labels),
            "priority": task.priority,
            "effort": task.effort if task.effort != 1 else None,
            "optional": task.optional,
            "result": task.result.value if task.result is not ResultRule.WORKER else None,
            "budget": dict(task.budget),
            "attempts": task.attempts,
            "summary": task.summary,
            "made_of": public(self.tree, list(task.made_of), "made_of"),
            "holder": task.holder if task.status is Status.RUNNING else None,
            "tools": list(task.tools),
            "facts": {fact.key: fact.value for fact in self.facts if fact.value is not ABSENT},
            "candidates": {fact.key: list(fact.candidates) for fact in self.facts if fact.candidates},
            "children": [task_id(self.tree, one) for one in self.children],
            "calls": [_call_json(call) for call in self.calls],
            "used_by": [task_id(self.tree, one) for one in self.dependents],
        }
        found.update({key: value for key, value in optional.items() if value})
        if task.status is Status.RUNNING and task.lease_until is not None:
            found["lease_until"] = task.lease_until.isoformat()
        if task.output is not ABSENT:
            found["output"] = task.output
        found["revision"] = task.revision
        return found


def _call_json(call: CallRecord) -> dict[str, Any]:
    return {
        "call_id": call.call_id,
        "tool": call.tool,
        "outcome": call.outcome.value if call.outcome else "under way",
        "handle": call.handle,
    }


def _edge_json(tree: TreeId, edge: Any) -> dict[str, Any]:
    found = {"from": task_id(tree, edge.source), "kind": edge.kind.value}
    return {**found, "when": edge.when} if edge.when else found


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeView:
    """A tree as it is shown: its tasks in order, each with its depth."""

    tree: Tree
    tasks: Sequence[tuple[int, TaskView]]
    """Depth, from 0, and task; parents first, children by number; one that is shared stands under its first parent."""
    counts: Mapping[Status, int]
    """Tasks by status, in the whole tree."""
    left_out: int = 0
    """Tasks that are not in `tasks`: beyond the limit, or folded away."""
    revision: int = 0
    """The revision that is shown."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        return {
            "tree": self.tree.id,
            "title": self.tree.title,
            "revision": self.revision,
            "turn": self.tree.turn,
            "state": self.tree.state.value,
            "counts": {status.value: count for status, count in self.counts.items()},
            "tasks": [{"depth": depth, **view.to_json()} for depth, view in self.tasks],
            "left_out": self.left_out,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A task that is held under a claim."""

    view: TaskView
    worker: str
    fence: int
    """To be given with every word about the task."""
    lease_until: datetime

    @property
    def held(self) -> Held:
        """The task under this claim, to call tools for."""
        return Held(task=self.view.id, fence=self.fence)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        return {
            "worker": self.worker,
            "fence": self.fence,
            "lease_until": self.lease_until.isoformat(),
            "task": self.view.to_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What can be done next in a tree, and what it waits for where nothing can."""

    tree: TreeId
    revision: int
    tasks: Sequence[TaskView]
    """Tasks that can be claimed now, the longest way to the end first."""
    claimed: Sequence[Claimed] = ()
    """Tasks that were claimed by asking."""
    counts: Mapping[Status, int] = field(default_factory=dict)
    given_back: Sequence[int] = ()
    """Tasks whose lease had ended."""
    blocked: Sequence[TaskView] = ()
    """Where nothing is ready: some of what runs or waits, with the reasons."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {
            "tree": self.tree,
            "revision": self.revision,
            "ready": [view.to_json() for view in self.tasks],
            "counts": {status.value: count for status, count in self.counts.items()},
        }
        if self.claimed:
            found["claimed"] = [one.to_json() for one in self.claimed]
        if self.given_back:
            found["given_back"] = [task_id(self.tree, one) for one in self.given_back]
        if self.blocked:
            found["blocked"] = [
                {"id": view.id, "title": view.task.title, "status": view.task.status.value, "why": list(view.blockers)}
                for view in self.blocked
            ]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What came of ending a task, and what was claimed in the same breath."""

    edit: EditResult
    claimed: Sequence[Claimed] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found = self.edit.to_json()
        if self.claimed:
            found["claimed"] = [one.to_json() for one in self.claimed]
        return found
