"""After a batch it is told what contradicts what was said."""

from __future__ import annotations

import pytest

from banyan.memory.graph.notes import free_names
from tests.memory.graph.desk import Desk, a_desk


@pytest.fixture
async def desk() -> Desk:
    return await a_desk({"op": "fact", "key": "from", "value": "Oslo"}, {"op": "add", "title": "Plan", "ref": "@p"})


async def test_an_input_that_contradicts_what_was_said_is_told(desk: Desk) -> None:
    result = await desk.apply({"op": "add", "title": "Flights", "parent": "Plan", "inputs": {"from": "Bergen", "n": 1}})
    assert result.notes == ['`from` of `Flights` is "Bergen", but "Oslo" was said at `Trip` in turn 1']
    assert (await desk.apply({"op": "add", "title": "More", "inputs": {"from": "Oslo"}})).notes == []
    assert (await desk.apply({"op": "add", "title": "Still more", "inputs": {"from": {"$fact": "from"}}})).notes == []


async def test_what_is_said_later_is_held_against_the_inputs_that_are_there(desk: Desk) -> None:
    await desk.apply({"op": "add", "title": "Flights", "inputs": {"day": 10}}, {"op": "add", "title": "x"})
    await desk.apply({"op": "add", "title": "No more", "inputs": {"day": 10}}, {"op": "cancel", "task": "No more"})
    result = await desk.apply({"op": "fact", "key": "day", "value": 12}, turn=3)
    assert result.notes == ["`day` of `Flights` is 10, but 12 was said at `Trip` in turn 3"]
    assert (await desk.apply({"op": "fact", "task": "x", "key": "day", "value": 13})).notes == []


async def test_a_task_that_is_there_already_is_told(desk: Desk) -> None:
    await desk.apply({"op": "add", "title": "Book", "inputs": {"n": 1}}, {"op": "add", "title": "Done"})
    await desk.apply({"op": "complete", "task": "Done"})
    result = await desk.apply(
        {"op": "add", "title": " book", "inputs": {"n": 1}},
        {"op": "add", "title": "Book", "inputs": {"n": True}},
        {"op": "add", "title": "Done"},
    )
    assert result.notes == [f"{desk.tree}.5 and {desk.tree}.3 have the same title and inputs: `book`"]


RULE = {"$rule": "!('Ben' in who) || end <= '15:00'", "says": "Ben only before 15:00"}


async def test_what_breaks_a_rule_is_told_until_it_no_longer_does(desk: Desk) -> None:
    meeting = {"op": "add", "title": "Meeting", "parent": "@p", "inputs": {"who": ["Ana", "Ben"], "end": "16:00"}}
    await desk.apply({"op": "fact", "task": "Plan", "key": "ben", "value": RULE})
    broken = ["`Meeting` breaks what was said at `Plan`: Ben only before 15:00"]
    assert (await desk.apply({**meeting, "parent": "Plan"})).notes == broken
    assert (await desk.apply({**meeting, "title": "Elsewhere", "parent": "Trip"})).notes == []
    assert (await desk.apply({"op": "update", "task": "Meeting", "inputs": {"end": "17:00"}})).notes == broken
    assert (await desk.apply({"op": "update", "task": "Meeting", "inputs": {"end": "15:00"}})).notes == []


async def test_a_new_rule_is_held_against_what_is_there(desk: Desk) -> None:
    await desk.apply(
        {"op": "add", "title": "Meeting", "inputs": {"who": ["Ben"], "end": "16:00"}},
        {"op": "add", "title": "Lunch", "inputs": {"who": ["Ben"]}},
    )
    result = await desk.apply({"op": "fact", "key": "ben", "value": RULE})
    assert result.notes == ["`Meeting` breaks what was said at `Trip`: Ben only before 15:00"]


async def test_a_rule_speaks_of_facts_too_and_is_asked_again_when_they_change(desk: Desk) -> None:
    rule = {"$rule": "spent <= budget"}
    await desk.apply(
        {"op": "fact", "key": "budget", "value": 100},
        {"op": "fact", "key": "enough", "value": rule},
        {"op": "add", "title": "Buy", "inputs": {"spent": 80}},
    )
    result = await desk.apply({"op": "fact", "key": "budget", "value": 50})
    assert result.notes == ["`Buy` breaks what was said at `Trip`: enough"]


async def test_of_many_notes_some_are_told_and_the_others_counted(desk: Desk) -> None:
    result = await desk.apply(
        *({"op": "add", "title": f"F{at}", "inputs": {"from": f"place {at}"}} for at in range(25))
    )
    assert len(result.notes) == 21
    assert result.notes[-1] == "and 5 more like this"


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("a.b > c[0] && !d", {"a", "c", "d"}),
        ("'x y' in who || size(z) == 0", {"who", "z"}),
        ("days.all(d, d > first)", {"days", "first"}),
        ("facts['to'] == inputs.to && true", set()),
        (r'a == "it\"s b" && c == r"d"', {"a", "c"}),
    ],
)
def test_the_names_that_a_rule_speaks_of_are_found(expression: str, names: set[str]) -> None:
    assert free_names(expression) == names
