"""The four tools, as real clients of both eras see them, in process and over HTTP."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client

import banyan
from banyan.memory.context.tokens import count_tokens
from banyan.server.mcp.gateway import make_server
from banyan.server.mcp.options import AnswerLimits, Expose, ServeOptions

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

LIMIT = AnswerLimits().answer_chars
SERVER = "house"

Connect = Callable[..., Client]


def text_of(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


def size_of(result: types.CallToolResult) -> int:
    return len(text_of(result)) + len(json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":")))


async def run(client: Client, tool: str, arguments: dict[str, Any] | None = None, **options: Any) -> Any:
    return await client.call_tool("call_tool", {"name": tool, "arguments": arguments or {}}, **options)


NAMES = ["find_tools", "describe_tools", "call_tool", "read_result"]
NAMES += ["edit_tasks", "next_tasks", "get_task", "finish_task", "recall"]


def answering(action: str, content: dict[str, Any] | None = None, asked: list[str] | None = None) -> Any:
    async def answer(ctx: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        if asked is not None:
            asked.append(params.message)
        return types.ElicitResult(action=action, content=content)  # type: ignore[arg-type]

    return answer


async def test_nine_tools_are_listed_in_few_tokens_and_say_what_is_behind_them(connect: Connect) -> None:
    async with connect() as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == NAMES
    description = tools[0].description or ""
    assert re.search(r"Behind it now: \d+ tools of 3 servers: ", description)
    assert "everyday (9:" in description
    whole = json.dumps([tool.model_dump(by_alias=True, exclude_none=True) for tool in tools])
    # `run_plan` comes with the orchestrator, and has its share of the 4,000 still to take.
    assert count_tokens(whole) < 3_400
    writing = [tool.name for tool in tools if tool.annotations and not tool.annotations.read_only_hint]
    assert writing == ["call_tool", "edit_tasks", "next_tasks", "finish_task"]


async def test_a_tool_is_found_described_called_and_its_result_read(connect: Connect) -> None:
    async with connect() as client:
        found = await client.call_tool("find_tools", {"query": "add two numbers", "k": 3})
        best = found.structured_content["results"][0]
        described = await client.call_tool("describe_tools", {"names": [best["name"]]})
        called = await run(client, best["name"], {"a": 20, "b": 22})
        read = await client.call_tool("read_result", {"handle": called.structured_content["handle"]})
    assert best["name"] == f"{SERVER}__add"
    assert best["name"] in text_of(found)
    assert set(described.structured_content["tools"][0]["input_schema"]["properties"]) == {"a", "b"}
    assert "Add two numbers." in text_of(described)
    assert called.structured_content["outcome"] == "ok"
    assert called.structured_content["preview"] == "42"
    assert text_of(called).startswith("42")
    assert str(read.structured_content["content"]) == "42"
    assert not any(one.is_error for one in (found, described, called, read))


async def test_the_json_is_the_one_that_every_surface_prints(connect: Connect, b: banyan.Banyan) -> None:
    await b.embed()  # a vector that arrives between two searches changes what they are sure of
    async with connect() as client:
        found = (await client.call_tool("find_tools", {"query": "tell a story"})).structured_content
    same = (await b.find("tell a story")).to_json()
    assert found | {"took_ms": 0} == same | {"took_ms": 0}


async def test_a_long_result_is_read_to_its_end_in_answers_within_the_limit(connect: Connect) -> None:
    async with connect() as client:
        called = await run(client, f"{SERVER}__story", {"lines": 1_500})
        assert called.structured_content["truncated"]
        assert "read_result" in text_of(called)
        sizes = [size_of(called)]
        whole = ""
        offset: int | None = 0
        while offset is not None:
            page = await client.call_tool(
                "read_result", {"handle": called.structured_content["handle"], "offset": offset}
            )
            sizes.append(size_of(page))
            whole += page.structured_content["content"]
            offset = page.structured_content["next_offset"]
    assert whole == "".join(f'line {n}: "é" \\ and more of it\n' for n in range(1_500))
    assert max(sizes) <= LIMIT
    assert len(sizes) < 40


async def test_a_long_list_is_read_item_by_item(connect: Connect) -> None:
    async with connect() as client:
        called = await run(client, f"{SERVER}__rows", {"count": 1_000})
        handle = called.structured_content["handle"]
        items: list[Any] = []
        offset: int | None = 0
        while offset is not None:
            page = await client.call_tool("read_result", {"handle": handle, "offset": offset, "limit": 400})
            assert size_of(page) <= LIMIT
            items += page.structured_content["content"]
            offset = page.structured_content["next_offset"]
        one = await client.call_tool("read_result", {"handle": handle, "path": "/999/name"})
    assert [item["id"] for item in items] == list(range(1_000))
    assert "row 999" in text_of(one)


async def test_every_answer_stays_within_the_limit(connect: Connect) -> None:
    async with connect() as client:
        answers = [
            await client.call_tool("find_tools", {"query": "x " * 1_500, "k": 50}),
            await client.call_tool("describe_tools", {"names": [f"{SERVER}__{name}" for name in ("add", "wipe")] * 8}),
            await run(client, "no such tool" * 30),
            await client.call_tool("read_result", {"handle": "r_" + "x" * 190}),
        ]
    assert max(size_of(one) for one in answers) <= LIMIT


async def test_a_destructive_tool_runs_when_the_person_says_so(connect: Connect) -> None:
    asked: list[str] = []
    async with connect(elicitation_callback=answering("accept", {"decision": "once"}, asked)) as client:
        called = await run(client, f"{SERVER}__wipe", {"what": "cache\x1b[2J"})
    assert called.structured_content["outcome"] == "ok"
    assert len(asked) == 1
    assert "wipe" in asked[0]
    assert "\x1b" not in asked[0]
    assert "\x1b" not in text_of(called)
    assert "\u200b" not in json.dumps(called.structured_content, ensure_ascii=False)


async def test_a_destructive_tool_does_not_run_when_the_person_declines(connect: Connect) -> None:
    async with connect(elicitation_callback=answering("decline")) as client:
        called = await run(client, f"{SERVER}__wipe", {"what": "nothing"})
    assert called.is_error
    assert called.structured_content["outcome"] == "denied"
    assert called.structured_content["category"] == "denied"


async def test_without_a_way_to_ask_it_waits_for_the_inbox(connect: Connect, b: banyan.Banyan, mode: str) -> None:
    what = {"what": f"disk {mode} {id(connect)}"}
    async with connect() as client:
        first = await run(client, f"{SERVER}__wipe", what)
        assert first.is_error
        assert first.structured_content["outcome"] == "needs_approval"
        approval = first.structured_content["approval_id"]
        assert approval in text_of(first)
        await b.approve(approval, by="test")
        second = await run(client, f"{SERVER}__wipe", what)
        third = await run(client, f"{SERVER}__wipe", what)
    assert second.structured_content["outcome"] == "ok"
    assert third.structured_content["outcome"] == "needs_approval"


async def test_a_tool_that_only_writes_runs_for_clients_that_cannot_ask(connect: Connect) -> None:
    async with connect() as client:
        assert (await run(client, f"{SERVER}__note", {"text": "milk"})).structured_content["preview"] == "noted milk"


async def test_a_question_of_the_tools_own_server_reaches_the_person(connect: Connect) -> None:
    asked: list[str] = []

    async def answer(ctx: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params.message)
        content = {"colour": "blue"} if "colour" in params.message else {"decision": "once"}
        return types.ElicitResult(action="accept", content=content)  # type: ignore[arg-type]

    async with connect(elicitation_callback=answer) as client:
        called = await run(client, "asking__colour")
    assert "accept blue" in text_of(called)
    assert asked[-1] == "The tool server `asking` asks: Which colour?"


async def test_progress_reaches_the_client(connect: Connect) -> None:
    seen: list[tuple[float, float | None]] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        seen.append((done, total))

    async with connect() as client:
        called = await run(client, "everyday__steps", {"count": 5}, progress_callback=on_progress)
    assert not called.is_error
    assert seen[-1] == (5.0, 5.0)
    assert seen == sorted(seen)


async def test_a_client_that_gives_up_cancels_the_call(
    connect: Connect, mode: str, cancelled: dict[str, anyio.Event]
) -> None:
    name = f"{mode} {id(connect)}"
    async with connect(elicitation_callback=answering("decline")) as client:
        cancelled[name] = anyio.Event()
        with anyio.move_on_after(0.5):
            await run(client, f"{SERVER}__forever", {"name": name})
        with anyio.fail_after(5):
            await cancelled[name].wait()


@pytest.mark.parametrize(
    ("tool", "arguments", "category", "word"),
    [
        ("find_tools", {"query": "x", "limit": 3}, "unknown_argument", "limit"),
        ("find_tools", {}, "missing_argument", "query"),
        ("find_tools", {"query": 3}, "bad_value", "query"),
        ("find_tools", {"query": "x", "effects": ["nice"]}, "bad_value", "nice"),
        ("describe_tools", {"names": ["house__ad"]}, "unknown_tool", "house__add"),
        ("describe_tools", {"names": ["house__add"], "path": "/nowhere"}, "bad_value", "path"),
        ("call_tool", {"name": "house__ad", "arguments": {}}, "unknown_tool", "house__add"),
        ("call_tool", {"name": "house__add", "arguments": {"a": 1}}, "missing_argument", "b"),
        ("call_tool", {"name": "house__add", "a": 1, "b": 2}, "unknown_argument", "inside `arguments`"),
        ("call_tool", {"name": "everyday__fail", "arguments": {}}, "upstream", "tool fail"),
        ("read_result", {"handle": "r_none"}, "not_found", "r_none"),
        ("house__add", {"a": 1, "b": 2}, "unknown_tool", "call_tool"),
    ],
)
async def test_what_went_wrong_is_a_result_that_a_model_can_act_on(
    connect: Connect, tool: str, arguments: dict[str, Any], category: str, word: str
) -> None:
    async with connect() as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert result.structured_content["category"] == category
    assert category in text_of(result)
    assert word in text_of(result) + json.dumps(result.structured_content)


async def test_a_bug_is_logged_and_told_without_detail(
    connect: Connect, b: banyan.Banyan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(b, "find", broken)
    with caplog.at_level(logging.ERROR, logger="banyan.server.mcp"):
        async with connect() as client:
            result = await client.call_tool("find_tools", {"query": "x"})
    assert result.is_error
    assert result.structured_content["category"] == "internal"
    assert "hunter2" not in text_of(result) + json.dumps(result.structured_content)
    assert "ZeroDivisionError" in caplog.text


async def test_hostile_descriptions_are_shown_without_what_is_hidden_in_them(connect: Connect) -> None:
    async with connect() as client:
        found = await client.call_tool("find_tools", {"query": "wipe"})
        described = await client.call_tool("describe_tools", {"names": [f"{SERVER}__wipe"]})
        listed = (await client.list_tools()).tools[0].description or ""
    for shown in (text_of(found), text_of(described), json.dumps(described.structured_content, ensure_ascii=False)):
        assert not {"\u200b", "\x1b", "\u202e", "\U000e0041"} & set(shown)
    assert "IMPORTANT" not in listed


async def test_clients_are_told_when_the_catalogue_changes(connect: Connect, b: banyan.Banyan, mode: str) -> None:
    told = anyio.Event()

    async def on_message(message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            told.set()

    def another() -> str:
        """Another tool."""
        return "another"

    another.__module__ = "house"
    another.__name__ = another.__qualname__ = f"another_{mode}_{id(connect)}"
    async with connect(message_handler=on_message) as client:
        before = (await client.list_tools()).tools[0].description
        if mode == "legacy":
            await b.add(another)
            with anyio.fail_after(5):
                await told.wait()
        else:
            async with client.listen(tools_list_changed=True) as events:
                await b.add(another)
                with anyio.fail_after(5):
                    async for _ in events:
                        break
        after = (await client.list_tools()).tools[0].description
    assert before != after


async def test_a_change_by_another_banyan_is_told_within_two_seconds(b: banyan.Banyan) -> None:
    def elsewhere() -> str:
        """Be elsewhere."""
        return "elsewhere"

    elsewhere.__module__ = "other"
    async with (
        Client(make_server(b, ServeOptions()), mode="auto") as client,
        client.listen(tools_list_changed=True) as events,
        banyan.open(b.settings.home, watch=False) as other,
    ):
        await other.add(elsewhere)
        with anyio.fail_after(2):
            async for _ in events:
                break
        assert "other (1: elsewhere)" in ((await client.list_tools()).tools[0].description or "")
        await other.remove("other")


async def test_every_tool_can_be_shown_natively(b: banyan.Banyan, mode: str) -> None:
    async with Client(make_server(b, ServeOptions(expose=Expose.ALL)), mode=mode) as client:
        tools = (await client.list_tools()).tools
        called = await client.call_tool(f"{SERVER}__add", {"a": 1, "b": 2})
        read = await client.call_tool("read_result", {"handle": called.structured_content["handle"]})
        wiped = await client.call_tool(f"{SERVER}__wipe", {"what": "all"})
    names = [tool.name for tool in tools]
    assert names[:6] == NAMES[3:]
    assert names[6:] == sorted(names[6:])
    assert f"{SERVER}__add" in names
    assert "find_tools" not in names
    assert called.structured_content["preview"] == "3"
    assert not read.is_error
    assert wiped.structured_content["outcome"] == "needs_approval"


async def test_native_tools_come_in_pages(b: banyan.Banyan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banyan.server.mcp.native.PAGE_TOOLS", 4)
    async with Client(make_server(b, ServeOptions(expose=Expose.ALL, native_tools=10)), mode="auto") as client:
        names: list[str] = []
        cursor: str | None = None
        pages = 0
        while pages == 0 or cursor is not None:
            page = await client.list_tools(cursor=cursor)
            names += [tool.name for tool in page.tools]
            cursor = page.next_cursor
            pages += 1
    assert pages == 3
    assert len(names) == len(set(names)) == 16
