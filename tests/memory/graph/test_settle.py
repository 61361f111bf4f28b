from __future__ import annotations

from dataclasses import replace

import pytest

from banyan.core.task import Status, TaskId, task_id
from banyan.memory.graph.claims import finish
from banyan.memory.graph.store import Intent
from banyan.memory.graph.workspace import Workspace
from tests.memory.graph.desk import Desk, a_desk

DONE, STALE, PENDING, FAILED = Status.DONE, Status.STALE, Status.PENDING, Status.FAILED
SKIPPED, CANCELLED, RUNNING = Status.SKIPPED, Status.CANCELLED, Status.RUNNING


def statuses(desk: Desk, *names: str) -> list[Status]:
    return [desk.status(name) for name in names]


async def complete(desk: Desk, *names: str, output: object = 1) -> None:
    for name in names:
        await desk.apply({"op": "complete", "task": name, "output": output})


@pytest.mark.parametrize(
    ("kind", "end", "expected"),
    [
        ("after_success", "complete", PENDING),
        ("after_success", "fail", SKIPPED),
        ("after_success", "cancel", SKIPPED),
        ("after_failure", "complete", SKIPPED),
        ("after_failure", "fail", PENDING),
        ("after_failure", "cancel", SKIPPED),
        ("after_any", "complete", PENDING),
        ("after_any", "fail", PENDING),
        ("after_any", "cancel", PENDING),
    ],
)
async def test_what_comes_after_is_ready_or_skipped(kind: str, end: str, expected: Status) -> None:
    desk = await a_desk(
        {"op": "add", "title": "A"},
        {"op": "add", "title": "B", "requires": [{"from": "A", "kind": kind}]},
    )
    assert not desk.task("B").ready
    await desk.apply({"op": end, "task": "A"})
    assert desk.status("B") is expected
    assert desk.task("B").ready is (expected is PENDING)
    assert "`A`" in desk.task("B").reason if expected is SKIPPED else True


@pytest.mark.parametrize(
    ("output", "expected"), [({"n": 3}, PENDING), ({"n": 1}, SKIPPED), ({}, SKIPPED), (7, SKIPPED)]
)
async def test_a_condition_decides_over_the_output(output: object, expected: Status) -> None:
    desk = await a_desk(
        {"op": "add", "title": "A"},
        {"op": "add", "title": "B", "requires": [{"from": "A", "when": "output.n > 2"}]},
    )
    await complete(desk, "A", output=output)
    assert desk.status("B") is expected


async def test_what_was_skipped_is_pending_again_once_it_may_be_done() -> None:
    desk = await a_desk(
        {"op": "add", "title": "A"},
        {"op": "add", "title": "B", "requires": ["A"]},
        {"op": "add", "title": "C", "requires": ["B"]},
    )
    await desk.apply({"op": "fail", "task": "A", "reason": "no"})
    assert statuses(desk, "B", "C") == [SKIPPED, SKIPPED]
    await desk.apply({"op": "reopen", "task": "A"})
    assert statuses(desk, "A", "B", "C") == [PENDING, PENDING, PENDING]


async def test_a_change_makes_stale_what_used_it_and_nothing_else() -> None:
    desk = await a_desk(
        {"op": "fact", "key": "city", "value": "Porto"},
        {"op": "add", "title": "Hotel", "inputs": {"city": {"$fact": "city"}}},
        {"op": "add", "title": "Pack"},
        {"op": "add", "title": "Book", "inputs": {"hotel": {"$from": "Hotel", "path": "/name"}}},
        {"op": "add", "title": "Tell", "requires": [{"from": "Book", "kind": "after_any"}]},
    )
    await complete(desk, "Hotel", output={"name": "Ritz"})
    await complete(desk, "Pack", "Book", "Tell")
    made = await desk.apply({"op": "fact", "key": "city", "value": "Lisbon"})
    assert statuses(desk, "Hotel", "Book", "Pack", "Tell") == [STALE, STALE, DONE, DONE]
    reasons = {change.task: change.reason for change in made.changes if change.field == "status"}
    assert "`city`" in reasons[desk.number("Hotel")]
    assert "`Hotel` is stale" in reasons[desk.number("Book")]
    assert [task.title for task in desk.source.ready(9)] == ["Hotel"]


