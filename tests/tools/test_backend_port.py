"""What every backend has in common: the double, Python functions and a real MCP server."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from banyan.core.call import Category, RawResult
from banyan.core.errors import CallFailed
from banyan.core.ids import SourceName
from banyan.core.ports import Backend, Caller
from banyan.core.source import Source, SourceKind
from banyan.core.tool import Tool
from banyan.server.secrets import SecretStores
from banyan.testing.backend import ScriptedBackend, ScriptedCaller
from banyan.tools.keep import keep
from banyan.tools.mcp import McpBackend, SessionLimits
from banyan.tools.python_source import PythonBackend
from tests.tools.room import Clock, spec, tool

EVERYDAY = Path(__file__).parents[1] / "servers" / "everyday.py"


def echo(text: str) -> str:
    """Return the text."""
    return text


async def slow(seconds: float) -> str:
    """Answer after a while."""
    await anyio.sleep(seconds)
    return "at last"


async def scripted_echo(arguments: Mapping[str, Any], caller: Caller) -> RawResult:
    return RawResult(structured={"result": arguments["text"]})


async def scripted_slow(arguments: Mapping[str, Any], caller: Caller) -> RawResult:
    await anyio.sleep(arguments["seconds"])
    return RawResult()


@pytest.fixture(params=["scripted", "python", "mcp"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    name = SourceName("port")
    if request.param == "scripted":
        tools = [spec("echo", "port"), spec("slow", "port")]
        yield ScriptedBackend(tools, {"echo": [scripted_echo], "slow": [scripted_slow]})
    elif request.param == "python":
        yield PythonBackend(Source(name=name, kind=SourceKind.PYTHON), {"echo": echo, "slow": slow})
    else:
        source = Source(name=name, kind=SourceKind.MCP, config={"command": [sys.executable, str(EVERYDAY)]})
        made = McpBackend(source, secrets=SecretStores(tmp_path), limits=SessionLimits(), log_dir=tmp_path)
        yield made
        await made.aclose()


async def listed(backend: Backend, name: str) -> Tool:
    (found,) = [one for one in (await backend.listing()).tools if one.upstream_name == name]
    return tool(found)


async def test_a_backend_lists_what_it_can_call(backend: Backend) -> None:
    names = {one.upstream_name for one in (await backend.listing()).tools}
    assert {"echo", "slow"} <= names


async def test_a_call_gives_what_the_tool_answered(backend: Backend) -> None:
    found = await backend.call(await listed(backend, "echo"), {"text": "hello"}, timeout_s=20, caller=ScriptedCaller())
    kept = keep(found, now=Clock()(), redact=str, cap_bytes=10_000, preview_chars=100)
    assert "hello" in kept.preview
    assert not found.failed


async def test_a_call_that_takes_too_long_ends_with_a_timeout_and_the_next_one_works(backend: Backend) -> None:
    one = await listed(backend, "slow")
    with anyio.fail_after(10), pytest.raises(CallFailed) as caught:
        await backend.call(one, {"seconds": 60}, timeout_s=0.2, caller=ScriptedCaller())
    assert (caught.value.category, caught.value.sent) == (Category.TIMEOUT, True)
    quick = await backend.call(one, {"seconds": 0}, timeout_s=20, caller=ScriptedCaller())
    assert not quick.failed


async def test_a_tool_that_is_not_there_fails_one_way_or_the_other(backend: Backend) -> None:
    try:
        found = await backend.call(tool(spec("nothing", "port")), {}, timeout_s=20, caller=ScriptedCaller())
    except CallFailed as failure:
        assert failure.category in {Category.NOT_FOUND, Category.UPSTREAM}
    else:
        assert found.failed


async def test_a_backend_tells_its_state_and_stops_more_than_once(backend: Backend) -> None:
    await backend.listing()
    assert backend.status()["state"]
    await backend.aclose()
    await backend.aclose()
    assert backend.status()["state"]
