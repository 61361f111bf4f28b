"""A tree is tried out in a copy, and the copy is taken over or dropped."""

from __future__ import annotations

from typing import Any

import pytest

from banyan.core.errors import BadEdit
from banyan.core.task import Status, TreeId, TreeState
from tests.memory.graph.desk import Desk, a_desk


@pytest.fixture
async def desk() -> Desk:
    return await a_desk(
        {"op": "fact", "key": "to", "value": "Lisbon"},
        {"op": "add", "title": "Flights", "ref": "@f", "inputs": {"day": 10, "seats": 2}},
        {"op": "add", "title": "Hotel", "ref": "@h", "requires": ["@f"], "inputs": {"to": {"$fact": "to"}}},
        {"op": "add", "title": "Pool", "parent": "@h"},
    )


async def branched(desk: Desk, name: str = "what if") -> TreeId:
    return (await desk.apply({"op": "branch", "name": name})).branches[name]


async def test_what_is_changed_in_a_copy_stays_there(desk: Desk) -> None:
    before = desk.state()
    copy = await branched(desk)
    await desk.apply({"op": "fact", "key": "to", "value": "Porto"}, {"op": "remove", "task": "Pool"}, tree=copy)
    assert desk.state() == before
    assert desk.graphs.source(copy).tree.origin == desk.tree


async def test_an_adopted_copy_brings_all_that_was_changed_in_it(desk: Desk) -> None:
    copy = await branched(desk)
    await desk.apply(
        {"op": "fact", "key": "to", "value": "Porto"},
        {"op": "fact", "key": "by", "value": "train", "candidate": True},
        {"op": "update", "task": "Flights", "inputs": {"day": 12}, "title": "Trains"},
        {"op": "remove", "task": "Pool"},
        {"op": "add", "title": "Bar", "parent": "Hotel", "requires": ["Trains"], "ref": "@b", "facts": {"x": 1}},
        {"op": "add", "title": "Drink", "parent": "@b", "inputs": {"what": {"$from": "Trains"}}},
        {"op": "update", "task": "Hotel", "requires": ["@b"]},
        tree=copy,
    )
    await desk.apply(
        {"op": "add", "title": "Pack"}, {"op": "update", "task": "Flights", "inputs": {"seats": 3}}, turn=4
    )
    await desk.apply({"op": "adopt", "branch": "what if"}, turn=5)
    assert desk.titles() == ["Trip", "Trains", "Hotel", "Pack", "Bar", "Drink"]
    assert desk.inputs("Trains") == {"day": 12, "seats": 3}
    assert (desk.said("Trip", "to"), desk.readings("Trip", "by"), desk.said("Bar", "x")) == ("Porto", ["train"], 1)
    assert desk.after("Hotel") == ["Bar"]
    assert desk.after("Bar") == ["Trains"]
    assert desk.inputs("Drink") == {"what": {"$from": desk.number("Trains")}}
    assert desk.task("Drink").parent == desk.number("Bar")
    assert desk.graphs.source(copy).tree.state is TreeState.ADOPTED
    assert desk.view.facts(1)["to"].turn == 5


CLASHES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"op": "fact", "key": "to", "value": "Porto"},
        {"op": "fact", "key": "to", "value": "Rome"},
        "`facts/to` of `Trip`",
    ),
    (
        {"op": "update", "task": "Flights", "inputs": {"day": 12}},
        {"op": "update", "task": "Flights", "inputs": {"day": 11}},
        "`inputs/day` of `Flights`",
    ),
    (
        {"op": "update", "task": "Pool", "title": "Pools"},
        {"op": "remove", "task": "Pool"},
        "`Pools` is removed here, and its `title` is changed there",
    ),
    (
        {"op": "remove", "task": "Pool"},
        {"op": "update", "task": "Pool", "title": "Pools"},
        "`Pools` is removed there, and its `title` is changed here",
    ),
]


