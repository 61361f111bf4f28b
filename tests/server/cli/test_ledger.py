"""The record of calls at the command line: what was called, and what came of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .conftest import Cli

LOST = """
import os
from mcp.server import MCPServer

server = MCPServer("lost")

@server.tool()
def leave() -> str:
    os._exit(3)

server.run("stdio")
"""


def test_calls_are_listed_newest_first_with_what_came_of_them_and_without_their_arguments(shelf: Cli) -> None:
    assert "Nothing was called yet" in shelf("calls").err
    shelf("call", "shelf__list_books", "limit=1", "--idempotency-key", "monday")
    shelf("call", "shelf__burn_book", "title=private matters")
    shelf("call", "shelf__list_boks")
    calls = shelf("calls", "--json").json["calls"]
    assert [one["outcome"] for one in calls] == ["failed", "failed", "ok"]
    assert [one["category"] for one in calls] == ["unknown_tool", "upstream", None]
    assert (calls[2]["surface"], calls[2]["idempotency_key"]) == ("cli", "monday")
    assert json.loads(shelf("result", calls[2]["handle"]).out) == ["Emma"]
    assert len(shelf("calls", "-n", "2", "--json").json["calls"]) == 2
    shown = shelf("calls").out
    assert "shelf__burn_book" in shown
    assert "failed (unknown_tool)" in shown
    assert shelf("calls", "--unsettled", "--json").json == {"calls": []}
    assert shelf("calls", "-n", "0").status == 2


def test_calls_whose_answer_was_lost_are_told_apart(cli: Cli, tmp_path: Path) -> None:
    script = tmp_path / "lost.py"
    script.write_text(LOST, encoding="utf-8")
    assert cli("add", "mcp", "lost", "--", sys.executable, str(script)).status == 0
    assert cli("call", "lost__leave").status == 8
    (call,) = cli("calls", "--unsettled", "--json").json["calls"]
    assert (call["tool"], call["outcome"], call["category"]) == ("lost__leave", "unknown", "unknown_effect")
    assert "before you call it again" in cli("calls", "--unsettled").err