async def test_what_turns_out_as_before_is_done_again_without_work() -> None:
    desk = await a_desk(
        {"op": "fact", "key": "city", "value": "Porto"},
        {"op": "add", "title": "Hotel", "inputs": {"city": {"$fact": "city"}}},
        {"op": "add", "title": "Book", "requires": ["Hotel"]},
    )
    await complete(desk, "Hotel", "Book")
    await desk.apply({"op": "fact", "key": "city", "value": "Lisbon"})
    assert statuses(desk, "Hotel", "Book") == [STALE, STALE]
    await desk.apply({"op": "fact", "key": "city", "value": "Porto"})
    assert statuses(desk, "Hotel", "Book") == [DONE, DONE]
    # The same output of other work leaves what comes after as it is.
    await desk.apply({"op": "fact", "key": "city", "value": "Lisbon"})
    await complete(desk, "Hotel")
    assert statuses(desk, "Hotel", "Book") == [DONE, DONE]
    await desk.apply({"op": "update", "task": "Book", "priority": 7, "title": "Book it"})
    assert desk.status("Book it") is DONE
    await desk.apply({"op": "update", "task": "Book it", "instruction": "by phone"})
    assert desk.status("Book it") is STALE


async def test_another_output_of_a_done_task_makes_stale_what_used_it() -> None:
    desk = await a_desk(
        {"op": "add", "title": "A"},
        {"op": "add", "title": "X", "inputs": {"x": {"$from": "A", "path": "/x"}}},
        {"op": "add", "title": "Y", "inputs": {"y": {"$from": "A", "path": "/y"}}},
    )
    await complete(desk, "A", output={"x": 1, "y": 1})
    await complete(desk, "X", "Y")
    await complete(desk, "A", output={"x": 2, "y": 1})
    assert statuses(desk, "A", "X", "Y") == [DONE, STALE, DONE]


async def test_a_parent_waits_for_its_children_and_then_has_work_of_its_own() -> None:
    desk = await a_desk({"op": "add", "title": "A"}, {"op": "add", "title": "B"})
    assert not desk.task("Trip").ready
    await complete(desk, "A", "B")
    assert desk.task("Trip").ready
    await complete(desk, "Trip")
    await desk.apply({"op": "add", "title": "C"})
    assert desk.status("Trip") is STALE
    assert "`C`" in desk.task("Trip").reason


async def test_a_parent_made_of_its_children_is_done_with_them() -> None:
    desk = await a_desk(
        {"op": "add", "title": "P", "result": "children"},
        {"op": "add", "title": "A", "parent": "P"},
        {"op": "add", "title": "B", "parent": "P"},
    )
    await complete(desk, "A", output="a")
    await complete(desk, "B", output="b")
    parent = desk.task("P")
    assert parent.status is DONE
    ids = [TaskId(f"{desk.tree}.{desk.number(name)}") for name in "AB"]
    assert parent.output == dict(zip(ids, "ab", strict=True))
    await complete(desk, "A", output="c")
    assert desk.task("P").output == dict(zip(ids, "cb", strict=True))


async def test_a_failed_child_fails_its_parent_unless_it_is_optional_or_recovered() -> None:
    desk = await a_desk(
        {"op": "add", "title": "P"},
        {"op": "add", "title": "A", "parent": "P"},
        {"op": "add", "title": "Q"},
        {"op": "add", "title": "B", "parent": "Q", "optional": True},
        {"op": "add", "title": "R"},
        {"op": "add", "title": "C", "parent": "R"},
        {"op": "add", "title": "Mend", "requires": [{"from": "C", "kind": "after_failure"}]},
    )
    for name in "ABC":
        await desk.apply({"op": "fail", "task": name})
    assert statuses(desk, "P", "Q", "R", "Trip") == [FAILED, PENDING, PENDING, PENDING]
    assert "`A`" in desk.task("P").reason
    assert desk.task("R").ready
    await desk.apply({"op": "fail", "task": "Mend"})
    assert statuses(desk, "R") == [FAILED]


