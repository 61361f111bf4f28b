"""What every `ApprovalStore` does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from banyan.core.approval import Approval, ApprovalState, Scope
from banyan.core.errors import UnknownApproval
from banyan.core.ids import ApprovalId, ToolName
from banyan.memory import Database
from banyan.testing.clock import StillClock

MOVE = ToolName("files__move")


def question(clock: StillClock, id_: str = "a_1", arguments: str = "args1", digest: str = "d1") -> Approval:
    return Approval(
        id=ApprovalId(id_),
        tool=MOVE,
        tool_digest=digest,
        arguments_digest=arguments,
        arguments_preview='{"from": "ü"}',
        reason="mcp default: ask destructive",
        state=ApprovalState.PENDING,
        created_at=clock(),
        expires_at=clock() + timedelta(seconds=100),
    )


async def approved(stores: Database, clock: StillClock, scope: Scope = Scope.ONCE) -> Approval:
    await stores.approvals.request(question(clock))
    return await stores.approvals.decide("a_1", approve=True, scope=scope, by="cli")


async def test_a_question_waits_until_it_is_decided(stores: Database, clock: StillClock) -> None:
    asked = await stores.approvals.request(question(clock))
    assert asked == question(clock)
    assert await stores.approvals.all(pending=True) == [asked]
    clock.forward(5)
    denied = await stores.approvals.decide("a_1", approve=False, scope=Scope.ONCE, by="cli")
    assert denied == replace(asked, state=ApprovalState.DENIED, decided_at=clock(), decided_by="cli")
    assert await stores.approvals.all(pending=True) == []
    assert await stores.approvals.all(pending=False) == [denied]
    assert await stores.approvals.take(MOVE, "d1", "args1") is None


async def test_asking_the_same_again_gives_the_question_that_waits(stores: Database, clock: StillClock) -> None:
    first = await stores.approvals.request(question(clock, "a_1"))
    clock.forward(1)
    assert await stores.approvals.request(question(clock, "a_2")) == first
    others = [question(clock, "a_3", arguments="args2"), question(clock, "a_4", digest="d2")]
    assert [await stores.approvals.request(one) for one in others] == others
    clock.forward(99)
    assert (await stores.approvals.request(question(clock, "a_5"))).id == "a_5"
    assert [one.id for one in await stores.approvals.all(pending=False)] == ["a_1", "a_3", "a_4", "a_5"]


async def test_leave_for_once_lets_one_call_with_these_arguments_run(stores: Database, clock: StillClock) -> None:
    given = await approved(stores, clock)
    assert await stores.approvals.take(MOVE, "d1", "args2") is None
    assert await stores.approvals.take(MOVE, "d2", "args1") is None
    assert await stores.approvals.take(ToolName("other"), "d1", "args1") is None
    assert await stores.approvals.take(MOVE, "d1", "args1") == replace(given, state=ApprovalState.USED)
    assert await stores.approvals.take(MOVE, "d1", "args1") is None


async def test_leave_for_always_holds_for_any_arguments_until_the_tool_changes(
    stores: Database, clock: StillClock
) -> None:
    given = await approved(stores, clock, Scope.ALWAYS)
    clock.forward(10**8)
    for arguments in ("args1", "args2", "args1"):
        assert await stores.approvals.take(MOVE, "d1", arguments) == given
    assert await stores.approvals.take(MOVE, "d2", "args1") is None


async def test_leave_for_always_ends_when_it_is_revoked(stores: Database, clock: StillClock) -> None:
    given = await approved(stores, clock, Scope.ALWAYS)
    await stores.approvals.revoke(given.id)
    assert await stores.approvals.take(MOVE, "d1", "args1") is None
    for unknown in (given.id, ApprovalId("a_none")):
        with pytest.raises(UnknownApproval):
            await stores.approvals.revoke(unknown)


async def test_leave_for_once_cannot_be_revoked(stores: Database, clock: StillClock) -> None:
    given = await approved(stores, clock)
    with pytest.raises(UnknownApproval):
        await stores.approvals.revoke(given.id)


async def test_leave_for_once_expires(stores: Database, clock: StillClock) -> None:
    await approved(stores, clock)
    clock.forward(100)
    assert await stores.approvals.take(MOVE, "d1", "args1") is None


async def test_nothing_is_decided_twice_or_late_or_without_a_question(stores: Database, clock: StillClock) -> None:
    await stores.approvals.request(question(clock, "a_1"))
    await stores.approvals.request(question(clock, "a_2", arguments="args2"))
    await stores.approvals.decide("a_1", approve=False, scope=Scope.ONCE, by="cli")
    clock.forward(100)
    for unknown in ("a_1", "a_2", "a_none"):
        with pytest.raises(UnknownApproval):
            await stores.approvals.decide(unknown, approve=True, scope=Scope.ONCE, by="cli")
    assert await stores.approvals.all(pending=True) == []
