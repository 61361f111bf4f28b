"""Tools are called with arguments as people type them, and results are read in pages or whole."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest

from .conftest import Cli

MORTAL = """
import os
from mcp.server import MCPServer

server = MCPServer("mortal")

@server.tool()
def die() -> str:
    os._exit(3)

server.run("stdio")
"""


def settings(home: Path, text: str) -> None:
    (home / "banyan" / "settings.toml").write_text(text, encoding="utf-8")


def test_a_call_prints_what_the_tool_gave(shelf: Cli) -> None:
    done = shelf("call", "shelf__list_books", "limit=1")
    assert (done.status, done.out, done.err) == (0, '["Emma"]\n', "")


@pytest.mark.parametrize(
    "words",
    [
        ['{"limit": 1, "letters": ["D"]}'],
        ["limit=1", "letters=D"],
        ["limit:=1", 'letters:=["D"]'],
        ["letters=D", "letters=X", "limit=1"],
        ['{"limit": 9, "letters": ["D"]}', "limit=1"],
    ],
)
def test_arguments_are_typed_by_the_schema_of_the_tool(shelf: Cli, words: list[str]) -> None:
    assert shelf("call", "shelf__list_books", *words).out == '["Dracula"]\n'


def test_arguments_come_from_standard_input_or_a_file(shelf: Cli, tmp_path: Path) -> None:
    file = tmp_path / "arguments.json"
    file.write_text('{"limit": 1}', encoding="utf-8")
    for words, stdin in ((["-"], b'{"limit": 1}'), ([f"@{file}"], None)):
        assert shelf("call", "shelf__list_books", *words, stdin=stdin).out == '["Emma"]\n'


@pytest.mark.parametrize(
    "words",
    [
        ["{broken"],
        ["[1]"],
        ["limit"],
        ["=1"],
        ["limit:=x"],
        ["@no-such-file"],
        ['{"limit": "many"}'],
        ["nope=1"],
        ["limit=many"],
    ],
)
def test_arguments_that_do_not_fit_exit_with_two(shelf: Cli, words: list[str]) -> None:
    assert shelf("call", "shelf__list_books", *words).status == 2


def test_an_unknown_tool_exits_with_two_and_offers_the_nearest(shelf: Cli) -> None:
    plain = shelf("call", "shelf__list_book")
    assert (plain.status, plain.out) == (2, "")
    assert "shelf__list_books" in plain.err
    told = shelf("call", "shelf__list_book", "limit=1", "--json")
    assert (told.status, told.json["outcome"], told.json["category"]) == (2, "failed", "unknown_tool")


def test_a_tool_that_writes_is_called_with_a_warning_in_one_line(shelf: Cli) -> None:
    done = shelf("call", "shelf__burn_book", "title=Emma")
    assert (done.status, done.out) == (0, "Emma is gone\n")
    (line,) = done.err.splitlines()
    assert line.startswith("warning: ")
    assert not line.startswith("warning: warning")
    assert shelf("call", "shelf__burn_book", "title=Emma", "--quiet").err == ""


def test_a_tool_that_fails_exits_with_five(shelf: Cli) -> None:
    done = shelf("call", "shelf__burn_book", "title=Ulysses")
    assert (done.status, done.out) == (5, "")
    assert "there is no Ulysses" in done.err
    told = shelf("call", "shelf__burn_book", "title=Ulysses", "--json")
    assert (told.status, told.err, told.json["outcome"]) == (5, "", "failed")


def test_a_denied_call_exits_with_four(shelf: Cli, home: Path) -> None:
    settings(home, '[[policy.direct]]\naction = "deny"\neffects = ["destructive"]\n')
    done = shelf("call", "shelf__burn_book", "title=Emma", "--json")
    assert (done.status, done.json["outcome"]) == (4, "denied")


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_call_whose_answer_is_lost_exits_with_eight(cli: Cli, tmp_path: Path) -> None:
    server = tmp_path / "mortal.py"
    server.write_text(MORTAL, encoding="utf-8")
    assert cli("add", "mcp", "mortal", "--", sys.executable, str(server)).status == 0
    done = cli("call", "mortal__die", "--json")
    assert (done.status, done.json["outcome"], done.json["category"]) == (8, "unknown", "unknown_effect")


def test_a_second_call_under_the_same_key_is_the_first_one(shelf: Cli) -> None:
    words = ["call", "shelf__list_books", "limit=1", "--idempotency-key", "k1", "--json"]
    assert shelf(*words).json["call_id"] == shelf(*words).json["call_id"]


def test_a_long_result_is_read_in_pages_and_whole(shelf: Cli, tmp_path: Path) -> None:
    called = shelf("call", "shelf__long_book", "chapters=40")
    assert called.status == 0
    handle = called.err.split("banyan result ")[1].strip()
    page = shelf("result", handle, "--path", "/chapters", "--limit", "2", "--json").json
    assert (page["unit"], page["total"], len(page["content"]), page["next_offset"]) == ("items", 40, 2, 2)
    shown = shelf("result", handle, "--path", "/chapters", "--offset", "38")
    assert len(json.loads(shown.out)) == 2
    assert "Next: banyan result" in shelf("result", handle, "--path", "/chapters/0", "--limit", "5").err
    whole = {"title": "Emma", "chapters": ["It was a fine day. " * 40] * 40}
    assert shelf("result", handle, "--raw").json == whole
    file = tmp_path / "book.json"
    told = shelf("result", handle, "-o", str(file), "--json").json
    assert json.loads(file.read_text("utf-8")) == whole
    assert told == {"handle": handle, "file": str(file), "size_bytes": file.stat().st_size}


def test_bytes_are_written_as_they_are(shelf: Cli, tmp_path: Path) -> None:
    handle = shelf("call", "shelf__cover", "--json").json["handle"]
    page = shelf("result", handle, "--json").json
    file = tmp_path / "cover.bin"
    assert shelf("result", handle, "-o", str(file)).status == 0
    if page["unit"] == "bytes":
        assert file.read_bytes() == bytes(range(256)) * 40
        assert "-o FILE" in shelf("result", handle).err
    else:
        assert base64.b64encode(bytes(range(256))[:30])[:20] in file.read_bytes()


def test_a_result_that_is_not_there_or_cannot_be_written_is_told(shelf: Cli, tmp_path: Path) -> None:
    assert shelf("result", "r_nothing", "--json").json["error"]["code"] == "unknown_handle"
    handle = shelf("call", "shelf__list_books", "--json").json["handle"]
    assert shelf("result", handle, "--path", "/nowhere").status == 2
    assert shelf("result", handle, "-o", str(tmp_path / "no" / "folder")).status == 2


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e400", "86401"])
def test_a_time_that_is_none_is_refused_before_anything_is_sent(shelf: Cli, seconds: str) -> None:
    done = shelf("call", "shelf__burn_book", "title=Emma", "--timeout-s", seconds, "--json")
    assert (done.status, done.json["error"]["code"]) == (2, "invalid_argument")
    assert shelf("calls", "--json").json["calls"] == []
