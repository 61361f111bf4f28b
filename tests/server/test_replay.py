"""A file of edits and questions: read whole before anything is applied, and applied line by line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from banyan.core.errors import BadEdit, BadFile
from banyan.core.recall import Recall, Verdict
from banyan.core.task import EditResult
from banyan.memory.tasks import Tasks
from banyan.server.replay import Refusal, Replay, read
from banyan.testing.clock import StillClock
from banyan.testing.graph import MemoryGraphs


@pytest.fixture
def tasks() -> Tasks:
    clock = StillClock()
    return Tasks(MemoryGraphs(clock), clock)


def lines(*given: Any) -> str:
    return "\n".join(json.dumps(one) for one in given)


async def play(tasks: Tasks, *given: Any) -> list[EditResult | Recall | Refusal]:
    replay = Replay(tasks, "story.jsonl")
    return [await replay.play(line) for line in read("story.jsonl", lines(*given))]


ADD = {"turn": 1, "edits": [{"op": "add", "ref": "@a", "title": "Plan"}, {"op": "add", "ref": "@b", "title": "Book"}]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "nothing in it"),
        ("\n{", "line 2: malformed JSON"),
        ("[]", "line 1: should be an object with either"),
        (lines({"edits": [], "query": {}}), "either `edits` or `query`"),
        (lines({"turn": 1}), "either `edits` or `query`"),
        (lines(ADD, {"edits": [], "sorce": "user"}), "line 2: `sorce` means nothing here; did you mean `source`?"),
        (lines({"edits": {}}), "`edits` should be a list of edits"),
        (lines({"edits": [], "turn": True}), "`turn` should be a whole number"),
        (lines({"query": {"key": ["a"]}}), "`key` means nothing here; did you mean `keys`?"),
        (lines({"query": {}, "zzz": 1}), "there are query, said, source, turn"),
        (lines({"query": []}), "`query` should be an object"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(BadFile, match=r"story\.jsonl") as refused:
        read("story.jsonl", text)
    assert problem in str(refused.value)


def test_blank_lines_count_and_are_left_out() -> None:
    found = read("x", "\n" + lines(ADD) + "\n\n" + lines({"query": {"keys": ["a"]}, "said": "What?"}))
    assert [(one.number, one.turn, one.source, one.said) for one in found] == [
        (2, 1, "user", ""),
        (4, None, "user", "What?"),
    ]


async def test_refs_of_earlier_lines_mean_their_tasks_wherever_a_task_is_named(tasks: Tasks) -> None:
    first, *rest = await play(
        tasks,
        ADD,
        {
            "edits": [
                {
                    "op": "add",
                    "ref": "@c",
                    "title": "Pay",
                    "parent": "@a",
                    "requires": [{"from": "@b", "kind": "after_success"}],
                    "inputs": {"from": "@b", "what": {"$from": "@b", "path": "/n"}},
                }
            ]
        },
        {"edits": [{"op": "complete", "task": "@b", "output": {"n": "@b"}}]},
        {"edits": [{"op": "merge", "tasks": ["@b", "@c"], "into": {"ref": "@d", "title": "Both"}}]},
        {"query": {"keys": ["@d"], "claim": {"key": "from", "value": "@b", "task": "@d"}}},
    )
    assert isinstance(first, EditResult)
    asked = rest[-1]
    assert isinstance(asked, Recall)
    assert asked.claim is not None
    assert asked.claim.verdict is Verdict.TRUE
    view = await tasks.view(first.tree)
    assert [one.task.title for _, one in view.tasks] == ["Plan", "Both"]


async def test_a_ref_that_a_batch_makes_again_is_its_own(tasks: Tasks) -> None:
    again = {"edits": [{"op": "add", "ref": "@b", "title": "Pay"}, {"op": "cancel", "task": "@b", "reason": "no"}]}
    first, _ = await play(tasks, ADD, again)
    assert isinstance(first, EditResult)
    view = await tasks.view(first.tree)
    assert {one.task.title: one.task.status.value for _, one in view.tasks}["Book"] == "pending"


async def test_a_batch_that_is_to_be_refused_must_be(tasks: Tasks) -> None:
    wrong = {"op": "fact", "key": "day", "value": 1, "was": 2}
    *_, refusal = await play(tasks, ADD, {"edits": [wrong], "refused": "false_premise"})
    assert isinstance(refusal, Refusal)
    assert refusal.to_json()["refused"]["code"] == "false_premise"
    with pytest.raises(BadEdit):
        await play(tasks, ADD, {"edits": [wrong]})
    with pytest.raises(BadEdit):
        await play(tasks, ADD, {"edits": [wrong], "refused": "conflict"})
    with pytest.raises(BadFile, match="line 2: should have been refused with `conflict`"):
        await play(tasks, ADD, {"edits": [], "refused": "conflict"})


async def test_there_is_nothing_to_ask_before_the_first_edit(tasks: Tasks) -> None:
    with pytest.raises(BadFile, match="line 1: there is no tree yet"):
        await play(tasks, {"query": {"keys": ["day"]}})
