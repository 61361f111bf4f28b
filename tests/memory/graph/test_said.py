"""Facts are said, kept as readings, settled, taken back and replaced."""

from __future__ import annotations

import re
from typing import Any

import pytest

from banyan.core.errors import BadEdit, FalsePremise
from banyan.core.task import ABSENT
from tests.memory.graph.desk import a_desk


async def test_a_fact_is_said_at_the_root_or_at_a_task_and_by_somebody_at_a_turn() -> None:
    desk = await a_desk({"op": "add", "title": "H"})
    await desk.apply({"op": "fact", "key": "from", "value": "Oslo"}, turn=2, source="assistant")
    await desk.apply({"op": "fact", "task": "H", "key": "river", "value": None}, turn=3)
    fact = desk.view.facts(1)["from"]
    assert (fact.value, fact.turn, fact.source, fact.revision) == ("Oslo", 2, "assistant", 2)
    assert desk.said("H", "river") is None
    assert desk.said("Trip", "river") is ABSENT


async def test_to_say_what_holds_changes_nothing_and_says_so() -> None:
    desk = await a_desk({"op": "fact", "key": "from", "value": "Oslo"})
    again = await desk.apply({"op": "fact", "key": "from", "value": "Oslo"}, turn=5)
    assert (again.revision, again.changes) == (1, ())
    assert again.notes == ["nothing changed: it is so already"]
    assert desk.view.facts(1)["from"].turn == 1


@pytest.mark.parametrize("was", ["Oslo", {"a": [1]}, None, 1])
async def test_a_true_premise_lets_an_edit_through(was: Any) -> None:
    desk = await a_desk({"op": "add", "title": "H"})
    if was is not None:
        await desk.apply({"op": "fact", "key": "from", "value": was})
    await desk.apply({"op": "fact", "task": "H", "key": "from", "value": "Rome", "was": was})
    assert desk.said("H", "from") == "Rome"


@pytest.mark.parametrize(("said", "was"), [("Oslo", "Bergen"), (1, True), (ABSENT, "Bergen"), ("Oslo", None)])
async def test_a_false_premise_changes_nothing_and_says_what_was_so(said: Any, was: Any) -> None:
    desk = await a_desk(*([] if said is ABSENT else [{"op": "fact", "key": "from", "value": said}]))
    problem = "nothing was said" if said is ABSENT else "said by user at turn 1"
    with pytest.raises(FalsePremise, match=problem) as caught:
        await desk.apply({"op": "fact", "key": "x", "value": 1}, {"op": "fact", "key": "from", "value": 2, "was": was})
    assert caught.value.at == 1
    assert desk.said("Trip", "x") is ABSENT


async def test_another_reading_is_kept_beside_what_holds_and_settled_later() -> None:
    desk = await a_desk({"op": "fact", "key": "case", "value": "removed"})
    kept = {"op": "fact", "key": "case", "value": "kept", "candidate": True}
    await desk.apply(kept, kept, {**kept, "value": "removed"}, {**kept, "value": "lost"})
    assert (desk.said("Trip", "case"), desk.readings("Trip", "case")) == ("removed", ["kept", "lost"])
    await desk.apply({"op": "confirm", "key": "case", "value": "kept"}, turn=4)
    fact = desk.view.facts(1)["case"]
    assert (fact.value, fact.candidates, fact.confirmed, fact.turn) == ("kept", (), True, 4)


async def test_what_holds_is_confirmed_without_a_value_and_keeps_who_said_it() -> None:
    desk = await a_desk({"op": "fact", "key": "case", "value": "removed"})
    await desk.apply({"op": "fact", "key": "case", "value": "kept", "candidate": True})
    await desk.apply({"op": "confirm", "key": "case"}, turn=7, source="assistant")
    fact = desk.view.facts(1)["case"]
    assert (fact.value, fact.candidates, fact.confirmed, fact.turn, fact.source) == ("removed", (), True, 1, "user")


async def test_readings_alone_hold_nothing_until_one_is_settled() -> None:
    desk = await a_desk({"op": "fact", "key": "day", "value": 10, "candidate": True})
    assert desk.said("Trip", "day") is ABSENT
    await desk.apply({"op": "fact", "key": "day", "value": 12, "candidate": True})
    with pytest.raises(BadEdit, match=re.escape("say in `value` which holds of 10, 12")):
        await desk.apply({"op": "confirm", "key": "day"})
    with pytest.raises(BadEdit, match=re.escape("no reading 11; it has 10, 12")):
        await desk.apply({"op": "confirm", "key": "day", "value": 11})
    await desk.apply({"op": "fact", "key": "day", "value": 12})
    assert (desk.said("Trip", "day"), desk.readings("Trip", "day")) == (12, [10])


async def test_a_fact_is_taken_back_where_it_was_said() -> None:
    desk = await a_desk({"op": "add", "title": "H"}, {"op": "fact", "key": "from", "value": "Oslo"})
    with pytest.raises(BadEdit, match="was said at `Trip`: `retract` it there"):
        await desk.apply({"op": "retract", "task": "H", "key": "from"})
    with pytest.raises(BadEdit, match=r"no fact `fro` .* there is `from`"):
        await desk.apply({"op": "retract", "key": "fro"})
    await desk.apply({"op": "retract", "key": "from"})
    assert desk.said("Trip", "from") is ABSENT


