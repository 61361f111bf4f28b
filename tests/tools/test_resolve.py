"""From a name as it is written to the tool that is meant."""

from __future__ import annotations

import time

import pytest

from banyan.core.errors import UnknownTool
from banyan.core.ids import SourceName
from banyan.core.source import Source, SourceKind
from banyan.core.tool import ToolState
from banyan.testing.stores import MemoryDatabase
from banyan.tools.resolve import ResolveLimits, Resolver
from tests.tools.room import spec


async def catalogue(**sources: list[str]) -> MemoryDatabase:
    """Return a catalogue of sources with tools, each the server of its own name."""
    database = MemoryDatabase()
    for name, tools in sources.items():
        await database.sources.put(Source(name=SourceName(name), kind=SourceKind.MCP))
        await database.tools.sync(SourceName(name), [spec(one, name) for one in tools])
    return database


@pytest.mark.parametrize(
    "written",
    [
        "github__create_issue",
        "GITHUB__Create_Issue",
        "github.create_issue",
        "github/create_issue",
        "github:create_issue",
        "GitHub.Create_Issue",
        "create_issue",
        "  create_issue ",
        "mcp__banyan__github__create_issue",
        "mcp_banyan_github__create_issue",
        "banyan.github__create_issue",
        "banyan:github.create_issue",
        "mcp__github__create_issue",
        "functions.github__create_issue",
        "functions.banyan__create_issue",
    ],
)
async def test_every_common_way_to_write_a_name_finds_its_tool(written: str) -> None:
    database = await catalogue(github=["create_issue", "list_issues"], files=["read"])
    assert (await Resolver(database.tools).resolve(written)).name == "github__create_issue"


async def test_an_exact_name_wins_over_the_same_name_at_another_server() -> None:
    database = await catalogue(a=["b__x"], b=["x"], mcp__b=["x"])
    assert (await Resolver(database.tools).resolve("b__x")).source == "b"
    assert (await Resolver(database.tools).resolve("mcp__b__x")).source == "mcp__b"


async def test_a_name_that_two_servers_have_is_not_guessed_but_both_are_told() -> None:
    database = await catalogue(github=["search"], gitlab=["search"])
    with pytest.raises(UnknownTool) as caught:
        await Resolver(database.tools).resolve("search")
    assert caught.value.nearest == ("github__search", "gitlab__search")


async def test_a_name_that_one_active_tool_has_is_that_one() -> None:
    database = await catalogue(github=["search"])
    await database.sources.put(Source(name=SourceName("gitlab"), kind=SourceKind.MCP))
    await database.tools.sync(SourceName("gitlab"), [spec("search", "gitlab", fault="broken")])
    assert (await Resolver(database.tools).resolve("search")).source == "github"


async def test_a_misspelt_name_is_not_called_but_told_the_nearest() -> None:
    database = await catalogue(github=["create_issue", "list_issues"], weather=["forecast"])
    with pytest.raises(UnknownTool) as caught:
        await Resolver(database.tools).resolve("creat_isue")
    assert caught.value.nearest[0] == "github__create_issue"
    assert len(caught.value.nearest) <= 3


@pytest.mark.parametrize("name", ["", "  ", "x" * 10_000, "\ud800", "日本", "__", "...", "a" * 200 + "." * 100])
async def test_any_text_is_either_a_tool_or_unknown(name: str) -> None:
    database = await catalogue(github=["create_issue"])
    with pytest.raises(UnknownTool):
        await Resolver(database.tools).resolve(name)


async def test_a_tool_that_cannot_be_called_is_still_found_with_its_state() -> None:
    database = await catalogue(github=["create_issue"])
    await database.tools.sync(SourceName("github"), [])
    assert (await Resolver(database.tools).resolve("github__create_issue")).state is ToolState.GONE


async def test_a_change_by_this_process_is_seen_once_told_and_others_after_the_trusted_time() -> None:
    database = await catalogue(github=["create_issue"])
    resolver = Resolver(database.tools, ResolveLimits(trust_s=3_600))
    old = await resolver.resolve("github__create_issue")
    await database.tools.sync(SourceName("github"), [spec("create_issue", "github", description="new")])
    assert (await resolver.resolve("github__create_issue")).digest == old.digest
    resolver.forget()
    assert (await resolver.resolve("github__create_issue")).digest != old.digest
    eager = Resolver(database.tools, ResolveLimits(trust_s=0))
    await eager.resolve("create_issue")
    await database.tools.sync(SourceName("github"), [spec("make_issue", "github")])
    assert (await eager.resolve("make_issue")).name == "github__make_issue"


async def test_only_so_many_tools_stay_in_memory() -> None:
    database = await catalogue(github=[f"t{at}" for at in range(20)])
    resolver = Resolver(database.tools, ResolveLimits(cached_tools=5))
    for at in range(20):
        await resolver.resolve(f"github__t{at}")
    assert len(resolver._known) == 5


async def test_the_nearest_of_fifty_thousand_names_is_found_in_little_time() -> None:
    words = ["issue", "file", "order", "query", "metric", "bucket", "user"]
    names = [f"{verb}_{word}_{at}" for at in range(1_500) for verb in ("get", "list", "put", "drop") for word in words]
    database = await catalogue(**{f"s{part}": names[part::10] for part in range(10)})
    resolver = Resolver(database.tools)
    await resolver.nearest("warm")
    began = time.perf_counter()
    nearest = await resolver.nearest("get_isue_1234")
    # Measured at 15 ms; ten times that on a loaded machine.
    assert time.perf_counter() - began < 0.3
    assert any(name.endswith("get_issue_1234") for name in nearest)
