"""Connections that do nothing, or too little, against a real uvicorn."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import pytest

from banyan.server.http.options import HttpOptions
from banyan.server.http.serve import _bind, _config, _Server, _until_cancelled

if TYPE_CHECKING:
    from anyio.abc import SocketStream
    from starlette.types import ASGIApp, Receive, Scope, Send

pytestmark = pytest.mark.anyio

QUICK = HttpOptions(read_timeout_s=0.3, keep_alive_s=0.3, connections=20, stop_within_s=0.5)
HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n"


async def echo_size(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


async def flood(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await echo_size(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1_000):
        await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def serving(app: ASGIApp, options: HttpOptions = QUICK) -> AsyncIterator[int]:
    bound = _bind("127.0.0.1", 0)
    ready = anyio.Event()
    server = _Server(_config(app, options), ready.set)
    async with anyio.create_task_group() as group:
        group.start_soon(_until_cancelled, server, bound)
        await ready.wait()
        yield bound.getsockname()[1]
        group.cancel_scope.cancel()


async def ended(stream: SocketStream) -> bytes:
    """Return what comes until the server closes."""
    got = b""
    try:
        while True:
            got += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return got


async def answered(port: int) -> bytes:
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc")
        return await ended(stream)


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST / HT", b"POST / HTTP/1.1\r\nhost: x\r\n", HEAD, HEAD + b"half"],
    ids=["nothing", "part of a line", "part of the head", "no body", "part of the body"],
)
async def test_a_request_that_never_ends_is_closed(sent: bytes) -> None:
    async with serving(echo_size) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        if sent:
            await stream.send(sent)
        with anyio.fail_after(2):
            assert await ended(stream) == b""


@pytest.mark.parametrize("start", [b"POST / HTTP/1.1\r\nhost: x\r\n", HEAD], ids=["head", "body"])
async def test_dripping_bytes_buys_no_time(start: bytes) -> None:
    async with serving(echo_size) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(start)

        async def drip() -> None:
            while True:
                try:
                    await stream.send(b"a")
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return
                await anyio.sleep(0.05)

        async with anyio.create_task_group() as group:
            group.start_soon(drip)
            with anyio.fail_after(2):
                assert await ended(stream) == b""
            group.cancel_scope.cancel()


async def test_a_second_request_that_never_ends_is_closed_too() -> None:
    async with serving(echo_size) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabcPOST / HT")
        with anyio.fail_after(2):
            assert (await ended(stream)).endswith(b"3\r\n0\r\n\r\n")


async def test_a_reader_that_takes_nothing_is_dropped() -> None:
    async with serving(flood) as port:
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", port))
            reader.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await anyio.sleep(1)  # the fault itself: a reader that sleeps
            reader.settimeout(2)
            with pytest.raises(ConnectionResetError):
                while reader.recv(65_536):
                    pass


async def test_an_answer_that_takes_long_is_waited_for() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await anyio.sleep(3 * QUICK.read_timeout_s)
        await echo_size(scope, receive, send)

    async with serving(slow) as port:
        with anyio.fail_after(5):
            assert b"200 OK" in await answered(port)


async def test_half_open_connections_make_room_for_whole_requests() -> None:
    async with serving(echo_size, HttpOptions(read_timeout_s=5, connections=20)) as port:
        held = [await anyio.connect_tcp("127.0.0.1", port) for _ in range(60)]
        for stream in held[:30]:
            with suppress(anyio.BrokenResourceError):  # closed already: it was one too many
                await stream.send(b"POST / HT")
        with anyio.fail_after(2):
            for _ in range(5):
                assert b"200 OK" in await answered(port)
        for stream in held:
            await stream.aclose()


async def test_stopping_waits_for_the_request_in_flight() -> None:
    started = anyio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            started.set()
            await anyio.sleep(0.2)
        await echo_size(scope, receive, send)

    answers: list[bytes] = []

    async def ask(port: int) -> None:
        answers.append(await answered(port))

    async with anyio.create_task_group() as group, serving(slow, HttpOptions(stop_within_s=5)) as port:
        group.start_soon(ask, port)
        await started.wait()
    assert b"200 OK" in answers[0]
