"""The HTTP server as a whole: what gets through to Banyan, and what does not."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client

import banyan
from banyan.core.errors import DatabaseUnavailable, InvalidArgument
from banyan.server.http import HttpOptions, serve_http

pytestmark = pytest.mark.anyio

QUIET = HttpOptions(stop_on_signals=False, stop_within_s=0.2, read_timeout_s=1, max_body_bytes=100_000)
TOKEN = "correct horse battery staple"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
JSON = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@asynccontextmanager
async def serving(b: banyan.Banyan, *, http: HttpOptions = QUIET, **options: Any) -> AsyncIterator[str]:
    ready = anyio.Event()
    urls: list[str] = []

    def on_ready(url: str) -> None:
        urls.append(url)
        ready.set()

    async def serve() -> None:
        await serve_http(b, http=http, on_ready=on_ready, **options)

    async with anyio.create_task_group() as group:
        group.start_soon(serve)
        await ready.wait()
        yield urls[0]
        group.cancel_scope.cancel()


async def post(url: str, headers: dict[str, str] | None = None, body: Any = INITIALIZE) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await client.post(url, headers=JSON | (headers or {}), content=content)


async def get(url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, headers=headers)


async def raw(url: str, sent: bytes) -> bytes:
    address = httpx.URL(url)
    async with await anyio.connect_tcp(address.host, address.port or 80) as stream:
        await stream.send(sent)
        got = b""
        with anyio.move_on_after(5):
            try:
                while True:
                    got += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass
        return got


async def test_a_client_opens_a_session(b: banyan.Banyan) -> None:
    async with serving(b) as url:
        answer = await post(url)
        assert answer.status_code == 200
        assert answer.headers["mcp-session-id"]
        assert (await post(url, {"origin": url.removesuffix("/mcp")})).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.com"}, 421),
        ({"host": "127.0.0.1:80.evil.com"}, 421),
        ({"host": "127.0.0.1"}, 421),
        ({"host": ""}, 421),
        ({"origin": "null"}, 403),
        ({"origin": "http://evil.com"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/jsonp"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ],
)
async def test_a_browser_that_was_lured_here_gets_nothing(
    b: banyan.Banyan, headers: dict[str, str], status: int
) -> None:
    async with serving(b) as url:
        answer = await post(url, headers)
        plain = {key: value for key, value in headers.items() if key != "content-type"}
        health = await get(url.replace("/mcp", "/healthz"), plain)
    assert answer.status_code == status
    assert "mcp-session-id" not in answer.headers
    assert health.status_code == (200 if status == 415 else status)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /mcp HTTP/1.0\r\n", b"421"),
        (b"POST /mcp HTTP/1.1\r\n", b"400"),
        (b"POST /mcp HTTP/1.1\r\nhost: %s\r\nhost: evil.com\r\n", b"400"),
        (b"POST /mcp HTTP/1.1\r\nhost: %s\r\norigin: http://%s\r\norigin: http://evil.com\r\n", b"403"),
        (b"POST /mcp HTTP/1.1\r\nhost: %s\r\ncontent-length: 5\r\ncontent-length: 6\r\n", b"400"),
    ],
    ids=["no host in 1.0", "no host", "two hosts", "two origins", "two lengths"],
)
async def test_an_odd_head_is_refused(b: banyan.Banyan, head: bytes, status: bytes) -> None:
    async with serving(b) as url:
        authority = url.split("/")[2].encode()
        sent = head.replace(b"%s", authority) + b"connection: close\r\ncontent-type: application/json\r\n\r\n"
        assert (await raw(url, sent)).split(b" ")[1] == status


async def test_a_body_over_the_cap_is_refused_before_it_is_read(b: banyan.Banyan) -> None:
    async with serving(b) as url:
        authority = url.split("/")[2].encode()
        head = b"POST /mcp HTTP/1.1\r\nhost: " + authority + b"\r\ncontent-type: application/json\r\n"
        declared = await raw(url, head + b"content-length: 100001\r\n\r\n")
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        chunked = await raw(url, head + b"transfer-encoding: chunked\r\n\r\n" + chunk * 8)
        fits = await post(url, body=b" " * 90_000 + json.dumps(INITIALIZE).encode())
    assert declared.split(b" ")[1] == b"413"
    assert chunked.split(b" ")[1] == b"413"
    assert fits.status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 50_000, b'{"jsonrpc":"2.0","id":1,"method":"nope"}']
)
async def test_a_body_that_is_no_message_is_answered_and_nothing_breaks(b: banyan.Banyan, body: bytes) -> None:
    async with serving(b) as url:
        for version in ({}, {"mcp-protocol-version": "2026-07-28"}):
            answer = await post(url, version, body)
            assert 400 <= answer.status_code < 500
        assert (await post(url)).status_code == 200


async def test_a_token_is_asked_for_where_one_is_set(b: banyan.Banyan) -> None:
    async with serving(b, token=TOKEN) as url:
        without = await post(url)
        wrong = await post(url, {"authorization": "Bearer wrong"})
        basic = await post(url, {"authorization": f"Basic {TOKEN}"})
        right = await post(url, {"authorization": f"Bearer {TOKEN}"})
        health = await get(url.replace("/mcp", "/healthz"))
    assert [one.status_code for one in (without, wrong, basic)] == [401, 401, 401]
    assert without.headers["www-authenticate"].startswith("Bearer")
    assert right.status_code == 200
    assert health.json() == {"status": "ok", "ready": True, "version": banyan.__version__}


async def test_health_says_when_the_database_is_away(b: banyan.Banyan, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(b, "servers", away)
    async with serving(b) as url:
        health = await get(url.replace("/mcp", "/healthz"))
    assert health.status_code == 503
    assert health.json()["code"] == "database_unavailable"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
async def test_no_token_no_other_machine(b: banyan.Banyan, host: str) -> None:
    with pytest.raises(InvalidArgument, match="token"):
        await serve_http(b, host=host)


async def test_a_port_that_is_taken_is_told(b: banyan.Banyan) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidArgument, match="cannot be bound"):
            await serve_http(b, port=taken.getsockname()[1])


async def test_a_thousand_half_open_requests_hurt_nobody(b: banyan.Banyan) -> None:
    async with serving(b) as url:
        address = httpx.URL(url)
        held: list[socket.socket] = []
        for _ in range(600):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((address.host, address.port or 80))
            held.append(one)
        with anyio.fail_after(5):
            assert (await post(url)).status_code == 200
        for one in held:
            one.close()


async def test_a_call_over_http_that_is_cut_off_leaves_the_server_well(b: banyan.Banyan) -> None:
    async with serving(b) as url:
        authority = url.split("/")[2].encode()
        body = json.dumps(INITIALIZE).encode()
        head = b"POST /mcp HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        address = httpx.URL(url)
        async with await anyio.connect_tcp(address.host, address.port or 80) as stream:
            await stream.send(head % (authority, len(body)) + body[:50])
        async with Client(url, mode="auto") as client:
            assert len((await client.list_tools()).tools) == 9
