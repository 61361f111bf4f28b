"""Servers come from assistants, and Banyan goes into them, by the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import EVERYDAY, Cli

SECRET = "tok-0123456789-never-shown"


def cursor_file(home: Path, servers: dict[str, Any]) -> Path:
    file = home / ".cursor" / "mcp.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    return file


DAY = {"command": sys.executable, "args": [str(EVERYDAY)], "env": {"API_TOKEN": SECRET}}


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_servers_of_an_assistant_are_taken_over_with_their_secrets_kept_apart(cli: Cli, home: Path) -> None:
    file = cursor_file(home, {"day": DAY, "broken": {"command": "no-such-program"}, "banyan": {"command": "banyan"}})
    before = file.read_bytes()
    done = cli("import", "cursor", "--json")
    told = done.json
    assert done.status == 7
    assert [(one["name"], one["origin"], one["secrets"]) for one in told["imported"]] == [
        ("day", "Cursor", {"DAY__API_TOKEN": "file"})
    ]
    assert [(one["name"], one["reason"]) for one in told["skipped"]] == [("banyan", "it is Banyan itself")]
    assert [one["name"] for one in told["failed"]] == ["broken"]
    assert SECRET not in done.out + done.err
    assert file.read_bytes() == before

    assert cli("call", "day__echo", "text=good morning").status == 0
    cursor_file(home, {"day": DAY})
    again = cli("import", "cursor", "--json")
    assert (again.status, [one["reason"] for one in again.json["skipped"]]) == (0, ["it is there already"])
    cursor_file(home, {"day": {"command": "other"}})
    assert cli("import", "cursor", "--json").json["skipped"][0]["reason"] == "another source has this name"


def test_without_a_name_nothing_is_started_before_a_person_agrees(cli: Cli, home: Path) -> None:
    cursor_file(home, {"day": DAY})
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text("broken", encoding="utf-8")
    done = cli("import")
    assert done.status == 0
    assert f"{sys.executable} {EVERYDAY}" in " ".join(done.out.split())
    assert "banyan import --yes" in done.err
    assert "config.toml" in done.err
    assert SECRET not in done.out + done.err
    assert cli("servers", "--json").json == {"servers": []}


def test_a_dry_run_shows_what_would_be_taken(cli: Cli, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"servers": {"web": {"url": f"https://x.example/mcp?api_key={SECRET}"}}}))
    (shown,) = cli("import", str(file), "--dry-run", "--json").json["skipped"]
    assert (shown["name"], shown["command"]) == ("web", "https://x.example/mcp?api_key=${WEB__API_KEY}")


@pytest.mark.parametrize(("origin", "code"), [("emacs", "invalid_argument"), ("none.json", "settings")])
def test_an_unknown_origin_is_refused(cli: Cli, origin: str, code: str) -> None:
    done = cli("import", origin, "--json")
    assert (done.status, done.json["error"]["code"]) == (2, code)


def test_a_machine_without_assistants_says_what_to_do(cli: Cli) -> None:
    done = cli("import")
    assert (done.status, done.out) == (0, "")
    assert "banyan add mcp" in done.err


def test_banyan_goes_into_an_assistant_and_out_again(cli: Cli, home: Path) -> None:
    file = cursor_file(home, {"day": DAY})
    before = file.read_bytes()
    shown = cli("install", "cursor", "--dry-run")
    assert "+" in shown.out
    assert SECRET not in shown.out
    assert file.read_bytes() == before

    done = cli("install", "cursor", "--json").json
    assert (done["client"], done["changed"], done["path"]) == ("cursor", True, str(file))
    entry = json.loads(file.read_text("utf-8"))["mcpServers"]["banyan"]
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][-3:] == ["--home", str(home / "banyan"), "serve"]
    assert cli("install", "cursor").out.startswith("Nothing to change")

    assert "Banyan is out of Cursor" in cli("uninstall", "cursor").out
    assert file.read_bytes() == before


def test_a_configuration_elsewhere_is_written_where_it_is(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "settings.json"
    done = cli("install", "zed", "--config-path", str(file), "--database", "sqlite:////data/b.db")
    assert done.status == 0
    entry = json.loads(file.read_text("utf-8"))["context_servers"]["banyan"]
    assert entry["args"][-3:] == ["--database", "sqlite:////data/b.db", "serve"]
    assert cli("uninstall", "zed", "--config-path", str(file)).status == 0
    assert not file.exists()


def test_a_password_is_never_written_into_an_assistant(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    url = "postgresql://me:hunter2@db.example/b"
    done = cli("install", "cursor", "--config-path", str(file), "--database", url)
    assert (done.status, done.out) == (2, "")
    assert "settings.toml" in done.err
    assert "hunter2" not in done.err
    assert not file.exists()


def test_a_malformed_configuration_is_refused_and_left_untouched(cli: Cli, home: Path) -> None:
    file = cursor_file(home, {})
    file.write_text("{broken", encoding="utf-8")
    for verb in ("install", "uninstall"):
        done = cli(verb, "cursor", "--json")
        assert (done.status, done.json["error"]["code"]) == (2, "settings")
    assert file.read_text("utf-8") == "{broken"
    assert cli("install", "emacs").status == 2
