"""A person's first hour: from an assistant's servers to Banyan in the assistant, all by the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import keyring
import pytest
from keyring.backends.fail import Keyring
from mcp import Client, StdioServerParameters

from banyan.server.cli.program import run

EVERYDAY = Path(__file__).parents[1] / "servers" / "everyday.py"
SHELF = """
from banyan import tool

@tool(destructive=True)
def burn_book(title: str) -> str:
    return f"{title} is gone"
"""
SECRET = "tok-0123456789-never-shown"


class Person:
    """Types commands, and expects their exit status."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def types(self, *words: str, status: int = 0) -> str:
        """Return what a command prints as its result."""
        self._capsys.readouterr()
        found = run(words)
        out, err = self._capsys.readouterr()
        assert found == status, err
        assert SECRET not in out + err
        return out

    def asks(self, *words: str, status: int = 0) -> Any:
        """Return what a command answers to programs."""
        return json.loads(self.types(*words, "--json", status=status))


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_from_an_assistants_servers_to_banyan_in_the_assistant(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    no_keyring: None,
) -> None:
    person = Person(capsys)
    config = home / ".config" / "Claude" / "claude_desktop_config.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    config.parent.mkdir(parents=True)
    server = {"command": sys.executable, "args": [str(EVERYDAY)], "env": {"API_TOKEN": SECRET}}
    config.write_text(json.dumps({"mcpServers": {"day": server}}, indent=2), encoding="utf-8")
    before = config.read_bytes()

    person.types("servers")
    person.types("import", "claude-desktop")
    (tmp_path / "library.py").write_text(SHELF, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    person.types("add", "python", "library")
    assert [one["source"] for one in person.asks("servers")["servers"]] == ["day", "library"]
    assert person.asks("find", "day__echo")["results"][0]["name"] == "day__echo"
    assert "text" in person.types("describe", "day__echo")
    assert "good morning" in person.types("call", "day__echo", "text=good morning")
    person.types("call", "day__echo", "txt=x", status=2)
    person.types("call", "day__fail", status=5)
    assert person.asks("doctor")["ok"]

    person.types("install", "claude-desktop")
    entry = json.loads(config.read_text("utf-8"))["mcpServers"]["banyan"]
    approval = anyio.run(use_as_the_assistant_does, entry)
    assert approval is not None
    assert [one["id"] for one in person.asks("inbox")["approvals"]] == [approval]
    person.types("approve", approval)
    assert anyio.run(use_as_the_assistant_does, entry) is None
    person.types("uninstall", "claude-desktop")
    assert config.read_bytes() == before
    person.types("remove", "day")
    person.types("remove", "library")
    assert person.asks("secret", "list") == {"secrets": []}
    person.types("find", "echo a text", status=3)


async def use_as_the_assistant_does(entry: dict[str, Any]) -> str | None:
    """Start Banyan as its entry says, find a tool, call it, burn a book; return the approval that this waits for."""
    server = StdioServerParameters(command=entry["command"], args=entry["args"], env=entry.get("env"))
    async with Client(server, read_timeout_seconds=60) as client:
        found = await client.call_tool("find_tools", {"query": "day__echo"})
        assert found.structured_content is not None
        assert found.structured_content["results"][0]["name"] == "day__echo"
        arguments = {"name": "day__echo", "arguments": {"text": "good evening"}}
        called = await client.call_tool("call_tool", arguments)
        assert called.structured_content is not None
        assert "good evening" in called.structured_content["preview"]
        burnt = await client.call_tool("call_tool", {"name": "library__burn_book", "arguments": {"title": "Emma"}})
        assert burnt.structured_content is not None
        approval: str | None = burnt.structured_content.get("approval_id")
        return approval
