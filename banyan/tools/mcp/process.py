"""A child process in a group of its own, which does not outlive us."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import anyio

from banyan.tools.mcp.endpoint import Command

logger = logging.getLogger(__name__)

_POLL_S = 0.02
_REAP_S = 2.0
"""For a killed process to be gone; only one stuck in the kernel takes longer."""

_GUARD = 'read -r _ && exit 0; kill -s TERM -- "-$1"; sleep 1; kill -s KILL -- "-$1"'
"""Waits for our end of its input to close, which the system does when we die, however we die."""


class Child(asyncio.SubprocessProtocol):
    """A running command: bytes in, bytes out, and an end that takes its whole process group along.

    A guard, a shell of a megabyte, stands beside it: when this process dies without a chance to clean up, even by
    `kill -9`, the guard ends the group. `PR_SET_PDEATHSIG` would reach the child alone and not its children.
    """

    def __init__(self, on_output: Callable[[bytes], None], on_log: Callable[[bytes], None]) -> None:
        self._on_output = on_output
        self._on_log = on_log
        self._transport: asyncio.SubprocessTransport | None = None
        self._guard: asyncio.SubprocessTransport | None = None
        self._guard_exited = anyio.Event()
        self._may_write = anyio.Event()
        self._may_write.set()
        self.output_ended = anyio.Event()
        """No more output will come, or none of our input is read any more."""
        self.exited = anyio.Event()

    @property
    def pid(self) -> int | None:
        """Its process id, which is its group's too."""
        return self._transport.get_pid() if self._transport else None

    @property
    def returncode(self) -> int | None:
        """What it exited with; negative for a signal, None while it runs."""
        return self._transport.get_returncode() if self._transport else None

    async def start(self, command: Command) -> None:
        """Run `command`, without a shell.

        Raises:
            OSError: it cannot be run.
        """
        loop = asyncio.get_running_loop()
        program = shutil.which(command.argv[0], path=command.environment.get("PATH")) or command.argv[0]
        await loop.subprocess_exec(
            lambda: self,
            program,
            *command.argv[1:],
            env=dict(command.environment),
            cwd=command.folder,
            start_new_session=True,
        )
        if sys.platform != "win32":
            await self._post_guard(loop)

    async def write(self, data: bytes, *, wait: bool) -> None:
        """Hand `data` over; with `wait` come back when the pipe has room again.

        Raises:
            anyio.ClosedResourceError: nobody reads it any more.
        """
        pipe = self._stdin()
        if pipe is None or pipe.is_closing() or self.output_ended.is_set():
            raise anyio.ClosedResourceError
        pipe.write(data)
        if wait and not self._may_write.is_set():
            await self._may_write.wait()

    def pause_output(self) -> None:
        """Read no more output for now; the child waits when its pipe is full."""
        if pipe := self._stdout():
            pipe.pause_reading()

    def resume_output(self) -> None:
        """Read output again."""
        if pipe := self._stdout():
            pipe.resume_reading()

    async def stop(self, grace_s: float) -> None:
        """End the process and its group: close its input, then ask, then kill, `grace_s` between; comes back always."""
        if self._transport is None:
            return
        with anyio.CancelScope(shield=True):
            if pipe := self._stdin():
                pipe.close()
            self.resume_output()
            if not await self._gone(grace_s):
                self._signal(signal.SIGTERM)
                if not await self._gone(grace_s):
                    self._signal(_KILL)
                    if not await self._gone(_REAP_S):
                        logger.warning("process %s is still there after it was killed", self.pid)
            await self._end_group(grace_s)
            await self._dismiss_guard()
            self._transport.close()

    # What follows is called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Pass on what the child says."""
        (self._on_output if fd == 1 else self._on_log)(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Note the end of a pipe; the end of either of the two main ones ends the conversation."""
        if fd == 2:
            return
        self._may_write.set()
        if self.exited.is_set():
            self.output_ended.set()
        else:
            # The exit status says more than the end of a pipe, and mostly follows at once.
            asyncio.get_running_loop().call_later(0.2, self.output_ended.set)

    def process_exited(self) -> None:
        """Note the end of the process; what is left in its pipe still comes."""
        self.exited.set()
        asyncio.get_running_loop().call_later(0.05, self.output_ended.set)

    def pause_writing(self) -> None:
        """The pipe to the child is full."""
        self._may_write = anyio.Event()

    def resume_writing(self) -> None:
        """The pipe to the child has room."""
        self._may_write.set()

    def _stdin(self) -> asyncio.WriteTransport | None:
        return cast("asyncio.WriteTransport | None", self._transport and self._transport.get_pipe_transport(0))

    def _stdout(self) -> asyncio.ReadTransport | None:
        pipe = cast("asyncio.ReadTransport | None", self._transport and self._transport.get_pipe_transport(1))
        return None if pipe is None or pipe.is_closing() else pipe

    async def _gone(self, within_s: float) -> bool:
        with anyio.move_on_after(within_s):
            await self.exited.wait()
        return self.exited.is_set()

    def _signal(self, number: int) -> bool:
        """Send a signal to the group; whether there was anybody to get it."""
        if self.pid is None:
            return False
        if sys.platform == "win32":
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
            return False
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    async def _end_group(self, grace_s: float) -> None:
        """End the children that outlived their parent."""
        if not self._signal(signal.SIGTERM):
            return
        with anyio.move_on_after(min(grace_s, 0.5)):
            while self._signal(0):  # noqa: ASYNC110 - the end of a process that is not our child makes no event
                await anyio.sleep(_POLL_S)
        self._signal(_KILL)

    async def _post_guard(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._guard, _ = await loop.subprocess_exec(
                lambda: _Guard(self._guard_exited),
                *("/bin/sh", "-c", _GUARD, "guard", str(self.pid)),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath},
                start_new_session=True,
            )
        except OSError as error:
            # The server then still sees its input close when we die, which ends every well-behaved one.
            logger.info("no guard beside process %s: %s", self.pid, error.strerror)

    async def _dismiss_guard(self) -> None:
        if self._guard is None:
            return
        if pipe := cast("asyncio.WriteTransport | None", self._guard.get_pipe_transport(0)):
            pipe.write(b"\n")
        with anyio.move_on_after(_REAP_S):
            await self._guard_exited.wait()
        self._guard.close()


class _Guard(asyncio.SubprocessProtocol):
    def __init__(self, exited: anyio.Event) -> None:
        self._exited = exited

    def process_exited(self) -> None:
        self._exited.set()


_KILL = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL
