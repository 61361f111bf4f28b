"""The scenarios as whole conversations over MCP: what the last reply needs is in a context of half the tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import Client

import banyan
from banyan.memory.context.tokens import count_tokens
from banyan.server.mcp.gateway import make_server
from banyan.server.mcp.options import AnswerLimits, ServeOptions
from tests.scenarios.transcript import NAMES, Played, furnish, lines_of, play
from tests.scenarios.world import search_hotels

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
async def b(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[banyan.Banyan]:
    async with banyan.open(tmp_path_factory.mktemp("conversations")) as opened:
        await furnish(opened)
        yield opened


@pytest.fixture
async def client(b: banyan.Banyan) -> AsyncIterator[Client]:
    async with Client(make_server(b, ServeOptions()), read_timeout_seconds=20) as connected:
        yield connected


@pytest.mark.parametrize("name", NAMES)
async def test_the_last_reply_is_written_from_half_of_the_tokens(name: str, client: Client, b: banyan.Banyan) -> None:
    played = await play(name, client, b)
    assert played.needs
    assert played.missing == []
    assert played.context_tokens * 2 <= played.flat_tokens
    assert played.last_turn_tokens * 2 <= played.flat_tokens, "with all that is looked up for the reply, too"
    for one in played.exchanges:
        assert one.chars <= AnswerLimits().answer_chars, one.tool


@pytest.mark.parametrize("name", NAMES)
def test_a_conversation_needs_nothing_that_its_last_reply_does_not_say(name: str) -> None:
    *_, reply, needs = lines_of(name)
    values = [value.split(" = ")[-1] for value in needs["needs"]]
    said = reply["assistant"]
    unsaid = [value for value in values if value not in said]
    assert unsaid == []


@pytest.mark.parametrize("name", NAMES)
def test_a_conversation_goes_from_the_user_to_a_reply_in_every_turn(name: str) -> None:
    kinds = ["user" if "user" in line else "assistant" if "assistant" in line else "call" for line in lines_of(name)]
    spoken = [kind for kind in kinds[:-1] if kind != "call"]
    assert spoken == ["user", "assistant"] * (len(spoken) // 2)
    asked = {line["call"] for line in lines_of(name) if "call" in line}
    assert {"edit_tasks", "find_tools", "call_tool", "get_task"} <= asked


async def test_the_flat_transcript_holds_the_whole_of_what_tools_returned(client: Client, b: banyan.Banyan) -> None:
    played = await play("trip", client, b)
    whole = json.dumps(search_hotels("Lisbon", "10 May"), ensure_ascii=False, separators=(",", ":"))
    (first, *_) = played.ordinary
    assert first[1].endswith(whole)
    assert played.flat_tokens == sum(count_tokens(text) for _, text in [*played.said, *played.ordinary])
    assert played.said[-1] == (11, "Good. Give me the final plan, please.")


def test_what_the_context_lacks_is_told() -> None:
    played = Played(name="trip", needs=["Oslo", "Bergen"], context="- origin = Oslo\n")
    assert played.missing == ["Bergen"]


def test_every_file_of_a_conversation_is_played() -> None:
    found = {path.name.removesuffix(".transcript.jsonl") for path in Path(__file__).parent.glob("*.transcript.jsonl")}
    assert found == set(NAMES)
