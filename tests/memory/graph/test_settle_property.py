"""Whatever is done to a tree, what follows from it is what the whole tree says."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan.core.lifecycle import ENDED, TRANSITIONS
from banyan.core.task import Status, Task
from banyan.memory.graph.basis import basis
from banyan.memory.graph.rules import next_step
from tests.memory.graph.grove import STORIES, Batch, Derived, Grove, Naive


@pytest.mark.timeout(120)
@given(STORIES)
@settings(max_examples=60, deadline=None)
async def test_what_is_kept_of_every_task_is_what_the_whole_tree_says(batches: list[Batch]) -> None:
    grove = Grove()
    await grove.plant()
    for batch in batches:
        await grove.grow(batch)
        tasks = grove.tasks
        naive = Naive(tasks, grove.facts)
        for number, task in tasks.items():
            kept = {name: getattr(task, name) for name in Derived.__slots__}
            assert kept == {name: getattr(naive.derived(number), name) for name in Derived.__slots__}, number
        assert not naive.has_circle()


@pytest.mark.timeout(120)
@given(STORIES)
@settings(max_examples=60, deadline=None)
async def test_no_rule_has_anything_left_to_say(batches: list[Batch]) -> None:
    grove = Grove()
    await grove.plant()
    for batch in batches:
        await grove.grow(batch)
        view = grove.view
        for number, task in grove.tasks.items():
            assert next_step(view, task, "") is None, number
            if task.status is Status.DONE:
                assert basis(view, number) == task.basis
            if task.status is Status.RUNNING:
                assert task.holder and task.lease_until and task.fence and not task.ready


@pytest.mark.timeout(120)
@given(STORIES)
@settings(max_examples=30, deadline=None)
async def test_a_status_changes_along_the_table_alone(batches: list[Batch]) -> None:
    grove = Grove()
    await grove.plant()
    for batch in batches:
        await grove.grow(batch)
    for event in grove.graphs.source(grove.tree).events(fields=["status"]):
        change = event.change
        assert Status(change.after) in TRANSITIONS[Status(change.before)]


@pytest.mark.timeout(120)
@given(STORIES, st.integers())
@settings(max_examples=30, deadline=None)
async def test_it_is_the_same_in_whatever_order_it_is_looked_at(batches: list[Batch], seed: int) -> None:
    groves = Grove(), Grove(Random(seed))
    for grove in groves:
        await grove.plant()
    for batch in batches:
        for grove in groves:
            await grove.grow(batch)
        straight, shuffled = ([plain(task, grove.tree) for task in grove.tasks.values()] for grove in groves)
        assert straight == shuffled


def plain(task: Task, tree: str) -> str:
    """Return a task without its tree, and without what tells why, which may be said of one thing or of another."""
    return repr(replace(task, reason="", basis=None)).replace(tree, "tree")


@pytest.mark.timeout(120)
@given(STORIES)
@settings(max_examples=30, deadline=None)
async def test_every_tree_can_be_worked_off(batches: list[Batch]) -> None:
    grove = Grove()
    await grove.plant()
    for batch in batches:
        await grove.grow([step for step in batch if step["op"] not in {"wait", "say", "fail"}])
    # Whoever held something is gone; what nobody ever said is said.
    await grove.grow([{"op": "say", "task": 0, "value": "a"}])
    for _ in range(200):
        await grove.grow([{"op": "lapse"}])
        await grove.grow([{"op": "claim", "limit": 3}])
        if not await _end_one(grove):
            break
    assert all(task.status in ENDED for task in grove.tasks.values())


async def _end_one(grove: Grove) -> bool:
    if not any(task.status is Status.RUNNING for task in grove.tasks.values()):
        return False
    return await grove.grow([{"op": "end", "task": 0, "outcome": "done"}])
