"""Tasks are split and merged, and nothing about them is lost."""

from __future__ import annotations

import pytest

from banyan.core.errors import BadEdit, CycleFound
from banyan.core.task import Status
from tests.memory.graph.desk import Desk, a_desk

MEETING = {"day": "Thursday", "start": "14:00", "with": ["Ana", "Ben", "Chloé"]}


@pytest.fixture
async def desk() -> Desk:
    return await a_desk(
        {"op": "add", "title": "Room", "ref": "@room"},
        {"op": "add", "title": "Meeting", "ref": "@m", "inputs": MEETING, "requires": ["@room"], "key": "m",
         "facts": {"agenda": "plans"}, "requires_labels": ["calendar"], "instruction": "Invite them"},
        {"op": "add", "title": "Slides", "parent": "@m"},
        {"op": "add", "title": "Minutes", "requires": [{"from": "@m", "kind": "after_any"}]},
        {"op": "add", "title": "Bill", "inputs": {"hours": {"$from": "@m", "path": "/hours"}}},
    )  # fmt: skip


SPLIT = {
    "op": "split",
    "task": "Meeting",
    "into": [
        {"ref": "@ben", "title": "With Ben", "inputs": {"with": ["Ben"], "end": "14:45"}},
        {
            "ref": "@rest",
            "title": "With the others",
            "inputs": {"with": ["Ana", "Chloé"], "start": "16:00", "day": None},
        },
    ],
}


async def test_the_parts_of_a_task_take_over_what_it_had(desk: Desk) -> None:
    old = desk.number("Meeting")
    result = await desk.apply(SPLIT)
    assert desk.titles() == ["Trip", "Room", "Slides", "Minutes", "Bill", "With Ben", "With the others"]
    assert result.refs == {"@ben": desk.number("With Ben"), "@rest": desk.number("With the others")}
    assert desk.inputs("With Ben") == {**MEETING, "with": ["Ben"], "end": "14:45"}
    assert desk.inputs("With the others") == {"start": "16:00", "with": ["Ana", "Chloé"]}
    for part in ("With Ben", "With the others"):
        task = desk.task(part)
        assert (task.made_of, task.parent, task.labels, task.key) == ((old,), 1, ("calendar",), None)
        assert (desk.after(part), desk.said(part, "agenda"), task.instruction) == (["Room"], "plans", "Invite them")


async def test_what_came_after_a_task_waits_for_all_its_parts(desk: Desk) -> None:
    result = await desk.apply(SPLIT)
    parts = ["With Ben", "With the others"]
    assert desk.after("Minutes") == parts
    assert {edge.kind.value for edge in desk.task("Minutes").requires} == {"after_any"}
    assert desk.inputs("Bill") == {"hours": {"$from": desk.number("With Ben"), "path": "/hours"}}
    assert desk.after("Bill") == ["With the others"]
    assert any("takes its input `hours` from `With Ben`" in note for note in result.notes)
    assert desk.task("Slides").parent == desk.number("With Ben")


async def test_a_part_may_keep_the_key_and_follow_another(desk: Desk) -> None:
    first, second = SPLIT["into"]
    await desk.apply({**SPLIT, "into": [{**first, "key": "m"}, {**second, "requires": ["@ben"]}]})  # type: ignore[dict-item]
    assert desk.number("m") == desk.number("With Ben")
    assert desk.after("With the others") == ["Room", "With Ben"]


async def test_parts_that_would_wait_for_what_waits_for_them_are_refused(desk: Desk) -> None:
    with pytest.raises(CycleFound):
        await desk.apply(
            {"op": "split", "task": "m", "into": [{"title": "A", "requires": ["Minutes"]}, {"title": "B"}]}
        )
    assert "Meeting" in desk.titles()


@pytest.mark.parametrize(
    ("into", "problem"),
    [
        ([{"title": "A"}], "two parts or more"),
        ([{"title": "A"}, {}], "every part needs a `title`"),
        ([{"title": "A"}, {"title": "B", "parent": "Trip"}], "`into` has no field `parent`"),
        ([{"title": "A"}, "B"], "`into` should be an object"),
    ],
)
async def test_a_split_says_what_is_wrong_with_its_parts(desk: Desk, into: object, problem: str) -> None:
    with pytest.raises(BadEdit, match=problem):
        await desk.apply({"op": "split", "task": "Meeting", "into": into})


async def test_what_is_held_is_not_split_and_not_merged(desk: Desk) -> None:
    await desk.apply({"op": "complete", "task": "Room"}, {"op": "cancel", "task": "Slides"})
    await desk.claim("Meeting")
    for edit in (SPLIT, {"op": "merge", "tasks": ["Minutes", "Meeting"], "into": {"title": "x"}}):
        with pytest.raises(BadEdit, match="`Meeting` is held by `ana`"):
            await desk.apply(edit)


