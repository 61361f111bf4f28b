"""Trees, tasks, facts and the record, as rows of the database, and back."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final

import orjson

from banyan.core.lifecycle import ENDED
from banyan.core.task import (
    ABSENT,
    Change,
    Event,
    Fact,
    Json,
    Revision,
    RevisionKind,
    Status,
    Task,
    Tree,
    TreeId,
    TreeState,
    is_fact_reference,
)
from banyan.memory.graph.records import field_value, record_of
from banyan.memory.packing import Packer
from banyan.memory.tables import storable
from banyan.memory.task_tables import TREE_BITS, row_id

Values = dict[str, Any]

STATUS_CODES: Final[Mapping[Status, int]] = {
    Status.PENDING: 0,
    Status.RUNNING: 1,
    Status.WAITING: 2,
    Status.DONE: 3,
    Status.FAILED: 4,
    Status.SKIPPED: 5,
    Status.CANCELLED: 6,
    Status.STALE: 7,
}
"""How statuses are stored.  The conditions of the indexes on `tasks` name them."""
STATUS_OF: Final = {code: status for status, code in STATUS_CODES.items()}
OPEN_CODES: Final = tuple(sorted(STATUS_CODES[status] for status in Status if status not in ENDED))

FIELD_BITS: Final[Mapping[str, int]] = {
    name: 1 << place
    for place, name in enumerate(
        (
            "*", "title", "instruction", "key", "parent", "under", "requires", "labels", "priority", "effort",
            "optional", "result", "budget", "status", "output", "attempts", "basis", "summary", "made_of",
        )
    )
}  # fmt: skip
"""Bits of the fields that have a name of ours.  They are stored: one may be added at the end, none moved."""

GONE: Final = 1 << 30
"""One more bit, of changes with which a task goes."""

SHARED, EDGE, USES_FACT, HAS_INPUT = range(4)
"""Kinds of links."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COLUMNS = ("parent", "key", "status", "priority")
_LISTS = frozenset({"under", "labels", "made_of", "tools"})
_CONVERTED = _LISTS | {"requires", "result"}
"""Fields of a body that JSON has no type for."""
_LOW = (1 << TREE_BITS) - 1
_BEFORE, _AFTER = 1, 2


def micros(at: datetime) -> int:
    """Return a moment as it is stored."""
    return (at - _EPOCH) // _MICROSECOND


def instant(stored: int) -> datetime:
    """Return the moment of a row."""
    return _EPOCH + stored * _MICROSECOND


