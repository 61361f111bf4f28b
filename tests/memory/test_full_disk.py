"""A disk without room: nothing half done, readers undisturbed, and on it goes once there is room."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from banyan.core.call import Artifact, CallRecord, CallState, OutcomeKind
from banyan.core.errors import StorageFull
from banyan.core.ids import CallId, Handle, SourceName
from banyan.core.ports import StoredResult
from banyan.core.source import Source, SourceKind
from banyan.core.tool import ToolSpec
from banyan.memory import Database, DatabaseLimits

FILES = SourceName("files")
SMALL = [ToolSpec(server="s", upstream_name=str(number)) for number in range(20)]
LARGE = [
    ToolSpec(server="s", upstream_name=str(number), description=random.Random(number).randbytes(2_000).hex())
    for number in range(2_000)
]


@asynccontextmanager
async def filled(folder: Path, *, limits: DatabaseLimits | None = None) -> AsyncIterator[tuple[Database, Path]]:
    """Give a database on a disk that has no room left, and the file that takes it."""
    database = await Database.open(f"sqlite:///{folder / 'banyan.db'}", limits=limits)
    await database.sources.put(Source(name=FILES, kind=SourceKind.MCP))
    await database.tools.sync(FILES, SMALL)
    ballast = folder / "ballast"
    fill(ballast)
    yield database, ballast
    ballast.unlink(missing_ok=True)
    await database.close()


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


def call(number: int, size_bytes: int) -> tuple[CallRecord, StoredResult]:
    handle = Handle(f"r_{number}")
    record = CallRecord(
        call_id=CallId(f"c{number}"),
        tool="t",
        source=FILES,
        tool_digest="d",
        arguments_digest="a",
        surface="cli",
        state=CallState.ENDED,
        outcome=OutcomeKind.OK,
        handle=handle,
        started_at=datetime.now(UTC),
    )
    artifact = Artifact(handle=handle, media_type="text/plain", size_bytes=size_bytes, created_at=datetime.now(UTC))
    return record, StoredResult(artifact=artifact, body=os.urandom(size_bytes))


async def test_a_sync_that_finds_no_room_changes_nothing_and_works_once_there_is_room(small_disk: Path) -> None:
    async with filled(small_disk) as (database, ballast):
        before = await database.tools.names()
        with pytest.raises(StorageFull) as refused:
            await database.tools.sync(FILES, LARGE)
        assert "free some disk space" in str(refused.value)
        assert await database.tools.names() == before
        assert len(await database.tools.get([row.name for row in before])) == 20
        ballast.unlink()
        report = await database.tools.sync(FILES, [replace(spec, title="new") for spec in SMALL])
        assert len(report.changed) == 20


async def test_an_effect_is_not_recorded_as_done_without_room_for_it(small_disk: Path) -> None:
    async with filled(small_disk) as (database, ballast):
        record, result = call(1, 300_000)
        with pytest.raises(StorageFull):
            await database.journal.finish(record, result, durable=True)
        assert await database.journal.recent(limit=5) == []
        ballast.unlink()
        await database.journal.finish(record, result, durable=True)
        assert await database.artifacts.get("r_1") == result


async def test_calls_that_changed_nothing_wait_for_room_and_are_told_of_it_when_too_many(small_disk: Path) -> None:
    limits = DatabaseLimits(flush_after_s=0.01, flush_retry_s=0.05, pending_calls=3, pending_wait_s=5)
    async with filled(small_disk, limits=limits) as (database, ballast):
        calls = [call(number, 100_000) for number in range(3)]
        for record, result in calls:
            await database.journal.finish(record, result, durable=False)
        with anyio.fail_after(5), pytest.raises(StorageFull):
            await database.journal.finish(*call(3, 10), durable=False)
        assert [await database.artifacts.get(f"r_{number}") for number in range(3)] == [result for _, result in calls]
        ballast.unlink()
        with anyio.fail_after(5):
            await database.artifacts.expire(before=datetime(2000, 1, 1, tzinfo=UTC), keep_bytes=10**9)
    database = await Database.open(f"sqlite:///{small_disk / 'banyan.db'}")
    assert len(await database.journal.recent(limit=9)) == 3
    await database.close()


async def test_a_disk_without_any_room_gets_no_database(small_disk: Path) -> None:
    fill(small_disk / "ballast")
    with pytest.raises(StorageFull):
        await Database.open(f"sqlite:///{small_disk / 'banyan.db'}")
    (small_disk / "ballast").unlink()
    await (await Database.open(f"sqlite:///{small_disk / 'banyan.db'}")).close()
