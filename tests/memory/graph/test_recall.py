"""What is and was known, and whether a claim holds: by edits, as people make them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from banyan.core.errors import InvalidArgument, UnknownTask
from banyan.core.recall import Checked, Recall, shown
from banyan.core.task import ABSENT
from banyan.memory.graph.history import users
from banyan.memory.graph.why import why
from banyan.memory.tasks import Tasks
from banyan.testing.graph import MemoryGraphs

Edit = dict[str, Any]


class Talk:
    """A tree to which things are said, turn by turn."""

    def __init__(self) -> None:
        self.graphs = MemoryGraphs()
        self.tasks = Tasks(self.graphs, lambda: datetime.now(UTC))
        self.tree = ""
        self.turn = 0
        self.refs: dict[str, int] = {}

    async def say(self, *edits: Edit, speaker: str = "user") -> None:
        self.turn += 1
        result = await self.tasks.apply(self.tree or None, edits, turn=self.turn, source=speaker)
        self.tree = result.tree
        self.refs.update(result.refs)

    async def recall(self, *keys: str, **rest: Any) -> Recall:
        return await self.tasks.recall(self.tree, keys=keys, **rest)

    async def check(
        self, key: str, value: Any, task: str | None = None, as_of: dict[str, int] | None = None
    ) -> Checked:
        before = await self.graphs.dump(self.tree)
        claim = {"key": key, "value": value} | ({} if task is None else {"task": task})
        found = (await self.recall(claim=claim, as_of=as_of)).claim
        assert await self.graphs.dump(self.tree) == before, "asking changes nothing"
        assert found is not None
        return found


@pytest.fixture
async def trip() -> AsyncIterator[Talk]:
    talk = Talk()
    await talk.say({"op": "add", "ref": "@trip", "title": "Plan a trip"})
    await talk.say({"op": "fact", "key": "destination", "value": "Lisbon"})
    await talk.say({"op": "fact", "key": "origin", "value": "Oslo"})
    await talk.say({"op": "fact", "key": "destination", "value": "Porto"})
    await talk.say({"op": "fact", "key": "destination", "value": "Lisbon"}, speaker="assistant")
    await talk.say({"op": "add", "ref": "@hotel", "title": "Hotel", "inputs": {"city": {"$fact": "destination"}}})
    yield talk


async def test_a_fact_is_answered_with_every_value_that_it_had(trip: Talk) -> None:
    [answer] = (await trip.recall("destination")).answers

    assert (answer.value, answer.turn, answer.source) == ("Lisbon", 5, "assistant")
    assert [(one.value, one.turn) for one in answer.history] == [("Lisbon", 2), ("Porto", 4), ("Lisbon", 5)]
    first, second, last = [one.ended_by for one in answer.history]
    assert first is not None
    assert (first.how, first.value, first.turn) == ("replaced", "Porto", 4)
    assert second is not None
    assert last is None
    assert answer.to_json()["history"][0]["ended_by"]["value"] == "Porto"


async def test_an_answer_as_of_a_turn_is_the_one_that_was_given_then(trip: Talk) -> None:
    [answer] = (await trip.recall("destination", as_of={"turn": 4})).answers
    assert (answer.value, len(answer.history)) == ("Porto", 2)

    early = await trip.recall("destination", as_of={"turn": 1})
    assert (early.answers, list(early.unknown or ())) == ([], ["destination"])


async def test_an_input_is_answered_with_what_it_stands_for(trip: Talk) -> None:
    [answer] = (await trip.recall("city")).answers

    assert (answer.field, answer.value) == ("inputs/city", "Lisbon")
    assert [one.value for one in answer.history] == ["Lisbon"]


async def test_an_input_that_stands_for_a_fact_is_judged_and_shown_by_its_value(trip: Talk) -> None:
    await trip.say({"op": "fact", "key": "destination", "value": "Porto"})

    now = await trip.check("city", "porto")
    assert (now.verdict, now.current, now.evidence[0].turn) == ("true", "Porto", 7)
    was = await trip.check("city", "Lisbon", task="Hotel")
    assert (was.verdict, was.current, was.evidence[0].turn) == ("was_true", "Porto", 6)
    assert was.evidence[0].ended_by is not None
    assert (was.evidence[0].ended_by.value, was.evidence[0].ended_by.turn) == ("Porto", 7)
    never = await trip.check("city", "Ghent")
    assert (never.verdict, never.current) == ("false", "Porto")
    then = await trip.check("city", "Lisbon", as_of={"turn": 6})
    assert (then.verdict, then.current) == ("true", "Lisbon")
    [answer] = (await trip.recall("city", as_of={"turn": 6})).answers
    assert answer.value == "Lisbon"
    [answer] = (await trip.recall("city")).answers
    assert [(one.value, one.turn) for one in answer.history] == [("Lisbon", 6), ("Porto", 7)]


async def test_a_nearer_fact_is_the_value_of_an_input_while_it_holds(trip: Talk) -> None:
    await trip.say({"op": "fact", "task": "Hotel", "key": "destination", "value": "Sintra"})
    assert (await trip.check("city", "Sintra")).verdict == "true"

    await trip.say({"op": "retract", "task": "Hotel", "key": "destination"})
    found = await trip.check("city", "Sintra")
    assert (found.verdict, found.current) == ("was_true", "Lisbon")
    assert (await trip.check("city", "Lisbon")).verdict == "true"


async def test_an_input_that_is_taken_from_a_task_is_judged_by_what_that_handed_over(trip: Talk) -> None:
    await trip.say({"op": "add", "title": "Book", "inputs": {"name": {"$from": "Hotel", "path": "/name"}}})
    [answer] = (await trip.recall("name")).answers
    assert answer.history[0].value == {"$from": f"{trip.tree}.2", "path": "/name"}
    assert (await trip.check("name", "Rio")).verdict == "never_said"

    await trip.say({"op": "complete", "task": "Hotel", "output": {"name": "Rio"}})
    found = await trip.check("name", "rio")
    assert (found.verdict, found.current, found.evidence[0].turn) == ("true", "Rio", 8)
    assert (await trip.check("name", "Ritz")).verdict == "false"
    # What it went by has changed: it is to be done again, and hands over nothing until then.
    await trip.say({"op": "fact", "key": "destination", "value": "Porto"})
    assert (await trip.check("name", "Rio")).verdict == "was_true"
    assert (await trip.check("name", "Rio", as_of={"turn": 8})).verdict == "true"


async def test_an_input_is_told_by_value_through_what_it_was_given_before(trip: Talk) -> None:
    await trip.say({"op": "update", "task": "Hotel", "inputs": {"city": "Braga"}})
    await trip.say({"op": "update", "task": "Hotel", "inputs": {"city": {"$fact": "origin"}}})

    [answer] = (await trip.recall("city")).answers
    assert [one.value for one in answer.history] == ["Lisbon", "Braga", "Oslo"]
    assert [one.ended_by.value for one in answer.history if one.ended_by] == ["Braga", "Oslo"]


async def test_a_key_that_means_nothing_is_told_with_names_that_are_near(trip: Talk) -> None:
    found = await trip.recall("hotel room")

    assert found.answers == []
    assert found.unknown == {"hotel room": ["Hotel"]}
    assert found.to_json()["unknown"] == [{"key": "hotel room", "nearest": ["Hotel"]}]


async def test_a_task_is_answered_by_its_title_with_its_output_and_its_status(trip: Talk) -> None:
    [open_one] = (await trip.recall("hotel")).answers
    assert (open_one.value, open_one.status, open_one.turn) == (ABSENT, "pending", 6)

    await trip.say({"op": "complete", "task": "Hotel", "output": {"name": "Rio"}})
    [done] = (await trip.recall("HOTEL")).answers
    assert (done.value, done.status, done.turn) == ({"name": "Rio"}, "done", 7)


async def test_a_key_answers_for_those_under_it_too(trip: Talk) -> None:
    await trip.say(
        {"op": "fact", "key": "when/out", "value": "10 May"}, {"op": "fact", "key": "when/back", "value": 12}
    )

    assert {one.key: one.value for one in (await trip.recall("when")).answers} == {
        "when/out": "10 May",
        "when/back": 12,
    }


@pytest.mark.parametrize(
    ("key", "value", "verdict", "current"),
    [
        ("origin", "Oslo", "true", "Oslo"),
        ("origin", " oslo ", "true", "Oslo"),
        ("origin", "Bergen", "false", "Oslo"),
        ("destination", "Porto", "was_true", "Lisbon"),
        ("airline", "TAP", "never_said", ABSENT),
        ("Hotel", "pending", "true", "pending"),
        ("Hotel", "done", "false", "pending"),
    ],
)
async def test_a_claim_is_judged_by_the_record(trip: Talk, key: str, value: str, verdict: str, current: Any) -> None:
    found = await trip.check(key, value)

    assert (found.verdict.value, found.current) == (verdict, current)
    assert bool(found.evidence) == (verdict != "never_said")


async def test_a_value_that_held_once_is_shown_with_what_ended_it(trip: Talk) -> None:
    found = await trip.check("destination", "Porto")

    [evidence] = found.evidence
    assert (evidence.turn, evidence.value) == (4, "Porto")
    assert evidence.ended_by is not None
    assert (evidence.ended_by.turn, evidence.ended_by.source) == (5, "assistant")


async def test_a_claim_about_a_turn_is_judged_as_of_it(trip: Talk) -> None:
    assert (await trip.check("destination", "Porto", as_of={"turn": 4})).verdict == "true"
    assert (await trip.check("destination", "Porto", as_of={"turn": 3})).verdict == "false"


async def test_a_fact_that_was_taken_back_was_true(trip: Talk) -> None:
    await trip.say({"op": "retract", "key": "origin"})

    found = await trip.check("origin", "Oslo")
    assert (found.verdict, found.current) == ("was_true", ABSENT)
    assert found.evidence[0].ended_by is not None
    assert found.evidence[0].ended_by.how == "removed"
    assert (await trip.check("origin", "Bergen")).verdict == "never_said"
    [answer] = (await trip.recall("origin")).answers
    assert (answer.value, answer.turn) == (ABSENT, 7)


async def test_a_claim_about_a_task_goes_by_what_holds_nearest_to_it(trip: Talk) -> None:
    await trip.say({"op": "fact", "task": "Hotel", "key": "destination", "value": "Sintra"})

    assert (await trip.check("destination", "Sintra", task="Hotel")).verdict == "true"
    shadowed = await trip.check("destination", "Lisbon", task="Hotel")
    assert (shadowed.verdict, shadowed.current) == ("was_true", "Sintra")
    assert (await trip.check("destination", "Lisbon", task="Plan a trip")).verdict == "true"
    everywhere = await trip.check("destination", "Lisbon")
    assert (everywhere.verdict, everywhere.note != "") == ("true", True)


async def test_a_claim_may_be_about_a_field_of_a_task(trip: Talk) -> None:
    await trip.say({"op": "update", "task": "Hotel", "title": "Hotel near the river"})

    assert (await trip.check("title", "hotel", task="Hotel near the river")).verdict == "was_true"
    assert (await trip.check("status", "pending", task="Hotel near the river")).verdict == "true"


async def test_another_reading_is_no_truth_yet(trip: Talk) -> None:
    await trip.say({"op": "fact", "key": "origin", "value": "Bergen", "candidate": True})

    found = await trip.check("origin", "Bergen")
    assert (found.verdict, found.current) == ("false", "Oslo")
    assert "wait to be confirmed" in found.note
    [answer] = (await trip.recall("origin")).answers
    assert (answer.value, list(answer.candidates)) == ("Oslo", ["Bergen"])


async def test_a_list_holds_what_is_in_it(trip: Talk) -> None:
    await trip.say({"op": "fact", "key": "guests", "value": ["Ana", "Ben"]})
    await trip.say({"op": "fact", "key": "guests", "value": ["Ana"]})

    assert (await trip.check("guests", "Ana")).verdict == "true"
    assert (await trip.check("guests", "Ben")).verdict == "was_true"
    assert (await trip.check("guests", ["ana"])).verdict == "false"


async def test_a_task_that_was_removed_is_remembered_with_what_was_said_in_it(trip: Talk) -> None:
    await trip.say({"op": "add", "title": "Car", "facts": {"car/size": "small"}, "inputs": {"days": 3}})
    await trip.say({"op": "remove", "task": "Car", "reason": "the train is nicer"})

    [answer] = (await trip.recall("car")).answers[-1:]
    assert (answer.status, answer.title, answer.value) == ("removed", "Car", ABSENT)
    found = await trip.check("days", 3)
    assert (found.verdict, found.evidence[0].turn) == ("was_true", 7)
    assert (await trip.check("car/size", "small")).verdict == "was_true"
    assert (await trip.check("car/size", "small", task="Plan a trip")).verdict == "was_true"
    assert (await trip.check("car/size", "small", task="Hotel")).verdict == "never_said"


async def test_what_was_replaced_everywhere_was_there_until_that_turn() -> None:
    talk = Talk()
    await talk.say({"op": "add", "title": "Dinner"}, {"op": "add", "ref": "@soup", "title": "Soup"})
    await talk.say({"op": "add", "parent": "Soup", "title": "Chop leek", "inputs": {"vegetable": "leek"}})
    await talk.say({"op": "replace", "old": "leek", "new": "fennel"})

    found = await talk.check("vegetable", "leek", task="Soup")
    assert (found.verdict, found.current) == ("was_true", "fennel")
    assert found.evidence[0].ended_by is not None
    assert (found.evidence[0].ended_by.how, found.evidence[0].ended_by.turn) == ("replaced", 3)
    [renamed] = (await talk.recall("chop leek")).answers
    assert (renamed.title, renamed.status) == ("Chop fennel", "pending")


async def test_a_split_and_a_merge_are_told_and_hand_the_history_on() -> None:
    talk = Talk()
    await talk.say({"op": "add", "title": "Week"}, {"op": "add", "title": "Meeting", "facts": {"time": "14:00"}})
    await talk.say({"op": "fact", "task": "Meeting", "key": "time", "value": "16:00"})
    parts = [
        {"ref": "@early", "title": "Early meeting", "facts": {"time": "14:00"}},
        {"ref": "@late", "title": "Late meeting"},
    ]
    await talk.say({"op": "split", "task": "Meeting", "into": parts})
    both = (await talk.recall("meeting")).answers
    assert sorted(one.title for one in both) == ["Early meeting", "Late meeting"]
    assert all("was split from `Meeting`" in one.came[0] for one in both)

    into = {"ref": "@one", "title": "One meeting", "facts": {"time": "15:00"}}
    await talk.say({"op": "merge", "tasks": ["Early meeting", "Late meeting"], "into": into})
    [answer] = (await talk.recall("time")).answers
    assert answer.value == "15:00"
    assert [one.value for one in answer.history if one.turn < 3] == ["14:00", "16:00"]
    assert answer.history[-1].turn == 4
    assert {one.ended_by.how for one in answer.history if one.ended_by} <= {"replaced", "split", "merged"}
    assert len(answer.came) == 3
    assert "was merged from `Early meeting`" in answer.came[-1]
    [now] = (await talk.recall("meeting")).answers
    assert now.title == "One meeting"
    parted = (await talk.recall("time", as_of={"turn": 3})).answers
    assert {one.title: one.value for one in parted} == {"Early meeting": "14:00", "Late meeting": "16:00"}
    [first] = (await talk.recall("time", as_of={"turn": 2})).answers
    assert (first.title, first.value, list(first.came)) == ("Meeting", "16:00", [])
    assert (await talk.check("time", "16:00", task="Late meeting", as_of={"turn": 3})).verdict == "true"
    assert (await talk.check("time", "16:00", task="One meeting")).verdict == "was_true"


async def test_a_what_if_knows_what_was_said_before_it_parted(trip: Talk) -> None:
    result = await trip.tasks.apply(trip.tree, [{"op": "branch", "name": "sea"}])
    copy = result.branches["sea"]
    await trip.tasks.apply(copy, [{"op": "fact", "key": "destination", "value": "Faro"}], turn=8)

    [answer] = (await trip.tasks.recall(copy, keys=["destination"])).answers
    assert [one.value for one in answer.history] == ["Lisbon", "Porto", "Lisbon", "Faro"]
    [change] = await trip.tasks.diff(trip.tree, "sea")
    assert (change.field, change.before, change.after) == ("facts/destination", "Lisbon", "Faro")


async def test_what_was_pruned_is_not_said_to_be_never_said(trip: Talk) -> None:
    await trip.graphs.forget(trip.tree, 5)

    found = await trip.check("destination", "Porto")
    assert found.verdict == "false"
    assert "the record begins at revision 5" in found.note
    assert (await trip.check("origin", "Oslo")).verdict == "true"


async def test_history_tells_who_and_when_without_what_means_nothing(trip: Talk) -> None:
    await trip.say({"op": "complete", "task": "Hotel", "output": 1})
    events = await trip.tasks.history(trip.tree)

    assert [event.turn for event in events] == sorted(event.turn for event in events)
    assert "basis" not in {event.change.field for event in events}
    assert {event.turn for event in await trip.tasks.history(trip.tree, since=5)} == {6, 7}
    assert await trip.tasks.history(trip.tree, limit=2) == events[-2:]
    assert {event.change.task for event in await trip.tasks.history(trip.tree, "Hotel")} == {trip.refs["@hotel"]}


async def test_why_and_users_tell_what_holds_a_task_up_and_what_it_holds_up(trip: Talk) -> None:
    await trip.say({"op": "add", "ref": "@pay", "title": "Pay", "requires": ["Hotel"]})
    source = trip.graphs.source(trip.tree)

    held_up = why(source, trip.refs["@pay"])
    assert held_up[0].startswith("pending since turn 7, by user")
    assert any("Hotel" in line for line in held_up[1:])
    assert why(source, trip.refs["@hotel"])[1:] == ["it can be claimed now"]
    assert users(source, trip.refs["@hotel"]) == [trip.refs["@pay"]]
    assert users(source, trip.refs["@trip"]) == [trip.refs["@hotel"]], "it uses a fact that is said there"

    await trip.say({"op": "fail", "task": "Hotel", "reason": "all full"})
    assert "all full" in why(trip.graphs.source(trip.tree), trip.refs["@hotel"])[0]


@pytest.mark.parametrize("claim", [{}, {"key": "a"}, {"key": 1, "value": 1}, {"key": "a", "value": 1, "is": 2}])
async def test_a_claim_that_is_none_is_refused(trip: Talk, claim: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="claim"):
        await trip.recall(claim=claim)


async def test_a_claim_about_a_task_that_never_was_is_refused_with_what_is_near(trip: Talk) -> None:
    with pytest.raises(UnknownTask, match="Hotel"):
        await trip.check("city", "Lisbon", task="Hotel one")


async def test_answers_are_bounded() -> None:
    talk = Talk()
    await talk.say(
        {"op": "add", "title": "Many"}, *({"op": "add", "title": f"t{n}", "inputs": {"n": n}} for n in range(30))
    )
    for n in range(25):
        await talk.say({"op": "fact", "key": "n/last", "value": "x" * (3000 + n)})

    found = await talk.recall("n")
    assert (len(found.answers), found.left_out) == (20, 11)
    assert len(found.answers[0].history) == 20
    assert len(found.to_json()["answers"][0]["value"]) < 2100
    with pytest.raises(InvalidArgument, match="at most 50"):
        await talk.recall(*(str(n) for n in range(51)))


def test_a_long_value_is_shown_as_its_start_and_its_length() -> None:
    assert shown([1, 2]) == [1, 2]
    assert shown(ABSENT) is None
    assert shown("y" * 5000).endswith("y… (5,000 characters)")