def name_digest(name: str) -> int:
    """Return the digest of a name that stands for it where nothing is compared: 47 bits."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") >> 1


def name_hash(name: str) -> int:
    """Return the digest of a name by which an index leads to it, for what is compared then: 31 bits."""
    return zlib.crc32(name.encode("utf-8", "surrogatepass")) & 0x7FFFFFFF


def title_hash(title: str) -> int:
    """Return the digest of a title without regard to case."""
    return name_hash(title.casefold())


def field_code(name: str) -> int:
    """Return a recorded field as it is stored: a bit, or for a name its digest below zero."""
    return FIELD_BITS[name] if name in FIELD_BITS else -1 - name_hash(name)


# Trees.


def tree_values(tree: Tree, standing: int, counts: Sequence[int]) -> Values:
    """Return the columns of a tree but its number."""
    body = {
        "title": tree.title,
        "name": tree.name,
        "origin_revision": tree.origin_revision,
        "redo": list(tree.redo),
    }
    return {
        "code": tree.id,
        "revision": tree.revision,
        "standing": standing,
        "turn": tree.turn,
        "next_number": tree.next_number,
        "pruned": tree.pruned,
        "state": tree.state.value,
        "origin": tree.origin,
        "created_at": micros(tree.created_at),
        "changed_at": micros(tree.changed_at),
        "counts": orjson.dumps(list(counts)),
        "body": orjson.dumps({name: value for name, value in body.items() if value}),
    }


def tree_of(row: Sequence[Any]) -> Tree:
    """Return the tree of a row of all columns."""
    (
        _, code, revision, _, turn, next_number, pruned, state, origin, created_at, changed_at, _, packed
    ) = row  # fmt: skip
    body = orjson.loads(packed)
    return Tree(
        id=TreeId(code),
        title=body.get("title", ""),
        revision=revision,
        turn=turn,
        state=TreeState(state),
        next_number=next_number,
        origin=TreeId(origin) if origin is not None else None,
        origin_revision=body.get("origin_revision", 0 if origin is not None else None),
        name=body.get("name"),
        redo=tuple(body.get("redo", ())),
        pruned=pruned,
        created_at=instant(created_at),
        changed_at=instant(changed_at),
    )


# Tasks.


def task_body(task: Task, packer: Packer) -> bytes:
    """Return what of a task is no column."""
    body = record_of(task)
    for name in _COLUMNS:
        body.pop(name, None)
    if task.reason:
        body["reason"] = task.reason
    if task.tools:
        body["tools"] = task.tools
    return packer.pack(orjson.dumps(body))


def task_values(tree: int, task: Task, packer: Packer) -> Values:
    """Return the row of a task."""
    return {
        "id": row_id(tree, task.number),
        "tree": tree,
        "parent": task.parent,
        "key": storable(task.key),
        "title_hash": title_hash(task.title),
        "status": STATUS_CODES[task.status],
        "priority": task.priority,
        "holder": storable(task.holder),
        "lease_until": None if task.lease_until is None else micros(task.lease_until),
        "fence": task.fence,
        "body": task_body(task, packer),
        **derived_values(task),
    }


def derived_values(task: Task) -> Values:
    """Return the columns of what is derived of a task."""
    return {
        "gate": task.gate,
        "ready": task.ready,
        "own": task.own,
        "tail": task.tail,
        "children": task.children,
        "unended": task.unended,
        "revision": task.revision,
    }


def task_row(row: Sequence[Any], packer: Packer) -> Task:
    """Return the task of a row of all columns, in the order of the table."""
    (
        id_, _, parent, key, _, status, gate, ready, priority, own, tail, children, unended, fence, holder, lease_until,
        revision, packed,
    ) = row  # fmt: skip
    body = orjson.loads(packer.unpack(packed))
    for name in _CONVERTED & body.keys():
        body[name] = tuple(body[name]) if name in _LISTS else field_value(name, body[name])
    return Task(
        number=id_ & _LOW,
        key=key,
        parent=parent,
        priority=priority,
        status=STATUS_OF[status],
        holder=holder,
        lease_until=None if lease_until is None else instant(lease_until),
        fence=fence,
        gate=bool(gate),
        ready=bool(ready),
        children=children,
        unended=unended,
        own=own,
        tail=tail,
        revision=revision,
        **body,
    )


def links_of(task: Task | None) -> set[tuple[int, int]]:
    """Return what leads to a task, but its own parent: kind, and number or digest."""
    if task is None:
        return set()
    found = {(SHARED, parent) for parent in task.under if parent != task.parent}
    found |= {(EDGE, edge.source) for edge in task.edges}
    for name, value in task.inputs.items():
        found.add((HAS_INPUT, name_digest(name)))
        if is_fact_reference(value):
            found.add((USES_FACT, name_digest(value["$fact"])))
    return found


# Facts.


def fact_values(tree: int, fact: Fact, packer: Packer) -> Values:
    """Return the row of a fact."""
    body: dict[str, Json] = {} if fact.value is ABSENT else {"value": fact.value}
    if fact.candidates:
        body["candidates"] = list(fact.candidates)
    return {
        "tree": tree,
        "task": fact.task,
        "key": storable(fact.key),
        "turn": fact.turn,
        "revision": fact.revision,
        "speaker": storable(fact.source),
        "confirmed": fact.confirmed,
        "body": packer.pack(orjson.dumps(body)),
    }


def fact_row(row: Sequence[Any], packer: Packer) -> Fact:
    """Return the fact of a row of all columns."""
    _, task, key, turn, revision, speaker, confirmed, packed = row
    body = orjson.loads(packer.unpack(packed))
    return Fact(
        task=task,
        key=key,
        value=body.get("value", ABSENT),
        turn=turn,
        source=speaker,
        revision=revision,
        candidates=tuple(body.get("candidates", ())),
        confirmed=bool(confirmed),
    )


# The record.


def revision_values(tree: int, revision: Revision, *, opens: bool) -> Values:
    """Return the row of a revision."""
    return {
        "tree": tree,
        "number": revision.number,
        "at": micros(revision.at),
        "turn": revision.turn,
        "opens": opens,
        "speaker": storable(revision.source),
        "kind": revision.kind.value,
        "state": None if revision.state == revision.number else revision.state,
        "base": None if revision.base == revision.number - 1 else revision.base,
        "note": storable(revision.note) or None,
    }


def revision_row(tree: TreeId, row: Sequence[Any]) -> Revision:
    """Return the revision of a row of all columns."""
    _, number, at, turn, _, speaker, kind, state, base, note = row
    return Revision(
        tree=tree,
        number=number,
        at=instant(at),
        turn=turn,
        source=speaker,
        kind=RevisionKind(kind),
        state=number if state is None else state,
        base=number - 1 if base is None else base,
        note=note or "",
    )


def changes_values(tree: int, revision: int, changes: Iterable[Change], packer: Packer) -> Iterator[Values]:
    """Yield the rows of a revision's changes."""
    seq = 1
    for (task, named), run in groupby(changes, key=_run):
        group = list(run)
        parts = [[change] for change in group] if named else [group]
        for part in parts:
            codes = [field_code(one.field) | (GONE if _goes(one) else 0) for one in part]
            yield {
                "tree": tree,
                "revision": revision,
                "seq": seq,
                "size": len(part),
                "task": task,
                "field": codes[0] if named else _joined(codes),
                "body": packer.pack(orjson.dumps([_change_json(change) for change in part])),
            }
            seq += len(part)


def events_row(tree: TreeId, row: Sequence[Any], packer: Packer) -> Iterator[Event]:
    """Yield the events of a row: revision, seq, task, body, and of the revision at, turn, speaker."""
    revision, seq, task, body, at, turn, speaker = row
    when = instant(at)
    for place, part in enumerate(orjson.loads(packer.unpack(body))):
        yield Event(
            tree=tree,
            revision=revision,
            seq=seq + place,
            at=when,
            turn=turn,
            source=speaker,
            change=_change_of(task, part),
        )


def _run(change: Change) -> tuple[int, bool]:
    return change.task, change.field not in FIELD_BITS


def _goes(change: Change) -> bool:
    return change.field == "*" and change.after is ABSENT


def _joined(codes: Iterable[int]) -> int:
    found = 0
    for code in codes:
        found |= code
    return found


def _change_json(change: Change) -> list[Json]:
    """Return `[which values there are, field, before?, after?, reason?]`."""
    values = [value for value in (change.before, change.after) if value is not ABSENT]
    there = _BEFORE * (change.before is not ABSENT) + _AFTER * (change.after is not ABSENT)
    return [there, change.field, *values, *([change.reason] if change.reason else [])]


def _change_of(task: int, part: Sequence[Json]) -> Change:
    there, name, *rest = part
    before = rest.pop(0) if there & _BEFORE else ABSENT
    after = rest.pop(0) if there & _AFTER else ABSENT
    return Change(task=task, field=name, before=before, after=after, reason=rest[0] if rest else "")
