"""HTTP servers that refuse, break off or pour: each is one call's typed error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import anyio
import pytest

from banyan.core.call import Category
from banyan.core.errors import CallFailed, SourceUnavailable
from banyan.tools.mcp import McpBackend, SessionLimits
from tests.tools.mcp.conftest import SERVERS, Person, Start, ask, free_port, running, text
from tests.tools.mcp.measure import MIB, watched


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    port = free_port()
    with running([sys.executable, str(SERVERS / "hostile_http.py"), str(port)], port):
        yield f"http://127.0.0.1:{port}"


async def failure(backend: McpBackend, timeout_s: float = 10) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await ask(backend, "call", timeout_s)
    return caught.value


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (401, Category.AUTH),
        (403, Category.AUTH),
        (404, Category.NOT_FOUND),
        (429, Category.RATE_LIMITED),
        (503, Category.UPSTREAM),
    ],
)
async def test_a_server_that_refuses_the_handshake_is_unavailable_for_the_reason_that_its_status_gives(
    start: Start, address: str, status: int, category: Category
) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        await start(url=f"{address}/{status}/mcp").listing()
    assert caught.value.category is category
    assert str(status) in str(caught.value)


@pytest.mark.parametrize(
    ("way", "category", "sent"),
    [
        ("call_429", Category.RATE_LIMITED, False),
        ("call_500", Category.UPSTREAM, True),
        ("call_error", Category.BAD_VALUE, True),
        ("bad_event", Category.UPSTREAM, True),
        ("cut_event", Category.TRANSPORT, True),
        ("bad_json", Category.UPSTREAM, True),
        ("deep", Category.UPSTREAM, True),
        ("gzip", Category.UPSTREAM, True),
        ("html", Category.UPSTREAM, True),
        ("break", Category.TRANSPORT, True),
    ],
)
async def test_an_answer_that_is_none_is_one_calls_typed_error(
    start: Start, address: str, way: str, category: Category, sent: bool
) -> None:
    backend = start(url=f"{address}/{way}/mcp")
    error = await failure(backend)
    assert (error.category, error.sent) == (category, sent)
    assert "secret things" not in error.message
    assert len((await backend.listing()).tools) == 1
    assert backend.status()["starts"] == 1


async def test_a_rate_limit_says_when_to_come_back(start: Start, address: str) -> None:
    assert "7 s" in ((await failure(start(url=f"{address}/call_429/mcp"))).fix or "")


@pytest.mark.parametrize("way", ["big_json", "big_event"])
async def test_an_endless_answer_is_cut_at_the_cap(start: Start, address: str, way: str) -> None:
    backend = start(url=f"{address}/{way}/mcp")
    await backend.listing()
    async with watched(lag_s=0.5, growth_bytes=64 * MIB):
        error = await failure(backend)
    assert error.category is Category.UPSTREAM
    assert "more than 8,388,608 bytes" in error.message


async def test_events_are_read_through_comments_strangers_and_many_lines(start: Start, address: str) -> None:
    person = Person()
    assert text(await ask(start(url=f"{address}/events/mcp"), "call", person=person)) == "ok"
    assert person.told == [(1.0, None, None)]


async def test_credentials_are_not_taken_along_to_another_origin(start: Start, address: str) -> None:
    with pytest.raises(SourceUnavailable, match="not followed"):
        await start(url=f"{address}/redirect/mcp", headers={"authorization": "Bearer x"}).listing()


async def test_secrets_stand_in_headers_and_nowhere_else(start: Start, address: str) -> None:
    backend = start(
        url=f"{address}/headers/mcp", headers={"x-key": "key ${MY_KEY}"}, environ={"MY_KEY": "hunter2hunter2"}
    )
    assert (await ask(backend, "call")).structured["x-key"] == "key hunter2hunter2"
    assert "hunter2" not in repr(backend.status())


async def test_a_session_that_the_server_forgot_is_opened_anew_and_the_call_sent_again(
    start: Start, address: str
) -> None:
    backend = start(url=f"{address}/forget/mcp")
    first, second = (await ask(backend, "call")).structured["sessions"]
    assert first != second
    assert backend.status()["starts"] == 2


async def test_a_server_that_hangs_costs_its_own_call_its_deadline(start: Start, address: str) -> None:
    hanging, healthy = start(url=f"{address}/hang/mcp"), start(url=f"{address}/good/mcp")
    await hanging.listing()
    began = time.monotonic()
    assert (await failure(hanging, 0.3)).category is Category.TIMEOUT
    assert time.monotonic() - began < 1
    assert text(await ask(healthy, "call")) == "ok"


async def test_closing_does_not_wait_for_a_server_that_hangs(start: Start, address: str) -> None:
    backend = start(url=f"{address}/hang_at_end/mcp")
    await ask(backend, "call")
    with anyio.fail_after(8):
        await backend.aclose()


async def test_where_nothing_listens_calls_fail_before_they_are_sent_and_then_at_once(start: Start) -> None:
    limits = SessionLimits(backoff_first_s=0.01, backoff_cap_s=0.01, breaker_failures=2, breaker_open_s=30)
    backend = start(url=f"http://127.0.0.1:{free_port()}/mcp", limits=limits)
    for _ in range(2):
        error = await failure(backend)
        assert (error.category, error.sent) == (Category.TRANSPORT, False)
    assert "tried again in" in (await failure(backend)).message


async def test_an_address_that_is_none_is_a_typed_error(start: Start) -> None:
    for url in ("ftp://127.0.0.1/x", "http://", "nonsense"):
        with pytest.raises(SourceUnavailable):
            await start(url=url).listing()
