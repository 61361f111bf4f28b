"""Trees of tasks at the command line: begun, shown, changed, worked off and asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Cli

PLAN = [
    {"op": "add", "ref": "@trip", "title": "Plan a trip", "key": "trip"},
    {"op": "add", "ref": "@city", "title": "Choose a city", "key": "city"},
    {
        "op": "add",
        "ref": "@hotel",
        "title": "Book a hotel",
        "key": "hotel",
        "inputs": {"city": {"$from": "@city", "path": "/name"}, "day": {"$fact": "day"}},
    },
    {"op": "fact", "key": "day", "value": "10 May"},
]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(PLAN), encoding="utf-8")
    return file


@pytest.fixture
def tree(cli: Cli, plan: Path) -> str:
    """A tree of a trip, a city to be chosen, and a hotel in it to be booked."""
    return str(cli("tasks", "edit", str(plan), "--json").json["tree"])


def edit(cli: Cli, tree: str, *edits: dict[str, Any]) -> Any:
    return cli("tasks", tree, "edit", json.dumps(edits), "--json").json


def test_a_file_of_edits_begins_a_tree_that_is_listed_and_shown(cli: Cli, plan: Path) -> None:
    assert cli("tasks", "--json").json == {"trees": []}
    assert "There is no tree yet" in cli("tasks").err
    begun = cli("tasks", "edit", str(plan), "--turn", "1")
    assert begun.status == 0
    assert "+ 1 Plan a trip" in begun.out
    (tree,) = cli("tasks", "--json").json["trees"]
    assert (tree["title"], tree["turn"], tree["counts"]) == ("Plan a trip", 1, {"pending": 3})
    assert f"banyan tasks {tree['tree']}" in begun.err
    assert "Plan a trip" in cli("tasks").out
    shown = cli("tasks", tree["tree"]).out
    assert "├─ ● 2 Choose a city  ready" in shown
    assert "day = 10 May" in shown
    assert shown.rstrip().endswith("next: 2 Choose a city")
    document = cli("tasks", tree["tree"], "--json").json
    assert [(one["depth"], one["title"], one["ready"]) for one in document["tasks"]] == [
        (0, "Plan a trip", False),
        (1, "Choose a city", True),
        (1, "Book a hotel", False),
    ]


def test_a_tree_is_named_before_the_verb_after_it_in_an_option_or_not_at_all(cli: Cli, tree: str) -> None:
    words = [
        ("tasks", tree, "next", "--json"),
        ("tasks", "next", tree, "--json"),
        ("tasks", "next", "--json"),
        ("tasks", "next", "--tree", tree, "--json"),
        ("tasks", "--json", "plan A TRIP", "next"),
        ("--json", "tasks", "--quiet", tree, "next"),
    ]
    answers = [cli(*one).json for one in words]
    assert answers[0]["ready"][0]["title"] == "Choose a city"
    assert all(one == answers[0] for one in answers)
    assert cli("tasks", "show", tree, "--json").json == cli("tasks", tree, "--json").json
    assert cli("tasks", "show", f"{tree}.2", "--json").json["id"] == f"{tree}.2"
    assert cli("tasks", "show", "hotel", "--json").json["title"] == "Book a hotel"
    assert cli("tasks", tree, "show", "Choose a City", "--json").json["id"] == f"{tree}.2"


def test_what_is_misnamed_is_said_and_what_is_near_it(cli: Cli, tree: str) -> None:
    for words, message in (
        (("tasks", "zzzzz9"), "no tree `zzzzz9`"),
        (("tasks", "histroy"), "Did you mean 'history'?"),
        (("tasks", "show", "hotle"), "hotel"),
        (("tasks", "show", "Book", "a", "hotel"), "quote a title"),
        (("tasks", "next", "hotel"), "no id of a tree"),
        (("tasks", "edit", "nowhere.json"), "`nowhere.json`: cannot be read"),
        (("tasks", "edit", "{"), "malformed JSON"),
        (("tasks", "edit", "[]", "[]", "[]"), "one file"),
        (("tasks", "edit", '{"edit": []}'), "list of edits"),
        (("tasks", "edit", '{"edits": [], "trun": 1}'), "`trun` means nothing here"),
        (("tasks", "edit", '{"edits": {}}'), "`edits` is not what it should be"),
        (("tasks", "recall"), "give a key"),
        (("tasks", "recall", "--claim", "day"), "KEY=VALUE"),
        (("tasks", "recall", "day", "--task", "trip"), "goes with `--claim`"),
        (("tasks", "show", "--as-of-turn", "1", "--as-of-revision", "1"), "not both"),
        (("tasks", "show", "--watch", "--as-of-turn", "1"), "what is now"),
    ):
        done = cli(*words)
        assert (done.status, done.out) == (2, ""), words
        assert message in done.err, words


def test_with_several_trees_what_reads_takes_the_last_and_what_changes_asks(cli: Cli, tree: str, plan: Path) -> None:
    other = cli("tasks", "edit", str(plan), "--title", "Another", "--json").json["tree"]
    shown = cli("tasks", "next", "--json").json
    assert shown["tree"] == other
    assert "the one that was changed last" in cli("tasks", "next").err
    refused = cli("tasks", "undo")
    assert refused.status == 2
    assert tree in refused.err
    assert other in refused.err
    assert cli("tasks", "Plan a trip", "undo").status == 0


def test_one_task_is_shown_whole_and_a_parent_with_its_parts(cli: Cli, tree: str) -> None:
    shown = cli("tasks", tree, "show", "hotel").out
    assert "input city = not there yet  from 2 at /name" in shown
    assert "input day = 10 May  the fact day" in shown
    assert "used by: 3" in cli("tasks", tree, "show", "city").out
    parent = cli("tasks", tree, "show", "trip").out
    assert "parts: 2, 3" in parent
    assert "└─ ○ 3 Book a hotel" in parent


def test_an_edit_that_cannot_be_made_exits_with_two_and_changes_nothing(cli: Cli, tree: str) -> None:
    before = cli("tasks", tree, "--json").json
    wrong = cli("tasks", tree, "edit", '[{"op": "fact", "key": "x", "value": 1}, {"op": "ad", "title": "y"}]', "--json")
    assert (wrong.status, wrong.json["error"]["code"], wrong.json["error"]["at"]) == (2, "bad_edit", 1)
    premise = {"op": "fact", "key": "day", "value": "12 May", "was": "11 May"}
    assert cli("tasks", tree, "edit", json.dumps(premise), "--json").json["error"]["code"] == "false_premise"
    assert cli("tasks", tree, "--json").json == before


def test_the_loser_of_two_edits_exits_with_six_and_is_told_what_changed(cli: Cli, tree: str) -> None:
    revision = cli("tasks", tree, "--json").json["revision"]
    edit(cli, tree, {"op": "fact", "key": "day", "value": "12 May"})
    late = json.dumps({"op": "fact", "key": "day", "value": "13 May"})
    lost = cli("tasks", tree, "edit", late, "--base-revision", str(revision), "--json")
    assert lost.status == 6
    error = lost.json["error"]
    assert (error["code"], error["base"], error["revision"]) == ("revision_conflict", revision, revision + 1)
    assert [(one["field"], one["from"], one["to"]) for one in error["since"]] == [("facts/day", "10 May", "12 May")]


def test_what_changed_is_shown_undone_and_brought_back(cli: Cli, tree: str) -> None:
    first = cli("tasks", tree, "--json").json["revision"]
    edit(cli, tree, {"op": "fact", "key": "day", "value": "12 May"})
    (difference,) = cli("tasks", tree, "diff", "--json").json["delta"]
    assert (difference["field"], difference["from"], difference["to"]) == ("facts/day", "10 May", "12 May")
    assert "fact day: 10 May → 12 May" in cli("tasks", tree, "diff", str(first)).out
    assert "fact day: 10 May → 12 May" in cli("tasks", tree, "history").out
    events = cli("tasks", tree, "history", "--since", str(first), "--json").json["events"]
    assert [(one["field"], one["source"]) for one in events] == [("facts/day", "user")]
    assert len(cli("tasks", tree, "history", "-n", "1", "--json").json["events"]) == 1
    assert "fact day: 12 May → 10 May" in cli("tasks", tree, "undo").out
    assert "fact day: 10 May → 12 May" in cli("tasks", tree, "redo").out
    assert cli("tasks", tree, "redo").status == 2
    assert "There is no difference" in cli("tasks", tree, "diff", str(first + 1)).err
    assert "day = 10 May" in cli("tasks", tree, "show", "--as-of-revision", str(first)).out


def test_a_what_if_is_listed_apart_compared_and_adopted(cli: Cli, tree: str) -> None:
    copy = edit(cli, tree, {"op": "branch", "name": "later"})["branches"]["later"]
    edit(cli, copy, {"op": "fact", "key": "day", "value": "1 June"})
    (difference,) = cli("tasks", tree, "diff", "later", "--json").json["delta"]
    assert (difference["field"], difference["to"]) == ("facts/day", "1 June")
    assert [one["tree"] for one in cli("tasks", "--json").json["trees"]] == [tree]
    assert {one["tree"] for one in cli("tasks", "list", "--all", "--json").json["trees"]} == {tree, copy}
    assert "what-if later" in cli("tasks", "list", "--all").out
    edit(cli, tree, {"op": "adopt", "branch": "later"})
    assert "day = 1 June" in cli("tasks", tree).out
    assert "adopted" in cli("tasks", copy).out


def test_what_was_said_is_recalled_and_a_claim_is_checked_without_a_change(cli: Cli, tree: str) -> None:
    edit(cli, tree, {"op": "fact", "key": "day", "value": "12 May"})
    before = cli("tasks", tree, "--json").json
    (answer,) = cli("tasks", "recall", "day", "--json").json["answers"]
    assert (answer["value"], [one["value"] for one in answer["history"]]) == ("12 May", ["10 May", "12 May"])
    checked = cli("tasks", tree, "recall", "--claim", "day=10 May", "--json").json["claim"]
    assert (checked["verdict"], checked["current"]) == ("was_true", "12 May")
    assert "it was true" in cli("tasks", "recall", "--claim", "day=10 May", "--task", "trip").out
    assert "never said" in cli("tasks", "recall", "--claim", "guide=Ana").out
    then = cli("tasks", tree, "recall", "day", "--as-of-revision", "1", "--json").json["answers"][0]
    assert then["value"] == "10 May"
    assert "day = 12 May" in cli("tasks", tree, "recall", "day").out
    assert cli("tasks", tree, "--json").json == before


def test_a_task_is_claimed_renewed_and_finished_under_its_fence(cli: Cli, tree: str) -> None:
    (held,) = cli("tasks", tree, "claim", "--worker", "desk", "--json").json["claimed"]
    fence, task = held["fence"], held["task"]["id"]
    assert (held["worker"], held["task"]["title"], held["task"]["status"]) == ("desk", "Choose a city", "running")
    assert "running: desk holds it for" in cli("tasks", tree).out
    assert "what follows 2 Choose a city" in cli("tasks", tree).out
    nothing = cli("tasks", tree, "claim", "--worker", "other")
    assert (nothing.status, nothing.out) == (3, "")
    assert cli("tasks", tree, "claim", "city", "--worker", "other").status == 6
    assert cli("tasks", "renew", task, "--fence", str(fence), "--json").json["task"] == task
    assert cli("tasks", "renew", task, "--fence", str(fence + 1)).status == 6
    assert cli("tasks", "finish", task, "--output", '{"name": "Ghent"}').status == 6
    done = cli("tasks", "finish", task, "--fence", str(fence), "--output", '{"name": "Ghent"}', "--json").json
    assert done["delta"][-1]["task"] == task or done["delta"]
    assert '✓ 2 Choose a city  → {"name": "Ghent"}' in cli("tasks", tree).out
    assert "input city = Ghent  from 2 at /name" in cli("tasks", tree, "claim", "hotel").out


def test_what_was_done_becomes_stale_with_the_reason_when_something_it_used_changes(cli: Cli, tree: str) -> None:
    cli("tasks", tree, "finish", "city", "--output", '{"name": "Ghent"}')
    cli("tasks", tree, "finish", "hotel", "--output", "The Quay")
    told = cli("tasks", tree, "edit", '{"op": "fact", "key": "day", "value": "12 May"}').out
    assert "↻ 3 Book a hotel  done → stale" in told
    shown = cli("tasks", tree).out
    assert "● 3 Book a hotel  stale: " in shown
    cli("tasks", tree, "finish", "hotel", "--outcome", "failed", "--reason", "no room")
    assert "✗ 3 Book a hotel  failed: no room" in cli("tasks", tree).out


def test_values_of_the_command_line_are_json_text_or_files(cli: Cli, tree: str, tmp_path: Path) -> None:
    file = tmp_path / "city.json"
    file.write_text('{"name": "Bruges"}', encoding="utf-8")
    cli("tasks", tree, "finish", "city", "--output", f"@{file}")
    assert cli("tasks", "show", "city", "--json").json["output"] == {"name": "Bruges"}
    cli("tasks", tree, "finish", "hotel", "--output", "The Quay")
    assert cli("tasks", "show", "hotel", "--json").json["output"] == "The Quay"
    assert cli("tasks", tree, "edit", "-", stdin=b'[{"op": "fact", "key": "n", "value": 2}]').status == 0
    assert cli("tasks", "recall", "--claim", "n=2", "--json").json["claim"]["verdict"] == "true"


def test_a_tree_is_followed_until_every_task_has_ended(cli: Cli, tree: str) -> None:
    edits = [{"op": "complete", "task": name, "output": {"name": "x"}} for name in ("city", "hotel", "trip")]
    edit(cli, tree, *edits)
    followed = cli("tasks", tree, "--watch", "--json")
    (line,) = followed.out.splitlines()
    assert json.loads(line)["counts"] == {"done": 3}
    assert cli("tasks", "--watch").out.rstrip().endswith("every task has ended")
