"""Sources are added, listed anew, shown and removed; their secrets never reach screen or database."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .conftest import EVERYDAY, Cli

SECRET = "tok-0123456789-never-shown"


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "secrets.json")


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_server_is_added_with_a_secret_that_is_kept_apart_used_and_forgotten(cli: Cli, home: Path) -> None:
    added = cli(
        "add", "mcp", "day", "--env", f"API_TOKEN={SECRET}", "--env", "LEVEL=info", "--json",
        "--", sys.executable, str(EVERYDAY),
    )  # fmt: skip
    assert added.status == 0, added.err
    assert added.json["secrets"] == {"DAY__API_TOKEN": "file"}
    assert "day__echo" in added.json["new"]

    shown = cli("servers", "--json").json["servers"]
    assert [(one["source"], one["server"], one["error"]) for one in shown] == [("day", "day", None)]
    assert shown[0]["tools"]["active"] == len(added.json["new"])

    called = cli("call", "day__whoami")
    assert called.status == 0
    assert "[secret]" in called.out
    stored = cli("result", cli("call", "day__whoami", "--json").json["handle"], "--raw")
    for done in (added, called, stored):
        assert SECRET not in done.out + done.err
    assert SECRET.encode() not in everything_in(home / "banyan")

    removed = cli("remove", "day", "--json").json
    assert removed == {"source": "day", "removed": len(added.json["new"]), "secrets": ["DAY__API_TOKEN"]}
    assert cli("secret", "list", "--json").json == {"secrets": []}


def test_what_cannot_be_listed_is_not_kept_and_neither_is_its_secret(cli: Cli) -> None:
    failed = cli("add", "mcp", "gone", "--env", f"API_TOKEN={SECRET}", "--", "no-such-program-here")
    assert (failed.status, failed.out) == (7, "")
    assert "no-such-program-here" in failed.err
    assert SECRET not in failed.err
    assert cli("servers", "--json").json == {"servers": []}
    assert cli("secret", "list", "--json").json == {"secrets": []}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x"], "one of"),
        (["x", "--url", "http://127.0.0.1:9/mcp", "--", "program"], "one of"),
        (["a b", "--url", "http://127.0.0.1:9/mcp"], "name"),
        (["x", "--url", "http://127.0.0.1:9/mcp", "--header", "NoColonButSecret"], "header"),
        (["x", "--env", "=hidden", "--", "program"], "env"),
    ],
)
def test_a_wrong_description_of_a_source_is_refused(cli: Cli, words: list[str], message: str) -> None:
    done = cli("add", "mcp", *words)
    assert done.status == 2
    assert message in done.err
    assert "Secret" not in done.err
    assert "hidden" not in done.err


def test_an_address_where_nobody_answers_exits_with_seven(cli: Cli) -> None:
    assert cli("add", "mcp", "x", "--url", "http://127.0.0.1:9/mcp").status == 7


def test_a_missing_reference_is_named(cli: Cli) -> None:
    done = cli("add", "mcp", "x", "--env", "NOT_SET_ANYWHERE", "--", sys.executable, str(EVERYDAY))
    assert done.status != 0
    assert "NOT_SET_ANYWHERE" in done.err


def test_functions_of_the_current_folder_are_added_and_found_again_from_elsewhere(
    shelf: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shelf("servers", "--json").json["servers"][0]["tools"] == {"active": 4}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if "project" not in one])
    monkeypatch.delitem(sys.modules, "shelf")
    assert shelf("call", "shelf__list_books").status == 0


def test_one_function_is_added_under_a_name_of_its_own(shelf: Cli) -> None:
    done = shelf("add", "python", "shelf:unmarked", "--name", "twice")
    assert (done.status, done.out) == (0, "twice: 1 tool (1 new)\n")
    assert shelf("call", "twice__unmarked", "x=4", "--json").json["preview"] == "8"


def test_a_sync_tells_what_is_new_changed_and_gone(shelf: Cli, tmp_path: Path) -> None:
    file = tmp_path / "project" / "shelf.py"
    text = file.read_text("utf-8").replace("List the books", "Name the books")
    text = text[: text.index("@tool(read_only=True)\ndef cover")] + "@tool\ndef fresh() -> int:\n    return 1\n"
    file.write_text(text, encoding="utf-8")
    del sys.modules["shelf"]
    (report,) = shelf("sync", "--json").json["sources"]
    assert (report["new"], report["gone"]) == (["shelf__fresh"], ["shelf__cover"])
    assert [one["name"] for one in report["changed"]] == ["shelf__list_books"]
    assert shelf("sync", "shelf").out == "shelf: 4 tools (4 unchanged)\n"


def test_one_source_that_fails_hides_no_other_and_exits_with_seven(shelf: Cli, tmp_path: Path) -> None:
    (tmp_path / "project" / "other.py").write_text(
        "from banyan import tool\n\n@tool\ndef one() -> int:\n    return 1\n"
    )
    assert shelf("add", "python", "other").status == 0
    (tmp_path / "project" / "other.py").unlink()
    sys.modules.pop("other")
    sys.path_importer_cache.clear()
    done = shelf("sync")
    assert done.status == 7
    assert "shelf: 4 tools (4 unchanged)" in done.out
    assert "other" in done.err
    assert [one["error"] is None for one in shelf("servers", "--json").json["servers"]] == [False, True]
    assert shelf("doctor", "--json").status == 7


def test_unknown_sources_are_named_with_those_there_are(shelf: Cli) -> None:
    for words in (["remove", "shelv"], ["sync", "shelv"]):
        done = shelf(*words, "--json")
        assert (done.status, done.json["error"]["code"]) == (2, "unknown_source")
        assert "shelf" in done.json["error"]["message"]


def test_tables_are_plain_and_hints_are_left_out_when_asked(shelf: Cli) -> None:
    done = shelf("servers")
    head, row = done.out.splitlines()
    assert head.split() == ["server", "kind", "tools", "synced", "problem"]
    assert row.startswith("shelf   python  4")
    assert shelf("sync", "-q").err == ""


def test_an_empty_catalogue_says_what_to_do(cli: Cli) -> None:
    for words in (["servers"], ["sync"]):
        done = cli(*words)
        assert (done.status, done.out) == (0, "")
        assert "banyan add" in done.err


def test_an_address_in_place_of_a_command_is_told_where_it_belongs(cli: Cli) -> None:
    done = cli("add", "mcp", "far", "http://127.0.0.1:9/mcp")
    assert done.status == 2
    assert "--url" in done.err


def test_a_program_that_is_not_there_says_how_it_is_had(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    done = cli("add", "mcp", "time", "--", "uvx", "mcp-server-time")
    assert done.status == 7
    assert "pip install uv" in done.err
