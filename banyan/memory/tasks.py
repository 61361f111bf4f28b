"""Trees of tasks, to be edited, worked off and asked: `b.tasks`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from banyan.core.claim import LEASE_S, Claim, Ending
from banyan.core.errors import BadEdit, InvalidArgument
from banyan.core.ports import Clock, TextRecall
from banyan.core.task import ABSENT, EditResult, Json, RevisionKind, TreeId
from banyan.core.taskview import Claimed, Finished, Ready
from banyan.memory.archive import Archive
from banyan.memory.graph.batch import Made, make
from banyan.memory.graph.claims import claim, finish, lapse, renew
from banyan.memory.graph.names import resolve
from banyan.memory.graph.restore import redo, undo
from banyan.memory.graph.settle import settle
from banyan.memory.graph.show import claimed_view, ready_view
from banyan.memory.graph.store import GraphStore, Intent
from banyan.memory.graph.workspace import Workspace
from banyan.memory.task_questions import MOST_REVISIONS, TaskQuestions, in_range, tree_of

SPEAKERS = ("user", "assistant", "tool", "program")


class Tasks(TaskQuestions):
    """The trees of a database, to be edited and worked off, too.

    Tasks are named, and errors raised, as with `TaskQuestions`.
    """

    def __init__(self, store: GraphStore, clock: Clock, texts: TextRecall | None = None) -> None:
        super().__init__(store, texts)
        self._clock = clock
        self.archive = Archive(store)
        """Trees as files, and what is kept of them for how long."""

    async def apply(
        self,
        tree: str | None,
        edits: Sequence[Mapping[str, Any]],
        *,
        base_revision: int | None = None,
        turn: int | None = None,
        source: str = "program",
        title: str = "",
    ) -> EditResult:
        """Make these edits, all or none, and return what changed.

        Args:
            tree: the tree; None makes one.
            edits: as in the table of edits in `docs/design/task-memory.md`.
            base_revision: the revision that they were decided on; None takes the tree as it is.
            turn: groups edits made for one thing that was said; the one of the last revision if None.
            source: who says so: `user`, `assistant`, `tool` or `program`.
            title: of a tree that is made; the title of its root if empty.

        Raises:
            BadEdit: an edit cannot be made; `CycleFound` and `FalsePremise` are among these.
            RevisionConflict: the tree has changed since `base_revision`.
            ClaimLost: an edit speaks for a task that somebody else holds.
        """
        if base_revision is not None:
            in_range("base_revision", base_revision, 0, MOST_REVISIONS)
        operations = ", ".join(dict.fromkeys(_operation(edit) for edit in edits))
        if tree is None and not edits:
            raise BadEdit("a tree begins with a task: `add` one, or name the tree that is meant")
        intent = Intent(
            tree=None if tree is None else TreeId(tree),
            title=title,
            base_revision=base_revision,
            turn=turn,
            speaker=_speaker(source),
            note=operations[:200],
        )

        def work(ws: Workspace) -> Made:
            return make(ws, edits)

        made, result = await self._store.change(intent, work)
        return _with(result, made)

    async def undo(self, tree: str, *, source: str = "user") -> EditResult:
        """Bring back the state before the last edit that is in force.  Raises `BadEdit` where there is none."""
        intent = Intent(tree=TreeId(tree), speaker=_speaker(source), kind=RevisionKind.UNDO, note="undo")
        notes, result = await self._store.change(intent, undo)
        return _with(result, Made(notes=notes))

    async def redo(self, tree: str, *, source: str = "user") -> EditResult:
        """Bring back what was undone last.  Raises `BadEdit` where nothing was, or an edit was made since."""
        intent = Intent(tree=TreeId(tree), speaker=_speaker(source), kind=RevisionKind.REDO, note="redo")
        notes, result = await self._store.change(intent, redo)
        return _with(result, Made(notes=notes))

    async def ready(self, tree: str, *, limit: int = 10) -> Ready:
        """Return what can be claimed now, the longest way to the end first, and why nothing where nothing can."""
        in_range("limit", limit, 1, 1000)
        given_back = await self._give_back(tree)
        return await self._store.ask(tree, lambda source: ready_view(source, limit=limit, given_back=given_back))

    async def claim(self, tree: str, claim: Claim) -> list[Claimed]:
        """Claim what is ready, and return what was got: nobody else holds it while the lease lasts.

        Raises:
            Conflict: one of the tasks that are named cannot be claimed; says why.
        """
        return list((await self.advance(tree, [], claim, source="program")).claimed)

    async def renew(self, task: str, fence: int, *, lease_s: float = LEASE_S) -> datetime:
        """Have a claim last `lease_s` seconds from now, and return until when.  Raises `ClaimLost`."""
        in_range("lease_s", lease_s, 1, 86_400)
        tree = tree_of(task, None)

        def work(ws: Workspace) -> datetime:
            return renew(ws, resolve(ws, task, {}), fence, lease_s)

        until, _ = await self._store.change(_work(tree, "renew"), work)
        return until

    async def finish(
        self,
        task: str,
        outcome: str,
        *,
        fence: int | None = None,
        output: Json = ABSENT,
        reason: str = "",
        source: str = "assistant",
    ) -> Finished:
        """End a task, or have it wait, and return what followed.

        Args:
            task: the id of the task.
            outcome: `done`, `failed`, `waiting` or `cancelled`.
            fence: of the claim under which it was done; needed where somebody holds it.
            output: what it came to, where it is done.
            reason: why, where it is not.
            source: who says so.

        Raises:
            ClaimLost: it is held under another claim.
            BadEdit: it cannot end: something under it, or before it, has not.
        """
        ending = Ending(task=task, outcome=outcome, fence=fence, output=output, reason=reason)
        return await self.advance(tree_of(task, None), [ending], source=source)

    async def advance(
        self, tree: str, endings: Sequence[Ending], then: Claim | None = None, *, source: str = "assistant"
    ) -> Finished:
        """End tasks and claim what comes next, in one transaction with the ends of their calls: all or nothing.

        Raises:
            ClaimLost: one of them is held under another claim.
            BadEdit: one of them cannot end.
        """
        note = ", ".join(dict.fromkeys(one.outcome for one in endings)) or "claim"
        kind = RevisionKind.EDIT if endings else RevisionKind.WORK

        def work(ws: Workspace) -> list[Claimed]:
            for one in endings:
                number = resolve(ws, one.task, {})
                finish(ws, number, one.outcome, output=one.output, reason=one.reason, fence=one.fence)
                if one.call is not None:
                    ws.ended.append(one.call)
            settle(ws)
            return [] if then is None else _take(ws, then)

        intent = Intent(tree=TreeId(tree), speaker=_speaker(source), kind=kind, note=note[:200])
        claimed, result = await self._store.change(intent, work)
        return Finished(edit=result, claimed=claimed)

    async def _give_back(self, tree: str) -> list[int]:
        """Give back what lost its lease, and return it."""
        now = self._clock()
        if not await self._store.ask(tree, lambda source: source.lapsed(now)):
            return []

        def work(ws: Workspace) -> list[int]:
            lost = lapse(ws)
            settle(ws)
            return lost

        lost, _ = await self._store.change(_work(tree, "lease lost"), work)
        return lost


def _take(ws: Workspace, wanted: Claim) -> list[Claimed]:
    lapse(ws)
    settle(ws)
    numbers = [resolve(ws, one, {}) for one in wanted.tasks] or None
    held = claim(ws, worker=wanted.worker, lease_s=wanted.lease_s, limit=wanted.limit, numbers=numbers)
    settle(ws)
    found = []
    for task in held:
        if wanted.prepare is not None:
            ws.prepared.append(wanted.prepare(ws.tree.id, ws.task(task.number)))
        found.append(claimed_view(ws, task.number))
    return found


def _with(result: EditResult, made: Made) -> EditResult:
    return replace(result, refs=made.refs, notes=[*result.notes, *made.notes])


def _operation(edit: object) -> str:
    """Return what an edit is called; a caller may hand in anything, and is told so once it is read."""
    op = edit.get("op") if isinstance(edit, Mapping) else None
    return op[:40] if isinstance(op, str) else "?"


def _work(tree: str, note: str) -> Intent:
    return Intent(tree=TreeId(tree), kind=RevisionKind.WORK, note=note)


def _speaker(source: str) -> str:
    if source not in SPEAKERS:
        raise InvalidArgument("source", f"`{source}` should be one of {', '.join(f'`{one}`' for one in SPEAKERS)}")
    return source
