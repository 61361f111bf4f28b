"""Whatever is edited, claimed, finished, lost and undone, in whatever order, a tree is what the model says.

`model.py` is the meaning of the task memory once more, written down without regard to time. `World` does everything
twice, in a real store and in the model, and compares after each step: what is on record, and all that is derived of it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from banyan.core.lifecycle import ENDED
from banyan.core.task import ABSENT, Fact, Status, Task
from banyan.memory import Database
from banyan.memory.archive import Archive
from banyan.memory.graph.asof import tree_at
from banyan.memory.graph.source import GraphSource
from banyan.testing.clock import StillClock
from banyan.testing.graph import MemoryGraphs
from tests.memory.model import Model, Node
from tests.memory.task_draws import Dice, Drawn, Seeded, adds, chance, edits, pick, reshape
from tests.memory.task_world import LEASE_S, REFUSALS, World, everything, stored

STEPS = [
    *["edit"] * 6,
    *["claim"] * 3,
    *["finish"] * 3,
    *["wait", "lapse", "undo", "redo", "crash", "reshape", "learn"],
]

PHASES = [phase for phase in Phase if phase is not Phase.explain]
many = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
some = settings(many, max_examples=60)
few = settings(many, max_examples=15)


async def step(dice: Dice, world: World) -> None:
    """Do one thing to the tree."""
    kind = pick(dice, STEPS)
    if kind == "edit":
        await world.apply(edits(dice, world.model))
    elif kind == "finish":
        await world.apply(edits(dice, world.model, most=1))
    elif kind == "reshape":
        await world.reshape(reshape(dice, world.model))
    elif kind == "claim":
        await world.claim(dice.number(1, 3), sends=chance(dice))
    elif kind == "learn":
        if sent := sorted(world.model.effects.keys() & world.model.nodes.keys()):
            await world.learn(pick(dice, sent))
    elif kind in {"wait", "lapse"}:
        await world.wait(LEASE_S / 3 if kind == "wait" else LEASE_S)
    elif kind == "crash":
        await world.crash(edits(dice, world.model))
    else:
        await world.go(kind)


async def live(dice: Dice, world: World, most: int = 20) -> None:
    """Make a tree, and do many things to it."""
    await world.begin(adds(dice))
    for _ in range(dice.number(1, most)):
        await step(dice, world)


def in_memory(dice: Dice, judge: Callable[[Dice, World], Awaitable[None]] = live) -> None:
    """Have `judge` look at a tree in memory."""
    clock = StillClock()
    anyio.run(judge, dice, World(MemoryGraphs(clock), clock))


@asynccontextmanager
async def database_world(url: str) -> AsyncIterator[World]:
    clock = StillClock()
    database = await Database.open(url, clock=clock)
    try:
        yield World(database.graphs, clock)
    finally:
        await database.close()


def in_sqlite(dice: Dice) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with database_world(f"sqlite:///{folder}/banyan.db") as world:
                await live(dice, world)

    anyio.run(run)


@pytest.mark.slow
@pytest.mark.timeout(120)
@many
@given(st.data())
def test_a_tree_in_memory_is_what_the_model_says(data: st.DataObject) -> None:
    in_memory(Drawn(data))


@pytest.mark.slow
@pytest.mark.timeout(120)
@few
@given(st.data())
def test_a_tree_in_sqlite_is_what_the_model_says(data: st.DataObject) -> None:
    in_sqlite(Drawn(data))


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_tree_in_postgresql_is_what_the_model_says(postgres_url: str) -> None:
    async with database_world(postgres_url) as world:
        for seed in range(8):
            await live(Seeded(seed), world)


@pytest.mark.timeout(120)
@some
@given(st.data())
def test_the_record_tells_each_revision_as_it_was(data: st.DataObject) -> None:
    in_memory(Drawn(data), remember)


async def remember(dice: Dice, world: World) -> None:
    """Live, and ask at the end what there was at each revision."""
    await world.begin(adds(dice))
    then = {}
    for _ in range(dice.number(1, 12)):
        tasks, facts = await world.store.ask(world.tree, everything)
        then[await revision(world)] = tasks, facts
        await step(dice, world)
    for number, (tasks, facts) in then.items():
        was, said = await world.store.ask(world.tree, partial(then_in, number))
        assert [stored(one) for one in was] == [stored(one) for one in tasks]
        assert [(one.task, one.key, one.value, one.candidates, one.turn, one.source) for one in said] == [
            (one.task, one.key, one.value, one.candidates, one.turn, one.source) for one in facts
        ]


def then_in(number: int, source: GraphSource) -> tuple[list[Task], list[Fact]]:
    return everything(tree_at(source, number))


async def revision(world: World) -> int:
    return await world.store.ask(world.tree, lambda source: source.tree.revision)


@pytest.mark.timeout(120)
@some
@given(st.data())
def test_undoing_everything_leaves_an_empty_tree_and_redoing_it_brings_all_back(data: st.DataObject) -> None:
    in_memory(Drawn(data), undo_everything)


async def undo_everything(dice: Dice, world: World) -> None:
    await live(dice, world, most=10)
    while await world.go("redo"):
        pass
    undone = 0
    while await world.go("undo"):
        undone += 1
    assert not world.model.nodes
    for _ in range(undone):
        assert await world.go("redo")
    assert not await world.go("redo")


@pytest.mark.timeout(120)
@some
@given(st.data())
def test_an_exported_tree_comes_in_again_as_it_was_with_its_record(data: st.DataObject) -> None:
    in_memory(Drawn(data), travel)


async def travel(dice: Dice, world: World) -> None:
    await live(dice, world, most=10)
    document, other = await moved(world)
    assert await Archive(other.store).export(other.tree) == document
    await other.compare()
    for _ in range(3):
        await step(dice, other)


async def moved(world: World) -> tuple[dict[str, Any], World]:
    """Return a tree as a document, and a world of its own with the tree that was made of it.

    The ledger of what was done in the world stays where that was done: so all of it is learnt before.
    """
    for number in world.model.effects.keys() & world.model.nodes.keys():
        await world.learn(number)
    document = await Archive(world.store).export(world.tree)
    clock = StillClock(world.clock.now)
    other = World(MemoryGraphs(clock), clock)
    (imported,) = await Archive(other.store).import_(json.dumps(document))
    other.tree, other.model = imported.tree, world.model
    other.model.effects.clear()
    return document, other


@pytest.mark.timeout(120)
@some
@given(st.data())
def test_edits_in_one_batch_come_to_what_they_come_to_one_by_one(data: st.DataObject) -> None:
    in_memory(Drawn(data), batched)


async def batched(dice: Dice, world: World) -> None:
    """Make a batch in one copy of a tree, and its edits one by one in another."""
    await live(dice, world, most=6)
    _, other = await moved(world)
    batch, refs = edits(dice, world.model), dict[str, int]()
    for edit in batch:
        try:
            result = await other.tasks.apply(other.tree, [with_numbers(edit, refs)])
        except REFUSALS:
            return
        refs |= result.refs
    await world.tasks.apply(world.tree, batch)
    one, two = [await each.store.ask(each.tree, everything) for each in (world, other)]
    assert [stored(task) for task in one[0]] == [stored(task) for task in two[0]]


def with_numbers(edit: Any, refs: Mapping[str, int]) -> Any:
    """Return an edit with the tasks of earlier batches by number."""
    if isinstance(edit, dict):
        return {name: value if name == "ref" else with_numbers(value, refs) for name, value in edit.items()}
    if isinstance(edit, list):
        return [with_numbers(one, refs) for one in edit]
    return refs.get(edit, edit) if isinstance(edit, str) else edit


@pytest.mark.slow
@pytest.mark.timeout(120)
@some
@given(st.data())
def test_every_run_ends_and_what_is_left_says_what_it_lacks(data: st.DataObject) -> None:
    in_memory(Drawn(data), work_off)


async def work_off(dice: Dice, world: World) -> None:
    """Live, then only claim and finish, whatever comes, until nothing can be claimed."""
    await live(dice, world, most=10)
    await world.wait(LEASE_S)
    for number in world.model.effects.keys() & world.model.nodes.keys():
        await world.learn(number)
    tries = sum(node.budget.get("attempts", 1) + 1 for node in world.model.each())
    for _ in range(10 * tries):
        if not world.model.order():
            break
        await world.claim(1)
        (held,) = [node for node in world.model.each() if node.status is Status.RUNNING]
        ending = {"op": "fail", "reason": "it broke"} if chance(dice, 5) else {"op": "complete", "output": 1}
        assert await world.apply([{**ending, "task": held.number, "fence": held.fence}])
    assert not world.model.order()
    for node in world.model.each():
        if node.status not in ENDED:
            view = await world.tasks.get(f"{world.tree}.{node.number}")
            assert view.blockers
            answer = node.status is Status.WAITING
            assert answer or waits(world.model, node) or lacks(world.model, node)


def waits(model: Model, node: Node) -> bool:
    """Whether something before a task, over it or under it has not ended."""
    before = [*model.scope(node.number)[1:], *model.children(node.number), *(edge[0] for edge in model.edges(node))]
    return any(model.nodes[one].status not in ENDED for one in before)


def lacks(model: Model, node: Node) -> bool:
    """Whether a task wants a fact that nobody has said."""
    return any(model.value(node, name) is ABSENT for name in node.inputs)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("judge", [live, remember, undo_everything, travel, batched, work_off])
async def test_thousands_of_trees_in_memory_are_what_the_model_says(
    judge: Callable[[Dice, World], Awaitable[None]],
) -> None:
    for seed in range(2000):
        clock = StillClock()
        try:
            await judge(Seeded(seed), World(MemoryGraphs(clock), clock))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_hundreds_of_trees_in_a_database_are_what_the_model_says(database_url: str) -> None:
    async with database_world(database_url) as world:
        for seed in range(500):
            await live(Seeded(seed), world)
