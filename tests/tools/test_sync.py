"""The catalogue brought up to date with its sources."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

import anyio
import pytest

from banyan.core.errors import SourceUnavailable, UnknownSource
from banyan.core.ids import SourceName
from banyan.core.ports import Backend
from banyan.core.source import Listing, Source, SourceKind, SyncReport
from banyan.testing.backend import ScriptedBackend
from banyan.testing.stores import MemoryDatabase
from banyan.tools.backends import Backends
from banyan.tools.sync import ListingLimits, Syncer
from tests.tools.room import Clock, schema, spec


class House:
    """Sources on scripted backends, and what syncs them."""

    def __init__(self, limits: ListingLimits | None = None) -> None:
        self.clock = Clock()
        self.database = MemoryDatabase(self.clock)
        self.scripted: dict[str, ScriptedBackend] = {}
        make: dict[SourceKind, Callable[[Source], Backend]] = {SourceKind.MCP: lambda one: self.scripted[one.name]}
        self.backends = Backends(self.database.sources, make)
        self.syncer = Syncer(self.database.sources, self.database.tools, self.backends, limits, clock=self.clock)

    async def add(self, name: str, *tools: str, enabled: bool = True) -> ScriptedBackend:
        self.scripted[name] = ScriptedBackend([spec(one, name) for one in tools], notes=f"I am {name}")
        await self.database.sources.put(Source(name=SourceName(name), kind=SourceKind.MCP, enabled=enabled))
        return self.scripted[name]


async def test_every_source_that_is_switched_on_is_listed() -> None:
    house = House()
    await house.add("b", "x", "y")
    await house.add("a", "x")
    await house.add("off", "x", enabled=False)
    reports = await house.syncer.sync()
    assert [(one.source, len(one.new)) for one in reports] == [("a", 1), ("b", 2)]
    source = await house.database.sources.get("b")
    assert (source.synced_at, source.sync_error, source.instructions) == (house.clock.now, None, "I am b")


async def test_a_second_sync_changes_nothing_and_the_catalogue_keeps_its_version() -> None:
    house = House()
    await house.add("a", "x")
    await house.syncer.sync()
    version = await house.database.tools.version()
    (again,) = await house.syncer.sync()
    assert (again.touched, again.unchanged) == (False, 1)
    assert await house.database.tools.version() == version


async def test_one_failing_source_hides_no_other_and_keeps_its_tools() -> None:
    house = House()
    await house.add("good", "x")
    bad = await house.add("bad", "x")
    await house.syncer.sync()
    bad.listing_error = SourceUnavailable("bad", "it went away")
    first, second = await house.syncer.sync()
    assert (first.source, first.error) == ("bad", "it went away")
    assert second.error is None
    assert (await house.database.sources.get("bad")).sync_error == "it went away"
    assert len(await house.database.tools.names()) == 2
    bad.listing_error = None
    await house.syncer.sync(["bad"])
    assert (await house.database.sources.get("bad")).sync_error is None


async def test_a_bug_in_one_backend_ends_only_its_own_sync(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    await house.add("good", "x")
    (await house.add("bad", "x")).listing_error = ZeroDivisionError("boom")
    with caplog.at_level(logging.ERROR):
        first, second = await house.syncer.sync()
    assert "ZeroDivisionError" in str(first.error)
    assert "ZeroDivisionError" in caplog.text
    assert second.new == ("good__x",)


async def test_a_source_that_hangs_is_given_up_and_the_others_are_there_at_once() -> None:
    house = House(ListingLimits(timeout_s=0.1))
    await house.add("good", "x")
    stuck = await house.add("stuck", "x")

    async def hang() -> Listing:
        await anyio.sleep_forever()
        raise AssertionError

    stuck.listing = hang  # type: ignore[method-assign]
    order: list[SyncReport] = []
    with anyio.fail_after(5):
        reports = await house.syncer.sync(on_done=order.append)
    assert [one.source for one in order] == ["good", "stuck"]
    assert [one.source for one in reports] == ["good", "stuck"]
    assert "not listed within" in str(order[1].error)


async def test_sources_are_listed_at_the_same_time() -> None:
    house = House()
    both = anyio.Event()
    waiting: list[str] = []

    async def meet() -> Listing:
        waiting.append("one")
        if len(waiting) == 2:
            both.set()
        await both.wait()
        return Listing(tools=())

    for name in ("a", "b"):
        (await house.add(name)).listing = meet  # type: ignore[method-assign]
    with anyio.fail_after(5):
        assert [one.error for one in await house.syncer.sync()] == [None, None]


async def test_an_unknown_source_is_refused_and_nothing_is_listed() -> None:
    house = House()
    await house.add("a", "x")
    with pytest.raises(UnknownSource):
        await house.syncer.sync(["a", "b"])
    assert await house.database.tools.names() == []


async def test_more_tools_than_are_taken_are_told() -> None:
    house = House(ListingLimits(max_tools=2))
    await house.add("a", "x", "y", "z")
    (report,) = await house.syncer.sync()
    assert (len(report.new), report.notes) == (2, ("1 tools beyond the first 2 were left out",))


async def test_a_source_that_was_removed_meanwhile_ends_with_an_error() -> None:
    house = House()
    backend = await house.add("a", "x")

    async def vanish() -> Listing:
        await house.database.sources.remove("a")
        return Listing(tools=tuple(backend.tools))

    backend.listing = vanish  # type: ignore[method-assign]
    (report,) = await house.syncer.sync()
    assert report.error is not None
    assert await house.database.sources.all() == []


class Parted(ScriptedBackend):
    """A scripted backend that lists its tools server by server, and may fail between two of them."""

    def __init__(self, *parts: Listing | Exception) -> None:
        super().__init__()
        self.parts: Sequence[Listing | Exception] = parts

    async def listings(self) -> AsyncIterator[Listing]:
        for part in self.parts:
            await anyio.lowlevel.checkpoint()
            if isinstance(part, Exception):
                raise part
            yield part


def part(server: str, *tools: str, notes: tuple[str, ...] = ()) -> Listing:
    return Listing(tools=tuple(spec(one, server) for one in tools), servers=frozenset({server}), notes=notes)


async def parted(house: House, *parts: Listing | Exception) -> Parted:
    await house.add("cloud")
    house.scripted["cloud"] = backend = Parted(*parts)
    return backend


async def test_a_source_listed_in_parts_gives_one_report_of_them_all() -> None:
    house = House()
    await parted(house, part("s3", "Get", "Put", notes=("one",)), part("sqs", "Send", notes=("two",)))
    (report,) = await house.syncer.sync()
    assert report.new == ("s3__Get", "s3__Put", "sqs__Send")
    assert (report.notes, report.error) == (("one", "two"), None)
    assert (await house.database.sources.get("cloud")).synced_at == house.clock.now
    (again,) = await house.syncer.sync()
    assert (again.touched, again.unchanged) == (False, 3)


async def test_a_server_that_no_part_is_of_any_more_is_gone_with_its_tools() -> None:
    house = House()
    backend = await parted(house, part("s3", "Get"), part("sqs", "Send"))
    await house.syncer.sync()
    backend.parts = [part("s3", "Get", "Put")]
    (report,) = await house.syncer.sync()
    assert (report.new, report.gone, report.unchanged) == (("s3__Put",), ("sqs__Send",), 1)


async def test_a_part_that_fails_keeps_what_came_before_it_and_lets_nothing_go() -> None:
    house = House()
    backend = await parted(house, part("s3", "Get"), part("sqs", "Send"))
    await house.syncer.sync()
    backend.parts = [part("s3", "Get", "Put"), SourceUnavailable("cloud", "it went away")]
    (report,) = await house.syncer.sync()
    assert report.error == "it went away"
    assert [row.name for row in await house.database.tools.names()] == ["s3__Get", "s3__Put", "sqs__Send"]
    assert (await house.database.sources.get("cloud")).sync_error == "it went away"


async def test_a_tool_of_another_server_than_its_part_is_left_out_and_told() -> None:
    house = House()
    stray = Listing(tools=(spec("Get", "s3"), spec("Send", "sqs")), servers=frozenset({"s3"}))
    await parted(house, stray)
    (report,) = await house.syncer.sync()
    assert report.new == ("s3__Get",)
    assert report.notes == ("1 tools of other servers than the listing is of were left out",)


async def test_presets_hold_for_every_part() -> None:
    house = House()
    takes = spec("Get", "s3", input_schema=schema(["key", "region"], key="string", region="string"))
    await parted(house, Listing(tools=(takes,), servers=frozenset({"s3"})))
    preset = {"argument": "region", "value": "eu-west-1"}
    source = await house.database.sources.get("cloud")
    await house.database.sources.put(replace(source, config={"presets": [preset]}))
    await house.syncer.sync()
    (kept,) = await house.database.tools.get(["s3__Get"])
    assert (list(kept.spec.input_schema["properties"]), kept.spec.input_schema["required"]) == (["key"], ["key"])
