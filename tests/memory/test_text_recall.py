"""What is found of a tree by text, over the index that Banyan searches with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from banyan.core.errors import InvalidArgument, UnknownTree
from banyan.core.ports import DocumentFeed
from banyan.core.task import TreeId
from banyan.memory.task_documents import TreeDocuments
from banyan.memory.text_recall import IndexedRecall
from banyan.retrieval.index import HybridIndex
from banyan.testing.encoder import HashEncoder
from banyan.testing.feed import MemoryVectors
from tests.memory.graph.desk import Desk


class Library:
    """A tree that is edited and asked, and what search reads of it."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.encoder = HashEncoder()
        self.vectors = MemoryVectors()
        self.read: list[str] = []
        self.recall = IndexedRecall(self.desk.graphs, self._index)

    def _index(self, feed: DocumentFeed, _tree: TreeId | None) -> HybridIndex:
        return HybridIndex(_Watched(feed, self.read), self.vectors, lambda: self.encoder)

    async def ask(self, text: str, *, until: int | None = None, tree: str | None = None) -> list[tuple[str, str, str]]:
        revision = self.desk.source.tree.revision if until is None else until
        found = await self.recall.search(tree or str(self.desk.tree), text, until=revision)
        return [(match.kind, match.id.partition(".")[2], match.text) for match in found]


class _Watched:
    def __init__(self, feed: DocumentFeed, read: list[str]) -> None:
        self._feed = feed
        self._read = read

    async def version(self) -> int:
        return await self._feed.version()

    async def digests(self) -> dict[str, str]:
        return await self._feed.digests()

    async def documents(self, keys: Sequence[str]) -> Any:
        self._read.extend(keys)
        return await self._feed.documents(keys)


async def trip() -> Library:
    library = Library()
    await library.desk.apply(
        {"op": "add", "ref": "@trip", "title": "Plan the trip", "facts": {"destination": "Lisbon"}},
        {"op": "add", "ref": "@hotel", "parent": "@trip", "title": "Find a hotel", "instruction": "Near the river."},
        {"op": "add", "parent": "@trip", "title": "Compare flights", "instruction": "In the morning."},
        turn=1,
    )
    return library


async def test_tasks_facts_and_results_are_found_by_their_words() -> None:
    library = await trip()
    await library.desk.apply({"op": "complete", "task": "Find a hotel", "output": {"name": "Casa do Rio"}}, turn=2)

    assert (await library.ask("hotel near the river"))[0] == ("task", "2", "Find a hotel: Near the river.")
    assert ("fact", "1/facts/destination", "destination = Lisbon") in await library.ask("Lisbon")
    assert ("result", "2", 'Find a hotel: {"name":"Casa do Rio"}') in await library.ask("Casa do Rio")


async def test_a_change_is_found_at_once_and_only_what_changed_is_read_again() -> None:
    library = await trip()
    await library.ask("anything")
    library.read.clear()

    await library.desk.apply({"op": "fact", "key": "destination", "value": "Porto"}, turn=2)
    found = await library.ask("Porto")

    assert found[0] == ("fact", "1/facts/destination", "destination = Porto")
    assert set(library.read) == {"fact:1:destination"}
    library.read.clear()
    assert await library.ask("Porto") == found
    assert library.read == []


async def test_what_was_removed_is_not_found() -> None:
    library = await trip()
    await library.ask("flights")

    await library.desk.apply({"op": "remove", "task": "Compare flights"}, turn=2)

    assert not [kind for kind, number, _ in await library.ask("compare flights in the morning") if number == "3"]


async def test_an_earlier_revision_is_told_as_it_was_without_what_came_later() -> None:
    library = await trip()
    await library.desk.apply(
        {"op": "fact", "key": "destination", "value": "Porto"}, {"op": "add", "title": "Destination guide"}, turn=2
    )

    found = await library.ask("destination", until=1)

    assert ("fact", "1/facts/destination", "destination = Lisbon") in found
    assert "4" not in {number for _, number, _ in found}
    assert ("task", "4", "Destination guide") in await library.ask("destination guide")


