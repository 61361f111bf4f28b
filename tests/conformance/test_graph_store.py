"""What every `GraphStore` does, and every `GraphSource` answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from banyan.core.call import CallRecord, CallState
from banyan.core.errors import BadEdit, Conflict, RevisionConflict, UnknownTree
from banyan.core.ids import CallId
from banyan.core.task import (
    ABSENT,
    Edge,
    EdgeKind,
    EditResult,
    Fact,
    RevisionKind,
    Status,
    Task,
    Tree,
    TreeId,
    TreeState,
)
from banyan.memory import Database
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import Intent
from banyan.memory.graph.view import same
from banyan.memory.graph.workspace import Workspace
from banyan.testing.clock import StillClock
from banyan.testing.stores import MemoryDatabase

Stores = Database | MemoryDatabase

HOSTILE = "Ünï \0 \U0001f600 'quoted\" \\ line\nbreak ß"


def add(ws: Workspace, title: str, **fields: Any) -> int:
    number = ws.new_number()
    facts = fields.pop("facts", {})
    said = [fact(number, key, value) for key, value in facts.items()]
    ws.add(Task(number=number, title=title, **fields), facts=said)
    ws.touched.clear()
    ws.lengths.clear()
    return number


def fact(task: int, key: str, value: Any, **more: Any) -> Fact:
    return Fact(task=task, key=key, value=value, turn=1, source="user", revision=1, **more)


def quietly(*work: Callable[[Workspace], Any]) -> Callable[[Workspace], None]:
    """Nothing follows from what these tests change: they are about what is kept."""

    def done(ws: Workspace) -> None:
        for one in work:
            one(ws)
        ws.touched.clear()
        ws.lengths.clear()

    return done


async def change(stores: Stores, tree: str | None, *work: Callable[[Workspace], Any], **intent: Any) -> EditResult:
    """Change a tree by each of `work` in turn, in one batch."""
    wanted = Intent(tree=None if tree is None else TreeId(tree), **intent)
    _, result = await stores.graphs.change(wanted, quietly(*work))
    return result


async def planted(stores: Stores) -> TreeId:
    """A tree of a root and three tasks of which each waits for the one before."""

    def work(ws: Workspace) -> None:
        add(ws, "Feast", instruction="Cook for ten", facts={"guests": 10})
        add(ws, "Shop", parent=1, key="shop", inputs={"for": 10, "from": {"$fact": "guests"}}, priority=2)
        add(ws, "Cook", parent=1, requires=(Edge(source=2, kind=EdgeKind.AFTER_SUCCESS),), effort=2.5)
        add(ws, "Serve", parent=1, inputs={"dish": {"$from": 3, "path": "/dish"}}, under=(2,), optional=True)

    return (await change(stores, None, work)).tree


async def ask(stores: Stores, tree: str, question: Callable[[GraphSource], Any]) -> Any:
    return await stores.graphs.ask(tree, question)


async def test_a_new_tree_is_named_after_its_root_and_has_an_id_that_can_be_typed(
    stores: Stores, clock: StillClock
) -> None:
    tree = await planted(stores)
    assert len(tree) == 6
    assert set(tree) <= set("abcdefghijklmnopqrstuvwxyz234567")
    found = await ask(stores, tree, lambda source: source.tree)
    assert found == Tree(id=tree, title="Feast", revision=1, next_number=5, created_at=clock(), changed_at=clock())
    named = await change(stores, None, lambda ws: add(ws, "Root"), title="Its own")
    assert (await ask(stores, named.tree, lambda source: source.tree)).title == "Its own"
    assert await stores.graphs.trees() == sorted(
        [found, await ask(stores, named.tree, lambda source: source.tree)], key=lambda one: one.id
    )


async def test_trees_are_listed_the_last_changed_first(stores: Stores, clock: StillClock) -> None:
    first, second = await planted(stores), await planted(stores)
    clock.forward(1)
    await change(stores, first, lambda ws: ws.set(1, title="Later"))
    assert [tree.id for tree in await stores.graphs.trees()] == [first, second]


async def test_a_tree_that_is_not_there_is_unknown_to_every_method(stores: Stores) -> None:
    tree = await planted(stores)
    for attempt in (
        ask(stores, "nobody", lambda source: source.tree),
        change(stores, "nobody", lambda ws: None),
        stores.graphs.dump("nobody"),
        stores.graphs.forget("nobody", 1),
        ask(stores, tree, lambda source: source.other(TreeId("nobody"))),
    ):
        with pytest.raises(UnknownTree):
            await attempt
    assert await stores.graphs.remove([TreeId("nobody")]) == 0


async def test_what_was_added_is_read_back_with_everything_that_leads_to_it(stores: Stores) -> None:
    tree = await planted(stores)

    def question(source: GraphSource) -> None:
        root, shop, cook, serve = source.tasks([4, 3, 2, 1, 99])
        assert (root.title, root.instruction, root.children, root.unended, root.revision) == (
            "Feast", "Cook for ten", 3, 3, 1,
        )  # fmt: skip
        assert (shop.key, shop.priority, shop.inputs) == ("shop", 2, {"for": 10, "from": {"$fact": "guests"}})
        assert (cook.requires, cook.effort) == ((Edge(source=2, kind=EdgeKind.AFTER_SUCCESS),), 2.5)
        assert (serve.under, serve.optional, serve.parent) == ((2,), True, 1)
        assert source.roots() == [1]
        assert source.children(1) == [2, 3, 4]
        assert source.children(2) == [4]
        assert [source.dependents(number) for number in (1, 2, 3, 4)] == [[], [3], [4], []]
        assert [source.titled(title) for title in ("SHOP", "sho", "cook")] == [[2], [], [3]]
        assert (source.keyed("shop"), source.keyed("Shop")) == (2, None)
        assert source.fact_users("guests") == [2]
        assert source.fact_users("guest") == []
        assert source.input_holders("dish") == [4]
        assert source.facts([2, 1]) == [fact(1, "guests", 10)]
        assert source.titles_like("shop for cook") == ["Shop", "Cook"]
        assert source.counts() == {Status.PENDING: 4}

    await ask(stores, tree, question)


async def test_hostile_text_and_any_json_come_back_as_they_were(stores: Stores) -> None:
    values = {"a": [None, True, 1, 1.5, -(2**53), {"": {}}], "b": HOSTILE, "long": "x" * 5000, HOSTILE: False}
    tree = (
        await change(stores, None, lambda ws: add(ws, HOSTILE, instruction=HOSTILE, inputs=values, facts=dict(values)))
    ).tree
    await change(stores, tree, lambda ws: ws.set(1, status=Status.DONE, output=values, reason=HOSTILE))
    task, facts, events, titled, mentioning = await ask(
        stores,
        tree,
        lambda source: (
            source.tasks([1])[0], source.facts([1]), source.events(), source.titled(HOSTILE.upper()),
            source.mentioning("LINE\nBREAK SS"),
        ),
    )  # fmt: skip
    assert (task.title, task.instruction, task.reason) == (HOSTILE, HOSTILE, HOSTILE)
    assert same(dict(task.inputs), values)
    assert same(task.output, values)
    assert same([one.value for one in facts if one.key in {"a", "b", "long"}], [values["a"], HOSTILE, "x" * 5000])
    assert same(events[0].change.after["inputs"], values)
    assert same(events[-1].change.after, values)
    assert titled == [1]
    assert mentioning == [1]


async def test_true_is_not_one_and_null_is_not_absent(stores: Stores) -> None:
    tree = (await change(stores, None, lambda ws: add(ws, "T", inputs={"a": 1}, facts={"f": 0}))).tree

    def work(ws: Workspace) -> None:
        ws.set(1, inputs={"a": True}, output=None)
        ws.set_fact(fact(1, "f", False))

    result = await change(stores, tree, work)
    assert {one.field for one in result.changes} == {"inputs/a", "output", "facts/f"}
    task, [said] = await ask(stores, tree, lambda source: (source.tasks([1])[0], source.facts([1])))
    assert task.inputs["a"] is True
    assert task.output is None
    assert said.value is False


async def test_the_record_is_the_changes_with_who_and_when(stores: Stores, clock: StillClock) -> None:
    tree = await planted(stores)
    clock.forward(60)
    result = await change(
        stores, tree, lambda ws: ws.set(2, title="Buy", priority=0, reason="why"), turn=3, speaker="user", note="update"
    )
    assert [(one.task, one.field, one.before, one.after, one.reason) for one in result.changes] == [
        (2, "title", "Shop", "Buy", "why"),
        (2, "priority", 2, 0, "why"),
    ]
    assert (result.revision, result.turn) == (2, 3)
    events, revision = await ask(stores, tree, lambda source: (source.events(after=1), source.revision(2)))
    assert [(one.seq, one.at, one.turn, one.source, one.change) for one in events] == [
        (seq, clock(), 3, "user", one) for seq, one in enumerate(result.changes, 1)
    ]
    assert (revision.kind, revision.state, revision.base, revision.note) == (RevisionKind.EDIT, 2, 1, "update")
    assert await ask(stores, tree, lambda source: source.revision(3)) is None


async def test_a_turn_never_goes_back(stores: Stores) -> None:
    tree = await planted(stores)
    turns = [(await change(stores, tree, partial(Workspace.set, number=1, priority=n), turn=turn)).turn
             for n, turn in enumerate([4, 2, None, 6, 6], 1)]  # fmt: skip
    assert turns == [4, 4, 4, 6, 6]
    last = await ask(stores, tree, lambda source: [source.last_revision_of(turn) for turn in range(8)])
    assert last == [1, 1, 1, 1, 4, 4, 6, 6]


async def test_several_changes_of_one_field_are_recorded_as_one(stores: Stores) -> None:
    tree = await planted(stores)

    def work(ws: Workspace) -> None:
        ws.set(2, title="A")
        ws.set(2, title="B", priority=5)
        ws.set(2, priority=2)
        ws.move(3, Status.SKIPPED)
        ws.move(3, Status.PENDING)
        add(ws, "Gone", parent=1)
        ws.remove(5)
        add(ws, "Kept", parent=1)
        ws.set(6, title="Kept on")
        ws.move(6, Status.SKIPPED, "no use")

    result = await change(stores, tree, work)
    assert [(one.task, one.field, one.before, one.after) for one in result.changes] == [
        (2, "title", "Shop", "B"),
        (6, "*", ABSENT, {"title": "Kept on", "parent": 1}),
        (6, "status", "pending", "skipped"),
    ]
    kept, tree_now = await ask(stores, tree, lambda source: (source.tasks([3, 5]), source.tree))
    assert [(one.number, one.revision) for one in kept] == [(3, 1)]
    assert tree_now.next_number == 7


async def test_the_steps_of_work_are_all_recorded(stores: Stores) -> None:
    tree = await planted(stores)

    def work(ws: Workspace) -> None:
        for status in (Status.RUNNING, Status.FAILED, Status.PENDING):
            ws.move(2, status)

    result = await change(stores, tree, work)
    assert [(one.before, one.after) for one in result.changes] == [
        ("pending", "running"), ("running", "failed"), ("failed", "pending"),
    ]  # fmt: skip


async def test_where_nothing_is_recorded_the_revision_stays_and_bookkeeping_is_kept(
    stores: Stores, clock: StillClock
) -> None:
    tree = await planted(stores)
    until = clock() + timedelta(seconds=9)
    result = await change(stores, tree, lambda ws: ws.mark(2, holder="w", lease_until=until, fence=3, reason="mine"))
    assert (result.revision, list(result.changes)) == (1, [])
    [task] = await ask(stores, tree, lambda source: source.tasks([2]))
    assert (task.holder, task.lease_until, task.fence, task.reason, task.revision) == ("w", until, 3, "mine", 1)


async def test_whatever_is_raised_nothing_of_a_change_is_kept(stores: Stores) -> None:
    tree = await planted(stores)
    before = await stores.graphs.dump(tree)

    def work(ws: Workspace) -> None:
        ws.set(add(ws, "More"), title="Else")
        raise BadEdit("no")

    for target in (tree, None):
        with pytest.raises(BadEdit):
            await change(stores, target, work)
    assert await stores.graphs.dump(tree) == before
    assert len(await stores.graphs.trees()) == 1


async def test_a_change_against_an_old_revision_is_refused_with_what_changed_since(stores: Stores) -> None:
    tree = await planted(stores)

    def much(ws: Workspace) -> None:
        for number in range(120):
            add(ws, f"Task {number}", parent=1)

    await change(stores, tree, lambda ws: ws.set(2, title="Buy"), base_revision=1)
    await change(stores, tree, much, base_revision=2)
    with pytest.raises(RevisionConflict) as refused:
        await change(stores, tree, lambda ws: ws.set(2, title="Mine"), base_revision=1)
    error = refused.value
    assert (error.tree, error.base, error.revision, len(error.since), error.left_out) == (tree, 1, 3, 100, 21)
    assert [(one.revision, one.change.field) for one in error.since[:2]] == [(2, "title"), (3, "*")]
    assert [task.title for task in await ask(stores, tree, lambda source: source.tasks([2]))] == ["Buy"]


async def test_a_key_can_go_from_one_task_to_another_within_a_change(stores: Stores) -> None:
    tree = await planted(stores)

    def work(ws: Workspace) -> None:
        ws.set(3, key="shop")
        ws.set(2, key="cook")

    def back(ws: Workspace) -> None:
        ws.set(2, key="shop")
        ws.set(3, key="cook")

    await change(stores, tree, work)
    assert await ask(stores, tree, lambda source: (source.keyed("shop"), source.keyed("cook"))) == (3, 2)
    await change(stores, tree, back)
    assert await ask(stores, tree, lambda source: (source.keyed("shop"), source.keyed("cook"))) == (2, 3)


async def test_what_can_be_claimed_comes_by_length_then_priority_then_number(stores: Stores) -> None:
    tree = await planted(stores)

    def work(ws: Workspace) -> None:
        for number, tail, priority in ((1, 2.0, 0), (2, 5.5, 1), (3, 5.5, 7), (4, 2.0, 0)):
            ws.mark(number, ready=True, tail=tail)
            ws.set(number, priority=priority)

    await change(stores, tree, work)
    ready, first = await ask(stores, tree, lambda source: (source.ready(10), source.ready(2)))
    assert [task.number for task in ready] == [3, 2, 1, 4]
    assert first == ready[:2]
    await change(stores, tree, lambda ws: ws.mark(3, ready=False))
    assert [task.number for task in await ask(stores, tree, lambda source: source.ready(10))] == [2, 1, 4]


async def test_the_lapsed_the_failed_and_the_unended_are_found(stores: Stores, clock: StillClock) -> None:
    tree = await planted(stores)

    def work(ws: Workspace) -> None:
        ws.move(2, Status.RUNNING)
        ws.mark(2, lease_until=clock() + timedelta(seconds=5), holder="w")
        for status in (Status.RUNNING, Status.FAILED):
            ws.move(4, status)

    await change(stores, tree, work)

    def question(source: GraphSource) -> Any:
        early, late = (source.lapsed(clock() + timedelta(seconds=seconds)) for seconds in (4, 5))
        return (
            early, late, source.failed_children(1), source.failed_children(2),
            [one.number for one in source.unended(2)],
            [one.number for one in source.unended(9)], source.counts(),
        )  # fmt: skip

    counts = {Status.PENDING: 2, Status.RUNNING: 1, Status.FAILED: 1}
    assert await ask(stores, tree, question) == ([], [2], [4], [4], [1, 2], [1, 2, 3], counts)
    assert list(await ask(stores, tree, lambda source: source.counts())) == list(counts)


async def test_the_record_is_asked_by_revision_task_and_field(stores: Stores) -> None:
    tree = await planted(stores)
    for number in range(5):
        await change(
            stores, tree,
            partial(Workspace.set, number=2, priority=10 + number, title=f"T{number}"),
            partial(Workspace.set_fact, fact=fact(1, "guests", number)),
        )  # fmt: skip
    await change(stores, tree, lambda ws: ws.set(3, inputs={"guests": 1}), lambda ws: ws.remove(4))

    def shown(source: GraphSource, **question: Any) -> list[tuple[int, int, str]]:
        return [(one.revision, one.change.task, one.change.field) for one in source.events(**question)]

    def question(source: GraphSource) -> None:
        assert shown(source, until=1) == [(1, number, "*") for number in (1, 2, 3, 4)]
        assert shown(source, after=5, until=6) == [(6, 2, "title"), (6, 2, "priority"), (6, 1, "facts/guests")]
        assert shown(source, tasks=[2], fields=["title", "*"], newest=1) == [(6, 2, "title")]
        assert shown(source, tasks=[2], fields=["*"], newest=1) == [(1, 2, "*")]
        assert shown(source, tasks=[2], newest=3) == [(5, 2, "priority"), (6, 2, "title"), (6, 2, "priority")]
        assert shown(source, fields=["facts/guests"], newest=2) == [(5, 1, "facts/guests"), (6, 1, "facts/guests")]
        assert shown(source, fields=["facts/guests", "title"], after=5) == [(6, 2, "title"), (6, 1, "facts/guests")]
        assert shown(source, fields=["inputs/guests"]) == [(7, 3, "inputs/guests")]
        assert shown(source, fields=["*"], after=1) == [(7, 4, "*")]
        assert shown(source, tasks=[]) == []
        assert shown(source, fields=[]) == []
        assert shown(source, tasks=[1, 2, 3], after=6) == [(7, 3, "inputs/guests")]

    await ask(stores, tree, question)


async def test_facts_are_found_by_key_and_by_what_goes_on_from_it(stores: Stores) -> None:
    tree = await planted(stores)

    def work(ws: Workspace) -> None:
        ws.set_fact(fact(2, "guests/names", ["Ana"]))
        ws.set_fact(fact(2, "guestsx", 1))
        ws.set_fact(fact(3, "guests", ABSENT, candidates=(8, 9), confirmed=False))

    await change(stores, tree, work)
    found = await ask(stores, tree, lambda source: source.facts_called("guests"))
    assert [(one.task, one.key, one.value, one.candidates) for one in found] == [
        (1, "guests", 10, ()), (2, "guests/names", ["Ana"], ()), (3, "guests", ABSENT, (8, 9)),
    ]  # fmt: skip
    await change(stores, tree, lambda ws: ws.set_fact(fact(2, "guests/names", ABSENT)))
    found = await ask(stores, tree, lambda source: source.facts_called("guests/names"))
    assert found == []


async def test_what_mentions_a_text_is_found_wherever_it_says_so(stores: Stores) -> None:
    tree = await planted(stores)
    await change(stores, tree, lambda ws: add(ws, "Say", parent=1, facts={"cake": {"kind": ["Sacher"]}}))
    found = await ask(stores, tree, lambda source: [source.mentioning(one) for one in ("FOR TEN", "sacher", "cook")])
    assert found == [[1], [5], [1, 3]]
    await change(stores, tree, lambda ws: ws.remove(5))
    removals = await ask(stores, tree, lambda source: (source.removals("sacher"), source.removals("Feast")))
    assert [[one.change.task for one in part] for part in removals] == [[5], []]


async def test_a_what_if_copy_has_everything_but_the_record_and_those_who_hold(
    stores: Stores, clock: StillClock
) -> None:
    tree = await planted(stores)

    def work(ws: Workspace) -> None:
        ws.move(2, Status.RUNNING)
        ws.mark(2, holder="w", lease_until=clock() + timedelta(seconds=9), fence=2)
        ws.branches["cheaper"] = ws.tree

    result = await change(stores, tree, work, turn=5)
    copy = result.branches["cheaper"]
    await change(stores, tree, lambda ws: ws.set(1, title="Not in the copy"))

    def question(source: GraphSource) -> None:
        [branch] = source.branches()
        other = source.other(copy)
        assert branch == other.tree
        assert (branch.origin, branch.origin_revision, branch.pruned, branch.revision) == (tree, 2, 2, 2)
        assert (branch.name, branch.title, branch.turn, branch.state) == ("cheaper", "Feast", 5, TreeState.OPEN)
        assert [task.title for task in other.tasks(range(9))] == ["Feast", "Shop", "Cook", "Serve"]
        [shop] = other.tasks([2])
        assert (shop.status, shop.holder, shop.lease_until, shop.fence) == (Status.RUNNING, None, None, 2)
        assert (other.children(2), other.dependents(3), other.keyed("shop")) == ([4], [4], 2)
        assert (other.facts([1]), other.fact_users("guests")) == ([fact(1, "guests", 10)], [2])
        assert other.counts() == source.counts()
        assert other.events() == []
        assert [other.last_revision_of(turn) for turn in (4, 5)] == [0, 2]

    await ask(stores, tree, question)
    await change(stores, copy, lambda ws: ws.set(2, priority=9), turn=7)
    assert await ask(stores, copy, lambda source: [source.last_revision_of(turn) for turn in (4, 6, 7)]) == [0, 2, 3]
    await change(stores, tree, lambda ws: ws.closed.update({copy: TreeState.DROPPED}))
    with pytest.raises(BadEdit, match="cheaper"):
        await change(stores, copy, lambda ws: ws.set(2, priority=1))
    assert [one.state for one in await ask(stores, tree, lambda source: source.branches())] == [TreeState.DROPPED]


async def test_undo_and_redo_name_the_state_that_they_went_to(stores: Stores) -> None:
    tree = await planted(stores)
    await change(stores, tree, lambda ws: ws.set(2, title="Buy"))

    def back(ws: Workspace) -> None:
        ws.set(2, title="Shop")
        ws.went_to = 1
        ws.tree = replace(ws.tree, redo=(2,))

    await change(stores, tree, back, kind=RevisionKind.UNDO)
    await change(stores, tree, lambda ws: ws.set(3, priority=1), kind=RevisionKind.WORK)
    third, fourth, kept = await ask(
        stores, tree, lambda source: (source.revision(3), source.revision(4), source.tree.redo)
    )
    assert (third.state, third.base, fourth.state, fourth.base, kept) == (1, 2, 4, 1, (2,))
    await change(stores, tree, lambda ws: ws.set(3, priority=2))
    assert (await ask(stores, tree, lambda source: source.tree)).redo == ()


def call(clock: StillClock, task: str, id_: str, **more: Any) -> CallRecord:
    return CallRecord(
        call_id=CallId(id_), tool="mail__send", source=None, tool_digest=None, arguments_digest="d", surface="python",
        state=CallState.PREPARED, started_at=clock(), task=task, fence=4, effectful=True, **more,
    )  # fmt: skip


async def test_calls_are_prepared_and_ended_with_the_change_that_they_belong_to(
    stores: Stores, clock: StillClock
) -> None:
    tree = await planted(stores)
    record = call(clock, f"{tree}.2", "c1", idempotency_key="k")
    await change(stores, tree, lambda ws: ws.prepared.append(record), lambda ws: ws.move(2, Status.RUNNING))
    assert await ask(stores, tree, lambda source: source.effects(2)) == [record]
    assert await ask(stores, tree, lambda source: source.effects(3)) == []
    ended = replace(record, state=CallState.ENDED, took_ms=1.5)
    await change(stores, tree, lambda ws: ws.ended.append((ended, None)), lambda ws: ws.move(2, Status.DONE))
    assert await ask(stores, tree, lambda source: source.effects(2)) == [ended]
    with pytest.raises(Conflict):
        again = replace(record, fence=5)
        await change(stores, tree, lambda ws: ws.set(3, title="No"), lambda ws: ws.prepared.append(again))
    assert await ask(stores, tree, lambda source: [task.title for task in source.tasks([3])]) == ["Cook"]
    assert await ask(stores, tree, lambda source: source.effects(2)) == [ended]


async def test_a_dump_loads_as_what_it_was_and_forgetting_leaves_what_is(stores: Stores, clock: StillClock) -> None:
    tree = await planted(stores)
    for turn in (1, 1, 2, 3):
        clock.forward(1)
        await change(stores, tree, partial(Workspace.set_fact, fact=fact(1, f"k{turn}", clock().second)), turn=turn)
    dump = await stores.graphs.dump(tree)
    with pytest.raises(Conflict):
        await stores.graphs.load(dump)
    assert await stores.graphs.remove([tree]) == 4
    assert await stores.graphs.trees() == []
    await stores.graphs.load(dump)
    assert await stores.graphs.dump(tree) == dump
    assert await stores.graphs.forget(tree, 4) == 4 + 3
    assert await stores.graphs.forget(tree, 3) == 0
    after = await stores.graphs.dump(tree)
    assert (after.tree, after.tasks, after.facts) == (replace(dump.tree, pruned=4), dump.tasks, dump.facts)
    assert (after.revisions, after.events) == (dump.revisions[3:], [one for one in dump.events if one.revision > 4])
    assert await ask(stores, tree, lambda source: [source.last_revision_of(turn) for turn in range(5)]) == [
        0,
        0,
        4,
        5,
        5,
    ]
    result = await change(stores, tree, lambda ws: ws.set(1, priority=3))
    assert result.revision == 6


def random_work(seed: int) -> Callable[[Workspace], None]:
    """Some changes of any kind, the same on every store."""

    def work(ws: Workspace) -> None:
        dice = random.Random(seed)
        for _ in range(dice.randint(1, 6)):
            there = [task.number for task in ws.source.tasks(range(1, ws.tree.next_number)) if ws.find(task.number)]
            leaves = [one for one in there if one > 1 and not ws.children(one) and not ws.dependents(one)]
            _random_change(ws, dice, there, leaves)

    return work


def _random_change(ws: Workspace, dice: random.Random, there: list[int], leaves: list[int]) -> None:
    one, other = dice.choice(there), dice.choice(there)
    what = dice.randrange(8)
    if what < 3:
        inputs = {dice.choice("ab"): dice.choice([1, True, "Ana", {"$from": other, "path": ""}, {"$fact": "k"}])}
        edges = (Edge(source=other, kind=EdgeKind.AFTER_ANY),) if dice.random() < 0.5 else ()
        under = (other,) if other != one else ()
        add(ws, dice.choice(["Ana", "ANA", "Ben"]), parent=one, under=under, inputs=inputs, requires=edges)
    elif what == 3 and leaves:
        ws.remove(dice.choice(leaves))
    elif what == 4:
        key = dice.choice(["k", "k/x", "l"])
        value, candidates = dice.choice([(1, ()), (True, ()), (ABSENT, ()), (ABSENT, (1, "x"))])
        ws.set_fact(fact(one, key, value, candidates=candidates))
    elif what == 5:
        ws.set(one, title=dice.choice(["Ana", "Ben", "Chloé"]), labels=(dice.choice("xy"),), summary=None)
    elif what == 6:
        ws.set(one, status=dice.choice(list(Status)), output=dice.choice([ABSENT, None, 1, {"a": []}]))
        ws.mark(one, ready=dice.random() < 0.5, tail=float(dice.randrange(3)))
    elif one > 1:
        ws.set(one, inputs={"b": dice.choice([0, False])}, under=())


def answers(source: GraphSource) -> list[Any]:
    """Everything that a source can be asked, without the ids of trees."""
    numbers = range(1, source.tree.next_number)
    events = [(one.revision, one.seq, one.turn, one.change) for one in source.events()]
    return [
        source.tasks(numbers), source.facts(numbers), events, source.roots(), source.counts(), source.ready(100),
        source.unended(3), [source.children(one) for one in numbers], [source.dependents(one) for one in numbers],
        [source.failed_children(one) for one in numbers], source.titled("ana"), source.facts_called("k"),
        source.fact_users("k"), [source.input_holders(one) for one in "abc"], source.mentioning("Ana"),
        [(one.revision, one.change) for one in source.events(fields=["inputs/b", "facts/k", "status"], newest=5)],
        [(one.revision, one.change) for one in source.events(tasks=list(numbers)[::2], after=3, fields=["*", "title"])],
        [(one.revision, one.change) for one in source.removals("ana")],
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_every_store_answers_as_the_double_does(stores: Stores, clock: StillClock, seed: int) -> None:
    double = MemoryDatabase(clock)
    trees = [(await change(one, None, lambda ws: add(ws, "Root"))).tree for one in (stores, double)]
    for step in range(15):
        work = random_work(seed * 1000 + step)
        results = [await change(one, tree, work) for one, tree in zip((stores, double), trees, strict=True)]
        assert results[0].revision == results[1].revision
    found, expected = [await ask(one, tree, answers) for one, tree in zip((stores, double), trees, strict=True)]
    for mine, theirs in zip(found, expected, strict=True):
        assert mine == theirs
        assert repr(mine) == repr(theirs)  # where Python takes 1 for true
