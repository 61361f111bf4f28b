"""A stream of server-sent events in which each is small, well-formed and wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import anyio.to_thread
import httpx2
import orjson
from mcp_types import ErrorData, JSONRPCError, JSONRPCNotification, jsonrpc_message_adapter
from pydantic import ValidationError

from banyan.core.call import Category
from banyan.tools.mcp.failures import local_error
from banyan.tools.mcp.framing import answered_id
from banyan.tools.mcp.messages import IN_THREAD_BYTES, WANTED, Unreadable, mend, read_json
from banyan.tools.mcp.pace import NOTICE, Pace


class Event(NamedTuple):
    """One event as it came: its payload, and its other lines."""

    data: bytes
    fields: tuple[bytes, ...]
    too_long: bool = False


class EventStream(httpx2.AsyncByteStream):
    """The body of a response with every event checked; one that is too long or no message becomes an error."""

    def __init__(self, response: httpx2.Response, cap_bytes: int) -> None:
        self._response = response
        self._cap = cap_bytes
        self._pace = Pace()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        reader = EventReader(self._cap)
        try:
            async for chunk in self._response.aiter_raw():
                for event in reader.feed(chunk):
                    await self._pace.spend(NOTICE)
                    yield await self._rendered(event)
        except httpx2.TransportError:
            # A stream that breaks off just ends: whoever waits for more of it is told so by the SDK.
            return

    async def aclose(self) -> None:
        """Close the response."""
        await self._response.aclose()

    async def _rendered(self, event: Event) -> bytes:
        if event.too_long:
            problem = f"the server answered with a message of more than {self._cap:,} bytes"
            data = error_message(
                local_error(Category.UPSTREAM, problem, sent=True), answered_id(event.data, event.data)
            )
        elif b"event: endpoint" in event.fields or not event.data:
            data = event.data
        else:
            found = await readable(event.data)
            data = error_message(found, answered_id(event.data, event.data)) if isinstance(found, ErrorData) else found
        return b"".join(line + b"\n" for line in (*event.fields, b"data: " + data, b""))


class EventReader:
    """Cuts a stream of bytes into events, and keeps no more than the cap of one."""

    def __init__(self, cap_bytes: int) -> None:
        self._cap = cap_bytes
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._fields: list[bytes] = []
        self._size = 0
        self._skipping = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that end in `chunk`, and word of one as soon as it is too long."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield from self._grow(end)
            yield from self._line_ended()
        yield from self._grow(rest)

    def _grow(self, piece: bytes) -> Iterator[Event]:
        self._size += len(piece)
        if self._skipping:
            # Whether a line is empty is all that has to be known of it.
            self._line = [piece[-1:]] if piece else self._line
        elif self._size <= self._cap:
            self._line.append(piece)
        else:
            self._skipping = True
            start = b"".join([*self._data[:1], *self._line, piece])
            yield Event(data=start.removeprefix(b"data:").lstrip()[:1024], fields=(), too_long=True)
            self._data.clear()
            self._fields.clear()
            self._line = [b"x"]

    def _line_ended(self) -> Iterator[Event]:
        line = b"".join(self._line).removesuffix(b"\r")
        self._line = []
        if line:
            if not self._skipping:
                self._keep(line)
            return
        if not self._skipping and (self._data or self._fields):
            # A payload may stand in several lines; between the tokens of JSON a space does as well.
            yield Event(data=b" ".join(self._data), fields=tuple(self._fields))
        self._data.clear()
        self._fields.clear()
        self._size, self._skipping = 0, False

    def _keep(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name in (b"event", b"id", b"retry"):
            self._fields.append(name + b": " + value)


async def readable(data: bytes) -> bytes | ErrorData:
    """Return a message that the SDK can read: `data`, or what it was mended to; nothing where nobody wants it.

    Where it cannot be mended the error is returned that takes its place.
    """
    if len(data) > IN_THREAD_BYTES:
        return await anyio.to_thread.run_sync(_readable, data)
    return _readable(data)


def error_message(error: ErrorData, request_id: int | None = None) -> bytes:
    """Return `error` as a JSON-RPC message."""
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=error).model_dump_json(by_alias=True).encode()


def _readable(data: bytes) -> bytes | ErrorData:
    try:
        read_json(data)
        try:
            message = jsonrpc_message_adapter.validate_json(data, by_name=False)
        except ValidationError:
            data = orjson.dumps(read_json(mend(data)))
            message = jsonrpc_message_adapter.validate_json(data, by_name=False)
    except (Unreadable, ValidationError, orjson.JSONEncodeError) as error:
        said = str(error) if isinstance(error, Unreadable) else "a message that is no JSON-RPC"
        return local_error(Category.UPSTREAM, f"the server answered with {said}", sent=True)
    unwanted = isinstance(message, JSONRPCNotification) and message.method not in WANTED
    return b"" if unwanted else data
