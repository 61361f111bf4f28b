"""Trees of tasks at the command line: begun, shown, changed, worked off and asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Cli

ROOT = Path(__file__).parents[3]

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
    assert "next: 2 Choose a city" in cli("tasks").out
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
    assert cli("tasks", "show", "plan a trip", "--json").json == cli("tasks", tree, "--json").json
    assert cli("tasks", "next", "Plan a trip", "--json").json == answers[0]
    assert cli("tasks", "show", "Plan a trip", "hotel", "--json").json["id"] == f"{tree}.3"
    assert cli("tasks", "context", "Plan a trip", "--json").json["task"] == f"{tree}.1", "a command of a task: the root"
    assert cli("tasks", "undo", "Plan a walk").status == 2
    assert cli("tasks", "show", f"{tree}.2", "--json").json["id"] == f"{tree}.2"
    assert cli("tasks", "show", "hotel", "--json").json["title"] == "Book a hotel"
    assert cli("tasks", tree, "show", "Choose a City", "--json").json["id"] == f"{tree}.2"


def test_what_is_misnamed_is_said_and_what_is_near_it(cli: Cli, tree: str) -> None:
    for words, message in (
        (("tasks", "zzzzz9"), "no tree `zzzzz9`"),
        (("tasks", "histroy"), "Did you mean 'history'?"),
        (("tasks", "show", "Book the hotel"), "did you mean `Book a hotel`?"),
        (("tasks", "show", "Book", "a", "hotel"), "quote a title"),
        (("tasks", "next", "hotel"), "neither id nor title of a tree"),
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


def test_what_is_next_and_the_turn_are_those_of_the_tree_that_is_shown(cli: Cli, tree: str) -> None:
    assert cli("tasks", "show", "--limit", "1").out.rstrip().endswith("next: 2 Choose a city")
    cli("tasks", tree, "edit", json.dumps({"op": "fact", "key": "day", "value": "11 May"}), "--turn", "5")
    cli("tasks", "finish", f"{tree}.2", "--output", "{}")
    assert "turn 0" in cli("tasks", "show", "--as-of-revision", "1").out.splitlines()[0]
    assert "every task has ended" not in cli("tasks", tree, "show", "city", "--as-of-turn", "5").out


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
    assert cli("tasks", "plan a trip", "--json").json["tree"] == tree
    assert cli("tasks", "show", "plan a trip", "--json").json["tree"] == tree
    assert cli("tasks", "later", "--json").json["tree"] == copy
    assert cli("tasks", "diff", "later", "--json").json["tree"] == tree
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


def test_each_state_of_a_tree_that_is_followed_is_printed_as_it_comes(cli: Cli, tree: str) -> None:
    words = [sys.executable, "-m", "banyan.server.cli", "tasks", tree, "--watch", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["counts"] == {"pending": 3}
        edit(cli, tree, {"op": "cancel", "task": "trip", "reason": "rain"})
        assert json.loads(process.stdout.readline())["counts"] == {"cancelled": 3}
        assert process.wait(20) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's here")
def test_on_a_terminal_a_tree_is_redrawn_in_its_place(cli: Cli, tree: str) -> None:
    import pty

    leader, follower = pty.openpty()
    words = [sys.executable, "-m", "banyan.server.cli", "tasks", "--watch"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    process = subprocess.Popen(words, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    try:
        shown = _read(leader, b"next: ")
        edit(cli, tree, {"op": "cancel", "task": "trip", "reason": "rain"})
        shown += _read(leader, b"every task has ended")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(leader)
    assert b"\x1b[" in shown


def _read(terminal: int, until: bytes) -> bytes:
    shown = b""
    while until not in shown:
        shown += os.read(terminal, 4096)
    return shown


def test_a_story_is_replayed_with_an_answer_to_every_line(cli: Cli) -> None:
    story = str(ROOT / "examples" / "trip.jsonl")
    told = cli("tasks", "replay", story)
    assert (told.status, told.err) == (0, "")
    assert "line 4 · turn 3  No, let it be Bruges." in told.out
    assert "↻ 3 Choose a hotel  done → stale  `destination` changed" in told.out
    assert "refused: edit 0: `destination` was not" in told.out
    answers = [json.loads(line) for line in cli("tasks", "replay", story, "--json").out.splitlines()]
    assert [one["line"] for one in answers] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert answers[4]["claim"]["verdict"] == "was_true"
    assert answers[6]["refused"]["code"] == "false_premise"
    tree = answers[0]["tree"]
    again = cli("tasks", tree, "replay", "-", "--json", stdin=b'{"query": {"keys": ["destination"]}}')
    assert again.json["answers"][0]["value"] == "Ghent"


def test_a_replay_ends_at_the_line_that_is_wrong(cli: Cli, tree: str, tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    fact = json.dumps({"edits": [{"op": "fact", "key": "n", "value": 1}]})
    file.write_text(f'{fact}\n{{"edits": [{{"op": "fly"}}]}}\n{fact}', encoding="utf-8")
    ended = cli("tasks", tree, "replay", str(file), "--json")
    assert ended.status == 2
    assert "ended at line 2" in ended.err
    assert [json.loads(line).get("line") for line in ended.out.splitlines()] == [1, None]
    file.write_text(f"{fact}\n[]", encoding="utf-8")
    before = cli("tasks", tree, "--json").json
    malformed = cli("tasks", tree, "replay", str(file))
    assert (malformed.status, malformed.out) == (2, "")
    assert "line 2" in malformed.err
    assert cli("tasks", tree, "--json").json == before


def test_what_a_worker_is_told_stays_within_its_budget(cli: Cli, tree: str) -> None:
    told = cli("tasks", tree, "context", "hotel", "--budget", "200")
    assert "Book a hotel" in told.out
    assert "of 200 tokens" in told.err
    document = cli("tasks", "context", f"{tree}.3", "--json").json
    assert document["task"] == f"{tree}.3"
    assert document["tokens"] <= document["budget_tokens"]


def test_a_tree_is_exported_removed_and_imported_exactly_as_it_was(cli: Cli, tree: str, tmp_path: Path) -> None:
    file = tmp_path / "trip.json"
    edit(cli, tree, {"op": "fact", "key": "day", "value": "12 May"})
    before, past = cli("tasks", tree, "--json").json, cli("tasks", tree, "history", "--json").json
    assert cli("tasks", tree, "export", "-o", str(file), "--json").json["size_bytes"] == file.stat().st_size
    assert cli("tasks", "export", tree).out == file.read_text(encoding="utf-8")
    assert cli("tasks", tree, "export", "--json").json == json.loads(file.read_text(encoding="utf-8"))
    kept = cli("tasks", tree, "remove")
    assert (kept.status, "--yes" in kept.err) == (2, True)
    assert cli("tasks", tree, "remove", "--yes").out == f"{tree}: removed with 3 tasks\n"
    assert cli("tasks", "--json").json == {"trees": []}
    assert cli("tasks", "import", str(file), "--json").json["trees"] == [
        {"tree": tree, "title": "Plan a trip", "tasks": 3}
    ]
    assert cli("tasks", tree, "--json").json == before
    assert cli("tasks", tree, "history", "--json").json == past
    assert ", which was" in cli("tasks", "import", str(file)).out
    assert cli("tasks", "export", tree, "-o", str(tmp_path)).status == 2


def test_a_tree_is_drawn_for_other_programs_and_taken_over_from_them(cli: Cli, tree: str, tmp_path: Path) -> None:
    drawn = cli("tasks", tree, "export", "--format", "mermaid").out
    assert drawn.startswith("flowchart TD")
    assert "Choose a city" in drawn
    assert cli("tasks", tree, "export", "--format", "mermaid", "--json").json == {"tree": tree, "mermaid": drawn}
    file = tmp_path / "tasks.json"
    theirs = {"master": {"tasks": [{"id": 1, "title": "Wash", "status": "done"}, {"id": 2, "title": "Cook"}]}}
    file.write_text(json.dumps(theirs), encoding="utf-8")
    (found,) = cli("tasks", "import", str(file), "--json").json["trees"]
    assert "✓ 2 Wash" in cli("tasks", found["tree"]).out
    file.write_text("nonsense", encoding="utf-8")
    assert "neither an exported tree" in cli("tasks", "import", str(file)).err


def test_what_is_old_is_let_go_once_it_is_said_how_old(cli: Cli, tree: str) -> None:
    assert "say what is old" in cli("tasks", "prune").err
    assert cli("tasks", "prune", "--older-than", "-1").status == 2
    assert "Nothing is that old" in cli("tasks", "prune", "--older-than", "1").err
    edit(cli, tree, {"op": "cancel", "task": "trip", "reason": "rain"})
    edit(cli, tree, {"op": "fact", "key": "day", "value": "12 May"})
    would = cli("tasks", "prune", "--before", "2999-01-01", "--dry-run")
    assert would.out == f"{tree}: would be removed\n"
    assert cli("tasks", "prune", tree, "--before", "2999-01-01", "--json").json["removed"] == [tree]
    assert cli("tasks", "--json").json == {"trees": []}


LOST = """
import os
from mcp.server import MCPServer

