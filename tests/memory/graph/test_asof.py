"""A tree at any revision is what it was then: read backwards from what is stored now."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.errors import InvalidArgument
from banyan.core.task import ABSENT, Change, Edge, EdgeKind, Status
from banyan.memory.graph.asof import revision_at, task_at, tree_at, value_at
from banyan.memory.graph.compare import compare
from banyan.memory.graph.rewind import of_record
from banyan.memory.graph.view import parents_of, same
from banyan.memory.graph.workspace import Workspace
from banyan.memory.tasks import Tasks
from banyan.testing.graph import MemoryGraphs
from tests.memory.graph.pad import Pad, State, add, fact_of, numbers, say, state_of

VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["Lisbon", "Porto", 1.0]))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "remove", "title", "input", "drop input", "status", "output", "fact", "candidate", "key"]
        ),
        st.integers(0, 30),
        VALUES,
    ),
    min_size=1,
    max_size=5,
)


def step(ws: Workspace, kind: str, pick: int, value: Any) -> None:
    there = sorted(task.number for task in ws.source.tasks(numbers(ws.source)) if ws.find(task.number))
    if kind == "add" or not there:
        parent = there[pick % len(there)] if there else None
        after = (Edge(source=there[0], kind=EdgeKind.AFTER_ANY),) if there and pick % 3 == 0 else ()
        facts = {"city": value} if pick % 2 else {}
        add(ws, f"task {pick}", parent=parent, requires=after, inputs={"city": value}, facts=facts)
        return
    number = there[pick % len(there)]
    if kind == "remove":
        if not ws.children(number) and not ws.dependents(number):
            ws.remove(number, "not wanted")
    elif kind in {"fact", "candidate"}:
        tell(ws, kind, number, pick, value)
    else:
        change(ws, kind, number, pick, value)


def change(ws: Workspace, kind: str, number: int, pick: int, value: Any) -> None:
    if kind == "title":
        ws.set(number, title=f"called {pick}", reason="another name")
    elif kind in {"input", "drop input"}:
        inputs = {name: one for name, one in ws.task(number).inputs.items() if name != "city"}
        ws.set(number, inputs=inputs if kind == "drop input" else {**inputs, "city": value})
    elif kind == "status":
        ws.set(number, status=[Status.PENDING, Status.RUNNING, Status.DONE][pick % 3], reason=f"because of {pick}")
    elif kind == "output":
        ws.set(number, output=ABSENT if pick % 4 == 0 else value)
    else:
        ws.set(number, key=None if pick % 2 else f"key{pick} of {number}")


def tell(ws: Workspace, kind: str, number: int, pick: int, value: Any) -> None:
    old = ws.facts(number).get("city")
    if kind == "fact":
        told = any(change.field == "facts/city" for change in ws.changes if change.task == number)
        # Said twice in one batch it may come to nothing on record, and have another speaker all the same.
        if not told and (old is None or not same(old.value, value)):
            say(ws, number, "city", ABSENT if pick % 4 == 0 else value)
        return
    old = old or fact_of(ws, number, "city", ABSENT)
    if old.value is not ABSENT or (pick % 2 and not old.candidates):
        ws.set_fact(replace(old, candidates=(value,) if pick % 2 else ()))


async def written(batches: list[list[tuple[str, int, Any]]]) -> Pad:
    pad = Pad()
    for turn, batch in enumerate(batches):

        def work(ws: Workspace, batch: list[tuple[str, int, Any]] = batch) -> None:
            for kind, pick, value in batch:
                step(ws, kind, pick, value)

        await pad.write(work, turn=turn // 2, speaker="user" if turn % 2 else "assistant")
    return pad


@given(st.lists(STEPS, min_size=1, max_size=8))
async def test_a_tree_as_of_any_revision_is_what_was_recorded_then(batches: list[list[tuple[str, int, Any]]]) -> None:
    pad = await written(batches)
    for revision, state in enumerate(pad.states):
        then = tree_at(pad.source, revision)
        assert same(shape(state_of(then)), shape(state))
        assert then.tree.revision == revision
        told = {(fact.task, fact.key): fact for fact in then.facts(numbers(pad.source))}
        assert {key: (one.turn, one.source) for key, one in told.items()} == {
            key: (one.turn, one.source) for key, one in pad.facts[revision].items()
        }
        assert sum(then.counts().values()) == len(state)
        for number, record in state.items():
            assert value_at(pad.source, number, "title", revision) == record["title"]
            assert same(value_at(pad.source, number, "facts/city", revision), of_record(record, "facts/city"))
            assert same(value_at(pad.source, number, "inputs/city", revision), of_record(record, "inputs/city"))


@given(st.lists(STEPS, min_size=1, max_size=8))
async def test_relations_and_names_as_of_a_revision_are_those_of_its_tasks(
    batches: list[list[tuple[str, int, Any]]],
) -> None:
    pad = await written(batches)
    for revision in range(len(pad.states)):
        then = tree_at(pad.source, revision)
        tasks = then.tasks(numbers(pad.source))
        assert then.roots() == [task.number for task in tasks if task.parent is None]
        for task in tasks:
            assert then.children(task.number) == [one.number for one in tasks if task.number in parents_of(one)]
            assert task.children == len(then.children(task.number))
            assert task.number in then.titled(task.title.upper())
            assert then.keyed(task.key or "?") == (task.number if task.key else None)
            assert then.dependents(task.number) == [
                one.number for one in tasks if task.number in {edge.source for edge in one.edges}
            ]
        assert then.input_holders("city") == [task.number for task in tasks if "city" in task.inputs]
        assert [fact.task for fact in then.facts_called("city")] == [
            fact.task for fact in then.facts(numbers(pad.source))
        ]


@given(st.lists(STEPS, min_size=1, max_size=8))
async def test_what_two_revisions_differ_in_leads_from_the_one_to_the_other(
    batches: list[list[tuple[str, int, Any]]],
) -> None:
    pad = await written(batches)
    last = len(pad.states) - 1
    for one in range(last + 1):
        for before, after in ((one, last), (last, one)):
            state = copy.deepcopy(pad.states[before])
            for change in compare(pad.source, before, after):
                apply(state, change)
            assert same(shape(state), shape(pad.states[after]))


def apply(state: State, change: Change) -> None:
    if change.field == "*":
        if change.after is ABSENT:
            assert same(state.pop(change.task), change.before)
        else:
            assert change.task not in state
            state[change.task] = copy.deepcopy(change.after)
        return
    record = state[change.task]
    assert same(of_record(record, change.field), change.before)
    group, _, key = change.field.partition("/")
    place, name = (record.setdefault(group, {}), key) if key else (record, group)
    if change.after is ABSENT:
        place.pop(name)
    else:
        place[name] = change.after


def shape(state: State) -> dict[str, Any]:
    """Return a state with defaults filled in, so that two of the same meaning are the same."""
    names = ("title", "key", "parent", "requires", "status", "output")
    return {
        str(number): {
            **{name: value for name in names if (value := of_record(record, name)) is not ABSENT},
            **{group: record.get(group) or {} for group in ("inputs", "facts", "candidates")},
        }
        for number, record in state.items()
    }


async def test_a_turn_means_the_last_revision_of_it_or_before() -> None:
    pad = Pad()
    await pad.write(lambda ws: say(ws, add(ws, "Trip"), "to", "Lisbon"), turn=1)
    await pad.write(lambda ws: say(ws, 1, "to", "Porto"), turn=3)
    await pad.write(lambda ws: say(ws, 1, "to", "Faro"), turn=3)

    assert [revision_at(pad.source, {"turn": turn}) for turn in (0, 1, 2, 3, 9)] == [0, 1, 1, 3, 3]
    assert revision_at(pad.source, {"revision": 2}) == 2
    assert revision_at(pad.source, None) == 3


@pytest.mark.parametrize(
    "as_of",
    [{}, {"turn": 1, "revision": 1}, {"day": 1}, {"turn": -1}, {"turn": True}, {"turn": "1"}, {"revision": 2}],
)
async def test_a_time_that_is_none_is_refused(as_of: dict[str, Any]) -> None:
    pad = Pad()
    await pad.write(lambda ws: say(ws, add(ws, "Trip"), "to", "Lisbon"))

    with pytest.raises(InvalidArgument, match="as_of"):
        revision_at(pad.source, as_of)


async def test_what_was_pruned_is_refused_and_what_was_not_is_answered() -> None:
    pad = Pad()
    await pad.write(lambda ws: say(ws, add(ws, "Trip"), "to", "Lisbon"))
    await pad.write(lambda ws: say(ws, 1, "to", "Porto"))
    await pad.write(lambda ws: say(ws, 1, "to", "Faro"))
    assert pad.tree is not None
    await pad.graphs.forget(pad.tree, 2)

    assert value_at(pad.source, 1, "facts/to", 2) == "Porto"
    assert state_of(tree_at(pad.source, 2)) == pad.states[2]
    with pytest.raises(InvalidArgument, match="begins at revision 2"):
        revision_at(pad.source, {"revision": 1})


async def test_a_task_as_it_was_has_the_reason_that_it_had_then() -> None:
    pad = Pad()
    await pad.write(lambda ws: say(ws, add(ws, "Book"), "to", "Lisbon"))
    await pad.write(lambda ws: ws.set(1, status=Status.FAILED, reason="no seats"))
    await pad.write(lambda ws: ws.set(1, status=Status.PENDING, reason="tried again"))

    then = task_at(pad.source, 1, 2)
    assert then is not None
    assert (then.status, then.reason) == (Status.FAILED, "no seats")
    assert task_at(pad.source, 1, 0) is None


async def test_what_could_be_begun_then_is_known_of_every_revision() -> None:
    graphs = MemoryGraphs()
    tasks = Tasks(graphs, lambda: datetime.now(UTC))
    made = await tasks.apply(None, [{"op": "add", "ref": "@dinner", "title": "Dinner"}])
    stored = [
        {task.number: (task.gate, task.ready, task.unended) for task in graphs.source(made.tree).tasks(range(1, 9))}
    ]
    for edit in (
        {"op": "add", "title": "Shop", "inputs": {"list": {"$fact": "list"}}},
        {"op": "add", "title": "Cook", "requires": ["Shop"], "inputs": {"pot": {"$from": "Shop", "path": "/pot"}}},
        {"op": "add", "title": "Chop", "parent": "Cook"},
        {"op": "fact", "key": "list", "value": ["leek"]},
        {"op": "complete", "task": "Shop", "output": {"pot": "large"}},
        {"op": "complete", "task": "Chop"},
        {"op": "fact", "key": "list", "value": ["fennel"]},
        {"op": "complete", "task": "Shop", "output": {"pot": "small"}},
        {"op": "fail", "task": "Cook", "reason": "burnt"},
        {"op": "reopen", "task": "Cook"},
        {"op": "cancel", "task": "Cook", "reason": "no guests"},
    ):
        await tasks.apply(made.tree, [edit])
        now = graphs.source(made.tree).tasks(range(1, 9))
        stored.append({task.number: (task.gate, task.ready, task.unended) for task in now})

    source = graphs.source(made.tree)
    for revision, known in enumerate(stored, 1):
        then = tree_at(source, revision)
        assert {t.number: (t.gate, t.ready, t.unended) for t in then.tasks(range(1, 9))} == known, revision
        assert [t.number for t in then.ready(9)] == [number for number, (_, ready, _) in known.items() if ready]
        assert [t.number for t in then.unended(1)] == [t.number for t in then.unended(9)][:1]
