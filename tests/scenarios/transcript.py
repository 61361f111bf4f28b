"""Plays whole conversations against a Banyan that is served over MCP, and measures what they would be as prompts.

A file `NAME.transcript.jsonl` is a conversation: what the user says, what the assistant replies, and in between the
calls that it makes, in order. A line is one of

- `{"user": text}`, which begins a turn, and `{"assistant": text}`, its reply;
- `{"call": tool, "arguments": {…}}`: a call of a tool of Banyan. `shows` lists what the answer has to say, in its text
  and in its JSON, `says` what its text alone has, `hides` what must not be in it; `fails` is the category with which
  the call is to be refused;
- `{"needs": [value, …]}`, the last line: what the last reply cannot be written without.

`$tree` is the tree that the first edit made, and `@ref` a task that any earlier edit added under it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, TextContent

import banyan
from banyan.memory.context.tokens import count_tokens
from banyan.server.mcp.fit import compact
from tests.scenarios.world import SERVERS

FOLDER = Path(__file__).parent
NAMES = ("trip", "kitchen", "meeting", "cart", "form")
RESULT_CHARS = 100_000
"""Characters of a tool's result that are read back; none is as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A call of one of Banyan's tools, and its answer."""

    turn: int
    tool: str
    asked: str
    answer: str
    chars: int
    """Of the answer: its text and its JSON."""
    size_bytes: int
    """The same, as UTF-8."""

    @property
    def text(self) -> str:
        """What a prompt holds of it."""
        return f"{self.asked}\n{self.answer}"


@dataclass(slots=True, kw_only=True)
class Played:
    """A conversation that was played, as the prompts that it comes to."""

    name: str
    tree: str = ""
    needs: list[str] = field(default_factory=list)
    context: str = ""
    """The last context that was read of a task."""
    said: list[tuple[int, str]] = field(default_factory=list)
    """What the user and the assistant say, with the turn; without the last reply, which is yet to be written."""
    ordinary: list[tuple[int, str]] = field(default_factory=list)
    """Calls of the user's tools with the whole result, as they are in the prompt of a client without Banyan."""
    exchanges: list[Exchange] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)
    turn: int = 0

    @property
    def said_tokens(self) -> int:
        """Tokens of what was said alone."""
        return _tokens(text for _, text in self.said)

    @property
    def flat_tokens(self) -> int:
        """Tokens of the flat transcript, from which the last reply would be written without Banyan."""
        return self.said_tokens + _tokens(text for _, text in self.ordinary)

    @property
    def context_tokens(self) -> int:
        """Tokens of the context and of what the user said last: all that the last reply takes."""
        return _tokens([self.context, self.said[-1][1]])

    @property
    def last_turn_tokens(self) -> int:
        """Tokens of everything in the last turn, in which the assistant may also look things up and hand them in."""
        own = [one.text for one in self.exchanges if one.turn == self.turn]
        return _tokens([self.said[-1][1], *own])

    @property
    def kept_tokens(self) -> int:
        """Tokens of the conversation with Banyan, if nothing of it is ever let go."""
        return self.said_tokens + _tokens(one.text for one in self.exchanges)

    @property
    def missing(self) -> list[str]:
        """What the last reply needs and the context does not hold."""
        return [value for value in self.needs if value not in self.context]


def _tokens(texts: Iterator[str] | list[str]) -> int:
    return sum(map(count_tokens, texts))


def lines_of(name: str) -> list[dict[str, Any]]:
    """Return the lines of a conversation."""
    text = (FOLDER / f"{name}.transcript.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


async def furnish(b: banyan.Banyan) -> None:
    """Add the tools of the scenarios to `b`."""
    for server, functions in SERVERS.items():
        for function in functions:
            function.__module__ = server
            await b.add(function)
    await b.embed()


async def play(name: str, client: Client, b: banyan.Banyan) -> Played:
    """Play a conversation, and return what it comes to; whatever is not as its lines say is an AssertionError."""
    played = Played(name=name)
    for line in lines_of(name):
        if "needs" in line:
            played.needs = line["needs"]
        elif "call" in line:
            await _call(played, line, client, b)
        else:
            played.turn += "user" in line
            played.said.append((played.turn, line.get("user") or line["assistant"]))
    played.said.pop()
    return played


async def _call(played: Played, line: dict[str, Any], client: Client, b: banyan.Banyan) -> None:
    tool, arguments = line["call"], _named(line["arguments"], played)
    before = await _record(played, b) if tool == "recall" else None
    result = await client.call_tool(tool, arguments)
    text, data = text_of(result), result.structured_content or {}
    where = f"{played.name}, turn {played.turn}, {tool}: {text}"
    assert data.get("category") == line.get("fails"), where
    assert result.is_error == ("fails" in line), where
    for value in (*line.get("shows", ()), *line.get("says", ())):
        assert value in text, f"{value!r} is not in {where}"
    for value in line.get("shows", ()):
        assert value in compact(data), f"{value!r} is not in the JSON of {where}"
    for value in line.get("hides", ()):
        assert value not in text, f"{value!r} is in {where}"
    if before is not None:
        assert await _record(played, b) == before, f"a question changed something: {where}"
    if tool == "edit_tasks" and not result.is_error:
        played.tree = played.tree or data["tree"]
        played.refs |= data.get("refs", {})
    if tool == "get_task" and arguments.get("view") == "context":
        played.context = text
    if tool == "call_tool":
        called = {"name": arguments["name"].split("__")[-1], "arguments": arguments["arguments"]}
        page = await b.read(data["handle"], limit=RESULT_CHARS)
        assert page.next_offset is None, where
        played.ordinary.append((played.turn, f"{compact(called)}\n{compact(page.content)}"))
    asked = compact({"name": tool, "arguments": arguments})
    whole = text + compact(data)
    exchange = Exchange(
        turn=played.turn, tool=tool, asked=asked, answer=text, chars=len(whole), size_bytes=len(whole.encode())
    )
    played.exchanges.append(exchange)


def _named(value: Any, played: Played) -> Any:
    """Return arguments with the ids in place of `$tree` and of the `@ref`s that are known."""
    if isinstance(value, str):
        return played.refs.get(value, value.replace("$tree", played.tree))
    if isinstance(value, list):
        return [_named(one, played) for one in value]
    return {key: _named(one, played) for key, one in value.items()} if isinstance(value, dict) else value


async def _record(played: Played, b: banyan.Banyan) -> Any:
    view = await b.tasks.view(played.tree)
    return view.to_json(), await b.tasks.history(played.tree, limit=10_000)


def text_of(result: CallToolResult) -> str:
    """Return the text of an answer."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text
