"""What is on record comes back: by undo and redo, and in part by a roll back."""

from __future__ import annotations

import pytest

from banyan.core.call import CallRecord, CallState, OutcomeKind
from banyan.core.errors import BadEdit
from banyan.core.ids import CallId
from banyan.core.task import ABSENT, Status, task_id
from tests.memory.graph.desk import Desk, a_desk


@pytest.fixture
async def desk() -> Desk:
    desk = await a_desk(
        {"op": "add", "title": "Hotel", "ref": "@h", "inputs": {"to": {"$fact": "to"}, "stars": 4}, "key": "h"},
        {"op": "add", "title": "Pool", "parent": "@h"},
        {"op": "add", "title": "Taxi", "requires": ["@h"]},
    )
    await desk.apply({"op": "fact", "key": "to", "value": "Lisbon"}, turn=2)
    await desk.apply({"op": "fact", "key": "to", "value": "Porto"}, turn=3)
    return desk


async def test_an_undo_goes_to_the_state_before_the_last_edit_and_a_redo_comes_back(desk: Desk) -> None:
    states = [desk.state()]
    await desk.apply({"op": "remove", "task": "Taxi"}, {"op": "update", "task": "h", "key": None, "title": "Hostel"})
    states.append(desk.state())
    await desk.apply({"op": "add", "title": "Pack", "facts": {"x": 1}}, {"op": "retract", "key": "to"})
    states.append(desk.state())
    for expected in (states[1], states[0]):
        await desk.undo()
        assert desk.state() == expected
    for expected in states[1:]:
        await desk.redo()
        assert desk.state() == expected
    with pytest.raises(BadEdit, match="nothing to redo"):
        await desk.redo()


async def test_to_undo_everything_leaves_nothing_and_all_of_it_comes_back(desk: Desk) -> None:
    full = desk.state()
    for _ in range(3):
        await desk.undo()
    assert desk.state() == {}
    with pytest.raises(BadEdit, match="nothing to undo"):
        await desk.undo()
    for _ in range(3):
        await desk.redo()
    assert desk.state() == full
    assert desk.view.facts(1)["to"].turn == 3


async def test_an_edit_after_an_undo_is_what_the_next_undo_takes_back(desk: Desk) -> None:
    await desk.undo()
    assert desk.said("Trip", "to") == "Lisbon"
    await desk.apply({"op": "fact", "key": "to", "value": "Rome"})
    with pytest.raises(BadEdit, match="nothing to redo"):
        await desk.redo()
    await desk.undo()
    assert desk.said("Trip", "to") == "Lisbon"
    await desk.undo()
    assert desk.said("Trip", "to") is ABSENT


async def test_an_undo_takes_the_work_since_with_it_and_no_claim_comes_back(desk: Desk) -> None:
    await desk.apply({"op": "complete", "task": "Pool"})
    before = desk.state()
    fence = await desk.claim("Hotel")
    held = desk.state()
    assert desk.status("Hotel") is Status.RUNNING
    await desk.apply({"op": "fact", "key": "x", "value": 1})
    await desk.undo()
    assert desk.state() == held
    await desk.undo()
    assert desk.status("Pool") is Status.PENDING
    assert desk.status("Hotel") is Status.PENDING
    assert desk.task("Hotel").holder is None
    await desk.redo()
    assert desk.status("Hotel") is Status.PENDING
    assert desk.state() | {2: before[2]} == before
    assert desk.task("Hotel").fence == fence


async def test_a_task_that_comes_back_knows_no_fence_that_it_has_had(desk: Desk) -> None:
    await desk.apply({"op": "complete", "task": "Pool"})
    old = await desk.claim("Hotel")
    await desk.apply({"op": "cancel", "task": "Hotel"}, {"op": "remove", "task": "Hotel"})
    await desk.undo()
    assert desk.task("Hotel").status is Status.PENDING
    assert await desk.claim("Hotel") > old


async def test_what_was_done_in_the_world_is_told_and_not_undone(desk: Desk) -> None:
    assert desk.tree is not None
    await desk.apply({"op": "complete", "task": "Pool"})
    call = CallRecord(
        call_id=CallId("c1"), tool="book", source=None, tool_digest=None, arguments_digest="", surface="python",
        state=CallState.ENDED, outcome=OutcomeKind.OK, started_at=desk.now.replace(second=1),
        task=task_id(desk.tree, desk.number("Hotel")), effectful=True,
    )  # fmt: skip
    desk.graphs.calls[call.call_id] = call
    await desk.apply({"op": "complete", "task": "Hotel"})
    result = await desk.undo()
    assert result.notes == ["what was done in the world is not undone: `book` (c1, ok)"]


@pytest.mark.parametrize(
    ("to", "value"),
    [({"turn": 2}, "Lisbon"), ({"revision": 2}, "Lisbon"), ({"turn": 1}, ABSENT), ({"turn": 9}, "Porto")],
)
async def test_a_fact_goes_back_to_what_it_was(desk: Desk, to: dict[str, int], value: object) -> None:
    await desk.apply({"op": "rollback", "task": "Trip", "key": "to", "to": to}, turn=4)
    assert desk.said("Trip", "to") == value


