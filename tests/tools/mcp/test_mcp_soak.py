"""The same misbehaviour for longer: what leaks a little shows here."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from banyan.core.errors import CallFailed
from banyan.tools.mcp import SessionLimits
from tests.tools.mcp.conftest import HOSTILE, Start, ask, text
from tests.tools.mcp.measure import MIB, watched

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_five_hundred_deaths_leak_no_process_no_file_and_no_memory(start: Start) -> None:
    limits = SessionLimits(backoff_first_s=0, backoff_cap_s=0, breaker_failures=10_000, stop_grace_s=0.2)
    backend = start(*HOSTILE, "good", limits=limits)
    with suppress(CallFailed):
        await ask(backend, "die")
    files, threads = open_files(), len(os.listdir("/proc/self/task"))  # noqa: PTH208 - counted, not read
    async with watched(lag_s=0.5, growth_bytes=16 * MIB):
        for _ in range(500):
            with pytest.raises(CallFailed):
                await ask(backend, "die")
    await backend.aclose()
    assert open_files() <= files
    assert len(os.listdir("/proc/self/task")) <= threads + 1  # noqa: PTH208


async def test_a_gigabyte_on_each_channel_grows_nothing(start: Start, tmp_path: Path) -> None:
    backend = start(*HOSTILE, "good", log_dir=tmp_path)
    await ask(backend, "good")
    async with watched(lag_s=0.5, growth_bytes=64 * MIB):
        assert text(await ask(backend, "stderr", 120, size_bytes=1024 * MIB)) == "ok"
        with pytest.raises(CallFailed):
            await ask(backend, "long_line_id_last", 120, size_bytes=1024 * MIB)
        assert text(await ask(backend, "good", 60)) == "good"
    assert backend.status()["starts"] == 1


async def test_a_hundred_servers_live_beside_each_other(start: Start) -> None:
    backends = [start(*HOSTILE, "good") for _ in range(100)]

    async def use(number: int) -> None:
        for _ in range(20):
            assert text(await ask(backends[number], f"t{number}", 60)) == f"t{number}"

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(use, number)
