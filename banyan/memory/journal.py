"""The record of calls and the results that they gave, in SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Row, and_, bindparam, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection

from banyan.core.call import CallRecord, CallState, Category, OutcomeKind
from banyan.core.effect import is_unsettled
from banyan.core.errors import ClaimLost, Conflict, UnknownTask
from banyan.core.ids import CallId, Handle, SourceName
from banyan.core.ports import StoredResult
from banyan.core.task import Status, split_id
from banyan.memory.packing import Packer
from banyan.memory.pending import Ended, PendingCalls
from banyan.memory.statements import Statement
from banyan.memory.tables import artifacts, bodies, calls
from banyan.memory.task_rows import STATUS_CODES
from banyan.memory.task_tables import row_id, tasks, trees
from banyan.memory.transactions import Transactions

Values = dict[str, Any]

LOST = "the program that made the call ended before its answer was written; it may have had its effect"

_UNSETTLED = or_(calls.c.state == CallState.PREPARED.value, calls.c.outcome == OutcomeKind.UNKNOWN.value)

_EFFECTS = (
    select(calls)
    .where(calls.c.task == bindparam("task"), calls.c.effectful)
    .order_by(calls.c.started_at, calls.c.call_id)
)

_INSERT = Statement(insert(calls), typed=True)
_INSERTS: Mapping[str, Any] = {"postgresql": insert_postgres, "sqlite": insert_sqlite}


def _upsert(make: Any) -> Statement:
    query = make(calls)
    changed = {column.name: query.excluded[column.name] for column in calls.c if not column.primary_key}
    return Statement(query.on_conflict_do_update(index_elements=[calls.c.call_id], set_=changed), typed=True)


_UPSERTS = {name: _upsert(make) for name, make in _INSERTS.items()}
WAITERS = 8
"""Calls that may wait at a time for room among the pending ones, each in a thread."""


LookAgain: TypeAlias = Callable[[Connection, CallRecord], None]
"""Has the task of a call that has ended looked at again, in the same transaction."""


class SqlJournal:
    """The `Journal` of a database."""

    def __init__(self, transactions: Transactions, pending: PendingCalls, look_again: LookAgain) -> None:
        self._transactions = transactions
        self._pending = pending
        self._look_again = look_again
        self._waiters = CapacityLimiter(WAITERS)

    async def prepare(self, record: CallRecord) -> CallRecord:
        """Write `record` durably before its call is sent, and return it as written: under the claim of its task.

        Raises:
            Conflict: there is a call of this id, or under this idempotency key.
            ClaimLost: its task is not running under its fence; nothing was written.
            UnknownTask: there is no task of this id; nothing was written.
        """
        key = record.idempotency_key
        if key is not None and self._pending.keyed(key) is not None:
            raise Conflict(f"there is a call under the idempotency key `{key}` already; read its outcome")
        return await self._transactions.write(lambda connection: _prepare(connection, record))

    async def finish(self, record: CallRecord, result: StoredResult | None = None, *, durable: bool) -> None:
        """Write how a call ended, with its result, in one transaction.

        With `durable` it is committed when this returns. Otherwise it is readable in this process when this returns,
        and committed with others within a second or when the database closes. While many such calls wait since the
        database cannot be written, this waits for room, and then raises what keeps it from writing.
        """
        ended = Ended(record, result)
        if durable:
            await self._transactions.write(lambda connection: self._end(connection, ended))
        elif not self._pending.add(ended):
            await to_thread.run_sync(self._pending.add_in_turn, ended, limiter=self._waiters)

    async def get(self, call_id: str) -> CallRecord | None:
        """Return the call of this id, if any."""
        waiting = self._pending.call(call_id)
        if waiting is not None:
            return waiting
        query = select(calls).where(calls.c.call_id == call_id)
        row = await self._transactions.read(lambda connection: connection.execute(query).one_or_none())
        return _record(row) if row else None

    async def find(self, idempotency_key: str) -> CallRecord | None:
        """Return the call made under this key, if any."""
        waiting = self._pending.keyed(idempotency_key)
        if waiting is not None:
            return waiting
        query = select(calls).where(calls.c.idempotency_digest == _key_digest(idempotency_key))
        row = await self._transactions.read(lambda connection: connection.execute(query).one_or_none())
        return _record(row) if row else None

    async def recent(self, *, limit: int, unsettled: bool = False) -> list[CallRecord]:
        """Return the newest calls first; with `unsettled` only those prepared or of unknown outcome."""
        waiting = {record.call_id: record for record in self._pending.calls()}
        query = select(calls).order_by(calls.c.started_at.desc(), calls.c.call_id.desc()).limit(limit + len(waiting))
        if unsettled:
            query = query.where(_UNSETTLED)
        rows = await self._transactions.read(lambda connection: connection.execute(query).all())
        found = {record.call_id: record for record in map(_record, rows)} | waiting
        kept = [record for record in found.values() if not unsettled or is_unsettled(record)]
        return sorted(kept, key=lambda record: (record.started_at, record.call_id), reverse=True)[:limit]

    async def effects(self, tree: str | None = None) -> list[CallRecord]:
        """Return the unsettled calls that may have changed the world, oldest first; with `tree` those of its tasks."""
        query = select(calls).where(calls.c.effectful, _UNSETTLED).order_by(calls.c.started_at, calls.c.call_id)
        if tree is not None:
            # Every id of a task of the tree, and no other: a slash comes right after a dot.
            query = query.where(calls.c.task >= f"{tree}.", calls.c.task < f"{tree}/")
        rows = await self._transactions.read(lambda connection: connection.execute(query).all())
        return [_record(row) for row in rows]

    async def settle(self, *, older_than: datetime) -> list[CallId]:
        """Mark calls prepared before `older_than` and never finished as unknown; return them, oldest first."""
        await to_thread.run_sync(self._pending.flush)
        return await self._transactions.write(lambda connection: _settle(connection, older_than))

    def _end(self, connection: Connection, ended: Ended) -> None:
        record = ended.record
        # An answer may come after the lease was lost: the task then waits for nothing else.
        waits = record.effectful and record.task is not None and _is_waiting(connection, record.task)
        write_ended(connection, [ended])
        if waits:
            self._look_again(connection, record)


def _prepare(connection: Connection, record: CallRecord) -> CallRecord:
    if record.task is not None:
        record = replace(record, fence=claimed_under(connection, record.task, record.fence))
    write_prepared(connection, [record])
    return record


def claimed_under(connection: Connection, task: str, fence: int | None) -> int | None:
    """Return the fence under which a task runs, None where it does not; its tree cannot change until the commit.

    Raises:
        UnknownTask: there is no such task.
        ClaimLost: it does not run under `fence`.
    """
    # A lease that is given back looks for effects under it: it must see this one, or come first.
    found = _locked(connection, task, read=True)
    if found is None:
        raise UnknownTask(task)
    running = found.status == STATUS_CODES[Status.RUNNING]
    if fence is not None and not (running and found.fence == fence):
        raise ClaimLost(f"`{task}` is not held under fence {fence}")
    return int(found.fence) if running else None


def _is_waiting(connection: Connection, task: str) -> bool:
    found = _locked(connection, task, read=False)
    return found is not None and found.status == STATUS_CODES[Status.WAITING]


def _locked(connection: Connection, task: str, *, read: bool) -> Row[Any, Any] | None:
    """Return the fence and status of a task, whose tree cannot change until the commit; None where there is none."""
    tree, number = split_id(task) or (None, 0)
    place = connection.execute(
        select(trees.c.id).where(trees.c.code == tree).with_for_update(read=read)
    ).scalar_one_or_none()
    if place is None:
        return None
    query = select(tasks.c.fence, tasks.c.status).where(tasks.c.id == row_id(place, number))
    return connection.execute(query).one_or_none()


def write_prepared(connection: Connection, records: Sequence[CallRecord]) -> None:
    """Write calls that are about to be sent; the database refuses an id or a key that another call has."""
    _INSERT.run(connection, [_values(record) for record in records])


def effects_of(connection: Connection, task: str) -> list[CallRecord]:
    """Return the calls made under a task that may have changed the world, oldest first."""
    return [_record(row) for row in connection.execute(_EFFECTS, {"task": task})]


def write_ended(connection: Connection, ended: Sequence[Ended]) -> None:
    """Write how calls ended, and their results; doing it twice is as doing it once."""
    records = _without_taken_keys(connection, [one.record for one in ended])
    _UPSERTS[connection.dialect.name].run(connection, [_values(record) for record in records])
    results = [one.result for one in ended if one.result is not None]
    if results:
        packer = Packer()
        insert_new = _INSERTS[connection.dialect.name]
        new = [_artifact_values(one) for one in results]
        connection.execute(insert_new(artifacts).on_conflict_do_nothing(), new)
        packed = [{"handle": one.artifact.handle, "body": packer.pack(one.body)} for one in results]
        connection.execute(insert_new(bodies).on_conflict_do_nothing(), packed)


def _without_taken_keys(connection: Connection, records: Sequence[CallRecord]) -> list[CallRecord]:
    """Take the key off a call whose key another call has: two processes may read under one key at once.

    The call is recorded all the same, and the key goes on leading to the first.
    """
    keyed = [_key_digest(one.idempotency_key) for one in records if one.idempotency_key is not None]
    if not keyed:
        return list(records)
    query = select(calls.c.idempotency_digest, calls.c.call_id).where(calls.c.idempotency_digest.in_(keyed))
    owners = dict(connection.execute(query).all())
    found = []
    for record in records:
        owner = owners.setdefault(_key_digest(record.idempotency_key), record.call_id)
        found.append(record if owner == record.call_id else replace(record, idempotency_key=None))
    return found


def _settle(connection: Connection, older_than: datetime) -> list[CallId]:
    lost = and_(calls.c.state == CallState.PREPARED.value, calls.c.started_at < older_than)
    change = (
        update(calls)
        .where(lost)
        .values(
            state=CallState.ENDED.value,
            outcome=OutcomeKind.UNKNOWN.value,
            category=Category.UNKNOWN_EFFECT.value,
            message=LOST,
        )
        .returning(calls.c.started_at, calls.c.call_id)
    )
    return [CallId(call_id) for _, call_id in sorted(connection.execute(change))]


def _key_digest(idempotency_key: str | None) -> str | None:
    if idempotency_key is None:
        return None
    return hashlib.sha256(idempotency_key.encode("utf-8", "surrogatepass")).hexdigest()


def _values(record: CallRecord) -> Values:
    return {
        "call_id": record.call_id,
        "tool": record.tool,
        "source": record.source,
        "tool_digest": record.tool_digest,
        "arguments_digest": record.arguments_digest,
        "surface": record.surface,
        "state": record.state.value,
        "outcome": record.outcome.value if record.outcome else None,
        "category": record.category.value if record.category else None,
        "message": record.message,
        "handle": record.handle,
        "started_at": record.started_at,
        "took_ms": record.took_ms,
        "idempotency_key": record.idempotency_key,
        "idempotency_digest": _key_digest(record.idempotency_key),
        "task": record.task,
        "fence": record.fence,
        "effectful": record.effectful or None,
    }


def _artifact_values(result: StoredResult) -> Values:
    artifact = result.artifact
    return {
        "handle": artifact.handle,
        "media_type": artifact.media_type,
        "size_bytes": artifact.size_bytes,
        "truncated": artifact.truncated,
        "created_at": artifact.created_at,
        "kept_bytes": len(result.body),
    }


def _record(row: Row[Any]) -> CallRecord:
    return CallRecord(
        call_id=CallId(row.call_id),
        tool=row.tool,
        source=SourceName(row.source) if row.source is not None else None,
        tool_digest=row.tool_digest,
        arguments_digest=row.arguments_digest,
        surface=row.surface,
        state=CallState(row.state),
        outcome=OutcomeKind(row.outcome) if row.outcome else None,
        category=Category(row.category) if row.category else None,
        message=row.message,
        handle=Handle(row.handle) if row.handle is not None else None,
        started_at=row.started_at,
        took_ms=row.took_ms,
        idempotency_key=row.idempotency_key,
        task=row.task,
        fence=row.fence,
        effectful=bool(row.effectful),
    )
