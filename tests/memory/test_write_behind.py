"""Calls that changed nothing: committed soon, together, and never silently lost."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import anyio
import pytest
from anyio import to_thread
from sqlalchemy import text

from banyan.core.call import Artifact, CallRecord, CallState, OutcomeKind
from banyan.core.errors import DatabaseUnavailable, StorageFull
from banyan.core.ids import CallId, Handle, SourceName
from banyan.core.ports import StoredResult
from banyan.memory import Database, DatabaseLimits
from banyan.memory.pending import Ended, PendingCalls

QUICK = DatabaseLimits(flush_after_s=0.01, flush_retry_s=0.01, pending_wait_s=0.2)
LAZY = DatabaseLimits(flush_after_s=60)


def ended(number: int, *, key: str | None = None, size_bytes: int | None = 100) -> Ended:
    handle = Handle(f"r_{number}")
    record = CallRecord(
        call_id=CallId(f"c{number:04}"),
        tool="files__read",
        source=SourceName("files"),
        tool_digest="d",
        arguments_digest="a",
        surface="mcp",
        state=CallState.ENDED,
        outcome=OutcomeKind.OK,
        handle=handle,
        started_at=datetime.now(UTC),
        idempotency_key=key,
    )
    if size_bytes is None:
        return Ended(record, None)
    artifact = Artifact(handle=handle, media_type="text/plain", size_bytes=size_bytes, created_at=datetime.now(UTC))
    return Ended(record, StoredResult(artifact=artifact, body=b"x" * size_bytes))


async def count(database: Database, table: str) -> int:
    query = text(f"SELECT count(*) FROM {table}")
    found: int = await database.transactions.read(lambda connection: connection.execute(query).scalar_one())
    return found


async def test_calls_are_committed_within_a_second_without_being_asked(database_url: str) -> None:
    database = await Database.open(database_url)
    other = await Database.open(database_url)
    for number in range(10):
        await database.journal.finish(*ended(number), durable=False)
    with anyio.fail_after(1):
        while len(await other.journal.recent(limit=20)) < 10:  # noqa: ASYNC110 - a commit of others rings no bell
            await anyio.sleep(0.01)
    assert (await other.artifacts.get("r_9")).body == b"x" * 100
    await other.close()
    await database.close()


async def test_calls_are_committed_when_the_database_closes(database_url: str) -> None:
    database = await Database.open(database_url, limits=LAZY)
    for number in range(10):
        await database.journal.finish(*ended(number), durable=False)
    assert await count(database, "calls") == 0
    await database.close()
    again = await Database.open(database_url)
    assert len(await again.journal.recent(limit=20)) == 10
    assert (await again.artifacts.get("r_3")).body == b"x" * 100
    await again.close()


async def test_readers_never_miss_a_call_while_it_goes_into_the_database(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url, limits=QUICK)
    for number in range(200):
        one = ended(number, key=f"k{number}")
        await database.journal.finish(*one, durable=False)
        assert await database.journal.recent(limit=1) == [one.record]
        assert await database.journal.find(f"k{number}") == one.record
        assert (await database.artifacts.get(f"r_{number}")) == one.result
    assert len(await database.journal.recent(limit=500)) == 200
    await database.close()


async def test_keys_that_two_processes_used_at_once_lead_to_the_first_and_both_calls_are_kept(
    database_url: str,
) -> None:
    one = await Database.open(database_url, limits=LAZY)
    two = await Database.open(database_url, limits=LAZY)
    await one.journal.finish(*ended(1, key="k"), durable=False)
    await two.journal.finish(*ended(2, key="k"), durable=False)
    await one.close()
    await two.close()
    again = await Database.open(database_url)
    found = await again.journal.find("k")
    assert found is not None
    assert found.call_id == "c0001"
    assert {record.call_id: record.idempotency_key for record in await again.journal.recent(limit=5)} == {
        "c0001": "k",
        "c0002": None,
    }
    await again.close()


async def test_two_calls_under_one_key_in_one_commit_are_both_kept(database_url: str) -> None:
    database = await Database.open(database_url, limits=LAZY)
    await database.journal.finish(*ended(1, key="k"), durable=False)
    await database.journal.finish(*ended(2, key="k"), durable=False)
    await database.close()
    again = await Database.open(database_url)
    assert len(await again.journal.recent(limit=5)) == 2
    await again.close()


async def test_a_full_store_takes_more_once_it_was_emptied() -> None:
    committed: list[str] = []
    go = threading.Event()

    def commit(calls: Sequence[Ended]) -> None:
        go.wait(5)
        committed.extend(one.record.call_id for one in calls)

    pending = PendingCalls(commit, replace(QUICK, pending_calls=3))
    assert [pending.add(ended(number)) for number in range(4)] == [True, True, True, False]
    async with anyio.create_task_group() as group:
        group.start_soon(to_thread.run_sync, pending.add_in_turn, ended(3))
        go.set()
    await to_thread.run_sync(pending.close)
    assert committed == ["c0000", "c0001", "c0002", "c0003"]


async def test_results_are_bounded_by_their_bytes_but_one_alone_is_always_taken() -> None:
    pending = PendingCalls(lambda _: None, replace(LAZY, pending_bytes=1_000))
    assert pending.add(ended(1, size_bytes=5_000))
    assert not pending.add(ended(2, size_bytes=1))
    await to_thread.run_sync(pending.flush)
    assert pending.add(ended(2, size_bytes=600))
    assert not pending.add(ended(3, size_bytes=600))
    assert pending.add(ended(4, size_bytes=None))
    await to_thread.run_sync(pending.close)


async def test_a_store_that_is_not_emptied_in_time_says_so() -> None:
    go = threading.Event()

    def commit(_: Sequence[Ended]) -> None:
        go.wait(5)

    pending = PendingCalls(commit, replace(QUICK, pending_calls=1))
    assert pending.add(ended(1))
    with pytest.raises(DatabaseUnavailable):
        await to_thread.run_sync(pending.add_in_turn, ended(2))
    go.set()
    await to_thread.run_sync(pending.close)


async def test_what_cannot_be_committed_is_kept_tried_again_and_told_when_there_is_no_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    full, tried_again, emptied = threading.Event(), threading.Event(), threading.Event()
    full.set()
    committed: list[Ended] = []
    tries: list[int] = []

    def commit(calls: Sequence[Ended]) -> None:
        tries.append(len(calls))
        if len(tries) > 1:
            tried_again.set()
        if full.is_set():
            raise StorageFull("no room")
        committed.extend(calls)
        emptied.set()

    pending = PendingCalls(commit, replace(QUICK, pending_calls=2))
    waiting = [ended(1), ended(2)]
    assert all(pending.add(one) for one in waiting)
    assert await to_thread.run_sync(tried_again.wait, 5)
    with pytest.raises(StorageFull):
        await to_thread.run_sync(pending.add_in_turn, ended(3))
    assert pending.calls() == [one.record for one in waiting]
    full.clear()
    assert await to_thread.run_sync(emptied.wait, 5)
    assert committed == waiting
    await to_thread.run_sync(pending.add_in_turn, ended(3))
    await to_thread.run_sync(pending.close)
    assert len(committed) == 3
    assert caplog.records[0].levelno == logging.ERROR


async def test_closing_while_nothing_can_be_committed_says_so() -> None:
    def commit(_: Sequence[Ended]) -> None:
        raise StorageFull("no room")

    pending = PendingCalls(commit, LAZY)
    assert pending.add(ended(1))
    with pytest.raises(StorageFull):
        await to_thread.run_sync(pending.close)
    with pytest.raises(DatabaseUnavailable):
        pending.add(ended(2))


async def test_a_program_that_ends_without_closing_keeps_what_was_durable(database_url: str) -> None:
    program = """
import anyio, os, sys
from datetime import UTC, datetime
from banyan.core.call import CallRecord, CallState, OutcomeKind
from banyan.memory import Database

async def main(url):
    database = await Database.open(url)
    for durable in (True, False):
        await database.journal.finish(CallRecord(
            call_id=f"durable {durable}", tool="t", source=None, tool_digest=None, arguments_digest="a", surface="cli",
            state=CallState.ENDED, outcome=OutcomeKind.OK, started_at=datetime.now(UTC),
        ), durable=durable)
    os._exit(9)

anyio.run(main, *sys.argv[1:])
"""
    done = await anyio.run_process([sys.executable, "-c", program, database_url], check=False)
    assert done.returncode == 9, done.stderr.decode()
    database = await Database.open(database_url)
    assert "durable True" in [record.call_id for record in await database.journal.recent(limit=5)]
    await database.close()
