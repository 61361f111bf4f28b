"""What tests of this room stand on: its parts around a scripted backend, on doubles and on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from banyan.memory import Database
from banyan.testing.stores import MemoryDatabase
from tests.tools.room import Clock, Room


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(clock: Clock) -> Room:
    return Room(MemoryDatabase(clock), clock)


@pytest.fixture
async def kept_room(clock: Clock, sqlite_url: str) -> AsyncIterator[Room]:
    """The room on a real database."""
    database = await Database.open(sqlite_url, clock=clock)
    yield Room(database, clock)
    await database.close()
