"""Ordinary servers on the SDK, over every transport and in both eras."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.core.ports import Elicited
from banyan.core.tool import EffectKind
from banyan.tools.mcp import McpBackend
from tests.tools.mcp.conftest import EVERYDAY, Person, Start, ask, serve, text, tool

Make = Callable[..., McpBackend]


@pytest.fixture(scope="session")
def urls() -> Iterator[dict[str, str]]:
    with serve() as http, serve("sse") as sse:
        yield {"http": f"{http}/mcp", "sse": f"{sse}/sse"}


@pytest.fixture(params=["stdio", "stdio, legacy", "http", "http, legacy", "sse"])
def everyday(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> Make:
    """Make backends of the ordinary server, over one transport and in one era."""
    transport, _, era = request.param.partition(", ")
    if era:
        (tmp_path / "s.era").write_text(era)

    def make(**options: Any) -> McpBackend:
        if transport == "stdio":
            return start(*EVERYDAY, log_dir=tmp_path, **options)
        url = request.getfixturevalue("urls")[transport]
        return start(url=url, transport=transport, log_dir=tmp_path, **options)

    return make


async def test_tools_are_listed_and_called_over_every_transport(everyday: Make) -> None:
    backend = everyday()
    listing = await backend.listing()
    tools = {spec.upstream_name: spec for spec in listing.tools}
    assert {"echo", "slow", "steps", "ask", "picture", "fail"} <= set(tools)
    assert tools["echo"].effects.kind is EffectKind.READ_ONLY
    assert not tools["echo"].effects.guessed
    assert tools["slow"].effects.guessed
    assert listing.instructions == "A server for tests."
    found = await ask(backend, "echo", text="hi")
    assert (text(found), found.structured, found.failed) == ("hi", {"result": "hi"}, False)


async def test_progress_comes_to_the_caller_over_every_transport(everyday: Make) -> None:
    person = Person()
    assert text(await ask(everyday(), "steps", person=person, count=3)) == "done"
    assert (3.0, 3.0, "step 3") in person.told


async def test_a_servers_question_comes_to_the_caller_over_every_transport(everyday: Make) -> None:
    person = Person(Elicited(action="accept", content={"colour": "green"}))
    assert text(await ask(everyday(), "ask", person=person)) == "green"
    assert person.asked[0][0] == "Which colour?"
    assert "colour" in person.asked[0][1]["properties"]


@pytest.mark.parametrize(("answer", "said"), [(Elicited(action="decline"), "decline"), (None, "cancel")])
async def test_declining_and_having_nobody_to_ask_reach_the_server(
    everyday: Make, answer: Elicited | None, said: str
) -> None:
    assert text(await ask(everyday(), "ask", person=Person(answer))) == said


async def test_arguments_that_a_schema_wants_in_headers_too_are_sent_there(everyday: Make) -> None:
    backend = everyday()
    (spec,) = [spec for spec in (await backend.listing()).tools if spec.upstream_name == "route"]
    route = replace(tool("route"), spec=spec, digest=spec.digest)
    found = await backend.call(route, {"region": "süd"}, timeout_s=10, caller=Person())
    assert text(found) == "süd"


async def test_a_picture_comes_as_bytes_and_a_failure_as_the_tools_own_words(everyday: Make) -> None:
    backend = everyday()
    (part,) = (await ask(backend, "picture")).parts
    assert (part.media_type, part.body) == ("image/png", b"hello")
    failed = await ask(backend, "fail")
    assert failed.failed
    assert "fail" in text(failed)


async def test_a_deadline_is_kept_over_every_transport_and_the_next_call_works(everyday: Make) -> None:
    backend = everyday()
    await ask(backend, "echo", text="warm")
    with pytest.raises(CallFailed) as caught:
        await ask(backend, "slow", 0.3, seconds=20)
    assert (caught.value.category, caught.value.sent) == (Category.TIMEOUT, True)
    assert text(await ask(backend, "echo", text="again")) == "again"


async def test_many_calls_at_once_get_their_own_answers(everyday: Make) -> None:
    backend = everyday()
    answers: dict[str, str] = {}

    async def one(word: str) -> None:
        answers[word] = text(await ask(backend, "echo", text=word))

    async with anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(one, f"word {number}")
    assert answers == {word: word for word in answers}
    assert len(answers) == 30


async def test_word_of_changed_tools_comes_in_both_eras(everyday: Make) -> None:
    heard: list[str] = []
    changed = anyio.Event()

    def on_changed(source: str) -> None:
        heard.append(source)
        changed.set()

    backend = everyday(on_changed=on_changed)
    before = len((await backend.listing()).tools)
    with anyio.fail_after(10):
        while not changed.is_set():
            await ask(backend, "grow")
            with anyio.move_on_after(1):
                await changed.wait()
    assert heard == ["s"]
    assert len((await backend.listing()).tools) > before


async def test_a_server_that_is_started_for_a_call_is_to_be_listed_anew_once_per_start(start: Start) -> None:
    heard: list[str] = []
    backend = start(*EVERYDAY, on_changed=heard.append)
    for word in ("one", "two"):
        await ask(backend, "echo", text=word)
    assert heard == ["s"]


async def test_a_server_that_was_started_to_be_listed_is_not_to_be_listed_again(start: Start) -> None:
    heard: list[str] = []
    backend = start(*EVERYDAY, on_changed=heard.append)
    await backend.listing()
    await ask(backend, "echo", text="one")
    assert heard == []


CHANGING = """
import os, sys
from mcp.server import MCPServer

server = MCPServer("changing")

@server.tool(description=open(sys.argv[1]).read())
def act() -> str:
    return "done"

@server.tool()
def leave() -> str:
    os._exit(3)

server.run("stdio")
"""


async def test_a_tool_that_changed_while_its_server_did_not_run_is_seen_before_it_is_called(
    start: Start, tmp_path: Path
) -> None:
    script, words = tmp_path / "changing.py", tmp_path / "words"
    script.write_text(CHANGING, encoding="utf-8")
    words.write_text("Act kindly.", encoding="utf-8")
    heard: list[str] = []
    backend = start(sys.executable, str(script), str(words), on_changed=heard.append)
    spec = next(one for one in (await backend.listing()).tools if one.upstream_name == "act")
    known = replace(tool("act"), spec=spec, digest=spec.digest)
    words.write_text("Act otherwise.", encoding="utf-8")
    assert await backend.unchanged(known), "the server that runs is still the old one"
    with pytest.raises(CallFailed):
        await ask(backend, "leave")
    assert not await backend.unchanged(known)
    assert heard == ["s"]
    words.write_text("Act kindly.", encoding="utf-8")
    with pytest.raises(CallFailed):
        await ask(backend, "leave")
    assert await backend.unchanged(known)
