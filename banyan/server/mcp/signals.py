"""Stopping in good order when the system says so."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from anyio.abc import TaskStatus


@asynccontextmanager
async def stopping_on_signals(*, listen: bool = True) -> AsyncIterator[anyio.CancelScope]:
    """Run the block until SIGINT or SIGTERM cancels it; the block then ends without an error.

    Args:
        listen: whether to take the signals, which only a program's main thread can.
    """
    if not listen:
        with anyio.CancelScope() as scope:
            yield scope
        return
    async with anyio.create_task_group() as group:
        await group.start(_listen, group.cancel_scope)
        yield group.cancel_scope
        group.cancel_scope.cancel()


async def _listen(scope: anyio.CancelScope, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
        task_status.started()
        async for _ in received:
            scope.cancel()
            return
