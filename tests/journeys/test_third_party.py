"""Tool servers by other people, as they come from their registries: added, found and called."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest

import banyan
from banyan.core.call import OutcomeKind
from banyan.core.policy import MCP_POLICY
from examples.third_party import CannotInstall, install

SERVERS = Path(__file__).parents[2] / ".demo" / "servers"
"""Installed once, and shared with the first run."""

ENVIRONMENT = dict(os.environ)
"""As it is outside the tests: package managers have their settings in the user's home."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def installed(name: str) -> str:
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOME", ENVIRONMENT.get("HOME", ""))
            return str(install(name, SERVERS))
    except CannotInstall as error:
        if error.unreachable:
            pytest.skip(str(error))
        raise


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def running(command: list[str], port: int, env: dict[str, str] | None = None) -> AsyncIterator[str]:
    """Run an HTTP server and yield its address once it accepts connections."""
    process = await anyio.open_process(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with anyio.fail_after(60):
            while True:
                try:
                    stream = await anyio.connect_tcp("127.0.0.1", port)
                except OSError:
                    assert process.returncode is None, f"{command[0]} ended"
                    await anyio.sleep(0.05)
                else:
                    await stream.aclose()
                    break
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        with anyio.CancelScope(shield=True):
            process.terminate()
            await process.wait()


async def test_a_server_from_pypi_is_found_by_meaning_and_called_over_stdio() -> None:
    async with banyan.open() as b:
        report = await b.add("time", command=[installed("time")])
        assert sorted(report.new) == ["time__convert_time", "time__get_current_time"]
        answer = await b.find("when it is noon in London, what do clocks in Tokyo show", k=1)
        assert [one.name for one in answer.results] == ["time__convert_time"]
        arguments = {"source_timezone": "Etc/UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
        outcome = await b.call("time__convert_time", arguments)
        assert outcome.ok, outcome.message
        assert "+9.0h" in outcome.preview
        assert outcome.handle is not None
        page = await b.read(outcome.handle, path="/time_difference")
        assert page.content == "+9.0h"


async def test_a_server_of_the_first_sdk_generation_without_annotations_works(tmp_path: Path) -> None:
    file = tmp_path / "books.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE books (title TEXT, sold INTEGER)")
        database.execute("INSERT INTO books VALUES ('Emma', 312)")
    async with banyan.open() as b:
        await b.add("sqlite", command=[installed("sqlite"), "--db-path", str(file)])
        read = await b.call("sqlite__read_query", {"query": "SELECT title, sold FROM books"})
        assert read.ok, read.message
        assert "Emma" in read.preview
        wrong = await b.call("sqlite__read_query", {"sql": "SELECT 1"})
        assert wrong.outcome is OutcomeKind.FAILED
        assert wrong.exit_status == 2


async def test_a_git_server_reads_a_repository_and_its_destructive_tool_needs_a_person(tmp_path: Path) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not on this machine")
    who = ["-c", "user.name=A Test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", "Begin"]):
        await anyio.run_process([git, *command], cwd=tmp_path)
    async with banyan.open() as b:
        await b.add("git", command=[installed("git"), "--repository", str(tmp_path)])
        log = await b.call("git__git_log", {"repo_path": str(tmp_path)})
        assert log.ok, log.message
        assert "Begin" in log.preview
        reset = await b.call("git__git_reset", {"repo_path": str(tmp_path)}, policy=MCP_POLICY)
        assert reset.outcome is OutcomeKind.NEEDS_APPROVAL
        assert [one.id for one in await b.inbox()] == [reset.approval_id]


async def test_a_third_party_server_is_called_over_streamable_http() -> None:
    port = free_port()
    command = [installed("proxy"), "--host", "127.0.0.1", "--port", str(port), "--", installed("time")]
    async with running(command, port) as url, banyan.open() as b:
        await b.add("clock", url=url)
        outcome = await b.call("clock__get_current_time", {"timezone": "Asia/Tokyo"})
        assert outcome.ok, outcome.message
        assert "Asia/Tokyo" in outcome.preview


@pytest.mark.npm
async def test_the_reference_server_works_over_streamable_http() -> None:
    port = free_port()
    command = [installed("everything"), "streamableHttp"]
    async with running(command, port, env={**ENVIRONMENT, "PORT": str(port)}) as url, banyan.open() as b:
        await b.add("everything", url=url)
        outcome = await b.call("everything__get-sum", {"a": 19, "b": 23})
        assert outcome.ok, outcome.message
        assert "42" in outcome.preview


@pytest.mark.npm
async def test_the_reference_server_works_over_stdio_and_its_images_are_kept() -> None:
    async with banyan.open() as b:
        await b.add("everything", command=[installed("everything")])
        outcome = await b.call("everything__get-tiny-image")
        assert outcome.ok, outcome.message
        long = await b.call("everything__trigger-long-running-operation", {"duration": 1, "steps": 2})
        assert long.ok, long.message


@pytest.mark.npm
async def test_a_memory_server_from_npm_keeps_what_it_is_told(tmp_path: Path) -> None:
    async with banyan.open() as b:
        env = {"MEMORY_FILE_PATH": str(tmp_path / "memory.json")}
        await b.add("memory", command=[installed("memory")], env=env)
        entity = {"name": "Banyan", "entityType": "tree", "observations": ["lets down roots"]}
        made = await b.call("memory__create_entities", {"entities": [entity]})
        assert made.ok, made.message
        found = await b.call("memory__search_nodes", {"query": "roots"})
        assert found.ok, found.message
        assert "Banyan" in found.preview
