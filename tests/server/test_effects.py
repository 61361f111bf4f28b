"""Calls as the work of tasks, and what is done about those of which nobody knows how they ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from banyan.core.call import CallRecord, CallState, Category, OutcomeKind
from banyan.core.claim import Claim
from banyan.core.errors import CallFailed, Conflict, InvalidArgument
from banyan.core.policy import DIRECT_POLICY, Action, Policy, Rule
from banyan.core.ports import Caller
from banyan.core.task import ABSENT, Status
from banyan.core.taskview import Claimed
from banyan.memory import Database
from banyan.memory.ledger import Ledger
from banyan.memory.tasks import Tasks
from banyan.server.effects import Effects, Work
from banyan.testing.backend import ScriptedCaller
from tests.tools.room import READS, WRITES, Clock, Room, schema, spec

LOST = CallFailed(Category.TRANSPORT, "connection closed", sent=True)
PLAN: list[dict[str, Any]] = [
    {"op": "add", "title": "job", "result": "children"},
    {"op": "add", "title": "book"},
    {"op": "add", "title": "pay", "requires": [{"from": "book", "kind": "after_success"}]},
]


@dataclass
class Desk:
    """A room with task memory beside it."""

    room: Room
    tasks: Tasks
    effects: Effects
    tree: str

    async def claim(self, title: str = "", *, worker: str = "w", lease_s: float = 60) -> Claimed:
        wanted = Claim(worker=worker, lease_s=lease_s, tasks=(title,) if title else ())
        (held,) = await self.tasks.claim(self.tree, wanted)
        return held

    async def perform(self, held: Claimed, **rest: Any) -> Any:
        return await self.effects.perform(Work(task=held.view.id, fence=held.fence, tool="files__write", **rest))

    async def task(self, title: str = "book") -> Any:
        return (await self.tasks.get(title, tree=self.tree)).task

    async def calls(self) -> list[CallRecord]:
        found: list[CallRecord] = await self.room.database.journal.recent(limit=50)
        return found

    async def lost(self, *, key: str | None = None) -> str:
        """Lose the answer of a call for the first task, and the claim; return the call."""
        held = await self.claim()
        outcome = await self.room.call("files__write", task=held.view.id, fence=held.fence, idempotency_key=key)
        assert outcome.outcome is OutcomeKind.UNKNOWN
        self.room.clock.forward(100)
        assert (await self.tasks.ready(self.tree)).tasks == []
        return outcome.call_id


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    clock = Clock()
    database = await Database.open(database_url, clock=clock)
    room = Room(database, clock)
    await room.offer(spec("write", effects=WRITES), {"line": 1})
    await room.offer(spec("look", effects=READS, input_schema=schema(key="string")), {"count": 1})
    tasks = Tasks(database.graphs, clock)
    ledger = Ledger(database.graphs, database.journal, clock)
    effects = Effects(ledger, room.invoker, DIRECT_POLICY, ScriptedCaller())
    yield Desk(room=room, tasks=tasks, effects=effects, tree=(await tasks.apply(None, PLAN)).tree)
    await database.close()


async def answers(desk: Desk, *answers: Any) -> None:
    await desk.room.offer(spec("write", effects=WRITES), *answers)


async def sees(desk: Desk, answer: Any) -> None:
    await desk.room.offer(spec("look", effects=READS, input_schema=schema(key="string")), answer)


async def test_a_call_under_a_claim_is_on_record_with_its_fence(desk: Desk) -> None:
    held = await desk.claim()
    assert (await desk.room.call("files__write", task=held.view.id, fence=held.fence)).ok
    (record,) = await desk.calls()
    assert (record.task, record.fence, record.effectful) == (held.view.id, held.fence, True)


async def test_a_call_for_a_held_task_without_a_fence_is_on_record_under_its_claim(desk: Desk) -> None:
    held = await desk.claim()
    assert (await desk.room.call("files__write", task=held.view.id)).ok
    assert [one.fence for one in await desk.calls()] == [held.fence]


@pytest.mark.parametrize("fence", [0, 2], ids=["older", "made up"])
async def test_a_call_under_a_claim_that_is_lost_is_not_sent(desk: Desk, fence: int) -> None:
    held = await desk.claim()
    assert held.fence == 1
    outcome = await desk.room.call("files__write", task=held.view.id, fence=fence, idempotency_key="k")
    assert (outcome.category, outcome.exit_status, desk.room.backend.sent) == (Category.CLAIM_LOST, 6, [])
    (record,) = await desk.calls()
    assert not record.effectful
    assert (await desk.room.call("files__write", task=held.view.id, fence=1, idempotency_key="k")).ok


async def test_a_call_for_a_task_that_is_not_there_is_not_sent(desk: Desk) -> None:
    for task in (f"{desk.tree}.99", "nowhere.1", "book"):
        outcome = await desk.room.call("files__write", task=task)
        assert outcome.category is Category.BAD_VALUE
        assert task in (outcome.message or "")
    assert desk.room.backend.sent == []


async def test_a_fence_without_a_task_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidArgument):
        await desk.room.call("files__write", fence=1)


async def test_a_lost_lease_without_an_effect_frees_the_task_and_with_one_it_waits(desk: Desk) -> None:
    await desk.claim()
    desk.room.clock.forward(100)
    assert [one.task.title for one in (await desk.tasks.ready(desk.tree)).tasks] == ["book"]
    await answers(desk, LOST)
    await desk.lost()
    assert (await desk.task()).status is Status.WAITING


async def test_a_task_is_done_in_the_transaction_that_writes_the_end_of_its_call(desk: Desk) -> None:
    held = await desk.claim()
    done = await desk.perform(held, then=Claim(worker="w", lease_s=60))
    assert done.outcome.ok
    assert (await desk.task()).output == {"line": 1}
    assert [one.view.task.title for one in done.claimed] == ["pay"]
    assert [one.state for one in await desk.calls()] == [CallState.ENDED]
    # What followed of it, the next claim too, is one revision: one transaction.
    assert {one.revision for one in await desk.tasks.history(desk.tree, since=2)} == {3}


async def test_a_task_fails_with_what_its_tool_says(desk: Desk) -> None:
    await answers(desk, CallFailed(Category.UPSTREAM, "no such room", sent=True))
    done = await desk.perform(await desk.claim())
    assert done.outcome.outcome is OutcomeKind.FAILED
    task = await desk.task()
    assert (task.status, task.reason) == (Status.FAILED, "no such room")


async def test_a_task_waits_where_nobody_knows_what_came_of_its_call(desk: Desk) -> None:
    await answers(desk, LOST)
    await desk.perform(await desk.claim())
    assert (await desk.task()).status is Status.WAITING
    assert (await desk.tasks.ready(desk.tree)).tasks == []
    assert [one.task for one in await desk.effects.unsettled(desk.tree)] == [f"{desk.tree}.2"]


async def test_a_task_is_left_as_it_is_where_nothing_was_sent(desk: Desk) -> None:
    policy = Policy(name="no", read_only=Action.DENY, writes=Action.DENY, destructive=Action.DENY)
    held = await desk.claim()
    work = Work(task=held.view.id, fence=held.fence, tool="files__write")
    done = await desk.effects.perform(work, policy=policy)
    assert (done.outcome.outcome, done.finished) == (OutcomeKind.DENIED, None)
    assert (await desk.task()).status is Status.RUNNING


async def test_the_end_of_a_call_is_kept_where_another_holds_its_task_meanwhile(desk: Desk) -> None:
    async def takes_long(arguments: Mapping[str, Any], caller: Caller) -> Any:
        desk.room.clock.forward(100)
        await desk.tasks.ready(desk.tree)
        (call,) = await desk.calls()
        await desk.effects.settle(call.call_id, "not_done", by="ana")
        await desk.claim(worker="another")
        raise CallFailed(Category.UPSTREAM, "too late", sent=True)

    await answers(desk, takes_long)
    done = await desk.perform(await desk.claim())
    assert done.finished is None
    assert "the task was left as it is" in done.outcome.notes[-1]
    assert [(one.outcome, one.message) for one in await desk.calls()] == [(OutcomeKind.FAILED, "too late")]
    assert ((await desk.task()).status, (await desk.task()).holder) == (Status.RUNNING, "another")


async def test_an_answer_that_comes_after_the_claim_was_lost_frees_the_task(desk: Desk) -> None:
    async def takes_long(arguments: Mapping[str, Any], caller: Caller) -> Any:
        desk.room.clock.forward(100)
        assert (await desk.tasks.ready(desk.tree)).tasks == []
        raise CallFailed(Category.UPSTREAM, "too late", sent=True)

    await answers(desk, takes_long)
    held = await desk.claim()
    await desk.room.call("files__write", task=held.view.id, fence=held.fence)
    assert [one.task.title for one in (await desk.tasks.ready(desk.tree)).tasks] == ["book"]


async def test_work_that_was_done_before_under_its_key_is_not_done_again(desk: Desk) -> None:
    held = await desk.claim()
    assert (await desk.room.call("files__write", task=held.view.id, fence=held.fence, idempotency_key="k")).ok
    desk.room.clock.forward(100)
    done = await desk.perform(await desk.claim(worker="another"), idempotency_key="k")
    assert len(desk.room.backend.sent) == 1
    assert done.finished is not None
    assert (await desk.task()).output == {"line": 1}


async def test_calls_that_may_be_under_way_are_not_listed_as_unsettled(desk: Desk) -> None:
    seen: list[list[CallRecord]] = []

    async def look(arguments: Mapping[str, Any], caller: Caller) -> Any:
        seen.append(await desk.effects.unsettled())
        with pytest.raises(Conflict):
            (call,) = await desk.calls()
            await desk.effects.settle(call.call_id, "done", by="ana")
        desk.room.clock.forward(100)
        seen.append(await desk.effects.unsettled())
        raise LOST

    await answers(desk, look)
    held = await desk.claim()
    await desk.room.call("files__write", task=held.view.id, fence=held.fence)
    assert [len(one) for one in seen] == [0, 1]


async def test_effects_of_one_tree_alone_are_listed(desk: Desk) -> None:
    await answers(desk, LOST)
    call = await desk.lost()
    other = (await desk.tasks.apply(None, PLAN)).tree
    await desk.room.call("files__write")
    assert [one.call_id for one in await desk.effects.unsettled(desk.tree)] == [call]
    assert await desk.effects.unsettled(other) == []
    assert len(await desk.effects.unsettled()) == 2
    assert len(await desk.effects.unsettled(limit=1)) == 1


async def test_a_person_says_that_it_was_done_and_the_task_goes_on(desk: Desk) -> None:
    await answers(desk, LOST)
    call = await desk.lost()
    settled = await desk.effects.settle(call, "done", by="ana")
    assert (settled.call.outcome, settled.call.message) == (OutcomeKind.OK, "it had its effect, says ana")
    assert await desk.effects.unsettled() == []
    assert [one.task.title for one in (await desk.tasks.ready(desk.tree)).tasks] == ["book"]
    with pytest.raises(Conflict):
        await desk.effects.settle(call, "not_done", by="ben")


async def test_a_task_whose_work_it_was_is_done_with_what_the_person_says(desk: Desk) -> None:
    await answers(desk, LOST)
    settled = await desk.effects.settle(await desk.lost(), "done", by="ana", output={"line": 7})
    assert settled.edit is not None
    task = await desk.task()
    assert (task.status, task.output) == (Status.DONE, {"line": 7})
    assert [one.task.title for one in (await desk.tasks.ready(desk.tree)).tasks] == ["pay"]


async def test_what_was_not_done_can_be_done_under_the_same_key(desk: Desk) -> None:
    await answers(desk, LOST, {"line": 1})
    settled = await desk.effects.settle(await desk.lost(key="k"), "not_done", by="ana")
    assert settled.call.outcome is OutcomeKind.FAILED
    done = await desk.perform(await desk.claim(), idempotency_key="k")
    assert (done.outcome.ok, len(desk.room.backend.sent)) == (True, 2)
    assert (await desk.task()).status is Status.DONE


async def test_a_call_without_a_task_is_settled_too(desk: Desk) -> None:
    await answers(desk, LOST)
    call = (await desk.room.call("files__write")).call_id
    with pytest.raises(InvalidArgument):
        await desk.effects.settle(call, "done", by="ana", output=1)
    assert (await desk.effects.settle(call, "done", by="ana")).edit is None
    assert await desk.effects.unsettled() == []


async def test_wrong_words_about_a_call_are_refused(desk: Desk) -> None:
    with pytest.raises(InvalidArgument, match="no call `c`"):
        await desk.effects.settle("c", "done", by="ana")
    with pytest.raises(InvalidArgument, match="outcome"):
        await desk.effects.settle("c", "maybe", by="ana")
    with pytest.raises(InvalidArgument, match="output"):
        await desk.effects.settle("c", "not_done", by="ana", output=1)
    with pytest.raises(InvalidArgument, match="limit"):
        await desk.effects.unsettled(limit=0)


@pytest.mark.parametrize(
    ("count", "verdict", "outcome"), [(1, True, OutcomeKind.OK), (0, False, OutcomeKind.FAILED)], ids=["there", "not"]
)
async def test_a_read_only_tool_tells_what_came_of_a_call(
    desk: Desk, count: int, verdict: bool, outcome: OutcomeKind
) -> None:
    await answers(desk, LOST)
    call = await desk.lost()
    await sees(desk, {"count": count})
    settled = await desk.effects.probe(call, "files__look", {"key": "x"}, "result.count > 0")
    assert (settled.verdict, settled.call.outcome) == (verdict, outcome)
    assert "`files__look`" in (settled.call.message or "")
    assert [one.task.title for one in (await desk.tasks.ready(desk.tree)).tasks] == ["book"]
    with pytest.raises(Conflict):
        await desk.effects.probe(call, "files__look", {"key": "x"}, "result.count > 0")


@pytest.mark.parametrize(
    ("answer", "when"),
    [
        (LOST, "result.count > 0"),
        ({"count": 0}, "result.amount > 0"),
        ({"count": 0}, "result.count"),
        ({"count": 0}, 'result.count == "none" || result.count.x'),
    ],
    ids=["no answer", "no such member", "no yes or no", "an error"],
)
async def test_a_look_that_tells_nothing_settles_nothing(desk: Desk, answer: Any, when: str) -> None:
    await answers(desk, LOST)
    call = await desk.lost()
    await sees(desk, answer)
    settled = await desk.effects.probe(call, "files__look", {}, when)
    assert settled.verdict is None
    assert settled.problem
    assert [one.call_id for one in await desk.effects.unsettled()] == [call]
    assert (await desk.task()).status is Status.WAITING


async def test_nobody_looks_with_a_tool_that_may_write(desk: Desk) -> None:
    await answers(desk, LOST, {"line": 1})
    call = await desk.lost()
    anything = Policy(
        name="any",
        read_only=Action.ALLOW,
        writes=Action.ALLOW,
        destructive=Action.ALLOW,
        rules=(Rule(action=Action.ALLOW),),
    )
    ledger = Ledger(desk.room.database.graphs, desk.room.database.journal, desk.room.clock)  # type: ignore[arg-type]
    effects = Effects(ledger, desk.room.invoker, anything, ScriptedCaller())
    settled = await effects.probe(call, "files__write", {}, "true")
    assert settled.verdict is None
    assert settled.probe is not None
    assert settled.probe.outcome is OutcomeKind.DENIED
    assert len(desk.room.backend.sent) == 1


async def test_an_expression_that_is_none_is_refused_before_anything_is_called(desk: Desk) -> None:
    await answers(desk, LOST)
    call = await desk.lost()
    with pytest.raises(InvalidArgument, match="when"):
        await desk.effects.probe(call, "files__look", {}, "result.count >")
    assert len(desk.room.backend.sent) == 1


async def test_an_answer_that_is_too_large_to_hold_is_read_from_its_handle(desk: Desk) -> None:
    await answers(desk, b"\x00" * 100)
    await desk.perform(await desk.claim())
    output = (await desk.task()).output
    assert output is not ABSENT
    assert (await desk.room.reader.read(output["handle"])).total == 100
