"""Serving over standard input and output: the pipe alone, then a whole process behind it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, JSONRPCResponse

from banyan.server.mcp.stdio import streams

pytestmark = pytest.mark.anyio

SERVING = Path(__file__).parents[2] / "servers" / "serving.py"
CAP = 1_000


class Wire:
    """Both ends of a server's standard streams."""

    def __init__(self, to_server: int, from_server: int, inbound: Any, outbound: Any) -> None:
        self.to_server = to_server
        self.inbound = inbound
        self.outbound = outbound
        self._from_server = os.fdopen(from_server, "rb", closefd=False)

    async def say(self, line: bytes) -> None:
        await anyio.to_thread.run_sync(os.write, self.to_server, line)

    async def hear(self) -> dict[str, Any]:
        """Return the next line that the server wrote."""
        with anyio.fail_after(5):
            line = await anyio.to_thread.run_sync(self._from_server.readline, abandon_on_cancel=True)
        found: dict[str, Any] = json.loads(line)
        return found

    async def received(self) -> Any:
        """Return the next message that reached the server."""
        with anyio.fail_after(5):
            message: SessionMessage = await self.inbound.receive()
        return message.message


@asynccontextmanager
async def wired(cap_bytes: int = CAP) -> AsyncIterator[Wire]:
    source, to_server = os.pipe()
    from_server, sink = os.pipe()
    try:
        async with streams(source, sink, cap_bytes) as (inbound, outbound):
            yield Wire(to_server, from_server, inbound, outbound)
    finally:
        for one in (source, to_server, from_server, sink):
            os.close(one)


def ping(number: int, **more: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "ping", **more}).encode() + b"\n"


async def test_messages_come_one_per_line_however_they_are_cut() -> None:
    async with wired() as wire:
        whole = ping(1) + b"\r\n\n" + ping(2)
        for at in range(0, len(whole), 7):
            await wire.say(whole[at : at + 7])
        assert [(await wire.received()).id for _ in range(2)] == [1, 2]


async def test_a_line_over_the_cap_is_refused_and_the_next_one_read() -> None:
    async with wired() as wire:
        await wire.say(b'{"x": "' + b"x" * 3 * CAP)
        await wire.say(b"x" * 30_000 + b'"}\n' + ping(7))
        assert (await wire.received()).id == 7
        assert (await wire.hear())["error"]["code"] == -32600
        await wire.say(ping(8, params={"pad": "x" * CAP}))
        assert (await wire.hear())["id"] == 8, "whoever sent it waits for an answer under its id"


async def test_a_line_at_the_cap_is_read() -> None:
    async with wired() as wire:
        line = ping(1, params={"pad": ""})
        await wire.say(line.replace(b'""', b'"' + b"x" * (CAP + 1 - len(line)) + b'"'))
        assert (await wire.received()).id == 1


@pytest.mark.parametrize(
    ("line", "code", "request_id"),
    [
        (b"hello\n", -32700, None),
        (b'{"jsonrpc": "2.0", "id": 1, "method": \n', -32700, None),
        (b"\xff\xfe\x00\n", -32700, None),
        (b"[" * 900 + b"\n", -32700, None),
        (b"[]\n", -32600, None),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]\n', -32600, None),
        (b'{"jsonrpc": "1.0", "id": 5, "method": "ping"}\n', -32600, 5),
        (b'{"jsonrpc": "2.0", "id": "a", "method": 3}\n', -32600, "a"),
        (b'{"jsonrpc": "2.0", "id": true, "method": 3}\n', -32600, None),
        (b"3\n", -32600, None),
        # Valid JSON that the parser of messages refuses: whoever sent it waits for an answer under its id.
        (b'{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"\\ud800"}}\n', -32600, 6),
        (b'{"jsonrpc":"2.0","id":"deep","params":' + b"[" * 400 + b"]" * 400 + b"}\n", -32600, "deep"),
        (b'{"jsonrpc":"2.0","id":8,"method":"x","params":{"n":' + b"9" * 4400 + b"}}\n", -32700, 8),
        (b'{"method":"x","params":{"n":' + b"9" * 4400 + b'},"jsonrpc":"2.0","id":9}\n', -32700, 9),
        (b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}\n', -32600, None),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n', -32600, None),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}\n', -32600, None),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}\n', -32600, None),
    ],
)
async def test_what_is_no_message_is_answered_and_the_next_one_read(line: bytes, code: int, request_id: Any) -> None:
    async with wired(10 * CAP) as wire:
        await wire.say(line + ping(9))
        assert (await wire.received()).id == 9
        heard = await wire.hear()
    assert heard["error"]["code"] == code
    assert heard["id"] == request_id


