from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings

from banyan.core.errors import CycleFound
from banyan.core.task import Edge, EdgeKind, Task
from banyan.memory.graph.commit import new_tree
from banyan.memory.graph.order import circle
from banyan.memory.graph.workspace import Workspace
from banyan.testing.graph import KeptTree, MemoryGraphs, MemorySource
from tests.memory.graph.desk import a_desk
from tests.memory.graph.grove import STORIES, Batch, Grove, Naive
from tests.memory.graph.pad import START


async def test_a_circle_is_named_by_its_titles_in_order() -> None:
    desk = await a_desk(
        {"op": "add", "title": "Pack", "requires": ["@buy"]},
        {"op": "add", "title": "Buy", "ref": "@buy"},
    )
    with pytest.raises(CycleFound) as caught:
        await desk.apply({"op": "update", "task": "Buy", "requires": ["Pack"]})
    assert caught.value.circle in {("Buy", "Pack", "Buy"), ("Pack", "Buy", "Pack")}


@pytest.mark.parametrize(
    "edit",
    [
        {"task": "Stay", "requires": ["Trip"]},  # a child that waits for its parent's end
        {"task": "Fly", "requires": ["Hotel"]},  # what is before its parent waits for it
        {"task": "Fly", "requires": [{"from": "Stay", "kind": "after_any"}]},
        {"task": "Fly", "inputs": {"x": {"$from": "Hotel"}}},
    ],
)
async def test_what_waits_for_itself_in_any_way_is_refused(edit: dict[str, object]) -> None:
    desk = await a_desk(
        {"op": "add", "title": "Fly"},
        {"op": "add", "title": "Stay", "requires": ["Fly"]},
        {"op": "add", "title": "Hotel", "parent": "Stay"},
    )
    with pytest.raises(CycleFound):
        await desk.apply({"op": "update", **edit})


async def test_a_parent_may_wait_for_its_own_child_before_its_own_work() -> None:
    desk = await a_desk(
        {"op": "add", "title": "Stay"},
        {"op": "add", "title": "Hotel", "parent": "Stay"},
        {"op": "update", "task": "Stay", "inputs": {"name": {"$from": "Hotel"}}},
    )
    assert desk.task("Stay").gate
    assert desk.task("Hotel").ready
    await desk.apply({"op": "complete", "task": "Hotel", "output": "Ritz"})
    assert desk.task("Stay").ready


async def test_a_circle_that_closes_since_a_task_was_moved_is_found() -> None:
    # While `Book` is under `Stay`, its end comes before the own work of `Stay` alone; moved away, before all of it.
    desk = await a_desk(
        {"op": "add", "title": "Stay"},
        {"op": "add", "title": "Plan", "parent": "Stay"},
        {"op": "add", "title": "Search", "parent": "Stay"},
        {"op": "add", "title": "Book", "parent": "Plan", "requires": ["Search"]},
        {"op": "update", "task": "Stay", "requires": ["Book"]},
    )
    with pytest.raises(CycleFound) as caught:
        await desk.apply({"op": "update", "task": "Plan", "parent": "Trip"})
    assert {"Stay", "Search", "Book"} <= set(caught.value.circle)


@pytest.mark.timeout(120)
@given(STORIES)
@settings(max_examples=25, deadline=None)
async def test_an_edge_is_refused_exactly_where_it_closes_a_circle(batches: list[Batch]) -> None:
    grove = Grove()
    await grove.plant()
    for batch in batches[:12]:
        await grove.grow([step for step in batch if step["op"] in {"add", "move", "edges"}])
    tasks = grove.tasks
    for source in tasks:
        for number in tasks:
            ws = Workspace(grove.graphs.source(grove.tree), now=START, turn=0, speaker="user")
            edge = Edge(source=source, kind=EdgeKind.AFTER_ANY)
            ws.set(number, requires=(*tasks[number].requires, edge))
            naive = Naive({**tasks, number: ws.task(number)}, {})
            assert (circle(ws, number) is not None) == naive.has_circle(), (source, number)


def test_searching_for_a_circle_reads_the_side_that_has_less() -> None:
    # A last task of a long row, and a first task of another: the row itself is not read.
    now = datetime.now(UTC)
    graphs = MemoryGraphs(lambda: now)
    kept = KeptTree(new_tree("row", now))
    kept.put(1, Task(number=1, title="root", children=2002, gate=True))
    for number in range(2, 2002):
        edges = (Edge(source=number - 1, kind=EdgeKind.AFTER_SUCCESS),) if number > 2 else ()
        kept.put(number, Task(number=number, title=f"{number}", parent=1, requires=edges))
    kept.put(2002, Task(number=2002, title="new", parent=1))
    ws = Workspace(MemorySource(kept, graphs), now=now, turn=0, speaker="user")
    ws.set(2002, requires=(Edge(source=2001, kind=EdgeKind.AFTER_SUCCESS),))
    assert circle(ws, 2002) is None
    assert len(ws.tasks_known()) < 20
