"""The stdio transport: a server's lines as messages, and ours as lines, without a task between."""

from __future__ import annotations

import logging
from collections import deque
from types import TracebackType
from typing import Self

import anyio
import anyio.to_thread
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCNotification

from banyan.core.call import Category
from banyan.tools.mcp.endpoint import Command
from banyan.tools.mcp.failures import local_error
from banyan.tools.mcp.framing import LineReader, TooLong, answered_id
from banyan.tools.mcp.log import BoundedLog
from banyan.tools.mcp.messages import IN_THREAD_BYTES, Unreadable, read_messages
from banyan.tools.mcp.pace import CHAFF, NOTICE, Pace
from banyan.tools.mcp.process import Child

logger = logging.getLogger(__name__)

_QUEUE_BYTES = 2**20
"""Of lines read but not yet handled, from which on the server has to wait."""


class StdioTransport:
    """Runs a command and speaks with it: an async context manager that gives the two streams of the SDK."""

    def __init__(self, command: Command, log: BoundedLog, *, cap_bytes: int, grace_s: float) -> None:
        self._command = command
        self._log = log
        self._cap = cap_bytes
        self._child = Child(self._take, log.add)
        self._lines = LineReader(cap_bytes)
        self._queue: deque[bytes | TooLong] = deque()
        self._queued_bytes = 0
        self._more = anyio.Event()
        self._pace = Pace()
        self.grace_s = grace_s
        """Between the steps of stopping; 0 kills at once."""
        self.garbage = 0
        """Lines that were no messages."""
        self.fault: str | None = None
        """Why the conversation was ended by us; None where it was not."""

    @property
    def pid(self) -> int | None:
        """Process id of the server."""
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """What the server exited with; None while it runs."""
        return self._child.returncode

    async def __aenter__(self) -> tuple[_Reader, _Writer]:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        try:
            await self._child.start(self._command)
        except BaseException:
            await self._end_tasks()
            raise
        self._tasks.start_soon(self._log.write)
        self._tasks.start_soon(self._wake_at_end)
        return _Reader(self), _Writer(self._child)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._child.stop(self.grace_s)
        finally:
            with anyio.CancelScope(shield=True):
                await self._log.flush()
            await self._end_tasks()

    async def next_messages(self) -> list[JSONRPCMessage]:
        """Return the messages of the server's next line; none where it has no more to say."""
        while True:
            if self._queue:
                found = await self._read(self._queue.popleft())
                if not found:
                    await self._pace.spend(CHAFF)
                    continue
                if isinstance(found[0], JSONRPCNotification):
                    await self._pace.spend(NOTICE)
                return found
            if self._child.output_ended.is_set() or self.fault:
                return []
            self._more = anyio.Event()
            await self._more.wait()

    async def _read(self, line: bytes | TooLong) -> list[JSONRPCMessage]:
        if isinstance(line, TooLong):
            return self._refuse(line.request_id, f"a message of more than {self._cap:,} bytes")
        self._queued_bytes -= len(line)
        if self._queued_bytes < _QUEUE_BYTES:
            self._child.resume_output()
        try:
            if len(line) > IN_THREAD_BYTES:
                return await anyio.to_thread.run_sync(read_messages, line)
            return read_messages(line)
        except Unreadable as error:
            self.garbage += 1
            request_id = answered_id(line, line)
            return [] if request_id is None else self._refuse(request_id, str(error))

    def _refuse(self, request_id: int | None, problem: str) -> list[JSONRPCMessage]:
        """Answer the request in the server's place; where nobody can tell which one, the conversation is over."""
        if request_id is None:
            self.fault = f"the server sent {problem}"
            return []
        error = local_error(Category.UPSTREAM, f"the server answered with {problem}", sent=True)
        return [JSONRPCError(jsonrpc="2.0", id=request_id, error=error)]

    def _take(self, chunk: bytes) -> None:
        for line in self._lines.feed(chunk):
            self._queue.append(line)
            self._queued_bytes += len(line) if isinstance(line, bytes) else 0
        if self._queued_bytes >= _QUEUE_BYTES:
            self._child.pause_output()
        self._more.set()

    async def _wake_at_end(self) -> None:
        await self._child.output_ended.wait()
        self._more.set()

    async def _end_tasks(self) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)


class _Reader:
    """The SDK's read stream."""

    def __init__(self, transport: StdioTransport) -> None:
        self._transport = transport
        self._ready: deque[JSONRPCMessage] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        if not self._ready:
            self._ready.extend(await self._transport.next_messages())
            if not self._ready:
                raise StopAsyncIteration
        return SessionMessage(self._ready.popleft())

    async def receive(self) -> SessionMessage | Exception:
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    async def aclose(self) -> None:
        self._ready.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Writer:
    """The SDK's write stream."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def send(self, item: SessionMessage, /) -> None:
        message = item.message
        data = message.model_dump_json(by_alias=True, exclude_unset=True).encode()
        # A notification never waits for a server that does not read: it is sent just when one gave up on it.
        await self._child.write(data + b"\n", wait=not isinstance(message, JSONRPCNotification))

    async def aclose(self) -> None:
        """Nothing: the transport's own end closes the pipe."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
