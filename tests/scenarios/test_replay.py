"""The scenarios that the task memory is made for: every state, every answer, and nothing changed by a question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from banyan.core.recall import Verdict
from banyan.core.task import ABSENT, STATE_FIELDS, EditResult, Task
from banyan.memory import Database
from banyan.memory.tasks import Tasks
from banyan.testing.clock import StillClock
from banyan.testing.graph import MemoryGraphs
from tests.scenarios.story import NAMES, Story, lines_of, values


@pytest.fixture(params=["memory", "sqlite"])
async def tasks(request: pytest.FixtureRequest) -> AsyncIterator[Tasks]:
    if request.param == "memory":
        yield Tasks(MemoryGraphs(), StillClock())
    else:
        url: str = request.getfixturevalue("sqlite_url")
        database = await Database.open(url)
        yield Tasks(database.graphs, StillClock())
        await database.close()


def statuses_changed(result: EditResult) -> dict[int, str]:
    return {one.task: one.after for one in result.changes if one.field == "status"}


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_scenario_has_its_turn_and_speaker(name: str) -> None:
    lines = lines_of(name)
    turns = [line.turn or 0 for line in lines]
    assert turns == sorted(turns)
    assert set(turns) == set(range(1, turns[-1] + 1))
    assert {line.source for line in lines} <= {"user", "assistant", "tool"}
    assert all(line.said for line in lines if line.query is not None), "a question is somebody's"


async def test_a_trip_that_went_astray_ends_as_it_was_first_meant(tasks: Tasks) -> None:
    story = Story(tasks, "trip")
    for turn in (1, 2, 3, 4):
        await story.turn(turn)
    assert await story.statuses() == {"Plan the trip": "pending", "Choose a hotel": "done", "Find flights": "ready"}
    assert await story.stale() == {}

    (porto,) = await story.turn(5)
    assert isinstance(porto, EditResult)
    assert [(one.field, one.before, one.after) for one in porto.changes] == [
        ("facts/destination", "Lisbon", "Porto"),
        ("status", "done", "stale"),
    ]
    stale = await story.stale()
    assert list(stale) == ["Choose a hotel"]
    assert "destination" in stale["Choose a hotel"]

    await story.turn(6)
    assert list(await story.stale()) == ["Choose a hotel"]

    (lisbon,) = await story.turn(7)
    assert isinstance(lisbon, EditResult)
    assert [(one.field, one.after) for one in lisbon.changes] == [
        ("facts/destination", "Lisbon"),
        ("status", "done"),
    ], "the hotel that was chosen for Lisbon is right again, without work"
    assert await story.stale() == {}

    near = await story.told()
    assert sorted(statuses_changed(near).values()) == ["stale"]
    assert list(await story.stale()) == ["Choose a hotel"]
    await story.told()
    assert (await story.statuses())["Choose a hotel"] == "done"

    bergen = await story.asked()
    assert bergen.claim is not None
    assert bergen.claim.verdict is Verdict.FALSE
    assert bergen.claim.current == "Oslo"
    assert [(one.turn, one.value) for one in bergen.claim.evidence] == [(3, "Oslo")]

    before = await story.facts()
    aside = await story.told()
    assert {one.field for one in aside.changes} == {"*"}, "a question of its own overwrites nothing"
    assert await story.facts() == before
    told = " ".join(aside.notes)
    assert all(f"`{name}`" in told for name in ("origin", "destination", "date"))
    await story.told()

    plan = await story.asked()
    assert {one.key: one.value for one in plan.answers if one.field.startswith(("facts/", "output"))} == {
        "origin": "Oslo",
        "destination": "Lisbon",
        "date": "12 May",
        "hotel": {"name": "Pensão do Cais", "city": "Lisbon"},
    }
    (destination,) = [one for one in plan.answers if one.field == "facts/destination"]
    assert [(one.value, one.turn) for one in destination.history] == [("Lisbon", 2), ("Porto", 5), ("Lisbon", 7)]
    await story.told()
    await story.told()
    assert set((await story.statuses()).values()) == {"done"}

    once = await story.asked()
    assert {one.key: one.value for one in once.answers if one.field == "facts/destination"} == {"destination": "Porto"}
    (hotel,) = [one for one in once.answers if one.key == "hotel"]
    assert hotel.status == "stale"


async def test_fennel_for_leek_reaches_both_dishes_and_marks_exactly_what_used_it(tasks: Tasks) -> None:
    story = Story(tasks, "kitchen")
    await story.turn(1)
    await story.turn(2)
    await story.turn(3)
    tree = (await tasks.view(story.tree)).tasks
    assert [one.task.title for _, one in tree].count("Wash the leek") == 1, "one step that both dishes share"
    pie = await tasks.get(story.refs["@pie"])
    assert {story.refs[ref] for ref in ("@wash", "@chop")} <= {f"{story.tree}.{one}" for one in pie.children}
    await story.turn(4)
    assert await story.statuses() == {
        "Cook dinner": "pending",
        "Soup": "done",
        "Wash the leek": "done",
        "Chop the leek": "done",
        "Pie": "pending",
        "Chop the carrots": "done",
        "Peel the parsnips": "ready",
        "Chop the parsnips": "pending",
    }

    (fennel,) = await story.turn(5)
    assert isinstance(fennel, EditResult)
    stale = await story.stale()
    assert set(stale) == {"Wash the fennel", "Chop the fennel", "Soup"}
    assert all(stale.values())
    assert {(one.field, one.before, one.after) for one in fennel.changes if one.field.startswith("facts/")} == {
        ("facts/soup/green", "leek", "fennel"),
        ("facts/pie/green", "leek", "fennel"),
    }
    assert not any("carrots" in str(one.before) or "parsnips" in str(one.before) for one in fennel.changes)
    assert await story.statuses() == {
        "Cook dinner": "pending",
        "Soup": "stale",
        "Wash the fennel": "stale",
        "Chop the fennel": "stale",
        "Pie": "pending",
        "Chop the carrots": "done",
        "Peel the parsnips": "ready",
        "Chop the parsnips": "pending",
    }

    soup = await story.asked()
    assert values(soup) == {"soup/green": "fennel"}

    pie_green = await story.asked()
    (answer,) = pie_green.answers
    assert [(one.value, one.turn) for one in answer.history] == [("leek", 3), ("fennel", 5)]
    ended = answer.history[0].ended_by
    assert ended is not None
    assert (ended.how, ended.turn, ended.value) == ("replaced", 5, "fennel"), "not taken out: replaced"
    assert pie_green.claim is not None
    assert pie_green.claim.verdict is Verdict.WAS_TRUE

    never = await story.asked()
    assert never.claim is not None
    assert never.claim.verdict is Verdict.WAS_TRUE, "it was in the soup, until that turn"
    assert never.claim.current == "fennel"
    (evidence,) = [one for one in never.claim.evidence if one.value == "leek"]
    assert evidence.turn == 1
    assert evidence.ended_by is not None
    assert evidence.ended_by.turn == 5

    await story.told()
    assert set(await story.stale()) == {"Chop the fennel", "Soup"}
    await story.told()
    assert set(await story.stale()) == {"Soup"}
    ready = [one.task.title for one in (await tasks.ready(story.tree)).tasks]
    assert sorted(ready) == ["Peel the parsnips", "Soup"]


async def test_a_meeting_that_was_split_and_merged_is_one_and_says_why_it_was_two(tasks: Tasks) -> None:
    story = Story(tasks, "meeting")
    await story.turn(1)
    moved = await story.told()
    assert [(one.field, one.before, one.after) for one in moved.changes] == [("inputs/start", "14:00", "16:00")]
    still = await story.asked()
    assert values(still) == {"attendees": ["Ana", "Ben", "Chloé"]}
    assert still.claim is not None
    assert still.claim.verdict is Verdict.TRUE

    (split,) = await story.turn(3)
    assert isinstance(split, EditResult)
    assert await story.statuses() == {"Arrange the week": "pending", "Meet Ben": "ready", "Meet Ana and Chloé": "ready"}
    assert not any("Ben can only" in note for note in split.notes), "both parts keep to what Ben said"
    parts = {ref: (await tasks.get(story.refs[ref])).values for ref in ("@ben", "@others")}
    assert parts == {
        "@ben": {"day": "Thursday", "attendees": ["Ben"], "start": "14:00", "end": "14:45"},
        "@others": {"day": "Thursday", "attendees": ["Ana", "Chloé"], "start": "16:00"},
    }

    (merged,) = await story.turn(4)
    assert isinstance(merged, EditResult)
    assert await story.statuses() == {"Arrange the week": "pending", "Meet everybody": "ready"}
    assert any("Ben can only before 15:00" in note for note in merged.notes)
    one = await tasks.get(story.refs["@one"])
    assert one.values == {"day": "Thursday", "attendees": ["Ana", "Ben", "Chloé"], "start": "15:00"}

    why = await story.asked()
    meeting = next(answer for answer in why.answers if answer.key == "meeting")
    assert meeting.title == "Meet everybody"
    assert any("split" in text for text in meeting.came)
    assert any("merged" in text for text in meeting.came)
    now = {answer.key: answer.value for answer in why.answers if answer.value is not ABSENT and answer.key == "start"}
    assert now == {"start": "15:00"}
    events = await tasks.history(story.tree, story.refs["@one"])
    assert {event.turn for event in events} >= {1, 2, 3, 4}, "its history goes back to the first meeting"

    once = await story.asked()
    starts = sorted(answer.value for answer in once.answers if answer.key == "start" and answer.value is not ABSENT)
    assert starts == ["14:00", "16:00"]


async def test_a_cart_keeps_both_readings_of_what_was_said_until_one_is_settled(tasks: Tasks) -> None:
    story = Story(tasks, "cart")
    await story.turn(1)
    assert await story.facts() == {
        "cart/black case": 1,
        "cart/clear case": 1,
        "cart/charger": 1,
        "cart/stand": 1,
    }
    await story.turn(2)
    assert await story.facts() == {"cart/black case": 1, "cart/stand": 1}

    await story.turn(3)
    cart = await tasks.get(story.refs["@cart"])
    candidates = {fact.key: list(fact.candidates) for fact in cart.facts if fact.candidates}
    assert candidates == {"cart/clear case": [1]}
    assert (await story.statuses())["Ask whether the clear case stays out"] == "waiting"

    inside = await story.asked()
    assert {one.key: one.value for one in inside.answers if one.value is not ABSENT} == {
        "cart/charger": 1,
        "cart/stand": 1,
    }
    assert inside.claim is not None
    assert inside.claim.verdict is Verdict.WAS_TRUE, "the default: it stays out"

    (only,) = await story.turn(5)
    assert isinstance(only, EditResult)
    assert list(only.changes) == []
    assert any("nothing" in note for note in only.notes)
    assert only.revision == inside.revision

    await story.told()
    last = await story.asked()
    assert {one.key: one.value for one in last.answers if one.value is not ABSENT} == {
        "cart/charger": 1,
        "cart/stand": 1,
    }
    assert not any(one.candidates for one in last.answers)


async def test_a_form_is_submitted_with_the_corrected_name(tasks: Tasks) -> None:
    story = Story(tasks, "form")
    await story.turn(1)
    check = await tasks.get(story.refs["@check"])
    assert len(check.blockers) == 2, "the e-mail and the address are not known yet"
    assert all(any(f"`{key}`" in one for one in check.blockers) for key in ("e-mail", "address"))
    await story.turn(2)
    await story.turn(3)
    assert await story.statuses() == {
        "Hand in the form": "pending",
        "Read the form back": "done",
        "Submit the form": "ready",
    }
    (corrected,) = await story.turn(4)
    assert isinstance(corrected, EditResult)
    assert await story.statuses() == {
        "Hand in the form": "pending",
        "Read the form back": "stale",
        "Submit the form": "pending",
    }

    again = await story.asked()
    assert {one.key: one.value for one in again.answers if one.field.startswith("facts/")} == {
        "name": "Ana Berge",
        "e-mail": "ana@example.org",
        "address": "4 Mill Lane",
    }
    assert again.claim is not None
    assert again.claim.verdict is Verdict.WAS_TRUE

    await story.told()
    submission = await tasks.get(story.refs["@submit"])
    assert submission.values == {"name": "Ana Berge", "e-mail": "ana@example.org", "address": "4 Mill Lane"}
    assert submission.task.ready
    await story.told()
    await story.told()
    assert set((await story.statuses()).values()) == {"done"}
    last = await story.asked()
    assert {one.key: one.value for one in last.answers if one.field in {"facts/name", "output"}} == {
        "submission": {"receipt": "F-1"},
        "name": "Ana Berge",
    }


def state_of(tasks: Iterable[Task]) -> list[dict[str, Any]]:
    """Return what is on record of tasks."""
    return [{name: getattr(task, name) for name in STATE_FIELDS} for task in tasks]


@pytest.mark.parametrize("name", NAMES)
async def test_undoing_a_whole_scenario_leaves_nothing_and_redoing_brings_it_back(tasks: Tasks, name: str) -> None:
    story = Story(tasks, name)
    while story.rest:
        await story.line()
    _, last, _ = await story.everything()
    undone = 0
    while last and (await story.everything())[1]:
        await tasks.undo(story.tree)
        undone += 1
    for _ in range(undone):
        await tasks.redo(story.tree)
    _, again, _ = await story.everything()
    assert state_of(again.values()) == state_of(last.values())
