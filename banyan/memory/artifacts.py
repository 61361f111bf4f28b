"""Results of calls, in SQL."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime

from anyio import to_thread
from sqlalchemy import Column, ColumnElement, and_, delete, func, not_, select
from sqlalchemy.engine import Connection

from banyan.core.call import Artifact, CallState, OutcomeKind
from banyan.core.errors import UnknownHandle
from banyan.core.ids import Handle
from banyan.core.ports import StoredResult
from banyan.memory.batches import batches
from banyan.memory.packing import Packer
from banyan.memory.pending import PendingCalls
from banyan.memory.references import handles_needed
from banyan.memory.tables import artifacts, bodies, calls
from banyan.memory.transactions import Transactions

PAGES_GIVEN_BACK = 20_000
"""Pages of 4 KiB that one `expire` gives back to the disk; the rest is used again by what comes."""


class SqlArtifacts:
    """The `ArtifactStore` of a database; the `Journal` fills it."""

    def __init__(self, transactions: Transactions, pending: PendingCalls) -> None:
        self._transactions = transactions
        self._pending = pending

    async def get(self, handle: str) -> StoredResult:
        """Return a result.  Raises `UnknownHandle`."""
        waiting = self._pending.result(handle)
        if waiting is not None:
            return waiting
        return await self._transactions.read(lambda connection: _get(connection, handle))

    async def expire(self, *, before: datetime, keep_bytes: int) -> int:
        """Drop results made before `before`, then the oldest beyond `keep_bytes` in all; return how many.

        The records of calls that were made before `before` and have ended go with them, unless they may have changed
        the world and nobody knows whether they did. What tasks refer to stays for as long as something in their tree
        is open. Bytes are those of the bodies as they were given; the database packs them smaller.
        """
        await to_thread.run_sync(self._pending.flush)
        # Read before, and not under the lock of a write: it looks into every task of the trees that are open.
        needed = await self._transactions.read(handles_needed)
        return await self._transactions.write(lambda connection: _expire(connection, before, keep_bytes, needed))


def _get(connection: Connection, handle: str) -> StoredResult:
    query = select(artifacts, bodies.c.body).join(bodies).where(artifacts.c.handle == handle)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise UnknownHandle(handle)
    artifact = Artifact(
        handle=Handle(row.handle),
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        created_at=row.created_at,
        truncated=row.truncated,
    )
    return StoredResult(artifact=artifact, body=Packer().unpack(row.body))


def _expire(connection: Connection, before: datetime, keep_bytes: int, needed: Set[str]) -> int:
    undecided = and_(calls.c.effectful.is_(True), calls.c.outcome == OutcomeKind.UNKNOWN.value)
    ended = and_(calls.c.started_at < before, calls.c.state == CallState.ENDED.value)
    _drop(connection, calls.c.call_id, calls.c.handle, and_(ended, not_(undecided)), needed)
    aged = _drop(connection, artifacts.c.handle, artifacts.c.handle, artifacts.c.created_at < before, needed)
    newest_first = (artifacts.c.created_at.desc(), artifacts.c.handle.desc())
    total = func.sum(artifacts.c.kept_bytes).over(order_by=newest_first).label("total")
    sums = select(artifacts.c.handle, total).subquery()
    found = connection.scalars(select(sums.c.handle).where(sums.c.total > keep_bytes))
    beyond = [handle for handle in found if handle not in needed]
    for part in batches(beyond):
        connection.execute(delete(artifacts).where(artifacts.c.handle.in_(part)))
    if aged + len(beyond) and connection.dialect.name == "sqlite":
        # The pragma works page by page as it is read, and gives no rows: only the driver's own cursor reads it out.
        connection.connection.cursor().execute(f"PRAGMA incremental_vacuum({PAGES_GIVEN_BACK})").fetchall()
    return aged + len(beyond)


def _drop(
    connection: Connection, key: Column[str], handle: Column[str], old: ColumnElement[bool], needed: Set[str]
) -> int:
    """Delete the rows that are old and whose handle is not needed, and return how many."""
    if not needed:
        return connection.execute(delete(key.table).where(old)).rowcount
    gone = [
        one for one, named in connection.execute(select(key, handle.label("named")).where(old)) if named not in needed
    ]
    for part in batches(gone):
        connection.execute(delete(key.table).where(key.in_(part)))
    return len(gone)
