"""Servers of every assistant are read as sources; what cannot be one says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from banyan.core.errors import SettingsError
from banyan.server.clients.entries import Entry, of_client, of_file, of_machine
from banyan.server.clients.known import Places, client

CODEX = """
[mcp_servers.local]
command = "uvx"
args = ["server-local"]
env = { LEVEL = "debug" }
env_vars = ["HUB_TOKEN"]
cwd = "/srv"
startup_timeout_sec = 20
tool_timeout_sec = 90.5

[mcp_servers.remote]
url = "https://x.example/mcp"
bearer_token_env_var = "X_TOKEN"
http_headers = { "X-Region" = "eu" }
env_http_headers = { "X-Org" = "X_ORG" }

[mcp_servers.off]
command = "uvx"
enabled = false
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    project = tmp_path / "work"
    project.mkdir()
    return Places(home=tmp_path / "me", config=tmp_path / "me" / ".config", project=project, system="linux")


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def read_one(key: str, entry: Any, places: Places, *, of_project: bool = False) -> Entry:
    one = client(key)
    template = one.project_path if of_project and one.project_path else one.paths[0]
    path = Path(template.format(home=places.home, config=places.config, project=places.project))
    write(path, {one.section: {"it": entry}})
    (found,) = of_client(one, places)
    return found


@pytest.mark.parametrize(
    ("key", "entry", "config"),
    [
        (
            "claude-desktop",
            {"command": "npx", "args": ["-y", "x", 3], "env": {"A": "b", "N": 1, "T": True, "Z": None}},
            {"command": ["npx", "-y", "x", "3"], "env": {"A": "b", "N": "1", "T": "true"}},
        ),
        (
            "claude-code",
            {"type": "http", "url": "https://x.example/mcp", "headers": {"A": "${T:-none}"}},
            {"url": "https://x.example/mcp", "transport": "http", "headers": {"A": "${T:-none}"}},
        ),
        ("claude-code", {"type": "sse", "url": "https://x/s"}, {"url": "https://x/s", "transport": "sse"}),
        ("cursor", {"url": "https://x/mcp"}, {"url": "https://x/mcp", "transport": "http"}),
        (
            "vscode",
            {"type": "stdio", "command": "x", "env": {"K": "${input:api-key}", "H": "${userHome}/.x"}},
            {"command": ["x"], "env": {"K": "${IT__API_KEY}", "H": "HOME/.x"}},
        ),
        ("windsurf", {"serverUrl": "https://x/mcp"}, {"url": "https://x/mcp", "transport": "http"}),
        (
            "gemini",
            {"command": "x", "env": {"T": "$HUB_TOKEN"}, "timeout": 30_000, "trust": True},
            {"command": ["x"], "env": {"T": "${HUB_TOKEN}"}, "timeout_s": 30},
        ),
        ("gemini", {"url": "https://x/sse"}, {"url": "https://x/sse", "transport": "sse"}),
        ("gemini", {"httpUrl": "https://x/mcp"}, {"url": "https://x/mcp", "transport": "http"}),
        (
            "zed",
            {"source": "custom", "command": {"path": "/bin/x", "args": ["-v"], "env": {"A": "b"}}},
            {"command": ["/bin/x", "-v"], "env": {"A": "b"}},
        ),
    ],
)
def test_an_entry_becomes_a_source(key: str, entry: Any, config: Any, places: Places) -> None:
    found = read_one(key, entry, places)
    assert found.skipped is None
    assert found.config == json.loads(json.dumps(config).replace("HOME/", f"{places.home}/"))
    assert (found.name, found.origin) == ("it", client(key).title)


