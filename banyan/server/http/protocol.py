"""HTTP/1.1 with time limits: on the head of a request, on its body, and on a reader that takes nothing."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import sys
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from banyan.server.http.options import HttpOptions


_DROP = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""Linger for no time: a closed socket drops what was not sent."""


class Waiting(Enum):
    """What a connection owes the server."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()


class TimedProtocol(H11Protocol):
    """One connection, which the client cannot hold open by doing nothing.

    uvicorn itself limits only the pause between two requests: a head or a body that never ends, and an answer that
    is never read, would be waited for without end.
    """

    _numbers = itertools.count()

    def __init__(
        self,
        options: HttpOptions,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._options = options
        self._number = next(self._numbers)
        self._waiting = Waiting.NOTHING
        self._read_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the superclass
        """Take a new connection; where there are too many, the oldest that asks for nothing makes room."""
        super().connection_made(transport)
        self._wait_for(Waiting.HEAD)
        if len(self.connections) > self._options.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and its timers."""
        self._wait_for(Waiting.NOTHING)
        self._stop_write_timer()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Handle what came, and start the clock of what is still owed."""
        super().handle_events()
        state = self.conn.their_state
        if self.transport.is_closing():
            self._wait_for(Waiting.NOTHING)
        elif state is h11.IDLE and self.conn.trailing_data[0]:
            self._wait_for(Waiting.HEAD)
        elif state is h11.SEND_BODY:
            self._wait_for(Waiting.BODY)
        else:
            self._wait_for(Waiting.NOTHING)

    def pause_writing(self) -> None:
        """Give a reader that is behind some time to catch up."""
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        """Go on: the reader caught up."""
        super().resume_writing()
        self._stop_write_timer()

    def on_response_complete(self) -> None:
        """End the request; what of its answer is not read in time is dropped with the connection."""
        super().on_response_complete()
        self._abort_unless_read()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that asks for nothing more."""
        super().timeout_keep_alive_handler()
        self._abort_unless_read()

    def shutdown(self) -> None:
        """Close the connection after the answer that is under way."""
        super().shutdown()
        self._abort_unless_read()

    @property
    def asks_nothing(self) -> bool:
        """Whether no request is under way: its head is not here yet, or its answer was sent."""
        return self.conn.their_state is h11.IDLE

    def _make_room(self) -> None:
        idle = [one for one in self.connections if isinstance(one, TimedProtocol) and one.asks_nothing]
        min(idle, key=lambda one: one._number, default=self).transport.abort()

    def _wait_for(self, what: Waiting) -> None:
        """Start the clock when the client begins to owe something; more of the same does not start it anew."""
        if what is self._waiting:
            return
        self._waiting = what
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None
        if what is not Waiting.NOTHING:
            self._read_timer = self.loop.call_later(self._options.read_timeout_s, self.transport.abort)

    def _abort_unless_read(self) -> None:
        if self.transport.get_write_buffer_size():
            self._start_write_timer()

    def _start_write_timer(self) -> None:
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self._options.read_timeout_s, self._abort_if_unread)

    def _abort_if_unread(self) -> None:
        self._write_timer = None
        if self.transport.get_write_buffer_size():
            # Without this the system goes on holding what it took, and offering it to the reader.
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
            self.transport.abort()

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
