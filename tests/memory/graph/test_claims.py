from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from banyan.core.call import CallRecord, CallState, OutcomeKind
from banyan.core.errors import BadEdit, ClaimLost, Conflict
from banyan.core.ids import CallId
from banyan.core.task import RevisionKind, Status, Task, task_id
from banyan.memory.graph.claims import check_fence, claim, finish, lapse, release, renew
from banyan.memory.graph.firing import blockers
from banyan.memory.graph.settle import settle
from banyan.memory.graph.show import ready_view
from banyan.memory.graph.store import Intent
from banyan.memory.graph.workspace import Workspace
from tests.memory.graph.desk import Desk, a_desk

T = TypeVar("T")


async def work(desk: Desk, do: Callable[[Workspace], T]) -> T:
    found, _ = await desk.graphs.change(Intent(tree=desk.tree, kind=RevisionKind.WORK), do)
    return found


async def take(desk: Desk, limit: int = 1, *, lease_s: float = 60.0, worker: str = "ana") -> list[Task]:
    return await work(desk, lambda ws: claim(ws, worker=worker, lease_s=lease_s, limit=limit))


def sent(desk: Desk, name: str, fence: int, **ended: Any) -> CallRecord:
    """Put a call that may change the world on record, made under a claim of a task."""
    assert desk.tree is not None
    record = CallRecord(
        call_id=CallId(f"c{len(desk.graphs.calls)}"),
        tool="mail_send",
        source=None,
        tool_digest=None,
        arguments_digest="",
        surface="python",
        state=CallState.PREPARED,
        started_at=desk.now,
        task=task_id(desk.tree, desk.number(name)),
        fence=fence,
        effectful=True,
    )
    desk.graphs.calls[record.call_id] = replace(record, **ended)
    return record


async def test_a_claim_goes_to_the_longest_way_then_to_what_matters_most_then_to_the_first() -> None:
    desk = await a_desk(
        {"op": "add", "title": "Last"},
        {"op": "add", "title": "Next"},
        {"op": "add", "title": "Matters", "priority": 5},
        {"op": "add", "title": "Long", "effort": 9},
        {"op": "add", "title": "First"},
        {"op": "add", "title": "After", "requires": ["First"], "effort": 20},
    )
    assert [task.title for task in await take(desk, 3)] == ["First", "Long", "Matters"]
    assert [task.title for task in await take(desk, 9)] == ["Last", "Next"]
    assert await take(desk) == []


async def test_a_claim_is_held_with_a_fence_and_a_lease_and_what_it_goes_by() -> None:
    desk = await a_desk({"op": "add", "title": "A"})
    [held] = await take(desk)
    assert (held.status, held.holder, held.fence, held.attempts) == (Status.RUNNING, "ana", 1, 1)
    assert held.lease_until == desk.now + timedelta(seconds=60)
    assert held.basis
    assert not held.ready
    assert "ana holds it" in blockers(desk.view, held.number)[0]


async def test_what_cannot_be_claimed_is_refused_by_name_with_the_reason() -> None:
    desk = await a_desk({"op": "add", "title": "A"}, {"op": "add", "title": "B", "requires": ["A"]})
    with pytest.raises(Conflict, match="`B` cannot be claimed: waits for `A`"):
        await desk.claim("B")
    await desk.claim("A")
    with pytest.raises(Conflict, match="ana holds it"):
        await desk.claim("A", "ben")


async def test_nothing_is_claimed_in_a_what_if() -> None:
    desk = await a_desk({"op": "add", "title": "A"})
    made = await desk.apply({"op": "branch", "name": "rail"})
    with pytest.raises(BadEdit, match="what-if"):
        await desk.graphs.change(
            Intent(tree=made.branches["rail"]), lambda ws: claim(ws, worker="ana", lease_s=1.0, limit=1)
        )


async def test_whoever_speaks_for_a_held_task_gives_its_fence() -> None:
    desk = await a_desk({"op": "add", "title": "A"})
    fence = await desk.claim("A")
    for wrong in (None, fence - 1, fence + 1):
        with pytest.raises(ClaimLost):
            await work(desk, lambda ws, wrong=wrong: finish(ws, desk.number("A"), "done", fence=wrong))  # type: ignore[misc]
    await work(desk, lambda ws: finish(ws, desk.number("A"), "done", output=1, fence=fence))
    assert desk.status("A") is Status.DONE
    assert desk.task("A").holder is None
    with pytest.raises(ClaimLost, match=r"is done.* it has ended, and nothing was changed"):
        await work(desk, lambda ws: finish(ws, desk.number("A"), "done", output=2, fence=fence))


async def test_where_all_that_is_open_is_held_it_is_told_who_holds_it() -> None:
    desk = await a_desk({"op": "add", "title": "A"}, {"op": "add", "title": "B", "requires": ["A"]})
    await desk.claim("A")
    found = ready_view(desk.view.source, limit=5)
    assert found.tasks == []
    assert ["waits for `A` (running)"] in [list(one.blockers) for one in found.blocked]


async def test_anybody_may_cancel_what_somebody_holds() -> None:
    desk = await a_desk({"op": "add", "title": "A"})
    fence = await desk.claim("A")
    await desk.apply({"op": "cancel", "task": "A", "reason": "no more"})
    assert (desk.status("A"), desk.task("A").holder) == (Status.CANCELLED, None)
    with pytest.raises(ClaimLost):
        await work(desk, lambda ws: check_fence(ws, desk.number("A"), fence))


async def test_a_lease_is_renewed_from_now_and_not_after_it_was_lost() -> None:
    desk = await a_desk({"op": "add", "title": "A"})
    [held] = await take(desk)
    desk.now += timedelta(seconds=59)
    until = await work(desk, lambda ws: renew(ws, held.number, held.fence, 60.0))
    assert until == desk.now + timedelta(seconds=60)
    assert await work(desk, lapse) == []
    desk.now += timedelta(seconds=60)
    assert await work(desk, lapse) == [held.number]
    assert (desk.status("A"), desk.task("A").ready, desk.task("A").holder) == (Status.PENDING, True, None)
    with pytest.raises(ClaimLost):
        await work(desk, lambda ws: renew(ws, held.number, held.fence, 60.0))
    [again] = await take(desk, worker="ben")
    assert again.fence == held.fence + 1
    assert again.attempts == 2


async def test_what_was_given_back_can_be_claimed_at_once() -> None:
    desk = await a_desk({"op": "add", "title": "A"})
    [held] = await take(desk)
    await work(desk, lambda ws: release(ws, held.number, held.fence))
    assert desk.task("A").ready
    with pytest.raises(ClaimLost):
        await work(desk, lambda ws: release(ws, held.number, held.fence))


async def test_a_lost_task_for_which_something_was_sent_waits_until_it_is_known_what_came_of_it() -> None:
    desk = await a_desk({"op": "add", "title": "A"})
    [held] = await take(desk)
    call = sent(desk, "A", held.fence)
    desk.now += timedelta(minutes=5)
    assert await work(desk, lapse) == [held.number]
    assert (desk.status("A"), desk.task("A").ready) == (Status.WAITING, False)
    assert any("mail_send" in reason for reason in blockers(desk.view, held.number))
    with pytest.raises(Conflict, match="mail_send"):
        await desk.claim("A")
    desk.graphs.calls[call.call_id] = replace(call, state=CallState.ENDED, outcome=OutcomeKind.FAILED)
    await work(desk, lambda ws: ws.touch(held.number, "it is known"))
    assert desk.task("A").ready
    [again] = await take(desk)
    assert (again.number, again.fence) == (held.number, held.fence + 1)


