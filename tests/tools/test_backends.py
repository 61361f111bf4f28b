"""One live backend per source."""

from __future__ import annotations

import anyio
import pytest

from banyan.core.errors import SourceUnavailable, UnknownSource
from banyan.core.ids import SourceName
from banyan.core.source import Source, SourceKind
from banyan.testing.backend import ScriptedBackend
from banyan.testing.stores import MemoryDatabase
from banyan.tools import backends as module
from banyan.tools.backends import Backends

NAME = SourceName("files")


class Maker:
    """Makes scripted backends, and remembers them."""

    def __init__(self) -> None:
        self.made: list[ScriptedBackend] = []

    def __call__(self, source: Source) -> ScriptedBackend:
        self.made.append(ScriptedBackend())
        return self.made[-1]


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
async def database() -> MemoryDatabase:
    made = MemoryDatabase()
    await made.sources.put(Source(name=NAME, kind=SourceKind.MCP, config={"command": ["a"]}))
    return made


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the configuration read at every call."""
    monkeypatch.setattr(module, "TRUST_S", 0.0)


async def test_a_backend_is_made_when_it_is_first_needed_and_then_kept(database: MemoryDatabase, maker: Maker) -> None:
    backends = Backends(database.sources, {SourceKind.MCP: maker})
    assert maker.made == []
    assert await backends.get(NAME) is await backends.get(NAME)
    assert list(backends.live()) == [NAME]


@pytest.mark.usefixtures("eager")
async def test_a_changed_configuration_gets_a_fresh_backend_and_the_old_one_is_stopped(
    database: MemoryDatabase, maker: Maker
) -> None:
    backends = Backends(database.sources, {SourceKind.MCP: maker})
    first = await backends.get(NAME)
    await database.sources.put(Source(name=NAME, kind=SourceKind.MCP, config={"command": ["a"]}, sync_error="x"))
    assert await backends.get(NAME) is first
    await database.sources.put(Source(name=NAME, kind=SourceKind.MCP, config={"command": ["b"]}))
    assert await backends.get(NAME) is not first
    assert [one.closed for one in maker.made] == [True, False]


@pytest.mark.usefixtures("eager")
async def test_a_source_that_went_or_is_switched_off_stops_its_backend(database: MemoryDatabase, maker: Maker) -> None:
    backends = Backends(database.sources, {SourceKind.MCP: maker})
    await backends.get(NAME)
    await database.sources.put(Source(name=NAME, kind=SourceKind.MCP, enabled=False))
    with pytest.raises(SourceUnavailable):
        await backends.get(NAME)
    await database.sources.remove(NAME)
    with pytest.raises(UnknownSource):
        await backends.get(NAME)
    assert [one.closed for one in maker.made] == [True]
    assert backends.live() == {}


async def test_two_that_ask_at_once_share_one_backend(database: MemoryDatabase, maker: Maker) -> None:
    backends = Backends(database.sources, {SourceKind.MCP: maker})
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(backends.get, NAME)
    assert len(maker.made) == 1


async def test_a_kind_that_nothing_speaks_to_is_unavailable(database: MemoryDatabase) -> None:
    with pytest.raises(SourceUnavailable):
        await Backends(database.sources, {}).get(NAME)


async def test_dropping_and_closing_stop_what_lives_and_can_be_repeated(database: MemoryDatabase, maker: Maker) -> None:
    backends = Backends(database.sources, {SourceKind.MCP: maker})
    await backends.get(NAME)
    await backends.drop(NAME)
    await backends.drop(NAME)
    await backends.get(NAME)
    await backends.aclose()
    await backends.aclose()
    assert [one.closed for one in maker.made] == [True, True]


async def test_a_backend_that_does_not_stop_holds_up_nothing_for_long(
    database: MemoryDatabase, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.05)
    backends = Backends(database.sources, {SourceKind.MCP: maker})
    await backends.get(NAME)
    monkeypatch.setattr(maker.made[0], "aclose", anyio.sleep_forever)
    with anyio.fail_after(5):
        await backends.aclose()
