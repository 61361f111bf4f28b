from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banyan.core.find import Document, Filters, Search
from banyan.retrieval import HybridIndex, IndexLimits
from banyan.retrieval.snapshot import load
from banyan.testing.encoder import HashEncoder
from banyan.testing.feed import MemoryFeed, MemoryVectors
from tests.retrieval.documents import OFFICE, document

ANYTHING = Filters()


class CountingFeed(MemoryFeed):
    """Counts the documents that are read."""

    read = 0

    async def documents(self, keys: Sequence[str]) -> list[Document]:
        found = await super().documents(keys)
        self.read += len(found)
        return found


async def kept(folder: Path, feed: MemoryFeed) -> tuple[Path, MemoryVectors]:
    vectors = MemoryVectors()
    index = HybridIndex(feed, vectors, HashEncoder, cache=folder)
    await index.embed_missing()
    return folder / "index.bin", vectors


async def ask(feed: MemoryFeed, vectors: MemoryVectors, folder: Path) -> Search:
    return await HybridIndex(feed, vectors, HashEncoder, cache=folder).search("list issues", k=5, filters=ANYTHING)


async def test_a_kept_index_answers_as_the_one_that_was_kept_and_reads_no_document(tmp_path: Path) -> None:
    feed = CountingFeed(OFFICE)
    _, vectors = await kept(tmp_path, feed)
    fresh = await HybridIndex(feed, vectors, HashEncoder).search("list issues", k=5, filters=ANYTHING)
    feed.read = 0
    assert await ask(feed, MemoryVectors(), tmp_path) == fresh
    assert feed.read == 0
    assert fresh.embedded == len(OFFICE)


async def test_a_kept_index_of_an_older_catalogue_is_brought_up_to_date(tmp_path: Path) -> None:
    feed = CountingFeed(OFFICE)
    _, vectors = await kept(tmp_path, feed)
    feed.put(document("new", "list issues of the stars", name="stars"))
    feed.remove(OFFICE[0].key)
    feed.read = 0
    found = await ask(feed, vectors, tmp_path)
    assert feed.read == 2, "the new document is read for its words and for its vector, and no other is"
    assert found.total == len(OFFICE)
    assert "new" in [hit.key for hit in found.hits]


async def test_vectors_of_another_model_are_not_taken_from_a_kept_index(tmp_path: Path) -> None:
    feed = MemoryFeed(OFFICE)
    await kept(tmp_path, feed)
    limits = IndexLimits(embed_near=0)
    index = HybridIndex(feed, MemoryVectors(), lambda: HashEncoder(32), cache=tmp_path, limits=limits)
    assert (await index.search("list issues", k=1, filters=ANYTHING)).embedded == 0


async def test_vectors_that_came_after_the_index_was_kept_are_taken_from_their_store(tmp_path: Path) -> None:
    feed, vectors = MemoryFeed(OFFICE), MemoryVectors()
    await HybridIndex(feed, vectors, HashEncoder, cache=tmp_path).refresh()
    await HybridIndex(feed, vectors, HashEncoder).embed_missing()
    assert (await ask(feed, vectors, tmp_path)).embedded == len(OFFICE)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_damaged_file_is_never_used(tmp_path: Path, data: st.DataObject) -> None:
    feed = MemoryFeed(OFFICE)
    path, vectors = await kept(tmp_path, feed)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:at])
    else:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :])
    found = await ask(feed, vectors, tmp_path)
    assert found == await HybridIndex(feed, vectors, HashEncoder).search("list issues", k=5, filters=ANYTHING)
    path.unlink()


@pytest.mark.parametrize("content", [b"", b"banyan index\n", b"banyan index\n" + b"\xff" * 8, b"{}" * 100])
def test_a_file_that_is_no_index_is_passed_over_with_a_word(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "index.bin"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert load(path, model="m") is None
    assert "made anew" in caplog.text


async def test_a_folder_that_cannot_be_written_costs_speed_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    found = await ask(MemoryFeed(OFFICE), MemoryVectors(), blocked / "index")
    assert found.hits[0].key == "github__list_issues"
    assert "could not be kept" in caplog.text


async def test_readers_go_on_while_the_file_is_replaced(tmp_path: Path) -> None:
    feed = MemoryFeed(OFFICE)
    _, vectors = await kept(tmp_path, feed)
    reader = HybridIndex(feed, vectors, HashEncoder, cache=tmp_path)
    before = await reader.search("list issues", k=5, filters=ANYTHING)
    other = MemoryFeed(OFFICE[:3])
    await kept(tmp_path, other)
    assert await reader.search("list issues", k=5, filters=ANYTHING) == before


async def test_what_a_killed_writer_left_is_swept_away_once_it_is_old(tmp_path: Path) -> None:
    old, young = tmp_path / ".index-old", tmp_path / ".index-young"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    await kept(tmp_path, MemoryFeed(OFFICE))
    assert not old.exists()
    assert young.exists()


async def test_nothing_but_the_index_is_left_in_its_folder(tmp_path: Path) -> None:
    await kept(tmp_path, MemoryFeed(OFFICE))
    assert [str(path) async for path in anyio.Path(tmp_path).glob("*.*")] == [str(tmp_path / "index.bin")]