async def test_a_fact_is_found_above_the_task_that_is_named_and_an_input_at_it(desk: Desk) -> None:
    await desk.apply({"op": "update", "task": "h", "inputs": {"stars": 5, "to": "Rome"}}, turn=4)
    await desk.apply(
        {"op": "rollback", "task": "h", "key": "stars", "to": {"turn": 3}},
        {"op": "rollback", "task": "h", "key": "to", "to": {"turn": 3}},
        {"op": "rollback", "task": "Taxi", "key": "to", "to": {"turn": 2}},
    )
    assert desk.inputs("h") == {"stars": 4, "to": {"$fact": "to"}}
    assert desk.said("Trip", "to") == "Lisbon"
    with pytest.raises(BadEdit, match="no fact or input `star` at `Hotel`; did you mean `stars`"):
        await desk.apply({"op": "rollback", "task": "h", "key": "star", "to": {"turn": 1}})


async def test_a_rolled_back_fact_is_on_record_as_said_again(desk: Desk) -> None:
    await desk.apply({"op": "rollback", "key": "to", "to": {"turn": 2}}, turn=7)
    fact = desk.view.facts(1)["to"]
    assert (fact.value, fact.turn) == ("Lisbon", 7)
    await desk.undo()
    assert desk.said("Trip", "to") == "Porto"


async def test_a_task_goes_back_with_all_under_it_and_nothing_else(desk: Desk) -> None:
    before = desk.state()
    await desk.apply(
        {"op": "update", "task": "h", "title": "Hostel", "inputs": {"stars": None}},
        {"op": "remove", "task": "Pool"},
        {"op": "add", "title": "Bar", "parent": "h"},
        {"op": "fact", "task": "h", "key": "x", "value": 1},
        {"op": "fact", "key": "y", "value": 1},
        {"op": "update", "task": "Taxi", "title": "Bus"},
        turn=4,
    )
    await desk.apply({"op": "rollback", "task": "h", "to": {"turn": 3}, "reason": "as it was"}, turn=9)
    assert desk.titles() == ["Trip", "Hotel", "Pool", "Bus"]
    after = desk.state()
    assert {number: after[number] for number in (2, 3)} == {number: before[number] for number in (2, 3)}
    assert desk.said("Trip", "y") == 1


async def test_what_was_moved_away_comes_home(desk: Desk) -> None:
    await desk.apply({"op": "update", "task": "Pool", "parent": "Taxi"}, turn=4)
    await desk.apply({"op": "rollback", "task": "Hotel", "to": {"turn": 3}})
    assert desk.task("Pool").parent == desk.number("Hotel")


async def test_a_task_that_is_gone_comes_back_by_its_id(desk: Desk) -> None:
    name = f"{desk.tree}.{desk.number('Pool')}"
    await desk.apply({"op": "remove", "task": "Pool"}, turn=4)
    await desk.apply({"op": "rollback", "task": name, "to": {"turn": 3}})
    assert "Pool" in desk.titles()


async def test_a_part_that_cannot_stand_alone_does_not_come_back(desk: Desk) -> None:
    view = {"op": "add", "title": "View", "parent": "Pool", "inputs": {"x": {"$from": "Map"}}}
    await desk.apply({"op": "add", "title": "Map"}, view)
    pool = f"{desk.tree}.{desk.number('Pool')}"
    revision = desk.source.tree.revision
    await desk.apply({"op": "remove", "task": "View"}, {"op": "remove", "task": "Map"})
    with pytest.raises(BadEdit, match="takes its input `x` from a task that is gone"):
        await desk.apply({"op": "rollback", "task": "Pool", "to": {"revision": revision}})
    await desk.apply({"op": "remove", "task": "Hotel"})
    with pytest.raises(BadEdit, match="its parent is gone"):
        await desk.apply({"op": "rollback", "task": pool, "to": {"revision": 3}})


async def test_a_task_that_was_not_there_yet_cannot_be_rolled_back(desk: Desk) -> None:
    await desk.apply({"op": "add", "title": "Pack"})
    with pytest.raises(BadEdit, match="`Pack` was not there yet"):
        await desk.apply({"op": "rollback", "task": "Pack", "to": {"turn": 2}})


async def test_a_key_that_another_task_has_got_does_not_come_back(desk: Desk) -> None:
    await desk.apply({"op": "update", "task": "h", "key": None}, {"op": "update", "task": "Taxi", "key": "h"}, turn=4)
    with pytest.raises(BadEdit, match="cannot have its key `h` back"):
        await desk.apply({"op": "rollback", "task": "Hotel", "to": {"turn": 3}})


async def test_what_was_changed_before_it_in_the_batch_is_rolled_back_too(desk: Desk) -> None:
    before = desk.state()
    result = await desk.apply(
        {"op": "update", "task": "h", "title": "Hostel"},
        {"op": "rollback", "task": "Trip", "to": {"turn": 3}},
    )
    assert desk.state() == before
    assert result.notes == ["nothing changed: it is so already"]


async def test_what_was_held_once_is_told_to_be_undone_and_not_to_be_held(desk: Desk) -> None:
    fence = await desk.claim("Pool", "ben")
    await desk.apply({"op": "complete", "task": "Pool", "output": 1, "fence": fence})
    await desk.undo()
    assert (desk.task("Pool").status, desk.task("Pool").reason) == (Status.PENDING, "it was undone")
    await desk.claim("Pool", "ben")
    await desk.apply({"op": "cancel", "task": "Pool"}, {"op": "remove", "task": "Pool"})
    await desk.undo()
    assert (desk.task("Pool").status, desk.task("Pool").holder) == (Status.PENDING, None)
    assert "holds" not in desk.task("Pool").reason