async def test_a_parent_may_be_the_recovery_of_its_own_child() -> None:
    desk = await a_desk(
        {"op": "add", "title": "P"},
        {"op": "add", "title": "A", "parent": "P"},
        {"op": "update", "task": "P", "requires": [{"from": "A", "kind": "after_failure"}]},
    )
    await desk.apply({"op": "fail", "task": "A"})
    assert desk.task("P").ready
    await complete(desk, "P")
    assert statuses(desk, "P", "A") == [DONE, FAILED]


async def test_what_is_skipped_for_what_is_under_it_stays_so_though_its_recovery_goes_with_it() -> None:
    desk = await a_desk(
        {"op": "add", "title": "P"},
        {"op": "add", "title": "A", "parent": "P"},
        {"op": "update", "task": "P", "requires": ["A"]},
        {"op": "add", "title": "Mend", "requires": [{"from": "A", "kind": "after_failure"}, "P"]},
    )
    await desk.apply({"op": "fail", "task": "A"})
    assert statuses(desk, "P", "Mend") == [SKIPPED, SKIPPED]


async def test_a_recovery_that_is_taken_away_lets_the_parent_fail() -> None:
    desk = await a_desk(
        {"op": "add", "title": "P"},
        {"op": "add", "title": "A", "parent": "P"},
        {"op": "add", "title": "Mend", "requires": [{"from": "A", "kind": "after_failure"}]},
    )
    await desk.apply({"op": "fail", "task": "A"})
    assert desk.status("P") is PENDING
    await desk.apply({"op": "update", "task": "Mend", "requires": []})
    assert desk.status("P") is FAILED


async def test_a_parent_that_failed_with_a_child_goes_on_with_another() -> None:
    desk = await a_desk(
        {"op": "add", "title": "P"},
        {"op": "add", "title": "A", "parent": "P"},
        {"op": "add", "title": "Next", "requires": ["P"]},
    )
    await desk.apply({"op": "fail", "task": "A"})
    assert statuses(desk, "P", "Next") == [FAILED, SKIPPED]
    await desk.apply({"op": "reopen", "task": "A"})
    assert statuses(desk, "P", "Next") == [PENDING, PENDING]
    await complete(desk, "A", "P")
    assert desk.task("Next").ready


async def test_what_is_under_a_cancelled_or_failed_task_is_cancelled_but_what_another_shares() -> None:
    desk = await a_desk(
        {"op": "add", "title": "P"},
        {"op": "add", "title": "Q"},
        {"op": "add", "title": "A", "parent": "P"},
        {"op": "add", "title": "Deep", "parent": "A"},
        {"op": "add", "title": "Shared", "parent": "P", "under": ["Q"]},
        {"op": "add", "title": "Did", "parent": "P"},
    )
    await complete(desk, "Did")
    await desk.apply({"op": "cancel", "task": "P", "reason": "no"})
    assert statuses(desk, "P", "A", "Deep", "Shared", "Did") == [CANCELLED, CANCELLED, CANCELLED, PENDING, DONE]
    assert desk.task("Shared").ready
    await desk.apply({"op": "fail", "task": "Q"})
    assert desk.status("Shared") is CANCELLED


async def test_what_is_skipped_takes_what_is_under_it_along_and_back() -> None:
    desk = await a_desk(
        {"op": "add", "title": "A"},
        {"op": "add", "title": "P", "requires": ["A"]},
        {"op": "add", "title": "Under", "parent": "P"},
    )
    await desk.apply({"op": "fail", "task": "A"})
    assert statuses(desk, "P", "Under") == [SKIPPED, SKIPPED]
    await desk.apply({"op": "reopen", "task": "A"})
    assert statuses(desk, "P", "Under") == [PENDING, PENDING]


