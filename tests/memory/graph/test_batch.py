"""A batch of edits is made whole or not at all, and says what is wrong with it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from banyan.core.errors import BadEdit, CycleFound
from banyan.core.task import ABSENT, Edge, EdgeKind, ResultRule, Status
from banyan.memory.graph.batch import make
from banyan.memory.graph.store import Intent
from tests.memory.graph.desk import Desk, a_desk


async def test_the_first_task_is_the_root_and_the_others_go_under_it() -> None:
    desk = await a_desk({"op": "add", "title": "Pack"})
    assert desk.task("Trip").parent is None
    assert desk.task("Pack").parent == desk.number("Trip")


async def test_a_task_is_as_its_fields_say() -> None:
    desk = await a_desk(
        {"op": "add", "title": "Flights", "ref": "@f"},
        {"op": "add", "title": "Places", "ref": "@p"},
        {
            "op": "add",
            "title": "  Hotel ",
            "parent": "@p",
            "under": ["@trip", "@p"],
            "instruction": "near the river",
            "inputs": {"city": "Porto", "arrival": {"$from": "@f", "path": "arrival/0"}, "budget": {"$fact": "budget"}},
            "requires": ["@f", {"from": "@f", "kind": "After-Any"}, "@f", {"from": "@f", "path": "/n", "to": "n"}],
            "key": "hotel",
            "priority": 3,
            "effort": 2,
            "optional": True,
            "result": "children",
            "budget": {"attempts": 2},
            "requires_labels": ["web", "web"],
            "facts": {"stars": 4},
        },
    )  # fmt: skip
    task, flights = desk.task("Hotel"), desk.number("Flights")
    assert (task.title, task.instruction, task.key, task.labels) == ("Hotel", "near the river", "hotel", ("web",))
    assert (task.parent, task.under) == (desk.number("Places"), (desk.number("Trip"),))
    assert task.inputs == {
        "city": "Porto",
        "arrival": {"$from": flights, "path": "/arrival/0"},
        "budget": {"$fact": "budget"},
        "n": {"$from": flights, "path": "/n"},
    }
    assert task.requires == (
        Edge(source=flights, kind=EdgeKind.AFTER_SUCCESS),
        Edge(source=flights, kind=EdgeKind.AFTER_ANY),
    )
    assert (task.priority, task.effort, task.optional, task.result) == (3, 2.0, True, ResultRule.CHILDREN)
    assert (dict(task.budget), desk.said("Hotel", "stars")) == ({"attempts": 2}, 4)


@pytest.mark.parametrize(
    ("requires", "kind", "when"),
    [
        ("@f", EdgeKind.AFTER_SUCCESS, ""),
        ({"task": "@f", "kind": "after_failure"}, EdgeKind.AFTER_FAILURE, ""),
        ([{"from": "@f", "when": "output > 1"}], EdgeKind.WHEN, "output > 1"),
    ],
)
async def test_an_edge_may_be_written_briefly(requires: Any, kind: EdgeKind, when: str) -> None:
    desk = await a_desk({"op": "add", "title": "F", "ref": "f"}, {"op": "add", "title": "H", "requires": requires})
    assert desk.task("H").requires == (Edge(source=desk.number("F"), kind=kind, when=when),)


async def test_a_task_may_name_one_that_comes_later_in_the_batch() -> None:
    desk = await a_desk(
        {"op": "add", "title": "C", "requires": ["@b"], "parent": "@p"},
        {"op": "add", "title": "B", "ref": "@b", "inputs": {"x": {"$from": "@a"}}, "parent": "@p"},
        {"op": "add", "title": "A", "ref": "@a"},
        {"op": "add", "title": "P", "ref": "@p"},
    )
    assert desk.after("C") == ["B"]
    assert desk.inputs("B") == {"x": {"$from": desk.number("A")}}
    assert desk.task("B").parent == desk.number("P")


async def test_tasks_that_wait_for_one_another_are_refused_with_the_circle() -> None:
    desk = await a_desk()
    with pytest.raises(CycleFound) as caught:
        await desk.apply(
            {"op": "add", "title": "A", "ref": "@a", "requires": ["@b"]},
            {"op": "add", "title": "B", "ref": "@b", "requires": ["@a"]},
        )
    assert set(caught.value.circle) == {"A", "B"}
    assert desk.titles() == ["Trip"]


async def test_a_circle_through_an_update_is_refused() -> None:
    desk = await a_desk(
        {"op": "add", "title": "A", "ref": "@a"},
        {"op": "add", "title": "B", "ref": "@b", "requires": ["@a"]},
        {"op": "add", "title": "C", "parent": "@b"},
    )
    for edit in (
        {"requires": ["C"]},
        {"inputs": {"x": {"$from": "B"}}},
        {"requires": ["A"]},
        {"parent": "A"},
        {"under": ["A"]},
    ):
        with pytest.raises(CycleFound) as caught:
            await desk.apply({"op": "update", "task": "A", **edit})
        assert caught.value.at == 0
        assert "A" in caught.value.circle


async def test_a_task_cannot_be_shared_by_two_of_which_one_waits_for_the_other() -> None:
    desk = await a_desk({"op": "add", "title": "A"}, {"op": "add", "title": "B", "requires": ["A"]})
    with pytest.raises(CycleFound):
        await desk.apply({"op": "add", "title": "Both", "parent": "B", "under": ["A"]})
    await desk.apply({"op": "add", "title": "Both", "parent": "B"})
    with pytest.raises(CycleFound):
        await desk.apply({"op": "update", "task": "Both", "under": ["A"]})


async def test_a_task_that_is_moved_away_may_leave_a_circle_behind_that_is_refused() -> None:
    desk = await a_desk(
        {"op": "add", "title": "B", "ref": "@b"},
        {"op": "add", "title": "X", "ref": "@x", "parent": "@b"},
        {"op": "add", "title": "Y", "ref": "@y", "parent": "@b"},
        {"op": "add", "title": "A", "ref": "@a", "parent": "@x", "requires": ["@y"]},
        {"op": "update", "task": "@b", "requires": ["@a"]},
    )
    with pytest.raises(CycleFound) as caught:
        await desk.apply({"op": "update", "task": "X", "parent": "Trip"})
    assert set(caught.value.circle) == {"A", "B", "Y"}


WRONG = [
    ("no list", "should be an object"),
    ({"title": "x"}, "operation is missing"),
    ({"op": "ad", "title": "x"}, "did you mean `add`"),
    ({"op": "delete", "task": "Trip"}, "did you mean `remove`"),
    ({"op": 3}, "no operation `3`"),
    ({"op": "add"}, "`add` needs `title`"),
    ({"op": "add", "title": " "}, "`title` should not be empty"),
    ({"op": "add", "title": 3}, "`title` should be a text, not 3"),
    ({"op": "add", "title": "x" * 501}, "`title` has 501 characters"),
    ({"op": "add", "title": "a\x00b"}, "cannot be kept"),
    ({"op": "add", "title": "a\ud800b"}, "cannot be kept"),
    ({"op": "add", "title": "x", "depends_on": ["Trip"]}, "did you mean `requires`"),
    ({"op": "add", "title": "x", "prioriti": 1}, "did you mean `priority`"),
    ({"op": "add", "title": "x", "parent": "Tripp"}, "`parent`: no task `Tripp`; did you mean `Trip`"),
    ({"op": "add", "title": "x", "requires": ["@nobody"]}, "`requires`: no task `@nobody`"),
    ({"op": "add", "title": "x", "requires": [{"kind": "data"}]}, "needs `from`"),
    ({"op": "add", "title": "x", "requires": [{"from": "Trip", "type": "data"}]}, "no field `type`"),
    ({"op": "add", "title": "x", "requires": [{"from": "Trip", "kind": "before"}]}, "should be one of"),
    ({"op": "add", "title": "x", "requires": [{"from": "Trip", "kind": "when"}]}, "goes with the kind `when`"),
    ({"op": "add", "title": "x", "requires": [{"from": "Trip", "when": "output ="}]}, "output ="),
    ({"op": "add", "title": "x", "requires": [{"from": "Trip", "path": "/a"}]}, "`requires/to` should be a text"),
    ({"op": "add", "title": "x", "inputs": ["a"]}, "`inputs` should be an object"),
    ({"op": "add", "title": "x", "inputs": {"a": {"$from": "Nobody"}}}, "`inputs/a/$from`: no task `Nobody`"),
    ({"op": "add", "title": "x", "inputs": {"a": {"$from": "Trip", "field": "b"}}}, "and nothing else"),
    ({"op": "add", "title": "x", "inputs": {"a": {"$fact": 3}}}, "`inputs/a/$fact` should be a text"),
    ({"op": "add", "title": "x", "inputs": {"a": [{"$from": "Trip"}]}}, "can only stand for a whole input"),
    ({"op": "add", "title": "x", "inputs": {"a": float("nan")}}, "should be a JSON value"),
    ({"op": "add", "title": "x", "inputs": {"a": {1: 2}}}, "names in an object"),
    ({"op": "add", "title": "x", "inputs": {"a": object()}}, "should be a JSON value"),
    ({"op": "add", "title": "x", "key": "12"}, "another way to name a task"),
    ({"op": "add", "title": "x", "key": "@x"}, "another way to name a task"),
    ({"op": "add", "title": "x", "priority": "high"}, '`priority` should be a whole number, not "high"'),
    ({"op": "add", "title": "x", "effort": 0}, "`effort` should be a number above 0"),
    ({"op": "add", "title": "x", "effort": True}, "`effort` should be a number above 0"),
    ({"op": "add", "title": "x", "optional": "yes"}, "`optional` should be true or false"),
    ({"op": "add", "title": "x", "result": "mine"}, "`result` should be `worker` or `children`"),
    ({"op": "add", "title": "x", "budget": {"attempts": 0}}, "`budget/attempts`"),
    ({"op": "add", "title": "x", "requires_labels": [1]}, "`requires_labels` should be a text"),
    ({"op": "add", "title": "x", "ref": "@p"}, "`@p` is `Pack` in this batch already"),
    ({"op": "fact", "key": "x"}, "`fact` needs `value`"),
    ({"op": "fact", "key": "", "value": 1}, "`key` should not be empty"),
    ({"op": "fact", "key": "x", "value": {"$from": "Trip"}}, "can only stand for a whole input"),
    ({"op": "fact", "key": "x", "value": {"$rule": "a =="}}, "a =="),
    ({"op": "fact", "key": "x", "value": {"$rule": "a == 1", "say": "b"}}, "a rule is"),
    ({"op": "retract", "key": "destination"}, "no fact `destination`"),
    ({"op": "rollback", "task": "Trip", "to": 3}, "`to` should be"),
    ({"op": "rollback", "task": "Trip", "to": {"revision": 99}}, "no revision 99 yet"),
    ({"op": "split", "task": "Trip", "into": [{"title": "a"}, {"title": "b"}]}, "is the root"),
    ({"op": "merge", "tasks": ["Trip"], "into": {"title": "x"}}, "two tasks or more"),
    ({"op": "adopt", "branch": "x"}, "no what-if `x`"),
    ({"op": "reopen", "task": "Trip"}, "has not ended"),
    ({"op": "fold", "task": "Trip"}, "only what has ended"),
    ({"op": "replace", "old": " ", "new": "x"}, "`old` should not be empty"),
]


@pytest.mark.parametrize(("edit", "problem"), WRONG)
async def test_what_is_wrong_is_said_with_its_place_and_nothing_is_changed(edit: Any, problem: str) -> None:
    desk = await a_desk()
    before = desk.state()
    with pytest.raises(BadEdit, match=re.escape(problem)) as caught:
        await desk.apply({"op": "add", "title": "Pack", "ref": "@p"}, edit)
    assert caught.value.at == 1
    assert desk.state() == before
    assert desk.source.tree.revision == 1


@pytest.mark.parametrize("edits", ["add", {"op": "add"}, None, 3])
async def test_a_batch_is_a_list(edits: Any) -> None:
    desk = Desk()
    with pytest.raises(BadEdit, match="should be a list"):
        await desk.graphs.change(Intent(tree=None), lambda ws: make(ws, edits))


async def test_an_update_changes_what_it_names_and_no_more() -> None:
    desk = await a_desk({"op": "add", "title": "H", "inputs": {"a": 1, "b": 2}, "requires": [], "priority": 5})
    await desk.apply({"op": "add", "title": "F"})
    await desk.apply(
        {"op": "update", "task": "H", "inputs": {"a": None, "c": 3}, "requires": ["F"], "title": "Hotel", "key": "h"}
    )
    task = desk.task("h")
    assert (task.title, task.inputs, task.priority) == ("Hotel", {"b": 2, "c": 3}, 5)
    assert desk.after("h") == ["F"]
    await desk.apply({"op": "update", "task": "h", "requires": [], "key": None})
    assert desk.task("Hotel").key is None
    assert desk.after("Hotel") == []


async def test_a_key_that_is_taken_is_refused_and_the_same_task_again_is_left_as_it_is() -> None:
    desk = await a_desk({"op": "add", "title": "H", "key": "h", "inputs": {"a": 1}})
    again = await desk.apply({"op": "add", "title": "H", "key": "h", "inputs": {"a": 1}, "ref": "@h"})
    assert again.refs == {"@h": desk.number("h")}
    assert again.changes == ()
    assert any("left as it is" in note for note in again.notes)
    for edit in (
        {"op": "add", "title": "H", "key": "h", "inputs": {"a": True}},
        {"op": "update", "task": "Trip", "key": "h"},
    ):
        with pytest.raises(BadEdit, match="the key `h` is taken by `H`"):
            await desk.apply(edit)


async def test_what_has_ended_otherwise_than_done_must_be_reopened_before_it_is_changed() -> None:
    desk = await a_desk({"op": "add", "title": "H"}, {"op": "fail", "task": "H", "reason": "full"})
    with pytest.raises(BadEdit, match="`H` is failed: `reopen` it first"):
        await desk.apply({"op": "update", "task": "H", "title": "Hotel"})
    await desk.apply({"op": "reopen", "task": "H"}, {"op": "update", "task": "H", "title": "Hotel"})
    assert desk.status("Hotel") is Status.PENDING
    assert desk.task("Hotel").attempts == 0


async def test_nothing_comes_under_what_was_cancelled() -> None:
    desk = await a_desk({"op": "add", "title": "H"}, {"op": "cancel", "task": "H", "reason": "no"})
    with pytest.raises(BadEdit, match="`H` is cancelled"):
        await desk.apply({"op": "add", "title": "x", "parent": "H"})
    await desk.apply({"op": "add", "title": "x", "parent": "H", "under": ["Trip"]})
    assert desk.status("x") is Status.PENDING


async def test_work_is_ended_by_edits() -> None:
    desk = await a_desk(
        {"op": "add", "title": "A"},
        {"op": "add", "title": "B", "requires": ["A"]},
        {"op": "add", "title": "C"},
        {"op": "add", "title": "D"},
    )
    await desk.apply(
        {"op": "complete", "task": "A", "output": {"x": 1}},
        {"op": "complete", "task": "B", "output": None},
        {"op": "wait", "task": "C", "reason": "for Ben"},
        {"op": "fail", "task": "D", "reason": "full"},
    )
    assert [desk.status(name) for name in "ABCD"] == [Status.DONE, Status.DONE, Status.WAITING, Status.FAILED]
    assert (desk.task("A").output, desk.task("B").output) == ({"x": 1}, None)
    await desk.apply({"op": "cancel", "task": "C", "reason": "no"})
    assert desk.status("C") is Status.CANCELLED


async def test_what_was_cancelled_with_a_task_is_reopened_with_it_and_nothing_else() -> None:
    desk = await a_desk(
        {"op": "add", "title": "P", "ref": "@p"},
        {"op": "add", "title": "A", "parent": "@p"},
        {"op": "add", "title": "B", "parent": "@p"},
    )
    await desk.apply({"op": "cancel", "task": "A", "reason": "not needed"})
    await desk.apply({"op": "cancel", "task": "P", "reason": "too dear"})
    assert [desk.status(name) for name in "PAB"] == [Status.CANCELLED] * 3
    with pytest.raises(BadEdit, match="`P` is cancelled"):
        await desk.apply({"op": "reopen", "task": "B"})
    await desk.apply({"op": "reopen", "task": "P"})
    assert [desk.status(name) for name in "PAB"] == [Status.PENDING, Status.CANCELLED, Status.PENDING]


async def test_what_was_taken_up_and_cancelled_in_one_batch_is_reopened_with_what_it_went_with() -> None:
    desk = await a_desk({"op": "add", "title": "P", "ref": "@p"}, {"op": "add", "title": "A", "parent": "@p"})
    await desk.apply({"op": "cancel", "task": "A", "reason": "not needed"})
    await desk.apply({"op": "reopen", "task": "A"}, {"op": "cancel", "task": "P"})
    await desk.apply({"op": "reopen", "task": "P"})
    assert desk.status("A") is Status.PENDING


async def test_a_task_goes_with_what_is_under_it_that_nobody_shares() -> None:
    desk = await a_desk(
        {"op": "add", "title": "P", "ref": "@p", "facts": {"x": 1}},
        {"op": "add", "title": "Q", "ref": "@q"},
        {"op": "add", "title": "A", "parent": "@p", "ref": "@a"},
        {"op": "add", "title": "A1", "parent": "@a"},
        {"op": "add", "title": "S", "parent": "@p", "under": ["@q"], "ref": "@s"},
        {"op": "add", "title": "S1", "parent": "@s"},
        {"op": "add", "title": "Later", "requires": ["@a"]},
    )
    await desk.apply({"op": "remove", "task": "P"})
    assert desk.titles() == ["Trip", "Q", "S", "S1", "Later"]
    assert (desk.task("S").parent, desk.task("S").under) == (desk.number("Q"), ())
    assert desk.after("Later") == []
    assert desk.task("Trip").children == 2


async def test_what_others_take_data_from_or_somebody_holds_cannot_be_removed() -> None:
    desk = await a_desk(
        {"op": "add", "title": "A"},
        {"op": "add", "title": "B", "inputs": {"x": {"$from": "A"}}},
        {"op": "add", "title": "C"},
    )
    with pytest.raises(BadEdit, match="`B` takes its input `x` from `A`"):
        await desk.apply({"op": "remove", "task": "A"})
    await desk.claim("C")
    with pytest.raises(BadEdit, match="`C` is held by `ana`"):
        await desk.apply({"op": "remove", "task": "C"})
    await desk.apply({"op": "remove", "task": "B"}, {"op": "remove", "task": "A"})
    assert desk.titles() == ["Trip", "C"]


async def test_a_finished_subtree_is_folded_and_unfolds_when_it_is_taken_up_again() -> None:
    desk = await a_desk(
        {"op": "add", "title": "P", "ref": "@p", "result": "children"},
        {"op": "add", "title": "A", "parent": "@p"},
        {"op": "complete", "task": "A", "output": 1},
        {"op": "fold", "task": "P"},
    )
    assert desk.task("P").summary is not None
    assert "1 task under it" in str(desk.task("P").summary)
    await desk.apply({"op": "fold", "task": "P", "summary": "all found"})
    assert desk.task("P").summary == "all found"
    await desk.apply({"op": "reopen", "task": "A"})
    assert desk.task("P").summary is None


async def test_folding_is_taken_back() -> None:
    desk = await a_desk({"op": "add", "title": "A"}, {"op": "complete", "task": "A"}, {"op": "fold", "task": "A"})
    await desk.apply({"op": "unfold", "task": "A"})
    assert desk.task("A").summary is None
    assert desk.task("A").output in {ABSENT, None}


@pytest.mark.parametrize("kind", ["requires", "parent", "inputs"])
async def test_a_plan_may_be_told_from_its_end(kind: str) -> None:
    def naming(ref: str) -> dict[str, Any]:
        return {"inputs": {"x": {"$from": ref}}} if kind == "inputs" else {kind: ref}

    steps = 400
    backwards = [{"op": "add", "ref": f"@{n}", "title": f"step {n}", **naming(f"@{n + 1}")} for n in range(steps)]
    desk = await a_desk(*backwards, {"op": "add", "ref": f"@{steps}", "title": "first"})
    assert desk.task("first").number < desk.task(f"step {steps - 1}").number < desk.task("step 0").number
    with pytest.raises(CycleFound, match=r"first → step 0$"):
        await a_desk(*backwards, {"op": "add", "ref": f"@{steps}", "title": "first", **naming("@0")})


async def test_what_an_input_says_is_no_name_of_a_task() -> None:
    desk = await a_desk(
        {"op": "add", "ref": "@a", "title": "A", "inputs": {"x": "@b", "y": {"from": "@b"}}},
        {"op": "add", "ref": "@b", "title": "B", "requires": ["@a"]},
    )
    assert desk.task("A").inputs == {"x": "@b", "y": {"from": "@b"}}


async def test_names_that_turn_out_to_be_refs_too_late_are_told_as_such() -> None:
    backwards = [{"op": "add", "ref": f"s{n}", "title": f"step {n}", "requires": f"s{n + 1}"} for n in range(100)]
    with pytest.raises(BadEdit, match="name it `@s41`, or add it first"):
        await a_desk(*backwards, {"op": "add", "ref": "s100", "title": "first"})
