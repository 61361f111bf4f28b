"""What a batch comes to once it is decided: one revision, and the changes that it records."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from banyan.core.errors import BadEdit, RevisionConflict
from banyan.core.lifecycle import HELD
from banyan.core.task import (
    ABSENT,
    Change,
    EditResult,
    Event,
    Revision,
    RevisionKind,
    Status,
    Task,
    Tree,
    TreeId,
    TreeState,
)
from banyan.memory.graph.ops.edit import TITLE_CHARS, brief, text_of
from banyan.memory.graph.records import record_of
from banyan.memory.graph.settle import settle
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import Intent
from banyan.memory.graph.view import same
from banyan.memory.graph.workspace import Workspace

CONFLICT_EVENTS = 100
"""Changes that a `RevisionConflict` carries at most."""
TURNS = 2**31
"""Turns that a tree may have."""
STEPS_KEPT = HELD | {Status.FAILED}
"""A way of a task's status through one of these is recorded step by step, even where it leads back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What a store writes beside the tasks and facts of a workspace."""

    tree: Tree
    """The tree as it is afterwards."""
    revision: Revision | None
    """None where nothing is recorded."""
    changes: tuple[Change, ...] = ()
    branches: tuple[Tree, ...] = ()
    """What-if copies to be made, with the ids that they get."""

    @property
    def result(self) -> EditResult:
        """What the batch came to, for whoever asked for it."""
        return EditResult(
            tree=self.tree.id,
            revision=self.tree.revision,
            turn=self.tree.turn,
            changes=self.changes,
            branches={tree.name or "": tree.id for tree in self.branches},
        )


def new_tree_id() -> TreeId:
    """Return an id for a tree: 6 random base32 characters, of which the first is a letter."""
    while True:
        text = base64.b32encode(secrets.token_bytes(5)).decode("ascii")[:6].lower()
        if text[0].isalpha():
            return TreeId(text)


def new_tree(title: str, now: datetime) -> Tree:
    """Return an empty tree.  Raises `BadEdit` for a title that cannot be kept."""
    text_of(title, "title", most=TITLE_CHARS)
    return Tree(id=new_tree_id(), title=title, created_at=now, changed_at=now)


def begin(source: GraphSource, intent: Intent, now: datetime) -> Workspace:
    """Return the workspace of a batch.

    Raises:
        BadEdit: the tree is a what-if that is closed, or the turn is none.
    """
    tree = source.tree
    if tree.state is not TreeState.OPEN:
        raise BadEdit(f"the what-if `{tree.name or tree.id}` was {tree.state.value}; edit `{tree.origin}`")
    given: object = intent.turn
    if given is not None and not (isinstance(given, int) and 0 <= given < TURNS):
        raise BadEdit(f"`turn` should be a whole number from 0, not {brief(given)}")
    turn = tree.turn if intent.turn is None else max(tree.turn, intent.turn)
    return Workspace(source, now=now, turn=turn, speaker=intent.speaker)


def conflict(tree: Tree, base: int, since: Sequence[Event], changed: int) -> RevisionConflict:
    """Return the error for a batch that was decided on revision `base`; `changed` counts the changes since."""
    return RevisionConflict(
        tree.id, base=base, revision=tree.revision, since=since, left_out=max(0, changed - len(since))
    )


def close(ws: Workspace, intent: Intent, state: int) -> Commit:
    """Settle what follows, and return what `ws` comes to; `state` is the one that the tree was in before it."""
    if ws.touched or ws.lengths:
        settle(ws)
    changes = tuple(compressed(ws))
    tree = ws.tree
    if not tree.title:
        tree = replace(tree, title=next((task.title for task in ws.tasks_known() if task.parent is None), ""))
    if not changes:
        # A task that came and went has had its number all the same.
        return Commit(tree=tree, revision=None, branches=_copies(ws, tree))
    number = ws.source.tree.revision + 1
    redo = tree.redo
    if intent.kind is RevisionKind.EDIT and redo == ws.source.tree.redo:
        redo = ()
    revision = Revision(
        tree=tree.id,
        number=number,
        at=ws.now,
        turn=ws.turn,
        source=ws.speaker,
        kind=intent.kind,
        state=number if ws.went_to is None else ws.went_to,
        base=state,
        note=intent.note,
    )
    tree = replace(tree, revision=number, turn=ws.turn, redo=redo, changed_at=ws.now)
    return Commit(tree=tree, revision=revision, changes=changes, branches=_copies(ws, tree))


