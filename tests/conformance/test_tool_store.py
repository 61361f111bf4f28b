"""What every `ToolStore` and `DocumentFeed` does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from banyan.core.errors import UnknownHandle, UnknownSource, UnknownTool
from banyan.core.find import Document
from banyan.core.ids import SourceName, ToolName
from banyan.core.source import Difference, Source, SourceKind, SyncReport
from banyan.core.tool import EffectKind, Effects, Example, ToolSpec, ToolState, search_digest
from banyan.memory import Database
from banyan.testing.clock import StillClock

FILES = SourceName("files")
WEB = SourceName("web")

READ = ToolSpec(
    server="files",
    upstream_name="read",
    title="Read a file",
    description="Returns what a file holds.",
    input_schema={
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Where it lies."},
            "range": {"type": "object", "properties": {"from": {"type": "integer", "description": "First line."}}},
        },
        "required": ["path"],
    },
    output_schema={"type": "string"},
    effects=Effects(read_only=True, idempotent=True, open_world=False, guessed=False),
    tags=("disk", "text"),
    examples=(Example(text="read the notes", arguments={"path": "notes.txt"}),),
    combines_with="Paths come from `list`.",
)
LIST = ToolSpec(server="files", upstream_name="list")
MOVE = ToolSpec(server="files", upstream_name="move")


@pytest.fixture(autouse=True)
async def two_sources(stores: Database) -> None:
    for name in (FILES, WEB):
        await stores.sources.put(Source(name=name, kind=SourceKind.MCP))


async def states(stores: Database) -> dict[str, str]:
    rows = await stores.tools.get(["files__read", "files__list", "files__move"])
    return {tool.name: tool.state.value for tool in rows}


async def test_a_tool_comes_back_as_it_was_listed(stores: Database) -> None:
    await stores.tools.sync(FILES, [READ])
    (tool,) = await stores.tools.get(["files__read"])
    assert (tool.source, tool.spec, tool.digest, tool.state) == (FILES, READ, READ.digest, ToolState.ACTIVE)


async def test_a_sync_says_what_is_new_changed_gone_and_unchanged(stores: Database) -> None:
    first = await stores.tools.sync(FILES, [READ, LIST], notes=["a note"])
    assert (first.new, first.unchanged, first.notes) == (("files__read", "files__list"), 0, ("a note",))
    second = await stores.tools.sync(FILES, [replace(READ, title="Read"), MOVE, LIST])
    assert (second.new, second.gone, second.unchanged) == (("files__move",), (), 1)
    (change,) = second.changed
    assert change.name == "files__read"
    assert change.differences == (Difference(path="/title", before='"Read a file"', after='"Read"'),)
    third = await stores.tools.sync(FILES, [LIST])
    assert (third.gone, third.unchanged, third.touched) == (("files__move", "files__read"), 1, True)


async def test_a_sync_of_what_is_known_changes_nothing(stores: Database) -> None:
    await stores.tools.sync(FILES, [READ, LIST])
    before, tools = await stores.tools.version(), await stores.tools.get(["files__read", "files__list"])
    report = await stores.tools.sync(FILES, [LIST, READ])
    assert replace(report, took_ms=0) == SyncReport(source=FILES, unchanged=2)
    assert await stores.tools.version() == before
    assert await stores.tools.get(["files__read", "files__list"]) == tools


async def test_a_sync_notes_when_it_was_and_clears_the_error_of_the_last(stores: Database) -> None:
    await stores.sources.put(Source(name=FILES, kind=SourceKind.MCP, sync_error="no answer"))
    await stores.tools.sync(FILES, [])
    source = await stores.sources.get(FILES)
    assert source.sync_error is None
    assert source.synced_at is not None


async def test_a_tool_that_goes_keeps_its_name_and_gets_it_back(stores: Database) -> None:
    await stores.tools.sync(FILES, [READ, LIST])
    await stores.tools.sync(FILES, [LIST])
    assert await states(stores) == {"files__read": "gone", "files__list": "active"}
    assert [row.name for row in await stores.tools.names()] == ["files__list"]
    rival = await stores.tools.sync(WEB, [ToolSpec(server="FILES", upstream_name="Read")])
    assert rival.new[0] != "files__read"
    report = await stores.tools.sync(FILES, [LIST, READ])
    assert (report.back, report.new) == (("files__read",), ())
    assert (await states(stores))["files__read"] == "active"


async def test_a_tool_that_comes_back_changed_is_reported_as_changed(stores: Database) -> None:
    await stores.tools.sync(FILES, [READ])
    await stores.tools.sync(FILES, [])
    report = await stores.tools.sync(FILES, [replace(READ, title="")])
    assert (report.back, [change.name for change in report.changed]) == ((), ["files__read"])
    assert (await states(stores))["files__read"] == "active"


async def test_names_that_differ_by_case_alone_never_override_one_another(stores: Database) -> None:
    names = ["get_User", "get_user", "GET_USER", "get user", "get-user"]
    report = await stores.tools.sync(FILES, [ToolSpec(server="s", upstream_name=name) for name in names])
    assert len({name.casefold() for name in report.new}) == 5
    tools = await stores.tools.get(report.new)
    assert [tool.spec.upstream_name for tool in tools] == names


async def test_of_two_specs_of_one_tool_the_first_counts_and_a_note_tells(stores: Database) -> None:
    report = await stores.tools.sync(FILES, [READ, replace(READ, title="another")])
    assert report.new == ("files__read",)
    assert len(report.notes) == 1
    assert (await stores.tools.get(["files__read"]))[0].spec == READ


async def test_a_faulty_tool_is_kept_aside_with_its_reason_until_it_is_mended(stores: Database) -> None:
    broken = replace(READ, fault="its schema is no JSON Schema")
    report = await stores.tools.sync(FILES, [broken, LIST])
    assert report.quarantined == (("files__read", "its schema is no JSON Schema"),)
    (tool,) = await stores.tools.get(["files__read"])
    assert (tool.state, tool.state_reason) == (ToolState.QUARANTINED, "its schema is no JSON Schema")
    again = await stores.tools.sync(FILES, [broken, LIST])
    assert (again.unchanged, len(again.quarantined)) == (2, 1)
    assert list(await stores.documents.digests()) == ["files__list"]
    mended = await stores.tools.sync(FILES, [READ, LIST])
    assert mended.quarantined == ()
    assert (await states(stores))["files__read"] == "active"


async def test_a_disabled_tool_stays_disabled_until_a_person_enables_it(stores: Database) -> None:
    await stores.tools.sync(FILES, [READ])
    assert (await stores.tools.set_disabled("files__read", disabled=True)).state is ToolState.DISABLED
    for specs in ([replace(READ, title="")], [], [READ]):
        await stores.tools.sync(FILES, specs)
    assert (await states(stores))["files__read"] == "disabled"
    assert await stores.documents.digests() == {}
    assert (await stores.tools.set_disabled("files__read", disabled=False)).state is ToolState.ACTIVE
    with pytest.raises(UnknownTool):
        await stores.tools.set_disabled("nobody", disabled=True)


async def test_a_sync_of_an_unknown_source_is_refused(stores: Database) -> None:
    with pytest.raises(UnknownSource):
        await stores.tools.sync(SourceName("nobody"), [READ])


async def test_tools_come_in_the_order_asked_for_without_those_that_nobody_has(stores: Database) -> None:
    await stores.tools.sync(FILES, [READ, LIST])
    found = await stores.tools.get(["files__list", "nobody", "files__read", "FILES__READ", "files__list"])
    assert [tool.name for tool in found] == ["files__list", "files__read", "files__list"]
    assert await stores.tools.get([]) == []


async def test_hostile_names_are_stored_and_hide_nothing(stores: Database) -> None:
    names = ["nul\0name", "x" * 5_000, "", " ", "🌳", "a\u202eb", "../../etc", "'; DROP TABLE tools; --"]
    specs = [ToolSpec(server="s", upstream_name=name, fault="odd" if name == "" else None) for name in names]
    report = await stores.tools.sync(FILES, [*specs, READ])
    assert len(set(report.new)) == len(names) + 1
    assert [tool.spec for tool in await stores.tools.get(report.new)] == [*specs, READ]
    assert len(await stores.tools.names()) == len(names) + 1


async def test_a_tool_that_is_no_json_is_left_out_with_a_note_and_hides_nothing(stores: Database) -> None:
    deep: dict[str, object] = {}
    for _ in range(2_000):
        deep = {"items": deep}
    bad = [ToolSpec(server="s", upstream_name="a\ud800"), ToolSpec(server="s", upstream_name="deep", input_schema=deep)]
    report = await stores.tools.sync(FILES, [*bad, READ])
    assert (report.new, len(report.notes)) == (("files__read",), 2)


async def test_names_that_nobody_could_have_are_names_that_nobody_has(stores: Database) -> None:
    for name in ("", "\0", "\ud800", "x" * 100_000):
        assert await stores.tools.get([name]) == []
        assert await stores.documents.documents([name]) == []
        with pytest.raises(UnknownSource):
            await stores.sources.get(name)
        with pytest.raises(UnknownHandle):
            await stores.artifacts.get(name)


async def test_servers_are_counted_by_state(stores: Database) -> None:
    await stores.tools.sync(FILES, [READ, LIST, ToolSpec(server="Zoo", upstream_name="x", fault="no")])
    await stores.tools.sync(FILES, [READ, ToolSpec(server="Zoo", upstream_name="x", fault="no")])
    found = [(one.source, one.server, dict(one.counts)) for one in await stores.tools.servers()]
    assert found == [
        (FILES, "Zoo", {ToolState.QUARANTINED: 1}),
        (FILES, "files", {ToolState.ACTIVE: 1, ToolState.GONE: 1}),
    ]


async def test_when_a_tool_changed_is_when_its_digest_was_first_seen(stores: Database, clock: StillClock) -> None:
    await stores.tools.sync(FILES, [READ, LIST])
    names = ["files__read", "files__list"]
    before = [tool.changed_at for tool in await stores.tools.get(names)]
    clock.forward(60)
    await stores.tools.sync(FILES, [replace(READ, title=""), LIST])
    after = [tool.changed_at for tool in await stores.tools.get(names)]
    assert [(new - old).total_seconds() for new, old in zip(after, before, strict=True)] == [60, 0]


async def test_search_reads_the_active_tools_of_enabled_sources(stores: Database) -> None:
    await stores.tools.sync(FILES, [READ, LIST])
    await stores.tools.sync(WEB, [ToolSpec(server="web", upstream_name="get")])
    await stores.sources.put(Source(name=WEB, kind=SourceKind.MCP, enabled=False))
    digests = await stores.documents.digests()
    assert digests == {"files__read": search_digest(READ), "files__list": search_digest(LIST)}
    assert await stores.documents.documents(["web__get", "files__read", "nobody"]) == [
        Document(
            key="files__read",
            kind="tool",
            digest=digests["files__read"],
            name="read",
            title="Read a file",
            text="Returns what a file holds.",
            details="path: Where it lies.\nrange\nfrom: First line.",
            server="files",
            source="files",
            tags=("disk", "text"),
            effects=EffectKind.READ_ONLY,
        )
    ]


async def test_a_document_is_another_one_after_a_change_of_what_search_reads_and_only_then(stores: Database) -> None:
    await stores.tools.sync(FILES, [READ])
    before = await stores.documents.digests()
    await stores.tools.sync(FILES, [replace(READ, output_schema=None, combines_with="")])
    assert await stores.documents.digests() == before
    await stores.tools.sync(FILES, [replace(READ, effects=Effects(destructive=True))])
    assert await stores.documents.digests() != before
    assert await stores.documents.version() == await stores.tools.version()


async def test_a_listing_of_some_servers_leaves_the_others_as_they_are(stores: Database) -> None:
    other = replace(LIST, server="net")
    await stores.tools.sync(FILES, [READ, LIST, other])
    version = await stores.tools.version()
    report = await stores.tools.sync(FILES, [READ], servers=frozenset({"files"}))
    assert (report.gone, report.unchanged, report.new) == (("files__list",), 1, ())
    assert {row.name for row in await stores.tools.names()} == {"files__read", "net__list"}
    assert await stores.tools.version() > version
    assert not (await stores.tools.sync(FILES, [other], servers=frozenset({"net"}))).touched


async def test_servers_that_are_let_go_can_come_back_under_their_old_names(stores: Database) -> None:
    other = replace(LIST, server="net")
    await stores.tools.sync(FILES, [READ], servers=frozenset({"files"}))
    await stores.tools.sync(FILES, [other], servers=frozenset({"net"}))
    gone = await stores.tools.sync(FILES, (), servers=frozenset({"net"}))
    assert (gone.gone, [row.name for row in await stores.tools.names()]) == (("net__list",), ["files__read"])
    back = await stores.tools.sync(FILES, [other], servers=frozenset({"net"}))
    assert (back.back, back.new) == (("net__list",), ())


async def test_one_name_is_given_once_however_many_listings_want_it(stores: Database) -> None:
    every: list[ToolName] = []
    for source, server in ((FILES, "a"), (FILES, "A"), (WEB, "a")):
        spec = replace(READ, server=server)
        every += (
            await stores.tools.sync(source, [spec, replace(spec, upstream_name="Read")], servers=frozenset({server}))
        ).new
    folded = [name.casefold() for name in every]
    assert len(set(folded)) == len(folded) == 6
    assert every[0] == "a__read"
