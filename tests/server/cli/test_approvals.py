"""A person at the terminal decides about calls that wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Cli

BURN = ("call", "shelf__burn_book", "title=Emma", "--json")


@pytest.fixture
def asking(shelf: Cli, home: Path) -> Cli:
    """A catalogue whose destructive tools ask even the command line."""
    text = '[[policy.direct]]\naction = "ask"\neffects = ["destructive"]\n'
    (home / "banyan" / "settings.toml").write_text(text, encoding="utf-8")
    return shelf


def test_a_waiting_call_is_approved_once_and_then_asks_again(asking: Cli) -> None:
    first = asking(*BURN)
    assert (first.status, first.json["outcome"]) == (4, "needs_approval")
    (waiting,) = asking("inbox", "--json").json["approvals"]
    assert (waiting["id"], waiting["tool"], waiting["state"]) == (
        first.json["approval_id"],
        "shelf__burn_book",
        "pending",
    )
    shown = asking("inbox")
    assert waiting["id"] in shown.out
    assert "Emma" in shown.out
    assert f"banyan approve {waiting['id']}" in shown.err

    assert "may run once" in asking("approve", waiting["id"]).out
    assert asking(*BURN).status == 0
    assert asking(*BURN).status == 4


def test_a_tool_is_approved_for_always(asking: Cli) -> None:
    waiting = asking(*BURN).json["approval_id"]
    decided = asking("approve", waiting, "--always", "--json").json
    assert (decided["state"], decided["scope"], decided["decided_by"]) == ("approved", "always", "cli")
    assert [asking(*BURN).status, asking("call", "shelf__burn_book", "title=Dracula").status] == [0, 0]


def test_a_denied_call_leaves_the_inbox(asking: Cli) -> None:
    waiting = asking(*BURN).json["approval_id"]
    assert asking("deny", waiting, "--json").json["state"] == "denied"
    empty = asking("inbox")
    assert (empty.out, empty.err) == ("", "Nothing waits for you.\n")
    assert "denied" in asking("inbox", "--all").out


def test_what_does_not_wait_cannot_be_decided(asking: Cli) -> None:
    for verb in ("approve", "deny"):
        done = asking(verb, "a_nothing", "--json")
        assert (done.status, done.json["error"]["code"]) == (2, "unknown_approval")
