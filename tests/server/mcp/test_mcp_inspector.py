"""The MCP Inspector, a client by other people, lists, finds and calls through `banyan serve`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

import banyan

INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
NODE = "node@22"

ENVIRONMENT = dict(os.environ)
"""As it is outside the tests: npm has its settings in the user's home."""

CACHE = Path(ENVIRONMENT.get("BANYAN_TEST_CACHE") or ENVIRONMENT.get("XDG_CACHE_HOME") or Path.home() / ".cache")
EVERYDAY = Path(__file__).parents[2] / "servers" / "everyday.py"

pytestmark = [pytest.mark.anyio, pytest.mark.npm, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def inspector() -> list[str]:
    """The command of the Inspector, installed once into the user's cache with the Node.js that it needs."""
    folder = CACHE / "banyan-tests" / "inspector-2.12.0"
    program = folder / "node_modules" / "@modelcontextprotocol" / "inspector"
    node = folder / "node_modules" / ".bin" / "node"
    if not (program / "package.json").exists() or not node.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), NODE, INSPECTOR]
        done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=240, check=False)
        if done.returncode != 0:
            pytest.skip(f"npm cannot install the Inspector: {done.stderr.strip().splitlines()[-1:]}")
    return [str(node), str(folder / "node_modules" / ".bin" / "mcp-inspector"), "--cli"]


async def inspect(command: list[str], home: Path, method: str, *arguments: str) -> Any:
    """Return the JSON that the Inspector prints of one request to a fresh `banyan serve`."""
    server = [sys.executable, "-m", "banyan.server.cli", "serve", "--home", str(home)]
    whole = [*command, *server, "--method", method, *arguments]
    done = await anyio.to_thread.run_sync(
        lambda: subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    folder = tmp_path / "banyan"
    async with banyan.open(folder, watch=False) as b:
        await b.add("everyday", command=[sys.executable, str(EVERYDAY)])
    return folder


def call(tool: str, **arguments: str) -> list[str]:
    given = [part for key, value in arguments.items() for part in ("--tool-arg", f"{key}={value}")]
    return ["tools/call", "--tool-name", tool, *given]


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_the_inspector_lists_the_tools_and_finds_no_fault_with_them(
    inspector: list[str], home: Path, era: str
) -> None:
    listed = await inspect([*inspector, "--strict", "--protocol-era", era], home, "tools/list")
    names = [tool["name"] for tool in listed["tools"]]
    assert names[:4] == ["find_tools", "describe_tools", "call_tool", "read_result"]
    assert names[4:] == ["edit_tasks", "next_tasks", "get_task", "finish_task", "recall"]


async def test_the_inspector_finds_and_calls(inspector: list[str], home: Path) -> None:
    found = await inspect(inspector, home, *call("find_tools", query="give the text back"))
    called = await inspect(inspector, home, *call("call_tool", name="everyday__echo", arguments='{"text": "hello"}'))
    assert "everyday__echo" in [one["name"] for one in found["structuredContent"]["results"]]
    assert called["structuredContent"]["outcome"] == "ok"
    assert "hello" in called["structuredContent"]["preview"]
