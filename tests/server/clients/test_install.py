"""Banyan goes into every assistant's file and out again, and nothing else in it changes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from banyan.core.errors import Conflict, InvalidArgument, SettingsError
from banyan.server.clients.install import apply, installation, own_command, removal
from banyan.server.clients.known import CLIENTS, Client, Places, client

COMMAND = ["/opt/banyan/bin/banyan", "serve"]
GOLDEN = Path(__file__).parent / "golden"

OTHERS_JSON = """{
  // what I use every day
  "theme": "dark",
  "SECTION": {
    "files": {
      "command": "npx",
      "args": ["-y", "server-files", "/data"],
      "env": { "FILES_TOKEN": "tok-hidden-1" } // personal
    }
  },
  "last": [1, 2]
}
"""
OTHERS_TOML = """# what I use every day
model = "fast"

[SECTION.files]
command = "npx" # as documented
args = ["-y", "server-files", "/data"]
env = { FILES_TOKEN = "tok-hidden-1" }

[tui]
theme = "dark"
"""

each_client = pytest.mark.parametrize("one", CLIENTS, ids=lambda one: one.key)


def others(one: Client) -> str:
    return (OTHERS_TOML if one.toml else OTHERS_JSON).replace("SECTION", one.section)


def config_file(one: Client, tmp_path: Path) -> Path:
    file = one.path(Places(home=tmp_path / "me", config=tmp_path / "me/.config", project=tmp_path, system="linux"))
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def install(one: Client, path: Path, command: list[str] = COMMAND) -> None:
    apply(installation(one, path, command))


def uninstall(one: Client, path: Path) -> None:
    apply(removal(one, path))


def golden(one: Client, case: str) -> str:
    return (GOLDEN / f"{one.key}.{case}{'.toml' if one.toml else '.json'}").read_text("utf-8")


@each_client
@pytest.mark.parametrize("case", ["missing", "empty", "others"])
def test_the_file_becomes_the_golden_one_and_afterwards_is_as_before(one: Client, case: str, tmp_path: Path) -> None:
    file = config_file(one, tmp_path)
    if case != "missing":
        file.write_text("" if case == "empty" else others(one), encoding="utf-8")
    install(one, file)
    assert file.read_text("utf-8") == golden(one, case)
    uninstall(one, file)
    assert (file.read_text("utf-8") if file.exists() else None) == {
        "missing": None,
        "empty": "",
        "others": others(one),
    }[case]
    assert [path.name for path in file.parent.iterdir()] == ([] if case == "missing" else [file.name])


@each_client
def test_installing_twice_changes_nothing_the_second_time(one: Client, tmp_path: Path) -> None:
    file = config_file(one, tmp_path)
    file.write_text(others(one), encoding="utf-8")
    install(one, file)
    written = file.stat().st_mtime_ns
    change = installation(one, file, COMMAND)
    assert (change.needed, change.diff()) == (False, "")
    apply(change)
    assert file.stat().st_mtime_ns == written


@each_client
@pytest.mark.parametrize("broken", ["{", "]]", '{"SECTION": 3}', "[SECTION\n"])
def test_a_malformed_file_is_refused_and_left_untouched(one: Client, broken: str, tmp_path: Path) -> None:
    file = config_file(one, tmp_path)
    text = broken.replace("SECTION", one.section)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="left untouched"):
        installation(one, file, COMMAND)
    with pytest.raises(SettingsError, match="left untouched"):
        removal(one, file)
    assert (file.read_text("utf-8"), len(list(file.parent.iterdir()))) == (text, 1)


@each_client
def test_a_byte_order_mark_and_line_ends_are_kept(one: Client, tmp_path: Path) -> None:
    file = config_file(one, tmp_path)
    before = b"\xef\xbb\xbf" + others(one).replace("\n", "\r\n").encode()
    file.write_bytes(before)
    install(one, file)
    assert file.read_bytes() == b"\xef\xbb\xbf" + golden(one, "others").replace("\n", "\r\n").encode()
    uninstall(one, file)
    assert file.read_bytes() == before


@each_client
@pytest.mark.skipif(sys.platform == "win32", reason="links and modes are POSIX's here")
def test_a_link_stays_a_link_and_the_rights_stay(one: Client, tmp_path: Path) -> None:
    link, real = config_file(one, tmp_path), tmp_path / "dotfiles" / "config"
    real.parent.mkdir()
    real.write_text(others(one), encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    install(one, link)
    assert (link.is_symlink(), link.readlink()) == (True, real)
    assert (real.read_text("utf-8"), real.stat().st_mode & 0o777) == (golden(one, "others"), 0o640)
    uninstall(one, link)
    assert (link.is_symlink(), real.read_text("utf-8")) == (True, others(one))


@each_client
def test_what_was_changed_in_between_is_kept_when_banyan_goes(one: Client, tmp_path: Path) -> None:
    file = config_file(one, tmp_path)
    file.write_text(others(one), encoding="utf-8")
    install(one, file)
    file.write_text(file.read_text("utf-8").replace("dark", "light"), encoding="utf-8")
    uninstall(one, file)
    assert file.read_text("utf-8").strip() == others(one).replace("dark", "light").strip()


@each_client
def test_a_moved_banyan_is_updated_and_what_the_user_added_to_it_stays(one: Client, tmp_path: Path) -> None:
    file = config_file(one, tmp_path)
    file.write_text(others(one), encoding="utf-8")
    install(one, file)
    install(one, file, ["/new/banyan", "--home", "/srv/b", "serve"])
    assert file.read_text("utf-8") == golden(one, "others").replace("/opt/banyan/bin/banyan", "/new/banyan").replace(
        '"serve"', '"--home", "/srv/b", "serve"' if one.toml else '"--home",\n        "/srv/b",\n        "serve"'
    )
    uninstall(one, file)
    assert file.read_text("utf-8") == others(one)


@each_client
def test_a_dry_run_shows_the_change_without_others_secrets_and_writes_nothing(one: Client, tmp_path: Path) -> None:
    file = config_file(one, tmp_path)
    compact = others(one) if one.toml else f'{{"{one.section}": {{"x": {{"env": {{"A_TOKEN": "tok-hidden-1"}}}}}}}}'
    file.write_text(compact, encoding="utf-8")
    shown = installation(one, file, COMMAND).diff()
    assert "+" in shown
    assert "/opt/banyan/bin/banyan" in shown
    assert "tok-hidden-1" not in shown
    assert file.read_text("utf-8") == compact


def test_removing_what_is_not_there_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    assert not removal(CLIENTS[0], file).needed
    file.write_text('{"mcpServers": {"a": {}}}', encoding="utf-8")
    assert not removal(CLIENTS[0], file).needed


def test_a_file_that_changed_since_it_was_read_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("{}", encoding="utf-8")
    change = installation(CLIENTS[0], file, COMMAND)
    file.write_text('{"mine": 1}', encoding="utf-8")
    with pytest.raises(Conflict):
        apply(change)
    assert file.read_text("utf-8") == '{"mine": 1}'


@pytest.mark.skipif(os.name == "nt", reason="links are POSIX's here")
def test_links_in_a_circle_and_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    circle = tmp_path / "a.json"
    circle.symlink_to(circle)
    binary = tmp_path / "b.json"
    binary.write_bytes(b"\xff\xfe{\x00}\x00")
    for path in (circle, binary, tmp_path):
        with pytest.raises(SettingsError):
            installation(CLIENTS[0], path, COMMAND)


def test_the_command_that_is_written_is_absolute_and_there() -> None:
    assert Path(own_command()[0]).is_absolute()
    assert Path(own_command()[0]).is_file()


def test_each_system_has_its_own_place(tmp_path: Path) -> None:
    windows = Places(home=Path("/u"), config=Path("/u/AppData/Roaming"), project=tmp_path, system="win32")
    mac = Places(home=Path("/u"), config=Path("/u/Library/Application Support"), project=tmp_path, system="darwin")
    assert client("zed").path(windows) == Path("/u/AppData/Roaming/Zed/settings.json")
    assert client("zed").path(mac) == Path("/u/.config/zed/settings.json")
    assert client("Claude Desktop").path(mac) == Path(
        "/u/Library/Application Support/Claude/claude_desktop_config.json"
    )
    assert client("VS Code").path(windows) == Path("/u/AppData/Roaming/Code/User/mcp.json")


def test_an_unknown_assistant_is_named_with_those_that_are_known() -> None:
    with pytest.raises(InvalidArgument, match="claude-desktop"):
        client("emacs")