async def test_a_done_task_that_is_split_is_to_be_done_again(desk: Desk) -> None:
    await desk.apply({"op": "cancel", "task": "Slides"}, {"op": "complete", "task": "Room"})
    await desk.apply({"op": "complete", "task": "Meeting", "output": {"hours": 2}}, {"op": "complete", "task": "Bill"})
    await desk.apply(SPLIT)
    assert desk.status("With Ben") is Status.PENDING
    assert desk.status("Bill") is Status.STALE


async def test_several_tasks_are_merged_with_all_that_they_had(desk: Desk) -> None:
    await desk.apply(
        {"op": "add", "title": "Talk", "inputs": {"start": "15:00", "room": {"$from": "Room"}},
         "facts": {"agenda": "money", "tea": True}, "requires_labels": ["web"], "priority": 4,
         "requires": ["Room", {"from": "Meeting", "kind": "after_any"}], "parent": "Minutes"},
        {"op": "add", "title": "Tea", "parent": "Talk"},
        {"op": "add", "title": "Home", "requires": ["Talk", "Meeting"]},
        {"op": "update", "task": "Minutes", "requires": []},
    )  # fmt: skip
    numbers = desk.number("Meeting"), desk.number("Talk")
    result = await desk.apply(
        {"op": "merge", "tasks": ["Meeting", "Talk"], "into": {"ref": "@all", "title": "Everybody"}}
    )
    task = desk.task("Everybody")
    assert (task.made_of, task.key, task.labels, task.priority) == (numbers, "m", ("calendar", "web"), 4)
    assert (task.parent, task.under) == (1, (desk.number("Minutes"),))
    assert desk.inputs("Everybody") == {**MEETING, "start": "15:00", "room": {"$from": desk.number("Room")}}
    assert (desk.said("Everybody", "agenda"), desk.said("Everybody", "tea")) == ("money", True)
    assert desk.after("Everybody") == ["Room"]
    assert desk.after("Home") == ["Everybody"]
    assert desk.inputs("Bill")["hours"]["$from"] == desk.number("Everybody")
    assert {desk.task("Slides").parent, desk.task("Tea").parent} == {desk.number("Everybody")}
    assert '`start` was "14:00" in `Meeting` and "15:00" in `Talk`: "15:00" holds, said last' in result.notes
    assert '`agenda` was "plans" in `Meeting` and "money" in `Talk`: "money" holds, said last' in result.notes


async def test_of_two_values_the_one_said_last_holds_whatever_the_order_of_the_tasks(desk: Desk) -> None:
    await desk.apply({"op": "add", "title": "Talk", "inputs": {"start": "15:00"}, "facts": {"agenda": "money"}})
    await desk.apply({"op": "update", "task": "Meeting", "inputs": {"start": "16:00"}})
    await desk.apply({"op": "fact", "task": "Meeting", "key": "agenda", "value": "tea"})
    await desk.apply({"op": "merge", "tasks": ["Meeting", "Talk"], "into": {"title": "All"}})
    assert (desk.inputs("All")["start"], desk.said("All", "agenda")) == ("16:00", "tea")


async def test_a_value_that_is_given_with_a_merge_holds_and_the_others_are_told(desk: Desk) -> None:
    await desk.apply(SPLIT)
    into = {"title": "Meeting", "inputs": {"start": "15:00", "with": ["Ana", "Ben", "Chloé"], "end": None}}
    result = await desk.apply({"op": "merge", "tasks": ["With Ben", "With the others"], "into": into})
    assert desk.inputs("Meeting") == {**MEETING, "start": "15:00"}
    assert '`start` was "14:00" in `With Ben` and "16:00" in `With the others`: "15:00" holds, as given' in result.notes
    assert desk.after("Minutes") == ["Meeting"]


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        (["Meeting", "Slides"], "`Slides` is under `Meeting`"),
        (["Meeting", "Trip"], "cannot be merged"),
        (["Meeting", "meeting"], "two tasks or more"),
    ],
)
async def test_what_cannot_be_one_is_not_merged(desk: Desk, tasks: list[str], problem: str) -> None:
    with pytest.raises(BadEdit, match=problem):
        await desk.apply({"op": "merge", "tasks": tasks, "into": {"title": "x"}})


async def test_a_merge_that_would_wait_for_itself_is_refused(desk: Desk) -> None:
    await desk.apply({"op": "add", "title": "Between", "requires": ["Meeting"]})
    await desk.apply({"op": "add", "title": "Party", "requires": ["Between"]})
    with pytest.raises(CycleFound):
        await desk.apply({"op": "merge", "tasks": ["Meeting", "Party"], "into": {"title": "x"}})


async def test_undo_puts_parts_together_and_takes_a_merge_apart(desk: Desk) -> None:
    before = desk.state()
    await desk.apply(SPLIT)
    split = desk.state()
    await desk.apply({"op": "merge", "tasks": ["With Ben", "With the others"], "into": {"title": "Meeting"}})
    await desk.undo()
    assert desk.state() == split
    await desk.undo()
    assert desk.state() == before
