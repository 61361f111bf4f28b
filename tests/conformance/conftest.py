"""The stores under test: the doubles, SQLite and PostgreSQL, all under one clock that tests set."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from banyan.memory import Database
from banyan.testing.clock import StillClock
from banyan.testing.stores import MemoryDatabase


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(params=["double", "sqlite", "postgresql"])
async def stores(request: pytest.FixtureRequest, clock: StillClock) -> AsyncIterator[Database | MemoryDatabase]:
    if request.param == "double":
        yield MemoryDatabase(clock)
        return
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    database = await Database.open(url, clock=clock)
    yield database
    await database.close()
