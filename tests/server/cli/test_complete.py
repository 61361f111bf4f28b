"""The tab key offers verbs, assistants and sources."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import Cli

PROGRAM = "import sys; sys.argv = ['banyan']; from banyan.server.cli import main; main()"


def offered(monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """Return what bash is told when the tab key is pressed at the end of `line`."""
    monkeypatch.setenv("_BANYAN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_the_tab_key_completes_verbs_and_assistants(monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered(monkeypatch, "banyan des") == ["describe"]
    assert offered(monkeypatch, "banyan install claude") == ["claude-desktop", "claude-code"]


def test_the_tab_key_completes_the_verbs_of_tasks_and_the_trees(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = cli("tasks", "edit", '{"op": "add", "title": "Plan"}', "--json").json["tree"]
    assert offered(monkeypatch, "banyan tasks hist") == ["history"]
    assert offered(monkeypatch, f"banyan tasks {tree} un") == ["undo"]
    assert offered(monkeypatch, f"banyan tasks undo --tree {tree[:2]}") == [tree]


def test_the_tab_key_completes_sources(shelf: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered(monkeypatch, "banyan sync sh") == ["shelf"]
    assert offered(monkeypatch, "banyan --database nonsense sync sh") == []
