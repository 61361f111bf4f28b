"""Measuring what a server costs the process that speaks with it."""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

MIB = 2**20


@asynccontextmanager
async def watched(*, lag_s: float, growth_bytes: int) -> AsyncIterator[None]:
    """Hold the block to a longest stall of the event loop and a growth of this process's memory.

    A stall is counted in processor time of this process: what others on the machine take is none of its doing.
    """
    stalls: list[float] = []

    async def beat() -> None:
        while True:
            before_s = time.process_time()
            await anyio.sleep(0.01)
            stalls.append(time.process_time() - before_s)

    before = _resident_bytes()
    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        yield
        group.cancel_scope.cancel()
    assert max(stalls, default=0) < lag_s
    assert _resident_bytes() - before < growth_bytes


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
