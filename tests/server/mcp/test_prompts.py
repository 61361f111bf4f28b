"""The one prompt: what a client lists, and what it puts before a model."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

import banyan
from banyan.memory.context.tokens import count_tokens
from banyan.server.mcp.gateway import make_server
from banyan.server.mcp.options import ServeOptions
from banyan.server.mcp.prompts import GOAL_CHARS


@pytest.fixture
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    async with (
        banyan.open(tmp_path_factory.mktemp("prompts")) as b,
        Client(make_server(b, ServeOptions()), read_timeout_seconds=20) as connected,
    ):
        yield connected


async def test_one_prompt_is_listed_with_what_it_takes(client: Client) -> None:
    (prompt,) = (await client.list_prompts()).prompts
    assert prompt.name == "work_on"
    assert prompt.description
    (argument,) = prompt.arguments or []
    assert (argument.name, argument.required) == ("goal", True)


async def text_for(client: Client, goal: str) -> str:
    (message,) = (await client.get_prompt("work_on", {"goal": goal})).messages
    assert message.role == "user"
    assert isinstance(message.content, types.TextContent)
    return message.content.text


async def test_the_prompt_names_the_goal_and_only_tools_that_there_are(client: Client) -> None:
    text = await text_for(client, "Move the shop to the new address {by} May")
    assert "Move the shop to the new address {by} May" in text
    named = set(re.findall(r"\b[a-z]+_[a-z]+\b", text))
    listed = {tool.name for tool in (await client.list_tools()).tools}
    assert named <= listed
    assert named >= {"next_tasks", "edit_tasks", "get_task", "finish_task", "find_tools", "call_tool"}
    assert "check it with recall" in text
    assert count_tokens(text) < 400


async def test_a_goal_as_long_as_allowed_is_taken_whole(client: Client) -> None:
    goal = "g" * GOAL_CHARS
    assert goal in await text_for(client, goal)


@pytest.mark.parametrize(
    ("name", "arguments", "word"),
    [
        ("work_of", {"goal": "x"}, "work_on"),
        ("work_on", None, "goal"),
        ("work_on", {"goal": "  "}, "goal"),
        ("work_on", {"goal": "g" * (GOAL_CHARS + 1)}, "goal"),
        ("w" * 10_000, {"goal": "x"}, "work_on"),
    ],
)
async def test_a_prompt_that_cannot_be_made_is_refused(
    client: Client, name: str, arguments: dict[str, Any] | None, word: str
) -> None:
    with pytest.raises(MCPError) as told:
        await client.get_prompt(name, arguments)
    assert told.value.error.code == types.INVALID_PARAMS
    assert word in told.value.error.message
    assert len(told.value.error.message) < 300
