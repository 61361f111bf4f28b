"""Questions to a person and their answers, in SQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, insert, or_, select, text, update
from sqlalchemy.engine import Connection

from banyan.core.approval import Approval, ApprovalState, Scope
from banyan.core.errors import UnknownApproval
from banyan.core.ids import ApprovalId, ToolName
from banyan.core.ports import Clock
from banyan.memory.tables import approvals
from banyan.memory.transactions import Transactions

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When an approval for always expires: it ends by a change of its tool, or by `revoke`."""


class SqlApprovals:
    """The `ApprovalStore` of a database.  Times are compared with the clock's, never with the database's own."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def request(self, approval: Approval) -> Approval:
        """Add a pending approval; one that waits for the same tool and arguments is returned instead."""
        now = self._clock()
        return await self._transactions.write(lambda connection: _request(connection, approval, now))

    async def decide(self, approval_id: str, *, approve: bool, scope: Scope, by: str) -> Approval:
        """Write a person's decision; leave for always no longer expires.

        Raises:
            UnknownApproval: none of this id is pending and unexpired.
        """
        now = self._clock()
        state = ApprovalState.APPROVED if approve else ApprovalState.DENIED
        values: dict[str, Any] = {"state": state.value, "scope": scope.value, "decided_at": now, "decided_by": by}
        if approve and scope is Scope.ALWAYS:
            values["expires_at"] = NEVER
        change = update(approvals).where(approvals.c.id == approval_id, _waits(now)).values(values)

        def work(connection: Connection) -> Approval:
            row = connection.execute(change.returning(*approvals.c)).one_or_none()
            if row is None:
                raise UnknownApproval(approval_id)
            return _approval(row)

        return await self._transactions.write(work)

    async def take(self, tool: ToolName, tool_digest: str, arguments_digest: str) -> Approval | None:
        """Return an approval that lets this call run, and use it up if it was for once; one caller alone gets it."""
        now = self._clock()
        lets = and_(
            approvals.c.tool == tool,
            approvals.c.tool_digest == tool_digest,
            approvals.c.state == ApprovalState.APPROVED.value,
            approvals.c.expires_at > now,
            or_(approvals.c.scope == Scope.ALWAYS.value, approvals.c.arguments_digest == arguments_digest),
        )
        query = select(approvals).where(lets).order_by(approvals.c.created_at, approvals.c.id)

        def look(connection: Connection) -> list[Approval]:
            return [_approval(row) for row in connection.execute(query)]

        # Most calls that ask have no leave yet, or leave for always: neither writes.
        found = await self._transactions.read(look)
        if always := [one for one in found if one.scope is Scope.ALWAYS]:
            return always[0]
        # Another caller may hold or have used the one that was seen; it is passed over.
        query = query.where(approvals.c.scope == Scope.ONCE.value).limit(1).with_for_update(skip_locked=True)
        return await self._transactions.write(lambda connection: _use_up(connection, query)) if found else None

    async def all(self, *, pending: bool) -> list[Approval]:
        """Return approvals, oldest first: those that wait, or every one."""
        query = select(approvals).order_by(approvals.c.created_at, approvals.c.id)
        if pending:
            query = query.where(_waits(self._clock()))
        return await self._transactions.read(lambda connection: [_approval(row) for row in connection.execute(query)])

    async def revoke(self, approval_id: ApprovalId) -> None:
        """End an approval that was given for always: it is denied from now on.  Raises `UnknownApproval`."""
        given = and_(
            approvals.c.id == approval_id,
            approvals.c.state == ApprovalState.APPROVED.value,
            approvals.c.scope == Scope.ALWAYS.value,
        )
        change = update(approvals).where(given).values(state=ApprovalState.DENIED.value, decided_at=self._clock())
        changed = await self._transactions.write(lambda connection: connection.execute(change).rowcount)
        if not changed:
            raise UnknownApproval(approval_id)


def _waits(now: datetime) -> ColumnElement[bool]:
    return and_(approvals.c.state == ApprovalState.PENDING.value, approvals.c.expires_at > now)


def _request(connection: Connection, approval: Approval, now: datetime) -> Approval:
    if connection.dialect.name == "postgresql":
        # Two processes that ask the same would both find nothing, and both add.
        connection.execute(text("LOCK TABLE approvals IN SHARE ROW EXCLUSIVE MODE"))
    same = and_(
        approvals.c.tool == approval.tool,
        approvals.c.tool_digest == approval.tool_digest,
        approvals.c.arguments_digest == approval.arguments_digest,
    )
    row = connection.execute(
        select(approvals).where(same, _waits(now)).order_by(approvals.c.created_at).limit(1)
    ).first()
    if row is not None:
        return _approval(row)
    connection.execute(insert(approvals).values(_values(approval)))
    return approval


def _use_up(connection: Connection, query: Select[Any]) -> Approval | None:
    row = connection.execute(query).first()
    if row is None:
        return None
    used = update(approvals).where(approvals.c.id == row.id).values(state=ApprovalState.USED.value)
    return _approval(connection.execute(used.returning(*approvals.c)).one())


def _values(approval: Approval) -> dict[str, Any]:
    return {
        "id": approval.id,
        "tool": approval.tool,
        "tool_digest": approval.tool_digest,
        "arguments_digest": approval.arguments_digest,
        "arguments_preview": approval.arguments_preview,
        "reason": approval.reason,
        "state": approval.state.value,
        "scope": approval.scope.value,
        "created_at": approval.created_at,
        "expires_at": approval.expires_at,
        "decided_at": approval.decided_at,
        "decided_by": approval.decided_by,
    }


def _approval(row: Row[Any]) -> Approval:
    return Approval(
        id=ApprovalId(row.id),
        tool=ToolName(row.tool),
        tool_digest=row.tool_digest,
        arguments_digest=row.arguments_digest,
        arguments_preview=row.arguments_preview,
        reason=row.reason,
        state=ApprovalState(row.state),
        scope=Scope(row.scope),
        created_at=row.created_at,
        expires_at=row.expires_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
    )