def events_of(commit: Commit) -> list[Event]:
    """Return the changes of a commit as the record holds them."""
    revision = commit.revision
    if revision is None:
        return []
    return [
        Event(
            tree=revision.tree,
            revision=revision.number,
            seq=seq,
            at=revision.at,
            turn=revision.turn,
            source=revision.source,
            change=change,
        )
        for seq, change in enumerate(commit.changes, 1)
    ]


def written(ws: Workspace, commit: Commit) -> dict[int, tuple[Task | None, Task | None]]:
    """Return the tasks that are not as stored, by number, as they were and are."""
    recorded = {change.task for change in commit.changes}
    found = {}
    for number, (before, task) in ws.written().items():
        if before is not None and task is not None and number not in recorded:
            # It was changed and changed back.
            task = replace(task, revision=before.revision)
            if task == before:
                continue
        found[number] = (before, task)
    return found


def copied(task: Task) -> Task:
    """Return a task as it is in a what-if copy: nobody holds it there."""
    return replace(task, holder=None, lease_until=None) if task.holder or task.lease_until else task


def compressed(ws: Workspace) -> Iterable[Change]:
    """Yield what the changes of a batch come to, task by task, in the order in which they were first changed.

    Several changes of one field become one, and those that lead nowhere none. A task that was added has in the record
    of its coming what was set afterwards, but its status, whose steps tell why. A task that came and went leaves
    nothing.
    """
    by_task: dict[int, list[Change]] = {}
    for change in ws.changes:
        by_task.setdefault(change.task, []).append(change)
    for changes in by_task.values():
        yield from _of_one(ws, changes)


def _of_one(ws: Workspace, changes: Sequence[Change]) -> Iterable[Change]:
    """Yield what the changes of one task come to."""
    spans: list[list[Change]] = [[]]
    for change in changes:
        if change.field != "*":
            spans[-1].append(change)
        elif change.after is ABSENT and spans[-1] and _comes(spans[-1][0]):
            spans[-1] = []
        else:
            spans.append([change])
    for span in spans:
        if span and _comes(span[0]):
            yield _come(ws, span[0])
            yield from _merged([change for change in span[1:] if change.field == "status"])
        elif span and span[0].field == "*":
            yield from span
        else:
            yield from _merged(span)


def _comes(change: Change) -> bool:
    return change.field == "*" and change.after is not ABSENT


def _come(ws: Workspace, change: Change) -> Change:
    """Return the coming of a task with everything that it is at the end of the batch, but its status."""
    task = replace(ws.task(change.task), status=Status(change.after.get("status", Status.PENDING)))
    return replace(change, after=record_of(task, ws.facts(task.number).values()))


def _merged(changes: Sequence[Change]) -> Iterable[Change]:
    by_field: dict[str, list[Change]] = {}
    for change in changes:
        by_field.setdefault(change.field, []).append(change)
    for name, steps in by_field.items():
        if name == "status":
            yield from _steps(steps)
            continue
        before, after = steps[0].before, steps[-1].after
        if not same(before, after):
            yield replace(steps[-1], before=before)


def _steps(steps: Sequence[Change]) -> list[Change]:
    """Return the steps of a status, without ways round that somebody's work was no part of."""
    kept: list[Change] = []
    for step in steps:
        kept.append(step)
        for start in range(len(kept)):
            passed = {Status(one.before) for one in kept[start:]}
            if kept[start].before == step.after and not passed & STEPS_KEPT:
                del kept[start:]
                break
    return kept


def _copies(ws: Workspace, tree: Tree) -> tuple[Tree, ...]:
    """Return the trees of the what-ifs: their record begins where they part."""
    shared: dict[str, Any] = {
        "origin": tree.id,
        "origin_revision": tree.revision,
        "pruned": tree.revision,
        "redo": (),
        "state": TreeState.OPEN,
        "created_at": ws.now,
        "changed_at": ws.now,
    }
    return tuple(
        replace(tree, id=new_tree_id(), name=name, title=branch.title or tree.title, **shared)
        for name, branch in ws.branches.items()
    )
