"""Bringing back what is on record: roll back, undo, redo.

An old state comes back as changes to the one that is: nothing on record is rewritten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from banyan.core.call import CallRecord
from banyan.core.errors import BadEdit
from banyan.core.task import ABSENT, STATE_FIELDS, Fact, RevisionKind, Status, Task, is_reference
from banyan.memory.graph.commit import compressed
from banyan.memory.graph.names import shown
from banyan.memory.graph.ops.remove import take_away
from banyan.memory.graph.rewind import Then, rewound
from banyan.memory.graph.settle import settle
from banyan.memory.graph.view import parents_of, same
from banyan.memory.graph.workspace import Workspace

CHUNK = 500
"""Tasks that are brought back at once."""
EFFECTS_TOLD = 20
"""Effects that an answer names at most."""


def undo(ws: Workspace) -> list[str]:
    """Bring back the state before the last edit that is in force, and return what is worth knowing.

    Raises:
        BadEdit: no edit is in force, or what was before it is no longer on record.
    """
    now = before = ws.tree.revision
    state = _state(ws, now)
    while not ws.changes:
        before = _before_edit(ws, state)
        state = _state(ws, before)
        _bring_back(ws, before, "it was undone")
    ws.tree = replace(ws.tree, redo=(*ws.tree.redo, now))
    ws.went_to = state
    return effects_since(ws, ws.written(), before)


def redo(ws: Workspace) -> list[str]:
    """Bring back what was undone last, and return what is worth knowing.

    Raises:
        BadEdit: nothing was undone, or an edit was made since.
    """
    if not ws.tree.redo:
        raise BadEdit("there is nothing to redo")
    *rest, undone = ws.tree.redo
    _bring_back(ws, undone, "it was redone")
    ws.tree = replace(ws.tree, redo=tuple(rest))
    ws.went_to = _state(ws, undone)
    return []


def restore(ws: Workspace, revision: int, numbers: Collection[int] | None = None, reason: str = "") -> None:
    """Bring tasks back to what they were at the end of a revision; every one where none are named.

    A claim is not brought back: what was running is pending. Tasks that were not there then go, and those that went
    come again under their own numbers.

    Raises:
        BadEdit: what comes back needs something that is not there, or what goes is needed.
    """
    if numbers is None:
        numbers = changed_since(ws, revision)
    then = _rewound(ws, sorted(numbers), revision)
    gone = [number for number, one in then.items() if one.task is None and ws.find(number) is not None]
    back = {number: one.task for number, one in then.items() if one.task is not None}
    given = {number for number, task in back.items() if task.key not in {None, getattr(ws.find(number), "key", None)}}
    for task in parents_first(back.values()):
        if ws.find(task.number) is None:
            _come_back(ws, task, then[task.number].facts.values(), revision, reason)
    for number, task in back.items():
        _set_back(ws, task, then[number], reason)
    take_away(ws, _children_first(ws, gone), reason)
    _check_whole(ws, [number for number in back if ws.find(number) is not None])
    _check_keys(ws, given)


def changed_since(ws: Workspace, revision: int) -> set[int]:
    """Return the tasks that were changed after a revision, in this batch too."""
    numbers = {event.change.task for event in ws.source.events(after=revision)}
    return numbers | {change.task for change in ws.changes}


def check_kept(ws: Workspace, revision: int) -> None:
    """Raise `BadEdit` where a revision is not, or no longer, on record."""
    if revision > ws.tree.revision:
        raise BadEdit(f"there is no revision {revision} yet: the tree is at {ws.tree.revision}")
    if revision < ws.tree.pruned:
        raise BadEdit(f"what was before revision {ws.tree.pruned} is no longer on record")


def effects_since(ws: Workspace, numbers: Iterable[int], revision: int) -> list[str]:
    """Return a note on the calls that may have changed the world under these tasks after a revision."""
    since = ws.source.revision(revision)
    calls: list[CallRecord] = []
    for number in numbers:
        found = ws.source.effects(number)
        calls += [call for call in found if since is None or call.started_at > since.at]
    if not calls:
        return []
    told = ", ".join(f"`{call.tool}` ({call.call_id}, {_outcome(call)})" for call in calls[:EFFECTS_TOLD])
    more = f" and {len(calls) - EFFECTS_TOLD} more" if len(calls) > EFFECTS_TOLD else ""
    return [f"what was done in the world is not undone: {told}{more}"]


def parents_first(tasks: Iterable[Task]) -> list[Task]:
    """Return tasks so that each comes after those of its parents that are among them."""
    by_number = {task.number: task for task in tasks}
    ordered: dict[int, Task] = {}
    for start in sorted(by_number):
        stack = [start]
        while stack:
            missing = [up for up in parents_of(by_number[stack[-1]]) if up in by_number and up not in ordered]
            if missing:
                stack.append(missing[0])
            else:
                ordered.setdefault(stack[-1], by_number[stack.pop()])
    return list(ordered.values())


def _state(ws: Workspace, number: int) -> int:
    """Return the state that the tree was in after a revision."""
    revision = ws.source.revision(number)
    return number if revision is None else revision.state


def _before_edit(ws: Workspace, state: int) -> int:
    """Return the revision before the last edit that is in force at `state`.

    It is in the state that was the base of the edit, and tells beside that which claims there were.
    """
    while state:
        revision = ws.source.revision(state)
        if revision is None or revision.base < ws.tree.pruned:
            raise BadEdit("there is nothing to undo: what was before is not on record")
        if revision.kind is not RevisionKind.WORK:
            return revision.number - 1
        state = revision.base
    raise BadEdit("there is nothing to undo")


def _bring_back(ws: Workspace, revision: int, reason: str) -> None:
    check_kept(ws, revision)
    restore(ws, revision, reason=reason)
    settle(ws)
    if next(iter(compressed(ws)), None) is None:
        ws.changes.clear()


def _rewound(ws: Workspace, numbers: Sequence[int], revision: int) -> dict[int, Then]:
    found: dict[int, Then] = {}
    ws.load(numbers)
    ws.load_facts(numbers)
    for start in range(0, len(numbers), CHUNK):
        found.update(rewound(ws.source, numbers[start : start + CHUNK], revision))
    return found


def _come_back(ws: Workspace, task: Task, facts: Iterable[Fact], revision: int, reason: str) -> None:
    """Add a task that went, as it was.

    Its fence is beyond every one that it has had: each claim was a revision. What else is kept of it is derived anew.
    """
    _check_parents(ws, task)
    held = task.status is Status.RUNNING
    status = Status.PENDING if held else task.status
    fresh = Task(number=task.number, title=task.title)
    state: dict[str, Any] = {name: getattr(task, name) for name in STATE_FIELDS}
    back = replace(
        fresh, **{**state, "status": status}, reason=reason if held else task.reason, fence=ws.tree.revision + 1
    )
    ws.add(back, reason, [_said_again(ws, fact) for fact in facts])


def _set_back(ws: Workspace, task: Task, then: Then, reason: str) -> None:
    now = ws.task(task.number)
    _check_parents(ws, task)
    state = {name: getattr(task, name) for name in STATE_FIELDS}
    why = task.reason or reason
    if task.status is Status.RUNNING and now.status is not Status.RUNNING:
        # Nobody holds it any more, whatever was told of it then.
        state["status"], why = Status.PENDING, reason
    moved = state["status"] is not now.status
    ws.set(task.number, reason=reason, **state)
    if moved:
        ws.mark(task.number, reason=why, holder=None, lease_until=None)
    for key in sorted(ws.facts(task.number).keys() | then.facts.keys()):
        there, fact = ws.facts(task.number).get(key), then.facts.get(key)
        if fact is None:
            ws.set_fact(replace(ws.facts(task.number)[key], value=ABSENT, candidates=()), reason)
        elif there is None or not same(there.value, fact.value):
            ws.set_fact(_said_again(ws, fact), reason)
        else:
            ws.set_fact(replace(there, candidates=fact.candidates, confirmed=fact.confirmed), reason)


def _said_again(ws: Workspace, fact: Fact) -> Fact:
    """Return a fact as the record has it that it is brought back: said now, by whoever brings it back."""
    return replace(fact, turn=ws.turn, source=ws.speaker, revision=ws.tree.revision + 1)


def _children_first(ws: Workspace, numbers: Collection[int]) -> list[int]:
    return [task.number for task in reversed(parents_first(ws.task(number) for number in numbers))]


def _check_whole(ws: Workspace, numbers: Collection[int]) -> None:
    """Refuse what came back without what it takes data from; part other edges from what is gone."""
    ws.load(edge.source for number in numbers for edge in ws.task(number).edges)
    for number in numbers:
        task = ws.task(number)
        for name, value in task.inputs.items():
            if is_reference(value) and ws.find(value["$from"]) is None:
                raise BadEdit(f"{shown(task)} takes its input `{name}` from a task that is gone: bring that back too")
        kept = tuple(edge for edge in task.requires if ws.find(edge.source) is not None)
        if kept != task.requires:
            ws.set(number, requires=kept, reason="what it waited for is gone")


def _check_keys(ws: Workspace, numbers: Collection[int]) -> None:
    """Refuse a key that comes back to a task while another one has it."""
    keys = Counter(task.key for task in ws.tasks_known())
    for number in numbers:
        task = ws.task(number)
        stored = None if task.key is None else ws.source.keyed(task.key)
        other = None if stored is None or stored == number else ws.find(stored)
        if keys[task.key] > 1 or (other is not None and other.key == task.key):
            raise BadEdit(f"{shown(task)} cannot have its key `{task.key}` back: another task has it")


def _check_parents(ws: Workspace, task: Task) -> None:
    if any(ws.find(parent) is None for parent in parents_of(task)):
        raise BadEdit(f"{shown(task)} cannot be as it was: its parent is gone; bring that back too")


def _outcome(call: CallRecord) -> str:
    return call.outcome.value if call.outcome else "no outcome yet"
