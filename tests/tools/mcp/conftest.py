"""Real servers as child processes, and what a test needs around them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest

from banyan.core.call import RawResult
from banyan.core.ids import SourceName, ToolName
from banyan.core.ports import Elicited
from banyan.core.source import Source, SourceKind
from banyan.core.tool import Tool, ToolSpec
from banyan.server.secrets import SecretStores
from banyan.tools.mcp import McpBackend, SessionLimits

SERVERS = Path(__file__).parents[2] / "servers"
HOSTILE = [sys.executable, "-S", str(SERVERS / "hostile.py")]
EVERYDAY = [sys.executable, str(SERVERS / "everyday.py")]

Start: TypeAlias = Callable[..., McpBackend]


class Person:
    """A caller that answers questions by script and remembers what it was told."""

    surface = "python"

    def __init__(self, answer: Elicited | None = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.told: list[tuple[float, float | None, str | None]] = []
        self.thinks = anyio.Event()
        self.thinks.set()

    async def elicit(self, message: str, schema: Mapping[str, Any]) -> Elicited | None:
        self.asked.append((message, schema))
        await self.thinks.wait()
        return self.answer

    async def progress(self, done: float, total: float | None, message: str | None) -> None:
        self.told.append((done, total, message))


def tool(name: str, **schema: Any) -> Tool:
    spec = ToolSpec(server="s", upstream_name=name, input_schema={"type": "object", **schema})
    return Tool(
        name=ToolName(name), source=SourceName("s"), spec=spec, digest=spec.digest, changed_at=datetime.now(UTC)
    )


async def ask(
    backend: McpBackend, name: str, timeout_s: float = 10, person: Person | None = None, **arguments: Any
) -> RawResult:
    return await backend.call(tool(name), arguments, timeout_s=timeout_s, caller=person or Person())


def text(result: RawResult) -> str:
    return b"".join(part.body for part in result.parts).decode()


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie: in a container nobody may reap those."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(happened: Callable[[], bool], within_s: float = 5) -> None:
    """Wait for what another process does."""
    with anyio.fail_after(within_s):
        while not happened():  # noqa: ASYNC110 - other processes set no event of ours
            await anyio.sleep(0.02)


async def until_gone(*pids: int) -> None:
    await until(lambda: not any(alive(pid) for pid in pids))


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Make backends that are closed at the end of the test; `environ` is where their secrets are."""
    async with AsyncExitStack() as stack:

        def make(
            *command: str,
            environ: Mapping[str, str] | None = None,
            limits: SessionLimits | None = None,
            on_changed: Callable[[SourceName], None] | None = None,
            log_dir: Path | None = None,
            **config: Any,
        ) -> McpBackend:
            if command:
                config["command"] = list(command)
            backend = McpBackend(
                Source(name=SourceName("s"), kind=SourceKind.MCP, config=config),
                secrets=SecretStores(tmp_path, environ=environ or {}),
                limits=limits,
                log_dir=log_dir,
                on_changed=on_changed,
            )
            stack.push_async_callback(backend.aclose)
            return backend

        yield make


@contextmanager
def serve(*more: str) -> Iterator[str]:
    """Run the ordinary server over HTTP on a free port of the loopback, and give its address."""
    port = free_port()
    with running([*EVERYDAY, str(port), *more], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[None]:
    """Run a server for as long as the block lasts, from when it listens on `port`."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield
        finally:
            process.kill()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not start")