async def test_what_waits_for_an_answer_is_handed_to_nobody_who_does_not_ask_for_it() -> None:
    desk = await a_desk({"op": "add", "title": "A"})
    fence = await desk.claim("A")
    await work(desk, lambda ws: finish(ws, desk.number("A"), "waiting", reason="may I?", fence=fence))
    assert (desk.status("A"), desk.task("A").ready, desk.task("A").holder) == (Status.WAITING, False, None)
    assert blockers(desk.view, desk.number("A")) == ["it waits: may I?"]
    assert await take(desk) == []
    shown = ready_view(desk.view.source, limit=5).blocked
    assert ["it waits: may I?"] in [list(one.blockers) for one in shown]
    # Whoever held it may still end it, and whoever asks for it goes on with it.
    await work(desk, lambda ws: check_fence(ws, desk.number("A"), fence))
    assert await desk.claim("A") == fence + 1


async def test_what_waits_since_nobody_knows_what_came_of_its_call_goes_on_once_that_is_known() -> None:
    desk = await a_desk({"op": "add", "title": "A"})
    [held] = await take(desk)
    call = sent(desk, "A", held.fence)
    await work(desk, lambda ws: finish(ws, held.number, "waiting", reason="no answer", fence=held.fence))
    assert not desk.task("A").ready

    def known(ws: Workspace) -> None:
        ws.ended.append((replace(call, state=CallState.ENDED, outcome=OutcomeKind.FAILED), None))
        ws.touch(held.number, "it is known")

    await work(desk, known)
    assert desk.task("A").ready


async def test_a_task_is_tried_as_often_as_its_budget_says() -> None:
    desk = await a_desk({"op": "add", "title": "A", "budget": {"attempts": 2}})
    fence = await desk.claim("A")
    made = await desk.apply({"op": "fail", "task": "A", "reason": "no route", "fence": fence})
    assert [one.after for one in made.changes if one.field == "status"] == ["failed", "pending"]
    assert "no route" in desk.task("A").reason
    assert (desk.status("A"), desk.task("A").ready) == (Status.PENDING, True)
    await desk.apply({"op": "fail", "task": "A", "reason": "no route"})
    assert (desk.status("A"), desk.task("A").attempts) == (Status.FAILED, 2)


async def test_a_task_is_not_done_before_what_comes_before_it_and_what_is_under_it() -> None:
    desk = await a_desk(
        {"op": "add", "title": "A"},
        {"op": "add", "title": "B", "requires": ["A"]},
        {"op": "add", "title": "C", "inputs": {"x": {"$fact": "city"}}},
    )
    for name, why in (("B", "waits for `A`"), ("Trip", "`A`"), ("C", "nothing is known of `city`")):
        with pytest.raises(BadEdit, match=why):
            await desk.apply({"op": "complete", "task": name, "output": 1})
    with pytest.raises(BadEdit, match="no outcome"):
        await work(desk, lambda ws: finish(ws, desk.number("A"), "finished"))
    await desk.apply({"op": "cancel", "task": "A"})
    for outcome in ("done", "failed", "waiting", "cancelled"):
        with pytest.raises(BadEdit, match="is cancelled"):
            await work(desk, lambda ws, outcome=outcome: finish(ws, desk.number("A"), outcome))  # type: ignore[misc]


async def test_ending_one_and_claiming_the_next_are_one_batch() -> None:
    desk = await a_desk({"op": "add", "title": "A"}, {"op": "add", "title": "B", "requires": ["A"]})
    [held] = await take(desk)

    def both(ws: Workspace) -> list[Task]:
        finish(ws, held.number, "done", output=1, fence=held.fence)
        settle(ws)
        return claim(ws, worker="ana", lease_s=60.0, limit=5)

    assert [task.title for task in await work(desk, both)] == ["B"]
    assert (desk.status("A"), desk.status("B")) == (Status.DONE, Status.RUNNING)


async def test_why_a_task_is_not_ready_is_told_from_its_parents_too() -> None:
    desk = await a_desk(
        {"op": "add", "title": "A"},
        {"op": "add", "title": "P", "requires": ["A"]},
        {"op": "add", "title": "Under", "parent": "P"},
        {"op": "add", "title": "Deep", "parent": "Under"},
    )
    assert blockers(desk.view, desk.number("A")) == []
    assert blockers(desk.view, desk.number("Deep")) == ["waits for `A` (pending)"]
    assert "1 of the 1 tasks under it has not ended" in blockers(desk.view, desk.number("P"))
