"""What every `Journal` and `ArtifactStore` does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from banyan.core.call import Artifact, CallRecord, CallState, Category, OutcomeKind
from banyan.core.errors import Conflict, UnknownHandle
from banyan.core.ids import CallId, Handle, SourceName, new_handle
from banyan.core.ports import StoredResult
from banyan.memory import Database
from banyan.memory.tasks import Tasks
from banyan.testing.clock import StillClock

DURABLE = pytest.mark.parametrize("durable", [True, False], ids=["durable", "behind"])


def prepared(clock: StillClock, call_id: str = "c1", key: str | None = None) -> CallRecord:
    return CallRecord(
        call_id=CallId(call_id),
        tool="files__move",
        source=SourceName("files"),
        tool_digest="d1",
        arguments_digest="a1",
        surface="cli",
        state=CallState.PREPARED,
        started_at=clock(),
        idempotency_key=key,
    )


def ended(record: CallRecord, handle: str | None = None, outcome: OutcomeKind = OutcomeKind.OK) -> CallRecord:
    found = Handle(handle) if handle else None
    held = replace(record, task="k7f3a.1", fence=3, effectful=True)
    return replace(held, state=CallState.ENDED, outcome=outcome, took_ms=12.5, handle=found)


def result(clock: StillClock, handle: str = "r_1", body: bytes = b"moved") -> StoredResult:
    return StoredResult(
        artifact=Artifact(handle=Handle(handle), media_type="text/plain", size_bytes=len(body), created_at=clock()),
        body=body,
    )


async def test_a_prepared_call_is_there_and_unsettled(stores: Database, clock: StillClock) -> None:
    record = prepared(clock, key="k")
    await stores.journal.prepare(record)
    assert await stores.journal.find("k") == record
    assert await stores.journal.recent(limit=5, unsettled=True) == [record]


@DURABLE
async def test_a_finished_call_and_its_result_are_readable_at_once(
    stores: Database, clock: StillClock, durable: bool
) -> None:
    record = ended(prepared(clock, key="k"), "r_1")
    await stores.journal.finish(record, result(clock), durable=durable)
    assert await stores.artifacts.get("r_1") == result(clock)
    assert await stores.journal.find("k") == record
    assert await stores.journal.recent(limit=5) == [record]
    assert await stores.journal.recent(limit=5, unsettled=True) == []


@DURABLE
async def test_finishing_takes_a_prepared_call_off_the_unsettled(
    stores: Database, clock: StillClock, durable: bool
) -> None:
    record = prepared(clock)
    await stores.journal.prepare(record)
    await stores.journal.finish(ended(record), durable=durable)
    assert await stores.journal.recent(limit=5, unsettled=True) == []
    assert await stores.journal.recent(limit=5) == [ended(record)]


@DURABLE
async def test_one_key_leads_to_the_first_call_alone(stores: Database, clock: StillClock, durable: bool) -> None:
    first = ended(prepared(clock, "c1", key="k" * 9_000))
    await stores.journal.finish(first, durable=durable)
    with pytest.raises(Conflict):
        await stores.journal.prepare(prepared(clock, "c2", key="k" * 9_000))
    with pytest.raises(Conflict):
        await stores.journal.prepare(replace(first, state=CallState.PREPARED, task=None))
    clock.forward(1)
    late = ended(prepared(clock, "c3", key="k" * 9_000))
    await stores.journal.finish(late, durable=True)
    assert await stores.journal.find("k" * 9_000) == first
    assert [one.call_id for one in await stores.journal.recent(limit=5)] == ["c3", "c1"]
    assert await stores.journal.find("another") is None


async def test_the_newest_calls_come_first_wherever_they_are(stores: Database, clock: StillClock) -> None:
    for number in range(6):
        record = prepared(clock, f"c{number}")
        if number % 3 == 0:
            await stores.journal.prepare(record)
        else:
            await stores.journal.finish(ended(record), durable=number % 3 == 1)
        clock.forward(1)
    assert [one.call_id for one in await stores.journal.recent(limit=4)] == ["c5", "c4", "c3", "c2"]
    assert [one.call_id for one in await stores.journal.recent(limit=4, unsettled=True)] == ["c3", "c0"]


async def test_a_call_whose_program_died_becomes_one_of_unknown_outcome(stores: Database, clock: StillClock) -> None:
    await stores.journal.prepare(prepared(clock, "lost"))
    await stores.journal.prepare(prepared(clock, "answered"))
    await stores.journal.finish(ended(prepared(clock, "answered")), durable=False)
    clock.forward(60)
    await stores.journal.prepare(prepared(clock, "running"))
    assert await stores.journal.settle(older_than=clock() - timedelta(seconds=30)) == ["lost"]
    assert await stores.journal.settle(older_than=clock() - timedelta(seconds=30)) == []
    running, lost = await stores.journal.recent(limit=5, unsettled=True)
    assert (running.call_id, running.state) == ("running", CallState.PREPARED)
    assert (lost.state, lost.outcome, lost.category) == (
        CallState.ENDED,
        OutcomeKind.UNKNOWN,
        Category.UNKNOWN_EFFECT,
    )


async def test_an_answer_that_comes_after_all_replaces_the_unknown_outcome(stores: Database, clock: StillClock) -> None:
    record = prepared(clock)
    await stores.journal.prepare(record)
    clock.forward(60)
    await stores.journal.settle(older_than=clock())
    await stores.journal.finish(ended(record), durable=True)
    assert await stores.journal.recent(limit=5) == [ended(record)]


async def test_what_a_model_sent_as_a_name_cannot_break_the_record(stores: Database, clock: StillClock) -> None:
    odd = replace(ended(prepared(clock, "odd", key="\0\ud800")), tool="a\0b\ud800", source=None, message="\udfff")
    await stores.journal.finish(odd, durable=True)
    found = await stores.journal.find("\0\ud800")
    assert found is not None
    assert found.call_id == "odd"


@DURABLE
async def test_bodies_of_any_size_come_back_byte_for_byte(stores: Database, clock: StillClock, durable: bool) -> None:
    bodies = [b"", b"\0", bytes(range(256)) * 5_000, b"a" * 300]
    for number, body in enumerate(bodies):
        kept = result(clock, f"r_{number}", body)
        await stores.journal.finish(ended(prepared(clock, f"c{number}"), f"r_{number}"), kept, durable=durable)
    assert [(await stores.artifacts.get(f"r_{number}")).body for number in range(4)] == bodies


async def test_an_unknown_handle_is_refused(stores: Database) -> None:
    with pytest.raises(UnknownHandle):
        await stores.artifacts.get("r_none")


async def test_results_go_by_age_first_and_then_the_oldest_beyond_the_room(stores: Database, clock: StillClock) -> None:
    for number in range(5):
        kept = result(clock, f"r_{number}", b"x" * 100)
        await stores.journal.finish(ended(prepared(clock, f"c{number}")), kept, durable=number % 2 == 0)
        clock.forward(10)
    assert await stores.artifacts.expire(before=clock() - timedelta(seconds=45), keep_bytes=10_000) == 1
    assert await stores.artifacts.expire(before=clock() - timedelta(seconds=45), keep_bytes=299) == 2
    left = []
    for number in range(5):
        try:
            left.append((await stores.artifacts.get(f"r_{number}")).artifact.handle)
        except UnknownHandle:
            continue
    assert left == ["r_3", "r_4"]
    assert [one.call_id for one in await stores.journal.recent(limit=9)] == ["c4", "c3", "c2", "c1"]


async def test_what_tasks_refer_to_is_kept_until_all_in_their_tree_has_ended(
    stores: Database, clock: StillClock
) -> None:
    tasks = Tasks(stores.graphs, clock)
    said, told, called, loose = (new_handle() for _ in range(4))
    edits: list[dict[str, Any]] = [
        {"op": "add", "title": "Report", "inputs": {"from": [{"table": said}]}, "facts": {"seen": f"see {told}."}},
        {"op": "add", "title": "Send"},
    ]
    tree = (await tasks.apply(None, edits)).tree
    for handle, task in ((said, None), (told, None), (called, f"{tree}.2"), (loose, None)):
        record = replace(ended(prepared(clock, handle), handle), task=task)
        await stores.journal.finish(record, result(clock, handle, b"x" * 100), durable=True)
    clock.forward(60)

    assert await stores.artifacts.expire(before=clock(), keep_bytes=0) == 1
    for handle in (said, told, called):
        assert (await stores.artifacts.get(handle)).body == b"x" * 100
    with pytest.raises(UnknownHandle):
        await stores.artifacts.get(loose)
    assert {one.handle for one in await stores.journal.recent(limit=9)} == {said, told, called}

    await tasks.apply(tree, [{"op": "cancel", "task": "Report"}])
    assert await stores.artifacts.expire(before=clock(), keep_bytes=0) == 3
    assert await stores.journal.recent(limit=9) == []


@DURABLE
async def test_records_of_calls_go_with_their_age_unless_nobody_knows_how_they_ended(
    stores: Database, clock: StillClock, durable: bool
) -> None:
    await stores.journal.prepare(prepared(clock, "sent", "k1"))
    await stores.journal.finish(ended(prepared(clock, "done", "k2")), durable=durable)
    clock.forward(60)
    await stores.journal.finish(ended(prepared(clock, "late", "k3")), durable=durable)
    await stores.artifacts.expire(before=clock(), keep_bytes=10_000)
    assert [one.call_id for one in await stores.journal.recent(limit=9)] == ["late", "sent"]
    assert await stores.journal.find("k2") is None
    await stores.journal.settle(older_than=clock())
    await stores.artifacts.expire(before=clock(), keep_bytes=10_000)
    assert [one.call_id for one in await stores.journal.recent(limit=9)] == ["late"]


async def test_an_effect_that_nobody_knows_of_stays_on_record_until_it_is_settled(
    stores: Database, clock: StillClock
) -> None:
    await stores.journal.prepare(replace(prepared(clock, "sent", "k1"), effectful=True))
    clock.forward(60)
    await stores.journal.settle(older_than=clock())
    await stores.artifacts.expire(before=clock(), keep_bytes=10_000)
    (lost,) = await stores.journal.recent(limit=9)
    assert (lost.call_id, lost.outcome) == ("sent", OutcomeKind.UNKNOWN)
    await stores.journal.finish(replace(lost, outcome=OutcomeKind.OK), durable=True)
    await stores.artifacts.expire(before=clock(), keep_bytes=10_000)
    assert await stores.journal.recent(limit=9) == []