async def test_a_folded_task_is_found_by_what_stands_for_it() -> None:
    library = await trip()
    await library.desk.apply({"op": "complete", "task": "Find a hotel", "output": "a long report"}, turn=2)

    await library.desk.apply({"op": "fold", "task": "Find a hotel", "summary": "Casa do Rio, two nights"}, turn=3)

    assert ("result", "2", "Find a hotel: Casa do Rio, two nights") in await library.ask("two nights")


async def test_trees_are_searched_apart() -> None:
    library = await trip()
    first, library.desk.tree = library.desk.tree, None
    await library.desk.apply({"op": "add", "title": "Cook a soup", "facts": {"vegetable": "leek"}})

    assert await library.ask("leek") != []
    assert not [text for _, _, text in await library.ask("leek", tree=str(first), until=1) if "leek" in text]


async def test_an_index_that_was_put_aside_is_made_again_from_vectors_that_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("banyan.memory.text_recall.OPEN_TREES", 1)
    library = await trip()
    found = await library.ask("hotel near the river")
    first, library.desk.tree = library.desk.tree, None
    await library.desk.apply({"op": "add", "title": "Cook a soup"})
    await library.ask("soup")
    embedded = len(library.encoder.embedded)

    assert await library.ask("hotel near the river", tree=str(first), until=1) == found
    # The query, and nothing of the tree.
    assert len(library.encoder.embedded) == embedded + 1


@pytest.mark.parametrize("text", ["", "  \n", "x" * 10_001])
async def test_a_text_that_says_nothing_or_too_much_is_refused(text: str) -> None:
    library = await trip()

    with pytest.raises(InvalidArgument):
        await library.ask(text)


async def test_an_unknown_tree_is_told() -> None:
    library = await trip()

    with pytest.raises(UnknownTree):
        await library.ask("hotel", tree="nosuch")


async def test_what_changes_is_indexed_apart_until_it_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banyan.memory.task_documents.RECENT_TASKS", 2)
    library = await trip()
    feed = TreeDocuments(library.desk.graphs, str(library.desk.tree))
    await feed.follow()
    assert sorted(feed.base.held) == ["fact:1:destination", "task:1", "task:2", "task:3"]
    assert (await feed.base.version(), feed.recent.held, feed.changed) == (1, {}, frozenset())

    await library.desk.apply({"op": "fact", "key": "destination", "value": "Porto"}, turn=2)
    await library.desk.apply({"op": "remove", "task": "Compare flights"}, turn=2)
    await feed.follow()
    assert await feed.base.version() == 1
    assert list(feed.recent.held) == ["fact:1:destination"]
    assert feed.changed == {"fact:1:destination", "task:3"}
    assert [one.text for one in await feed.recent.documents(["fact:1:destination", "task:3"])] == ["Porto"]

    await library.desk.apply({"op": "add", "title": "Pack"}, turn=3)
    await feed.follow()
    assert await feed.base.version() == 4
    assert sorted(feed.base.held) == ["fact:1:destination", "task:1", "task:2", "task:4"]
    assert (feed.recent.held, feed.changed) == ({}, frozenset())


@pytest.mark.parametrize("recent", [0, 2, 1_000])
async def test_the_same_is_found_whatever_is_indexed_apart(recent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banyan.memory.task_documents.RECENT_TASKS", recent)
    library = await trip()
    await library.ask("hotel")
    await library.desk.apply({"op": "fact", "key": "destination", "value": "Porto"}, turn=2)
    await library.desk.apply({"op": "update", "task": "Compare flights", "title": "Compare trains"}, turn=2)
    await library.desk.apply({"op": "complete", "task": "Find a hotel", "output": "Casa do Rio"}, turn=3)

    for text, first in (
        ("Porto", ("fact", "1/facts/destination", "destination = Porto")),
        ("compare trains", ("task", "3", "Compare trains: In the morning.")),
        ("casa do rio", ("result", "2", "Find a hotel: Casa do Rio")),
        ("plan the trip", ("task", "1", "Plan the trip")),
    ):
        found = await library.ask(text)
        assert found[0] == first
        assert len({one[:2] for one in found}) == len(found)