async def test_a_fact_that_was_said_at_one_task_alone_needs_no_task_to_be_meant() -> None:
    desk = await a_desk(
        {"op": "add", "title": "H", "facts": {"stars": 4, "x": 1}},
        {"op": "add", "title": "F", "facts": {"x": 2}},
    )
    await desk.apply({"op": "confirm", "key": "stars"})
    assert desk.view.facts(desk.number("H"))["stars"].confirmed
    with pytest.raises(BadEdit, match="was said at `H`, `F`: give the `task`"):
        await desk.apply({"op": "retract", "key": "x"})
    await desk.apply({"op": "retract", "key": "stars"})
    assert desk.said("H", "stars") is ABSENT


async def test_a_fact_needs_a_task_to_be_said_at() -> None:
    desk = await a_desk()
    await desk.undo()
    with pytest.raises(BadEdit, match="no task yet"):
        await desk.apply({"op": "fact", "key": "from", "value": "Oslo"})


async def test_one_thing_is_put_for_another_wherever_it_is_named() -> None:
    desk = await a_desk(
        {"op": "fact", "key": "vegetable", "value": "leek"},
        {"op": "fact", "key": "perhaps", "value": "leek", "candidate": True},
        {"op": "fact", "key": "rule", "value": {"$rule": "vegetable == 'leek'", "says": "leek it is"}},
        {"op": "add", "title": "Leek soup", "instruction": "Wash the leek. LEEK again, leeks never; half-leek."},
        {"op": "add", "title": "Pie", "inputs": {"what": ["leek", {"n": "leek", "leek": 1}], "v": {"$fact": "leek"}}},
        {"op": "add", "title": "Sleek car"},
    )  # fmt: skip
    await desk.apply({"op": "replace", "old": "leek", "new": "fennel"}, turn=2)
    assert desk.titles() == ["Trip", "Fennel soup", "Pie", "Sleek car"]
    soup = desk.task("Fennel soup")
    assert soup.instruction == "Wash the fennel. FENNEL again, leeks never; half-fennel."
    assert desk.inputs("Pie") == {"what": ["fennel", {"n": "fennel", "leek": 1}], "v": {"$fact": "leek"}}
    assert (desk.said("Trip", "vegetable"), desk.readings("Trip", "perhaps")) == ("fennel", ["fennel"])
    assert desk.said("Trip", "rule")["says"] == "leek it is"
    assert desk.view.facts(1)["vegetable"].turn == 2


async def test_a_replacement_stays_in_its_scope() -> None:
    desk = await a_desk(
        {"op": "add", "title": "A", "ref": "@a", "inputs": {"x": 1}},
        {"op": "add", "title": "A1", "parent": "@a", "inputs": {"x": 1, "y": True, "z": [1.0]}},
        {"op": "add", "title": "B", "inputs": {"x": 1}},
        {"op": "add", "title": "Porto", "parent": "@a"},
        {"op": "add", "title": "Porto 2"},
    )
    await desk.apply({"op": "replace", "task": "A", "old": 1, "new": {"n": 2}})
    await desk.apply({"op": "replace", "task": "A", "old": "porto", "new": "Lisbon"})
    assert [desk.inputs(name)["x"] for name in ("A", "A1", "B")] == [{"n": 2}, {"n": 2}, 1]
    assert desk.inputs("A1") == {"x": {"n": 2}, "y": True, "z": [{"n": 2}]}
    assert desk.titles()[-2:] == ["Lisbon", "Porto 2"]


@pytest.mark.parametrize(
    ("old", "new", "before", "after"),
    [
        ("Ben", "Ana", "Meet Ben, Benny and Ben's dog", "Meet Ana, Benny and Ana's dog"),
        ("New York", "Rome", "new york by night", "rome by night"),
        ("C++", "Rust", "learn C++ now, C++17 too", "learn Rust now, Rust17 too"),
        ("東京", "大阪", "東京へ行く", "大阪へ行く"),
        ("été", "hiver", "un été, l'été; étés", "un hiver, l'hiver; étés"),
        (r"a\1", r"b\2", r"see a\1 there", r"see b\2 there"),
        ("old", "", "the old town", "the  town"),
    ],
)
async def test_words_are_replaced_as_whole_words(old: str, new: str, before: str, after: str) -> None:
    desk = await a_desk({"op": "add", "title": "x", "instruction": before})
    await desk.apply({"op": "replace", "old": old, "new": new})
    assert desk.task("x").instruction == after


async def test_what_is_nowhere_replaces_nothing_and_says_so() -> None:
    desk = await a_desk({"op": "add", "title": "Leek", "inputs": {"n": 5}})
    result = await desk.apply({"op": "replace", "old": "beef", "new": "tofu"}, {"op": "replace", "old": 6, "new": 7})
    assert result.changes == ()
    assert [note for note in result.notes if "nowhere" in note] == [
        '"beef" is nowhere under `Trip`: nothing was replaced',
        "6 is nowhere under `Trip`: nothing was replaced",
    ]


async def test_a_text_stays_where_something_else_than_a_text_would_take_its_place() -> None:
    desk = await a_desk({"op": "add", "title": "Leek", "instruction": "leek", "inputs": {"a": "leek", "b": "leek pie"}})
    await desk.apply({"op": "replace", "old": "leek", "new": 3})
    assert (desk.task("Leek").instruction, desk.inputs("Leek")) == ("leek", {"a": 3, "b": "leek pie"})