def test_the_codex_file_is_read_with_its_own_words(places: Places) -> None:
    write(places.home / ".codex/config.toml", CODEX)
    found = {one.name: one for one in of_client(client("codex"), places)}
    assert found["local"].config == {
        "command": ["uvx", "server-local"],
        "env": {"LEVEL": "debug", "HUB_TOKEN": "${HUB_TOKEN}"},
        "cwd": "/srv",
        "start_timeout_s": 20,
        "timeout_s": 90.5,
    }
    assert found["remote"].config == {
        "url": "https://x.example/mcp",
        "transport": "http",
        "headers": {"X-Region": "eu", "X-Org": "${X_ORG}", "Authorization": "Bearer ${X_TOKEN}"},
    }
    assert found["off"].skipped == "it is switched off there"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"command": "/opt/x/bin/banyan", "args": ["serve"]}, "Banyan itself"),
        ({"command": "C:\\x\\banyan.exe", "args": ["serve"]}, "Banyan itself"),
        ({"command": "/usr/bin/python3", "args": ["-m", "banyan.server.cli", "serve"]}, "Banyan itself"),
        ({"command": "x", "disabled": True}, "switched off"),
        ({"type": "ws", "url": "wss://x"}, "transport `ws`"),
        ({"args": ["x"]}, "neither a command nor a URL"),
        ("npx x", "no object"),
        ({"command": ["npx"]}, "command is no text"),
        ({"command": "x", "args": [{"a": 1}]}, "no text"),
        ({"command": "x", "args": ["${workspaceFolder}"]}, "outside a project"),
    ],
)
def test_what_cannot_be_a_source_says_why(entry: Any, reason: str, places: Places) -> None:
    found = read_one("cursor", entry, places)
    assert reason in (found.skipped or "")
    assert found.config == {}


def test_a_project_gives_its_own_folder_to_its_servers(places: Places) -> None:
    found = read_one("vscode", {"command": "x", "args": ["${workspaceFolder}/db"]}, places, of_project=True)
    assert found.config == {"command": ["x", f"{places.project}/db"]}


def test_the_servers_of_a_project_within_a_users_file_are_found(places: Places) -> None:
    mine: dict[str, Any] = {"mcpServers": {"a": {"command": "a"}}, "projects": {}}
    mine["projects"][str(places.project)] = {"mcpServers": {"a": {"command": "other"}, "b": {"command": "b"}}}
    mine["projects"]["/elsewhere"] = {"mcpServers": {"c": {"command": "c"}}}
    write(places.home / ".claude.json", mine)
    assert [(one.name, one.config) for one in of_client(client("claude-code"), places)] == [
        ("a", {"command": ["a"]}),
        ("b", {"command": ["b"]}),
    ]


@pytest.mark.parametrize("section", ["mcpServers", "servers", "context_servers", "mcp_servers"])
def test_a_file_of_any_shape_is_read(section: str, places: Places, tmp_path: Path) -> None:
    file = write(tmp_path / "mine.json", f'{{ // comment\n"{section}": {{"x": {{"command": "x"}},}}}}')
    (found,) = of_file(file, places)
    assert (found.name, found.origin, found.config) == ("x", "mine.json", {"command": ["x"]})


def test_a_broken_file_hides_no_other(places: Places) -> None:
    write(places.home / ".cursor/mcp.json", "{broken")
    write(places.home / ".codex/config.toml", CODEX)
    entries, problems = of_machine(places)
    assert {one.name for one in entries} == {"local", "remote", "off"}
    assert len(problems) == 1
    assert "mcp.json" in problems[0]


def test_a_missing_or_malformed_file_is_refused(places: Places, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no file"):
        of_file(tmp_path / "none.json", places)
    for name, text in (("a.json", "[]"), ("b.json", "{"), ("c.toml", "=")):
        with pytest.raises(SettingsError, match="malformed"):
            of_file(write(tmp_path / name, text), places)


def test_literal_secrets_do_not_show_when_an_entry_is_printed(places: Places) -> None:
    assert "hunter2" not in repr(read_one("cursor", {"command": "x", "env": {"A_PASSWORD": "hunter2"}}, places))
