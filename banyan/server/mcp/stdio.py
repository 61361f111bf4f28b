"""Serving over standard input and output: nothing but the protocol is on either."""

from __future__ import annotations

import json
import logging
import os
import re
import select
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import anyio.to_thread
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import from_json

from banyan.server.mcp.gateway import make_server
from banyan.server.mcp.options import ServeOptions
from banyan.server.mcp.signals import stopping_on_signals

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from banyan.server.app import Banyan

logger = logging.getLogger(__name__)

_READ_BYTES = 2**16
_WRITE_BYTES = select.PIPE_BUF if hasattr(select, "PIPE_BUF") else 512
"""What a pipe that says it can be written takes without blocking."""
_ID_BYTES = 512
"""Bytes at either end of a line in which its id is looked for, where the line itself cannot be read."""

_VERSION = rb'"jsonrpc"\s*:\s*"2\.0"'
_ID = rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\]{0,200}")'
_ID_FIRST = re.compile(rb"\s*\{\s*(?:" + _VERSION + rb"\s*,\s*)?" + _ID + rb"\s*[,}]")
_ID_LAST = re.compile(rb",\s*" + _ID + rb"\s*(?:,\s*" + _VERSION + rb"\s*)?\}\s*$")


async def serve_stdio(b: Banyan, *, options: ServeOptions | None = None, stop_on_signals: bool = True) -> None:
    """Serve `b` to the program that started this one, until its input ends or a signal says stop.

    Meanwhile descriptor 0 reads nothing and descriptor 1 is standard error, so that neither a library's print nor a
    child process gets between the messages.
    """
    chosen = options or ServeOptions()
    server = make_server(b, chosen)
    with _claimed() as (source, sink):
        async with stopping_on_signals(listen=stop_on_signals), streams(source, sink, chosen.message_cap_bytes) as both:
            await server.run(*both, server.create_initialization_options())


@contextmanager
def _claimed() -> Iterator[tuple[int, int]]:
    """Move standard input and output to descriptors that only this server knows, for as long as it serves."""
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        yield source, sink
    finally:
        os.dup2(source, 0)
        os.dup2(sink, 1)
        for one in (nothing, source, sink):
            os.close(one)


@asynccontextmanager
async def streams(
    source: int, sink: int, cap_bytes: int
) -> AsyncIterator[
    tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]
]:
    """Turn two descriptors into streams of messages, one per line.

    A line that is too long or no message is answered with an error, and the next one is read.

    Args:
        source: where messages are read.
        sink: where messages are written.
        cap_bytes: bytes that one line may have.
    """
    inbound, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outbound, to_send = anyio.create_memory_object_stream[SessionMessage](0)
    errors = outbound.clone()
    async with anyio.create_task_group() as group:
        group.start_soon(_read, source, cap_bytes, inbound, errors)
        group.start_soon(_write, sink, to_send)
        try:
            yield received, outbound
        finally:
            for stream in (received, outbound, errors):
                stream.close()
            group.cancel_scope.cancel()


async def _read(
    source: int,
    cap_bytes: int,
    inbound: MemoryObjectSendStream[SessionMessage | Exception],
    errors: MemoryObjectSendStream[SessionMessage],
) -> None:
    """Pass on what is read, until the end of input; what is no message is answered here."""
    async with inbound, errors:
        async for line in _lines(source, cap_bytes):
            try:
                if isinstance(line, _TooLong):
                    problem = f"a message of more than {cap_bytes} bytes"
                    await errors.send(SessionMessage(_error(INVALID_REQUEST, problem, _id_at_an_end(line.head, b""))))
                elif isinstance(found := _parsed(line), _NoMessage):
                    await errors.send(SessionMessage(found.reply))
                else:
                    await inbound.send(SessionMessage(found))
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return


@dataclass(frozen=True, slots=True, kw_only=True)
class _TooLong:
    """A line that is longer than the cap, of which the start alone was kept."""

    head: bytes