server = MCPServer("lost")

@server.tool()
def leave() -> str:
    os._exit(3)

@server.tool(annotations={"readOnlyHint": True})
def look() -> dict:
    return {"there": True}

server.run("stdio")
"""


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_calls_whose_end_nobody_knows_are_listed_and_settled_by_a_person(cli: Cli, tree: str, tmp_path: Path) -> None:
    script = tmp_path / "lost.py"
    script.write_text(LOST, encoding="utf-8")
    assert cli("add", "mcp", "lost", "--", sys.executable, str(script), "--quiet").status == 0
    assert "Of every call it is known" in cli("tasks", "reconcile").err
    (held,) = cli("tasks", tree, "claim", "city", "--json").json["claimed"]
    under = ("--task", held["task"]["id"], "--fence", str(held["fence"]))
    assert cli("call", "lost__leave", *under).status == 8
    assert cli("call", "lost__leave", *under[:-1], str(held["fence"] + 1)).status != 0
    assert cli("tasks", tree, "finish", "city", "--fence", str(held["fence"]), "--outcome", "waiting").status == 0
    (call,) = cli("tasks", tree, "reconcile", "--json").json["calls"]
    assert (call["tool"], call["task"]) == ("lost__leave", held["task"]["id"])
    assert call["call_id"] in cli("tasks", "reconcile").out
    for words, message in (
        (("--done", "--not-done"), "one of"),
        (("--probe", "lost__look"), "goes with `--when`"),
        (("--probe", "lost__look", "--when", "true", "--arguments", "[]"), "JSON object"),
        (("--done", "--probe", "lost__look", "--when", "true"), "one of"),
    ):
        assert message in cli("tasks", "reconcile", call["call_id"], *words).err
    unclear = cli("tasks", "reconcile", call["call_id"], "--probe", "lost__look", "--when", "result.gone")
    assert unclear.status == 8
    assert "still not known" in unclear.err
    seen = cli("tasks", "reconcile", call["call_id"], "--probe", "lost__look", "--when", "result.there", "--json")
    assert (seen.status, seen.json["verdict"]) == (0, "done")
    assert cli("tasks", "reconcile", call["call_id"], "--not-done").status == 6
    assert cli("tasks", "reconcile", "--json").json == {"calls": []}