async def test_the_end_of_input_is_the_end_of_messages() -> None:
    async with wired() as wire:
        await wire.say(ping(1).rstrip())
        os.close(wire.to_server)
        wire.to_server = os.dup(0)  # something to close at the end
        assert (await wire.received()).id == 1
        with pytest.raises(anyio.EndOfStream):
            await wire.received()


async def test_a_large_answer_waits_for_its_reader_and_holds_up_nothing_else() -> None:
    async with wired() as wire:
        result = {"text": "é" * 300_000}
        async with anyio.create_task_group() as group:
            answer = JSONRPCResponse(jsonrpc="2.0", id=1, result=result)
            group.start_soon(wire.outbound.send, SessionMessage(answer))
            await wire.say(ping(4))
            message = await wire.received()
            assert isinstance(message, JSONRPCRequest)
            assert (await wire.hear())["result"] == result


async def test_a_client_that_went_away_ends_the_writing() -> None:
    source, to_server = os.pipe()
    from_server, sink = os.pipe()
    os.close(from_server)
    answer = SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={}))
    async with streams(source, sink, CAP) as (_, outbound):
        with anyio.fail_after(5), pytest.raises(anyio.BrokenResourceError):
            for _ in range(3):
                await outbound.send(answer)
    for one in (source, to_server, sink):
        os.close(one)


async def test_a_plain_file_can_be_the_input(tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_bytes(ping(1) + ping(2))
    descriptor, sink = os.open(file, os.O_RDONLY), os.open(tmp_path / "output", os.O_WRONLY | os.O_CREAT)
    async with streams(descriptor, sink, CAP) as (inbound, outbound):
        messages: list[Any] = [message async for message in inbound]
        assert [one.message.id for one in messages] == [1, 2]
        await outbound.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={})))
        await outbound.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=2, result={})))
        outbound.close()
    assert len((tmp_path / "output").read_bytes().splitlines()) >= 1
    for one in (descriptor, sink):
        os.close(one)


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_uses_a_served_process_and_no_print_gets_between(tmp_path: Path, mode: str) -> None:
    server = StdioServerParameters(command=sys.executable, args=[str(SERVING), str(tmp_path / "banyan")])
    async with Client(server, mode=mode, read_timeout_seconds=30) as client:
        tools = (await client.list_tools()).tools
        found = await client.call_tool("find_tools", {"query": "chatter"})
        name = found.structured_content["results"][0]["name"]
        said = await client.call_tool("call_tool", {"name": name, "arguments": {"lines": 1_000}})
        told = await client.call_tool("call_tool", {"name": "main__story", "arguments": {"lines": 5_000}})
        page = await client.call_tool("read_result", {"handle": told.structured_content["handle"], "offset": 24_000})
    assert len(tools) == 9
    assert said.structured_content["preview"] == "said"
    assert page.structured_content["next_offset"] is None


@contextmanager
def started(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, str(SERVING), str(home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("how", ["end of input", "SIGTERM", "SIGINT"])
async def test_it_stops_in_good_order(tmp_path: Path, how: str) -> None:
    def talk() -> tuple[bytes, bytes, int]:
        with started(tmp_path / "banyan") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
            request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            first = process.stdout.readline()
            if how != "end of input":
                process.send_signal(getattr(signal, how))
                code = process.wait(timeout=10)
                return first + process.stdout.read(), process.stderr.read() if process.stderr else b"", code
            out, err = process.communicate(timeout=10)
            return first + out, err, process.returncode

    out, err, code = await anyio.to_thread.run_sync(talk)
    assert json.loads(out)["result"]["serverInfo"]["name"] == "banyan"
    assert b"stopped in good order" in err
    assert b"Traceback" not in err
    assert code == 0
