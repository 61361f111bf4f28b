"""Calls that wait for the retry of a client of 2026-07-28."""

from __future__ import annotations

from typing import Any

import mcp_types as types
import pytest
from mcp import Client

import banyan
from banyan.server.mcp.gateway import make_server
from banyan.server.mcp.options import QuestionLimits, ServeOptions
from banyan.server.mcp.suspended import QUESTION

pytestmark = pytest.mark.anyio

YES = types.ElicitResult(action="accept", content={"decision": "once"})


async def never(context: Any, params: Any) -> types.ElicitResult | types.ErrorData:
    raise AssertionError("these tests answer by hand")


def client_of(server: Any, name: str = "one") -> Client:
    info = types.Implementation(name=name, version="1")
    return Client(server, mode="auto", elicitation_callback=never, client_info=info)


async def send(client: Client, what: str, *, state: str | None = None, answer: Any = None, tool: str = "wipe") -> Any:
    return await client.session.call_tool(
        "call_tool",
        {"name": f"house__{tool}", "arguments": {"what": what}},
        input_responses=None if answer is None else {QUESTION: answer},
        request_state=state,
        allow_input_required=True,
    )


async def test_the_question_is_the_answer_and_the_retry_brings_the_end(b: banyan.Banyan) -> None:
    async with client_of(make_server(b, ServeOptions())) as client:
        asked = await send(client, "a")
        assert isinstance(asked, types.InputRequiredResult)
        assert asked.request_state is not None
        assert len(asked.request_state) >= 40
        ended = await send(client, "a", state=asked.request_state, answer=YES)
        again = await send(client, "a", state=asked.request_state, answer=YES)
    assert ended.structured_content["outcome"] == "ok"
    assert again.is_error
    assert again.structured_content["category"] == "denied"


@pytest.mark.parametrize("change", ["state", "client", "arguments"])
async def test_a_state_is_good_for_its_own_client_and_request_alone(url: str, change: str) -> None:
    what = f"mine {change}"
    async with client_of(url) as client, client_of(url, "another") as another:
        asked = await send(client, what)
        stolen = await send(
            another if change == "client" else client,
            "yours" if change == "arguments" else what,
            state="A" * 43 if change == "state" else asked.request_state,
            answer=YES,
        )
        mine = await send(client, what, state=asked.request_state, answer=YES)
    assert stolen.is_error
    assert "requestState" in stolen.structured_content["message"]
    assert mine.structured_content["outcome"] == "ok"


async def test_a_question_nobody_answers_ends_the_call(b: banyan.Banyan) -> None:
    options = ServeOptions(questions=QuestionLimits(answer_within_s=0.05))
    async with client_of(make_server(b, options)) as client:
        asked = await send(client, "late")
        waiting = [one for one in await b.inbox() if "late" in one.arguments_preview]
        while not waiting:
            waiting = [one for one in await b.inbox() if "late" in one.arguments_preview]
        ended = await send(client, "late", state=asked.request_state, answer=YES)
    assert ended.structured_content["outcome"] == "needs_approval"
    assert ended.structured_content["approval_id"] == waiting[0].id


async def test_a_retry_without_an_answer_is_a_person_who_did_not_answer(b: banyan.Banyan) -> None:
    async with client_of(make_server(b, ServeOptions())) as client:
        asked = await send(client, "silent")
        ended = await send(client, "silent", state=asked.request_state)
    assert ended.structured_content["outcome"] == "needs_approval"


async def test_calls_that_wait_are_bounded_and_the_next_one_is_not_just_allowed(b: banyan.Banyan) -> None:
    options = ServeOptions(questions=QuestionLimits(waiting=2))
    async with client_of(make_server(b, options)) as client:
        held = [await send(client, f"held {n}") for n in range(2)]
        third = await send(client, "one too many")
        assert third.structured_content["outcome"] == "needs_approval"
        await send(client, "held 0", state=held[0].request_state, answer=YES)
        fourth = await send(client, "room again")
    assert isinstance(fourth, types.InputRequiredResult)


async def test_stopping_ends_the_calls_that_wait(b: banyan.Banyan) -> None:
    async with client_of(make_server(b, ServeOptions())) as client:
        assert isinstance(await send(client, "abandoned"), types.InputRequiredResult)
