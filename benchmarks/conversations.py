"""Five whole conversations over MCP: what their last reply is written from, with a task memory and without."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio

from benchmarks.report import Aim, Report, median


def main(_data: Path | None) -> Sequence[Report]:
    """Play the conversations of `tests/scenarios`, and count."""
    return anyio.run(_measure)


async def _measure() -> list[Report]:
    from mcp import Client

    import banyan
    from banyan.server.mcp.gateway import make_server
    from banyan.server.mcp.options import ServeOptions
    from tests.scenarios.transcript import NAMES, furnish, play

    with TemporaryDirectory() as folder:
        async with banyan.open(folder) as b:
            await furnish(b)
            async with Client(make_server(b, ServeOptions())) as client:
                played = [await play(name, client, b) for name in NAMES]
                tools = (await client.list_tools()).tools
    return [_conversations(played), _tools(tools, played)]


def _conversations(played: Sequence[Any]) -> Report:
    rows = tuple(
        (
            one.name,
            one.turn,
            len(one.ordinary),
            one.said_tokens,
            one.flat_tokens,
            one.context_tokens,
            one.context_tokens / one.flat_tokens,
            one.last_turn_tokens,
            f"{len(one.needs) - len(one.missing)} of {len(one.needs)}",
            one.kept_tokens,
        )
        for one in played
    )
    needed = sum(len(one.needs) for one in played)
    return Report(
        title="Conversations with a task memory",
        columns=(
            "conversation",
            "turns",
            "tool calls",
            "said alone",
            "flat",
            "context",
            "of the flat",
            "last turn",
            "values there",
            "nothing let go",
        ),
        rows=rows,
        aims=(
            Aim(text="context, of the flat transcript, at worst", value=max(row[6] for row in rows), limit=0.5),
            Aim(
                text="values that the last reply needs and the context holds",
                value=needed - sum(len(one.missing) for one in played),
                limit=needed,
                at_most=False,
            ),
        ),
        notes=(
            "Tokens, by the default counter. *Flat*: what the last reply is written from without Banyan: all that user "
            "and assistant said, and each call of a tool with its whole result. *Context*: `get_task` with the view "
            "`context`, and what the user said last. *Last turn*: everything of the last turn, with what is looked up "
            "and handed in there. *Said alone*: the flat transcript without tools. *Nothing let go*: the conversation "
            "with every call of Banyan's tools and its answer, for a client that never begins afresh: what keeping "
            "the memory costs. Definitions of tools are in none of them. The tools are small local ones, and answer "
            "with 60 to 1,600 tokens; played from `tests/scenarios/*.transcript.jsonl`.",
        ),
    )


def _tools(tools: Sequence[Any], played: Sequence[Any]) -> Report:
    from banyan.memory.context.tokens import count_tokens

    answers: dict[str, list[tuple[int, int]]] = {}
    for exchange in (exchange for one in played for exchange in one.exchanges):
        answers.setdefault(exchange.tool, []).append((len(exchange.answer.encode()), exchange.size_bytes))
    rows = []
    for tool in tools:
        definition = json.dumps(tool.model_dump(by_alias=True, exclude_none=True), ensure_ascii=False)
        sizes = answers.get(tool.name, [])
        text = round(median([one for one, _ in sizes])) if sizes else "none"
        whole = round(median([both for _, both in sizes])) if sizes else "none"
        largest = max(both for _, both in sizes) if sizes else "none"
        rows.append((tool.name, count_tokens(definition), len(sizes), text, whole, largest))
    return Report(
        title="The nine tools, and their answers",
        columns=("tool", "tokens of its definition", "calls", "bytes of text, median", "with JSON, median", "most"),
        rows=tuple(rows),
        aims=(Aim(text="definitions of all tools", value=sum(row[1] for row in rows), limit=4_000, unit="tokens"),),
        notes=("Answers over the five conversations above: their text alone, and with their structured content.",),
    )