async def test_what_runs_is_let_finish_and_is_stale_at_once_where_it_went_by_something_else() -> None:
    desk = await a_desk(
        {"op": "fact", "key": "city", "value": "Porto"},
        {"op": "add", "title": "Hotel", "inputs": {"city": {"$fact": "city"}}},
    )
    fence = await desk.claim("Hotel")
    await desk.apply({"op": "fact", "key": "city", "value": "Lisbon"})
    assert desk.status("Hotel") is RUNNING
    made = await desk.apply({"op": "complete", "task": "Hotel", "output": "Ritz", "fence": fence})
    assert desk.status("Hotel") is STALE
    assert desk.task("Hotel").output == "Ritz"
    steps = [change.after for change in made.changes if change.field == "status"]
    assert steps == ["done", "stale"]


async def test_a_child_about_to_be_stale_ends_no_parent() -> None:
    desk = await a_desk(
        {"op": "fact", "key": "city", "value": "Porto"},
        {"op": "add", "title": "P", "result": "children"},
        {"op": "add", "title": "B", "parent": "P"},
        {"op": "add", "title": "A", "parent": "P", "inputs": {"city": {"$fact": "city"}}},
    )
    await complete(desk, "A")
    fact = desk.view.facts(desk.number("Trip"))["city"]

    def both(ws: Workspace) -> None:
        finish(ws, desk.number("B"), "done", output=1)
        ws.set_fact(replace(fact, value="Lisbon"))

    await desk.graphs.change(Intent(tree=desk.tree), both)
    assert statuses(desk, "P", "A", "B") == [PENDING, STALE, DONE]


async def test_a_moved_task_goes_by_the_facts_of_its_new_place() -> None:
    desk = await a_desk(
        {"op": "add", "title": "North", "facts": {"city": "Oslo"}},
        {"op": "add", "title": "South", "facts": {"city": "Porto"}},
        {"op": "add", "title": "Stay", "parent": "North"},
        {"op": "add", "title": "Hotel", "parent": "Stay", "inputs": {"city": {"$fact": "city"}}},
        {"op": "add", "title": "Pack", "parent": "Stay"},
    )
    await complete(desk, "Hotel", "Pack", "Stay")
    await desk.apply({"op": "update", "task": "Stay", "parent": "South"})
    assert statuses(desk, "Hotel", "Pack", "Stay") == [STALE, DONE, STALE]
    await desk.apply({"op": "update", "task": "Stay", "parent": "North"})
    assert statuses(desk, "Hotel", "Pack", "Stay") == [DONE, DONE, DONE]


async def test_a_fact_that_is_not_known_blocks_and_skips_nothing() -> None:
    desk = await a_desk({"op": "add", "title": "Hotel", "inputs": {"city": {"$fact": "city"}}})
    assert (desk.status("Hotel"), desk.task("Hotel").ready) == (PENDING, False)
    await desk.apply({"op": "fact", "key": "city", "value": None})
    assert desk.task("Hotel").ready
    await desk.apply({"op": "retract", "key": "city"})
    assert not desk.task("Hotel").ready


async def test_results_made_of_results_end_however_deep_the_tree_is() -> None:
    depth = 300
    parents = [{"op": "add", "title": f"p{n}", "ref": f"@{n}", "result": "children"} for n in range(depth)]
    for n in range(1, depth):
        parents[n] |= {"parent": f"@{n - 1}"}
    desk = await a_desk(*parents, {"op": "add", "title": "leaf", "parent": f"@{depth - 1}"})
    await desk.apply({"op": "complete", "task": "leaf", "output": {"v": 1}})
    assert desk.status("p0") is Status.DONE
    deepest = f"p{depth - 1}"
    assert desk.task(deepest).output == {task_id(desk.source.tree.id, desk.number("leaf")): {"v": 1}}
    levels, value = 0, desk.task("p0").output
    while isinstance(value, dict):
        levels, value = levels + 1, next(iter(value.values()))
    assert (levels <= 100, value) == (True, None)
    await desk.apply({"op": "complete", "task": "leaf", "output": {"v": 2}})
    assert desk.status("p0") is Status.DONE
