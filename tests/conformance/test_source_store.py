"""What every `SourceStore` does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from banyan.core.errors import UnknownSource
from banyan.core.ids import SourceName
from banyan.core.source import Source, SourceKind
from banyan.core.tool import ToolSpec
from banyan.memory import Database

FILES = Source(
    name=SourceName("files"),
    kind=SourceKind.MCP,
    config={"command": ["serve", "--root", "ü"], "env": {"TOKEN": "${TOKEN}"}, "timeout_s": 2.5},
    instructions="Reads files.",
)
SUMS = Source(name=SourceName("Sums"), kind=SourceKind.PYTHON, config={"target": "sums"}, enabled=False)


async def test_a_source_comes_back_as_it_was_put(stores: Database) -> None:
    moment = datetime(2026, 5, 4, 3, 2, 1, 234567, tzinfo=UTC)
    source = replace(FILES, synced_at=moment, sync_error="no answer")
    await stores.sources.put(source)
    assert await stores.sources.get("files") == source


async def test_sources_come_in_the_order_of_their_names_by_code_point(stores: Database) -> None:
    for source in (FILES, SUMS):
        await stores.sources.put(source)
    assert await stores.sources.all() == [SUMS, FILES]


async def test_putting_a_source_again_replaces_it_and_keeps_its_tools(stores: Database) -> None:
    await stores.sources.put(FILES)
    await stores.tools.sync(FILES.name, [ToolSpec(server="files", upstream_name="read")])
    await stores.sources.put(replace(FILES, config={"url": "http://127.0.0.1"}))
    assert (await stores.sources.get("files")).config == {"url": "http://127.0.0.1"}
    assert [row.name for row in await stores.tools.names()] == ["files__read"]


async def test_an_unknown_source_is_refused_with_the_names_that_there_are(stores: Database) -> None:
    await stores.sources.put(FILES)
    with pytest.raises(UnknownSource) as refused:
        await stores.sources.get("flies")
    assert "`files`" in str(refused.value)
    with pytest.raises(UnknownSource):
        await stores.sources.remove("flies")


async def test_removing_a_source_removes_its_tools_and_counts_those_that_were_listed(stores: Database) -> None:
    for source in (FILES, SUMS):
        await stores.sources.put(source)
        await stores.tools.sync(source.name, [ToolSpec(server="s", upstream_name=name) for name in ("a", "b", "c")])
    await stores.tools.sync(FILES.name, [ToolSpec(server="s", upstream_name=name) for name in ("a", "b")])
    assert await stores.sources.remove("files") == 2
    assert await stores.sources.all() == [replace(SUMS, synced_at=(await stores.sources.get("Sums")).synced_at)]
    assert {row.source for row in await stores.tools.names()} == {"Sums"}


async def test_the_catalogue_is_another_one_after_a_change_of_a_source_but_not_after_a_failed_sync(
    stores: Database,
) -> None:
    versions = [await stores.tools.version()]
    for source in (FILES, replace(FILES, enabled=False), replace(FILES, enabled=False, sync_error="no answer")):
        await stores.sources.put(source)
        versions.append(await stores.tools.version())
    await stores.sources.remove("files")
    versions.append(await stores.tools.version())
    assert versions[0] < versions[1] < versions[2] == versions[3] < versions[4]