@pytest.mark.parametrize(("there", "here", "problem"), CLASHES)
async def test_a_copy_is_not_adopted_where_both_have_changed_the_same(
    desk: Desk, there: dict[str, Any], here: dict[str, Any], problem: str
) -> None:
    copy = await branched(desk)
    await desk.apply(there, tree=copy)
    await desk.apply(here)
    before = desk.state()
    with pytest.raises(BadEdit, match=problem):
        await desk.apply({"op": "adopt", "branch": "what if"})
    assert desk.state() == before


async def test_what_both_have_changed_alike_is_no_clash(desk: Desk) -> None:
    copy = await branched(desk)
    edit = {"op": "fact", "key": "to", "value": "Porto"}
    await desk.apply(edit, {"op": "remove", "task": "Pool"}, tree=copy)
    await desk.apply(edit, {"op": "remove", "task": "Pool"})
    result = await desk.apply({"op": "adopt", "branch": copy})
    assert result.changes == ()
    assert desk.graphs.source(copy).tree.state is TreeState.ADOPTED


async def test_what_comes_over_cannot_hang_on_what_is_gone(desk: Desk) -> None:
    copy = await branched(desk)
    await desk.apply({"op": "add", "title": "Towels", "parent": "Pool"}, tree=copy)
    await desk.apply({"op": "remove", "task": "Pool"})
    with pytest.raises(BadEdit, match="under a task that was removed here"):
        await desk.apply({"op": "adopt", "branch": "what if"})


async def test_a_key_that_both_have_given_is_refused(desk: Desk) -> None:
    copy = await branched(desk)
    await desk.apply({"op": "add", "title": "A", "key": "k"}, tree=copy)
    await desk.apply({"op": "add", "title": "B", "key": "k"})
    with pytest.raises(BadEdit, match="its key `k` is taken here"):
        await desk.apply({"op": "adopt", "branch": "what if"})


async def test_a_circle_that_only_both_together_make_is_refused(desk: Desk) -> None:
    await desk.apply({"op": "add", "title": "A"}, {"op": "add", "title": "B"})
    copy = await branched(desk)
    await desk.apply({"op": "update", "task": "A", "requires": ["B"]}, tree=copy)
    await desk.apply({"op": "update", "task": "B", "requires": ["A"]})
    with pytest.raises(BadEdit, match="wait for one another"):
        await desk.apply({"op": "adopt", "branch": "what if"})


async def test_what_follows_in_the_tree_itself_is_derived_there(desk: Desk) -> None:
    await desk.apply({"op": "complete", "task": "Flights", "output": 1})
    await desk.apply({"op": "complete", "task": "Pool"}, {"op": "complete", "task": "Hotel", "output": 2})
    copy = await branched(desk)
    await desk.apply({"op": "fact", "key": "to", "value": "Porto"}, tree=copy)
    await desk.apply({"op": "adopt", "branch": "what if"})
    assert desk.status("Hotel") is Status.STALE
    assert desk.status("Flights") is Status.DONE


async def test_a_dropped_copy_is_closed(desk: Desk) -> None:
    copy = await branched(desk)
    await desk.apply({"op": "drop", "branch": "what if"})
    assert desk.graphs.source(copy).tree.state is TreeState.DROPPED
    with pytest.raises(BadEdit, match="was dropped"):
        await desk.apply({"op": "add", "title": "x"}, tree=copy)
    with pytest.raises(BadEdit, match="no what-if `what if`"):
        await desk.apply({"op": "drop", "branch": "what if"})
    assert await branched(desk)


async def test_a_name_is_that_of_one_open_copy(desk: Desk) -> None:
    await branched(desk)
    with pytest.raises(BadEdit, match="there is a what-if `what if` already"):
        await branched(desk)
    with pytest.raises(BadEdit, match="there is `what if`"):
        await desk.apply({"op": "drop", "branch": "whatever"})