async def _lines(source: int, cap_bytes: int) -> AsyncIterator[bytes | _TooLong]:
    """Yield each line that is not empty."""
    buffer, too_long = bytearray(), False
    while chunk := await _some(source):
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            if too_long or len(buffer) + len(piece) > cap_bytes:
                yield _TooLong(head=bytes(buffer + piece[:_ID_BYTES])[:_ID_BYTES])
            elif line := bytes(buffer + piece).strip():
                yield line
            buffer, too_long = bytearray(), False
        too_long = too_long or len(buffer) + len(rest) > cap_bytes
        buffer = (buffer + rest[:_ID_BYTES])[:_ID_BYTES] if too_long else buffer + rest
    if not too_long and (line := bytes(buffer).strip()):
        yield line


async def _some(source: int) -> bytes:
    """Return what can be read now, after waiting for it; nothing at the end."""
    if sys.platform == "win32":
        return await anyio.to_thread.run_sync(os.read, source, _READ_BYTES, abandon_on_cancel=True)
    while True:
        try:
            await anyio.wait_readable(source)
        except PermissionError:
            await anyio.lowlevel.checkpoint()  # a plain file: it cannot be waited for, and never blocks
        try:
            return os.read(source, _READ_BYTES)
        except BlockingIOError:
            continue


@dataclass(frozen=True, slots=True, kw_only=True)
class _NoMessage:
    reply: JSONRPCError


def _parsed(line: bytes) -> JSONRPCMessage | _NoMessage:
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return _refused(line)
    if isinstance(message, JSONRPCNotification) and "id" in from_json(line):
        # It waits for an answer, under an id that is none: null, a fraction, an object.
        return _NoMessage(reply=_error(INVALID_REQUEST, "the id of a request is a string or an integer"))
    return message


def _refused(line: bytes) -> _NoMessage:
    """Answer a line that is no message, under its own id if it has one: whoever sent it waits for that."""
    try:
        # Unlike the parser above this one takes half a surrogate pair and more levels, so that the id is found.
        value = json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return _NoMessage(reply=_error(PARSE_ERROR, "this line is not JSON"))
    except (ValueError, RecursionError):
        found = _id_at_an_end(line[:_ID_BYTES], line[-_ID_BYTES:])
        return _NoMessage(reply=_error(PARSE_ERROR, "this line is JSON beyond what can be read", found))
    request_id = value.get("id") if isinstance(value, dict) else None
    known = request_id if isinstance(request_id, str | int) and not isinstance(request_id, bool) else None
    return _NoMessage(reply=_error(INVALID_REQUEST, "this line is not one JSON-RPC 2.0 message", _writable(known)))


def _writable(request_id: str | int | None) -> str | int | None:
    return None if isinstance(request_id, str) and not request_id.isprintable() else request_id


def _id_at_an_end(head: bytes, tail: bytes) -> str | int | None:
    """Return the id of a message that cannot be read, where it is the first or the last thing in it."""
    found = _ID_FIRST.match(head) or _ID_LAST.search(tail)
    try:
        return _writable(json.loads(found[1])) if found else None
    except ValueError:
        return None


def _error(code: int, message: str, request_id: str | int | None = None) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))


async def _write(sink: int, to_send: MemoryObjectReceiveStream[SessionMessage]) -> None:
    """Write messages until there are no more, or nobody reads them."""
    async with to_send:
        async for one in to_send:
            line = one.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
            try:
                await _write_all(sink, line)
            except BrokenPipeError:
                logger.debug("the client went away")
                return


async def _write_all(sink: int, line: bytes) -> None:
    if sys.platform == "win32":
        await anyio.to_thread.run_sync(_write_blocking, sink, line)
        return
    rest = memoryview(line)
    while rest:
        ready = select.poll()
        ready.register(sink, select.POLLOUT)
        if not ready.poll(0):
            await anyio.wait_writable(sink)
        try:
            rest = rest[os.write(sink, rest[:_WRITE_BYTES]) :]
        except BlockingIOError:
            continue


def _write_blocking(sink: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(sink, rest) :]
