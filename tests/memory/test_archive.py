"""Trees as files, and what is kept of them for how long."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.call import CallRecord, CallState
from banyan.core.claim import Claim
from banyan.core.errors import BadFile, InvalidArgument, UnknownTree
from banyan.core.ids import CallId, SourceName
from banyan.core.task import TreeId
from banyan.memory.archive import Archive
from banyan.memory.formats.document import document_of, dump_of
from banyan.memory.tasks import Tasks
from banyan.testing.graph import MemoryGraphs

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)

LETTERS = st.text(st.characters(exclude_characters="\0$", exclude_categories=["Cs"]), min_size=1, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-1, 1) | LETTERS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(LETTERS, inner, max_size=2),
    max_leaves=4,
)


class Shelf:
    """A store with a clock that goes on by an hour with everything that is done."""

    def __init__(self) -> None:
        self.now = START
        self.graphs = MemoryGraphs(self._tick)
        self.tasks = Tasks(self.graphs, self._tick)
        self.archive = Archive(self.graphs)

    async def apply(self, tree: str | None, *edits: dict[str, Any], **rest: Any) -> TreeId:
        return (await self.tasks.apply(tree, edits, **rest)).tree

    async def trip(self) -> TreeId:
        """Make a tree that has something of everything."""
        tree = await self.apply(
            None,
            {"op": "add", "ref": "@trip", "title": "Trip", "facts": {"to": "Lisbon"}, "result": "children"},
            {"op": "add", "ref": "@pay", "title": "Pay", "key": "pay", "effort": 2.5, "budget": {"attempts": 2}},
            turn=1,
            source="user",
        )
        edits: list[dict[str, Any]] = [
            {"op": "add", "ref": "@hotel", "title": "Hotel", "inputs": {"to": {"$fact": "to"}, "nights": None}},
            {"op": "add", "ref": "@mail", "title": "Mail", "inputs": {"room": {"$from": "@hotel", "path": "/room"}}},
            {
                "op": "add",
                "title": "Call",
                "requires": [{"from": "@hotel", "kind": "when", "when": "output.room == 1"}],
            },
            {"op": "update", "task": "pay", "under": ["@mail"], "requires_labels": ["money"], "priority": 3},
            {"op": "fact", "key": "to", "value": "Porto", "candidate": True},
        ]
        await self.apply(tree, *edits, turn=2, source="assistant")
        await self.apply(tree, {"op": "complete", "task": "Hotel", "output": {"room": 1, "price": None}}, turn=2)
        await self.apply(tree, {"op": "fact", "key": "to", "value": "Faro"}, turn=3, source="user")
        await self.tasks.claim(tree, Claim(worker="w1", tasks=["Hotel"]))
        await self.apply(tree, {"op": "cancel", "task": "Call", "reason": "no phone"}, turn=4)
        return tree

    async def exported(self, tree: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(json.dumps(await self.archive.export(tree)))
        return document

    def _tick(self) -> datetime:
        self.now += timedelta(hours=1)
        return self.now


async def test_a_tree_that_was_exported_is_imported_exactly_as_it_was() -> None:
    here, there = Shelf(), Shelf()
    tree = await here.trip()
    text = json.dumps(await here.archive.export(tree))

    [imported] = await there.archive.import_(text)
    assert (imported.tree, imported.was, imported.title) == (tree, None, "Trip")
    assert await there.graphs.dump(tree) == await here.graphs.dump(tree)
    assert json.dumps(await there.archive.export(tree)) == text
    assert await there.tasks.history(tree) == await here.tasks.history(tree)
    undone, same = await there.tasks.undo(tree), await here.tasks.undo(tree)
    assert undone.changes == same.changes


async def test_a_tree_whose_id_is_taken_gets_another_and_is_the_same_but_for_it() -> None:
    shelf = Shelf()
    tree = await shelf.trip()
    document = await shelf.exported(tree)

    [imported] = await shelf.archive.import_(json.dumps(document))
    assert imported.was == tree
    assert imported.to_json()["was"] == tree
    again = await shelf.exported(imported.tree)
    assert again["tree"].pop("id") != document["tree"].pop("id")
    assert again == document
    assert {event.tree for event in await shelf.tasks.history(imported.tree)} == {imported.tree}


async def test_a_tree_with_a_pruned_record_and_its_what_if_are_exported_and_imported_too() -> None:
    here, there = Shelf(), Shelf()
    tree = await here.trip()
    made = await here.tasks.apply(tree, [{"op": "branch", "name": "sea"}])
    await here.graphs.forget(tree, 3)
    for one in (tree, made.branches["sea"]):
        [imported] = await there.archive.import_(json.dumps(await here.archive.export(one)))
        assert imported.tree == one
        assert await there.graphs.dump(one) == await here.graphs.dump(one)


@given(st.lists(st.tuples(st.sampled_from(["fact", "output", "input"]), JSON), max_size=6))
async def test_every_value_comes_back_from_a_document_as_it_was(steps: list[tuple[str, Any]]) -> None:
    shelf = Shelf()
    tree = await shelf.apply(None, {"op": "add", "title": "A"}, {"op": "add", "title": "B"})
    for kind, value in steps:
        edit: dict[str, Any] = {
            "fact": {"op": "fact", "key": "k", "value": value},
            "output": {"op": "complete", "task": "B", "output": value},
            "input": {"op": "update", "task": "B", "inputs": {"i": [value]}},
        }[kind]
        await shelf.apply(tree, edit)
    dump = await shelf.graphs.dump(tree)

    text = json.dumps(document_of(dump))
    again = dump_of(json.loads(text), name="x")
    assert again == dump
    assert json.dumps(document_of(again)) == text


def gone(document: dict[str, Any]) -> None:
    document["tasks"].pop(0)


def circle(document: dict[str, Any]) -> None:
    document["tasks"][0]["parent"] = document["tasks"][1]["number"]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda d: d.update(version=99), "version 99"),
        (lambda d: d.pop("tasks"), "tasks: should be a list"),
        (lambda d: d["tree"].pop("created_at"), "tree/created_at"),
        (lambda d: d["tasks"][0].update(colour="red"), "tasks/0: there is no field `colour`"),
        (lambda d: d["tasks"][0].update(status="odd"), "tasks/0/status"),
        (lambda d: d["tasks"][1].update(requires=[{"kind": "after_any"}]), "tasks/1/requires"),
        (lambda d: d["events"][0].update(revision=77), "there is no revision 77"),
        (lambda d: d["tree"].update(revision=9), "without a gap"),
        (lambda d: d["tasks"][1].update(key="same") or d["tasks"][2].update(key="same"), "one key"),
        (lambda d: d["facts"][0].update(task=99), "there is no task 99"),
        (lambda d: d["tree"].update(next_number=2), "next_number"),
        (lambda d: d["events"][-1].update(d["events"][-2]), "in order"),
        (lambda d: d["events"][0].update(task=99), "no such task"),
        (lambda d: d["events"][0].update(field="colour"), "cannot have"),
        (lambda d: d["events"][0].update(after=3), "cannot have"),
        (lambda d: d["events"][0].update(after={"title": "x", "status": "odd"}), "cannot have"),
        (lambda d: d["events"][0].update(after={"title": "x", "inputs": {"a": {"$from": "b"}}}), "cannot have"),
        (lambda d: d["events"][0].update(field="status", before="done", after=None), "cannot have"),
        (lambda d: d["events"][0].update(revision=[1]), "there is no revision"),
        (lambda d: d["facts"].append(d["facts"][0]), "said twice"),
        (lambda d: d["tasks"][1].update(title="half \ud83d"), "cannot be kept"),
        (lambda d: d["tasks"][1].update(priority=2**40), "too large"),
        (lambda d: d["tasks"][1].update(output=10**30), "64 bits"),
        (lambda d: d["tasks"][1].update(inputs={"x": {"$from": [1]}}), "refers to nothing"),
        (lambda d: d["tasks"][1].update(inputs={"x": {"$fact": [1]}}), "refers to nothing"),
        (lambda d: d["tasks"][1].update(output=json.loads("[" * 300 + "]" * 300)), "240 levels"),
        (lambda d: d["tree"].update(changed_at="2026-01-01"), "no time zone"),
        (gone, "refers to 1"),
        (circle, "stands under itself"),
    ],
)
async def test_a_document_that_does_not_hold_together_is_refused(
    spoil: Callable[[dict[str, Any]], object], told: str
) -> None:
    shelf = Shelf()
    document = await shelf.exported(await shelf.trip())
    spoil(document)

    with pytest.raises(BadFile, match=told):
        await shelf.archive.import_(json.dumps(document), name="trip.json")
    assert len(await shelf.tasks.trees()) == 1


@pytest.mark.parametrize(
    "text",
    ["", "hello", "{}", "[]", '{"tasks": 3}', '{"format": "other"}', "[" * 100_000],
    ids=lambda text: text[:9],
)
async def test_a_file_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(BadFile, match="neither"):
        await Shelf().archive.import_(text)


async def test_pruning_shortens_the_record_of_what_is_open_and_keeps_what_is_and_what_was_since() -> None:
    shelf = Shelf()
    tree = await shelf.trip()
    before = await shelf.graphs.dump(tree)
    at = before.revisions[3].at
    then = (await shelf.tasks.view(tree, as_of={"revision": 4})).to_json()

    would = await shelf.archive.prune(before=at, dry_run=True)
    assert (would.shortened, would.changes) == ({tree: 3}, 0)
    assert await shelf.graphs.dump(tree) == before

    pruned = await shelf.archive.prune(before=at)
    after = await shelf.graphs.dump(tree)
    assert (pruned.shortened, pruned.removed) == ({tree: 3}, [])
    assert pruned.changes == len(before.events) - len(after.events) > 0
    assert (after.tasks, after.facts, after.tree.pruned) == (before.tasks, before.facts, 3)
    assert after.events == [event for event in before.events if event.revision > 3]
    assert (await shelf.tasks.view(tree, as_of={"revision": 4})).to_json() == then
    with pytest.raises(InvalidArgument, match="begins at revision 3"):
        await shelf.tasks.view(tree, as_of={"revision": 2})
    assert (await shelf.archive.prune(before=at)).to_json() == {
        "removed": [],
        "shortened": {},
        "tasks": 0,
        "changes": 0,
        "kept": {},
    }


async def test_pruning_removes_trees_that_have_ended_and_no_other() -> None:
    shelf = Shelf()
    ended = await shelf.apply(None, {"op": "add", "title": "Old"}, {"op": "add", "title": "Part"})
    await shelf.apply(ended, {"op": "complete", "task": "Part"}, {"op": "complete", "task": "Old"})
    open_one = await shelf.apply(None, {"op": "add", "title": "Open"})
    then = shelf.now + timedelta(minutes=1)
    late = await shelf.apply(None, {"op": "add", "title": "Late"})
    await shelf.apply(late, {"op": "complete", "task": "Late"})

    assert (await shelf.archive.prune(before=then, dry_run=True)).removed == [ended]
    pruned = await shelf.archive.prune(before=then)
    assert (pruned.removed, pruned.tasks) == ([ended], 2)
    assert {tree.id for tree in await shelf.tasks.trees()} == {open_one, late}


async def test_pruning_keeps_what_an_open_what_if_parted_from() -> None:
    shelf = Shelf()
    tree = await shelf.apply(None, {"op": "add", "title": "Old"})
    made = await shelf.tasks.apply(tree, [{"op": "branch", "name": "sea"}])
    what_if = made.branches["sea"]
    await shelf.apply(what_if, {"op": "fact", "key": "to", "value": "Faro"})
    await shelf.apply(tree, {"op": "fact", "key": "by", "value": "train"})
    await shelf.apply(tree, {"op": "complete", "task": "Old"})
    late = shelf.now + timedelta(days=1)

    pruned = await shelf.archive.prune(before=late)
    assert (pruned.removed, list(pruned.kept)) == ([], [tree])
    assert "`sea` is open" in pruned.kept[tree]
    await shelf.apply(tree, {"op": "adopt", "branch": "sea"})
    assert (await shelf.tasks.recall(tree, keys=["to"])).answers[0].value == "Faro"

    assert set((await shelf.archive.prune(before=late)).removed) == {tree, what_if}


async def test_pruning_keeps_a_tree_with_an_effect_that_nobody_knows_the_end_of() -> None:
    shelf = Shelf()
    tree = await shelf.apply(None, {"op": "add", "title": "Pay"})
    [claimed] = await shelf.tasks.claim(tree, Claim(worker="w1"))
    record = CallRecord(
        call_id=CallId("c1"),
        tool="pay",
        source=SourceName("bank"),
        tool_digest=None,
        arguments_digest="0",
        surface="python",
        state=CallState.PREPARED,
        started_at=shelf.now,
        task=claimed.view.id,
        fence=claimed.fence,
        effectful=True,
    )
    shelf.graphs.calls[record.call_id] = record
    await shelf.tasks.finish(claimed.view.id, "cancelled", fence=claimed.fence, reason="gone")
    late = shelf.now + timedelta(days=1)

    kept = (await shelf.archive.prune(before=late)).kept
    assert list(kept) == [tree]
    assert claimed.view.id in kept[tree]


async def test_pruning_one_tree_leaves_the_others() -> None:
    shelf = Shelf()
    trees = [await shelf.apply(None, {"op": "add", "title": title}) for title in ("A", "B")]
    for tree in trees:
        await shelf.apply(tree, {"op": "cancel", "task": "1"})
    late = shelf.now + timedelta(days=1)

    assert (await shelf.archive.prune(before=late, tree=trees[0])).removed == [trees[0]]
    assert [tree.id for tree in await shelf.tasks.trees()] == [trees[1]]
    with pytest.raises(UnknownTree):
        await shelf.archive.prune(before=late, tree="nope")


async def test_a_tree_is_removed_with_its_what_ifs() -> None:
    shelf = Shelf()
    tree = await shelf.trip()
    await shelf.tasks.apply(tree, [{"op": "branch", "name": "sea"}])
    other = await shelf.apply(None, {"op": "add", "title": "Other"})

    assert await shelf.archive.remove(tree) == 10
    assert [one.id for one in await shelf.tasks.trees()] == [other]
    with pytest.raises(UnknownTree):
        await shelf.archive.remove(tree)


async def test_a_tree_is_drawn_with_its_edges_and_its_statuses() -> None:
    shelf = Shelf()
    tree = await shelf.trip()
    drawn = await shelf.archive.mermaid(tree)

    assert drawn.startswith("flowchart TD\n")
    assert '    t1["Trip<br/>' in drawn
    assert "    t1 -.- t2\n" in drawn
    assert '-- "room" -->' in drawn
    assert "classDef cancelled" in drawn
    assert drawn == await shelf.archive.mermaid(tree)
