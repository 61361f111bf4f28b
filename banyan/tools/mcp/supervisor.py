"""Keeps at most one conversation with a server: starts it when it is needed, and replaces it when it fails."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio

from banyan.core.errors import BanyanError, SecretMissing, SourceUnavailable
from banyan.tools.mcp.breaker import Breaker
from banyan.tools.mcp.changes import announce
from banyan.tools.mcp.connect import ProbeRefused
from banyan.tools.mcp.limits import SessionLimits
from banyan.tools.mcp.session import Session

logger = logging.getLogger(__name__)

IDLE = "it was not used for a while"
CLOSED = "it is closed"
_GREETINGS = 3
"""Ways to greet a server that ends over the first: as it was known, with the question, and without."""

HUNG = "the server stopped answering, and was ended"


class _Start:
    """One start that every caller of the moment waits for."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.error: BanyanError | None = None


class Supervisor:
    """Owns the conversation with one server in a task of its own, which outlives the call that began it.

    Whoever wants the conversation takes it with `acquire` and gives it back with `release`.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], AbstractAsyncContextManager[Session]],
        explain: Callable[[BaseException], BanyanError],
        limits: SessionLimits,
        on_changed: Callable[[], None],
    ) -> None:
        self._name = name
        self._connect = connect
        self._explain = explain
        self._limits = limits
        self._on_changed = on_changed
        self._closed = False
        self._owner: asyncio.Task[None] | None = None
        self._gone = anyio.Event()
        """The owner of the moment has ended, its server too."""
        self._scope = anyio.CancelScope()
        self._start = _Start()
        self._used_at = 0.0
        self.breaker = Breaker(limits, anyio.current_time)
        self.session: Session | None = None
        """The conversation, where one is open."""
        self.starts = 0
        self.last_error: str | None = None

    @property
    def state(self) -> str:
        """One word for `doctor`: idle, starting, running, stopping, backing_off, broken or closed."""
        if self._closed:
            return "closed"
        if self.session is not None:
            return "stopping" if self.session.over.is_set() else "running"
        if self.breaker.open:
            return "broken"
        if self.breaker.wait_s > 0:
            return "backing_off"
        return "idle" if self._owner is None else "starting"

    async def acquire(self) -> Session:
        """Return the open conversation, after starting one where there is none.

        Raises:
            SourceUnavailable: the server cannot be started, or failed so often that it is not tried for now.
            SecretMissing: it needs a secret that is not there.
        """
        while True:
            session = self.session
            if session is None:
                await self._begin()
            elif session.over.is_set():
                await self._gone.wait()
            elif session.cleared is not None:
                await session.cleared.wait()
            else:
                session.users += 1
                return session

    def release(self, session: Session) -> None:
        """Give back what `acquire` gave."""
        session.users -= 1
        self._used_at = anyio.current_time()

    async def aclose(self) -> None:
        """End the conversation and its server; nothing is started any more."""
        self._closed = True
        if self._owner is not None:
            if self.session is not None:
                self.session.end(CLOSED)
            else:
                self._scope.cancel()
            await self._gone.wait()

    async def _begin(self) -> None:
        if self._closed:
            raise SourceUnavailable(self._name, CLOSED)
        if self._owner is None:
            if self.breaker.open:
                raise SourceUnavailable(
                    self._name,
                    f"failed {self.breaker.failures} times in a row, last: {self.last_error};"
                    f" it is tried again in {math.ceil(self.breaker.wait_s)} s",
                )
            self._start, self._gone, self._scope = _Start(), anyio.Event(), anyio.CancelScope()
            self._owner = _spawn(self._own(self._start))
        start = self._start
        await start.done.wait()
        if start.error is not None:
            raise start.error

    async def _own(self, start: _Start) -> None:
        try:
            with self._scope:
                await anyio.sleep(self.breaker.wait_s)
                await self._hold(start)
        finally:
            if start.error is None and not start.done.is_set():
                start.error = SourceUnavailable(self._name, CLOSED if self._closed else "the start was given up")
            self.session = None
            self._owner = None
            start.done.set()
            self._gone.set()

    async def _hold(self, start: _Start) -> None:
        """Open the conversation, hold it until it is over, and judge how it ended."""
        self.starts += 1
        with anyio.CancelScope(deadline=anyio.current_time() + self._limits.start_timeout_s) as deadline:
            try:
                await self._converse(start, deadline)
            except Exception as error:  # noqa: BLE001 - the loop of a background worker: turned into a value here
                problem = self._explain(error)
                if not isinstance(problem, SecretMissing):
                    self._failed(str(problem))
                if not start.done.is_set():
                    start.error = problem
        if deadline.cancelled_caught and not start.done.is_set():
            problem = SourceUnavailable(self._name, f"did not start within {self._limits.start_timeout_s:g} s")
            self._failed(str(problem))
            start.error = self._explain(problem)

    async def _converse(self, start: _Start, deadline: anyio.CancelScope) -> None:
        for _ in range(_GREETINGS):
            try:
                async with self._connect() as session:
                    deadline.deadline = math.inf
                    self._used_at = anyio.current_time()
                    self.session = session
                    start.done.set()
                    await self._attend(session)
                    if session.reason not in (IDLE, CLOSED):
                        self._failed(session.reason)
                break
            except ProbeRefused:
                logger.info(
                    "source `%s` does not take the newest protocol's first question; greeting it again", self._name
                )

    async def _attend(self, session: Session) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._stop_when_idle, session)
            group.start_soon(self._examine, session)
            group.start_soon(announce, session, self._limits.change_delay_s, self._on_changed)
            await session.over.wait()
            group.cancel_scope.cancel()

    async def _stop_when_idle(self, session: Session) -> None:
        while True:
            idle_at = self._used_at + self._limits.idle_stop_s
            if not session.users and anyio.current_time() >= idle_at:
                session.end(IDLE)
                return
            await anyio.sleep(max(idle_at - anyio.current_time(), self._limits.idle_stop_s / 4))

    async def _examine(self, session: Session) -> None:
        """Find out about a server that missed a deadline; it may be busy with another call that is still in time."""
        while True:
            await session.suspected.wait()
            alive = session.users > 0 or await session.ping(self._limits.ping_timeout_s)
            if not alive:
                session.end(HUNG, kill=True)
            session.clear()

    def _failed(self, why: str) -> None:
        self.last_error = why
        self.breaker.failed()
        logger.info("source `%s` failed %d times in a row", self._name, self.breaker.failures)


def _spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run `work` as a task that no caller's cancellation ends: a task group would belong to one of them."""
    return asyncio.get_running_loop().create_task(work, context=contextvars.Context())
