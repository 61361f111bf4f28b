from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import from_thread
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banyan.core.errors import DatabaseUnavailable, ModelUnavailable, StorageFull
from banyan.core.find import Document, Filters, Search
from banyan.core.ports import Encoder
from banyan.core.tool import EffectKind
from banyan.retrieval import HybridIndex, IndexLimits, Mode
from banyan.testing.encoder import HashEncoder
from banyan.testing.feed import MemoryFeed, MemoryVectors
from tests.retrieval.documents import OFFICE, document

if TYPE_CHECKING:
    from banyan.core.ports import Vectors

ANYTHING = Filters()


def index_of(
    *documents: Document,
    encoder: Encoder | None = None,
    vectors: MemoryVectors | None = None,
    cache: Path | None = None,
    mode: Mode = Mode.HYBRID,
    embed_at_once: int = 128,
    embed_near: int = 0,
    embed_all_of: int = 0,
) -> HybridIndex:
    found = encoder or HashEncoder()
    limits = IndexLimits(mode=mode, embed_at_once=embed_at_once, embed_near=embed_near, embed_all_of=embed_all_of)
    feed = MemoryFeed(documents)
    return HybridIndex(feed, vectors or MemoryVectors(), lambda: found, cache=cache, limits=limits)


def keys(found: Search) -> list[str]:
    return [hit.key for hit in found.hits]


async def test_a_search_works_by_words_before_any_vector_is_there() -> None:
    found = await index_of(*OFFICE).search("send an email", k=3, filters=ANYTHING)
    assert keys(found)[0] == "mail__send_email"
    assert (found.embedded, found.total) == (0, len(OFFICE))
    assert found.hits[0].cosine is None


async def test_a_search_embeds_what_its_words_find_first_and_compares_it_by_meaning() -> None:
    vectors = MemoryVectors()
    index = index_of(*OFFICE, vectors=vectors, embed_near=2)
    found = await index.search("send an email", k=3, filters=ANYTHING)
    assert keys(found)[0] == "mail__send_email"
    assert found.hits[0].cosine is not None
    assert 1 <= found.embedded <= 2
    again = index_of(*OFFICE, vectors=vectors)
    assert await again.embed_missing() == len(OFFICE) - found.embedded, "what a search embedded is kept"


async def test_a_search_embeds_all_that_is_missing_where_that_is_little() -> None:
    found = await index_of(*OFFICE, embed_all_of=len(OFFICE)).search("no such word", k=3, filters=ANYTHING)
    assert found.embedded == len(OFFICE)
    found = await index_of(*OFFICE, embed_all_of=len(OFFICE) - 1).search("no such word", k=3, filters=ANYTHING)
    assert found.embedded == 0


async def test_a_search_embeds_nothing_that_its_filters_leave_out() -> None:
    index = index_of(*OFFICE, embed_near=32)
    found = await index.search("send an email", k=3, filters=Filters(servers=frozenset({"sky"})))
    assert found.embedded <= sum(one.server == "sky" for one in OFFICE)


async def test_a_search_goes_on_where_vectors_cannot_be_kept() -> None:
    class Full(MemoryVectors):
        async def save(self, model: str, vectors: Mapping[str, bytes]) -> None:
            raise StorageFull("no room")

    found = await index_of(*OFFICE, vectors=Full(), embed_near=32).search("send an email", k=1, filters=ANYTHING)
    assert keys(found) == ["mail__send_email"]


async def test_vectors_are_used_once_they_are_there() -> None:
    index = index_of(*OFFICE)
    assert await index.embed_missing() == len(OFFICE)
    found = await index.search("send an email", k=3, filters=ANYTHING)
    assert found.embedded == len(OFFICE)
    assert found.hits[0].cosine is not None


@pytest.mark.parametrize(
    "query",
    ["list_issues", "listIssues", "List Issues", "github__list_issues", "github.list_issues", "github/list_issues"],
)
async def test_a_whole_name_wins_however_it_is_written(query: str) -> None:
    rivals = [document(f"x{at}", "list issues list_issues github list issues") for at in range(5)]
    index = index_of(*OFFICE, *rivals)
    await index.embed_missing()
    found = await index.search(query, k=3, filters=ANYTHING)
    assert found.hits[0].key == "github__list_issues"
    assert found.hits[0].exact
    assert found.hits[0].confidence >= 0.99


async def test_the_beginning_of_a_name_wins_over_words() -> None:
    index = index_of(*OFFICE, document("other", "everything about list_iss"))
    found = await index.search("list_iss", k=5, filters=ANYTHING)
    assert set(keys(found)[:2]) == {"github__list_issues", "github__list_issue_types"}
    assert all(hit.exact for hit in found.hits[:2])


async def test_equal_documents_come_in_the_order_of_their_keys() -> None:
    index = index_of(*[document(key, "the very same", name="same") for key in ("c", "a", "b")])
    assert keys(await index.search("very same", k=3, filters=ANYTHING)) == ["a", "b", "c"]


FILTERED = (
    document("a", "list things", server="GitHub", source="work", tags=("Code",), effects=EffectKind.READ_ONLY),
    document("b", "list things", server="gitlab", source="work", tags=("code", "beta"), effects=EffectKind.WRITES),
    document("c", "list things", server="gitlab", source="home", effects=EffectKind.DESTRUCTIVE),
)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), ["a", "b", "c"]),
        (Filters(servers=frozenset({"github"})), ["a"]),
        (Filters(servers=frozenset({"WORK"})), ["a", "b"]),
        (Filters(servers=frozenset({"github", "home"})), ["a", "c"]),
        (Filters(tags=frozenset({"code"})), ["a", "b"]),
        (Filters(effects=frozenset({EffectKind.READ_ONLY, EffectKind.DESTRUCTIVE})), ["a", "c"]),
        (Filters(servers=frozenset({"gitlab"}), effects=frozenset({EffectKind.WRITES})), ["b"]),
        (Filters(servers=frozenset({"nobody"})), []),
    ],
)
async def test_filters_apply_before_ranking(filters: Filters, expected: list[str]) -> None:
    crowd = [document(f"x{at:03}", "list things list things", server="crowd") for at in range(300)]
    index = index_of(*FILTERED, *crowd)
    await index.embed_missing()
    found = await index.search("list things", k=3 if filters != Filters() else 303, filters=filters)
    assert sorted(key for key in keys(found) if not key.startswith("x")) == expected
    assert filters == Filters() or len(found.hits) == len(expected)


async def test_a_name_does_not_pass_a_filter_by_being_exact() -> None:
    index = index_of(*OFFICE)
    found = await index.search("list_issues", k=5, filters=Filters(servers=frozenset({"mail"})))
    assert all(key.startswith("mail__") for key in keys(found))


@pytest.mark.parametrize("query", ["", "   ", "?!", "\ud800", "x" * 100_000, "\0", "的" * 500])
async def test_no_query_breaks_a_search(query: str) -> None:
    index = index_of(*OFFICE)
    await index.embed_missing()
    found = await index.search(query, k=3, filters=ANYTHING)
    assert all(0 <= hit.confidence <= 1 for hit in found.hits)


@pytest.mark.parametrize(
    ("query", "expected"),
    [("天気予報", "tenki__yohou"), ("Uhrzeit", "zeit__aktuelle_uhrzeit"), ("zuruck", "zeit__aktuelle_uhrzeit")],
)
async def test_other_languages_and_scripts_find_by_their_words(query: str, expected: str) -> None:
    assert keys(await index_of(*OFFICE).search(query, k=1, filters=ANYTHING)) == [expected]


async def test_an_empty_index_answers_with_nothing() -> None:
    index = index_of()
    assert await index.embed_missing() == 0
    assert await index.search("anything", k=3, filters=ANYTHING) == Search(hits=(), embedded=0, total=0)


async def test_refresh_tells_whether_anything_changed() -> None:
    feed = MemoryFeed(OFFICE)
    index = HybridIndex(feed, MemoryVectors(), HashEncoder)
    assert await index.refresh()
    assert not await index.refresh()
    feed.put(OFFICE[0])
    assert not await index.refresh()
    feed.remove(OFFICE[0].key)
    assert await index.refresh()


async def test_what_changed_is_found_by_its_new_words_alone() -> None:
    feed = MemoryFeed(OFFICE)
    index = HybridIndex(feed, MemoryVectors(), HashEncoder, limits=IndexLimits(embed_near=0))
    await index.refresh()
    feed.put(document("files__read_file", "Shows a zebra.", name="read_file", server="files"))
    feed.remove("sky__get_forecast")
    await index.refresh()
    assert keys(await index.search("zebra", k=1, filters=ANYTHING)) == ["files__read_file"]
    assert not keys(await index.search("whole content", k=1, filters=ANYTHING))
    assert "sky__get_forecast" not in keys(await index.search("weather forecast", k=10, filters=ANYTHING))


edits = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "d", "e"]), st.sampled_from(["", "alpha beta", "beta", "gamma alpha"])),
    max_size=12,
)


@given(edits, edits)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_index_kept_up_step_by_step_answers_as_one_made_from_nothing(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    async def compare() -> None:
        feed, vectors = MemoryFeed(), MemoryVectors()
        stepwise = HybridIndex(feed, vectors, HashEncoder)
        for batch in (first, second):
            for key, text in batch:
                feed.put(document(key, text)) if text else feed.remove(key)
            await stepwise.embed_missing()
        fresh = HybridIndex(feed, MemoryVectors(), HashEncoder)
        await fresh.embed_missing()
        for query in ("alpha", "beta gamma", "a"):
            ours = await stepwise.search(query, k=5, filters=ANYTHING)
            assert ours == await fresh.search(query, k=5, filters=ANYTHING)

    anyio.run(compare)


async def test_a_text_is_embedded_once_for_all_documents_and_indexes_that_have_it() -> None:
    encoder, vectors = HashEncoder(), MemoryVectors()
    twins = [document("a", "same", name="same"), document("b", "same", name="same"), document("c", "other")]
    assert await index_of(*twins, encoder=encoder, vectors=vectors).embed_missing() == 3
    assert len(encoder.embedded) == 2
    again = index_of(*twins, encoder=encoder, vectors=vectors)
    assert await again.embed_missing() == 0
    assert again.progress() == (3, 3)
    assert len(encoder.embedded) == 2


async def test_another_model_embeds_anew() -> None:
    vectors = MemoryVectors()
    await index_of(*OFFICE, encoder=HashEncoder(32), vectors=vectors).embed_missing()
    assert await index_of(*OFFICE, encoder=HashEncoder(64), vectors=vectors).embed_missing() == len(OFFICE)


async def test_progress_counts_up_to_the_whole() -> None:
    seen: list[tuple[int, int]] = []
    await index_of(*OFFICE, embed_at_once=3).embed_missing(lambda done, total: seen.append((done, total)))
    assert seen == [(3, 10), (6, 10), (9, 10), (10, 10)]


class GatedEncoder(HashEncoder):
    """Embeds documents only while its gate is open; queries always."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Event()
        self.arrived: Callable[[], None] = lambda: None

    def embed(self, texts: Sequence[str], /) -> Vectors:
        if len(texts) > 1:
            self.arrived()
            assert self.gate.wait(10)
        return super().embed(texts)


async def test_a_search_is_answered_while_documents_are_embedded() -> None:
    encoder = GatedEncoder()
    index = index_of(*OFFICE, encoder=encoder)
    arrived = anyio.Event()
    encoder.arrived = lambda: from_thread.run_sync(arrived.set)
    async with anyio.create_task_group() as group:
        group.start_soon(index.embed_missing)
        with anyio.fail_after(10):
            await arrived.wait()
            found = await index.search("send an email", k=1, filters=ANYTHING)
        assert keys(found) == ["mail__send_email"]
        assert found.embedded == 0
        encoder.gate.set()
    assert index.progress() == (len(OFFICE), len(OFFICE))


async def test_a_document_that_changes_while_it_is_embedded_gets_its_own_vector() -> None:
    encoder, feed = GatedEncoder(), MemoryFeed(OFFICE)
    index = HybridIndex(feed, MemoryVectors(), lambda: encoder)
    arrived = anyio.Event()
    encoder.arrived = lambda: from_thread.run_sync(arrived.set)
    changed = document(OFFICE[0].key, "something else entirely", name="send_email")
    async with anyio.create_task_group() as group:
        group.start_soon(index.embed_missing)
        with anyio.fail_after(10):
            await arrived.wait()
        feed.put(changed)
        await index.refresh()
        encoder.gate.set()
    assert index.progress() == (len(OFFICE) - 1, len(OFFICE))
    assert await index.embed_missing() == 1


async def test_embedding_that_is_cancelled_keeps_what_it_has_done() -> None:
    vectors = MemoryVectors()
    with anyio.CancelScope() as scope:
        await index_of(*OFFICE, vectors=vectors, embed_at_once=4).embed_missing(lambda _done, _total: scope.cancel())
    assert scope.cancelled_caught
    assert await index_of(*OFFICE, vectors=vectors).embed_missing() == len(OFFICE) - 4


class BrokenEncoder(HashEncoder):
    def embed(self, texts: Sequence[str], /) -> Vectors:
        raise ModelUnavailable("the weights are gone")


async def test_without_its_model_a_search_goes_on_by_words() -> None:
    vectors = MemoryVectors()
    await index_of(*OFFICE, vectors=vectors).embed_missing()
    index = index_of(*OFFICE, encoder=BrokenEncoder(), vectors=vectors)
    found = await index.search("send an email", k=1, filters=ANYTHING)
    assert keys(found) == ["mail__send_email"]
    with pytest.raises(ModelUnavailable):
        await index_of(*OFFICE, encoder=BrokenEncoder()).embed_missing()


async def test_a_model_that_cannot_be_made_leaves_words_to_search_by() -> None:
    def make() -> Encoder:
        raise ModelUnavailable("not installed")

    index = HybridIndex(MemoryFeed(OFFICE), MemoryVectors(), make)
    assert keys(await index.search("send an email", k=1, filters=ANYTHING)) == ["mail__send_email"]
    with pytest.raises(ModelUnavailable):
        await index.embed_missing()


async def test_each_mode_looks_at_its_own_evidence_alone() -> None:
    lexical = index_of(*OFFICE, mode=Mode.LEXICAL)
    assert await lexical.embed_missing() == 0
    assert all(hit.cosine is None for hit in (await lexical.search("email", k=3, filters=ANYTHING)).hits)
    dense = index_of(*OFFICE, mode=Mode.DENSE)
    await dense.embed_missing()
    found = await dense.search("send_email", k=3, filters=ANYTHING)
    assert all(hit.lexical == 0 and not hit.exact for hit in found.hits)


async def test_searches_at_once_see_whole_states_while_the_catalogue_changes() -> None:
    feed = MemoryFeed(OFFICE)
    index = HybridIndex(feed, MemoryVectors(), HashEncoder)
    await index.embed_missing()
    totals: set[int] = set()

    async def search() -> None:
        for _ in range(10):
            found = await index.search("list issues", k=5, filters=ANYTHING)
            totals.add(found.total)
            assert found.hits[0].key == "github__list_issues"

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(search)
        for at in range(8):
            feed.put(*[document(f"new{at}_{one}", "more of the same") for one in range(5)])
            await index.refresh()
    assert totals <= {len(OFFICE) + 5 * at for at in range(9)}


async def test_two_refreshes_at_once_lose_nothing() -> None:
    feed = MemoryFeed(OFFICE)
    index = HybridIndex(feed, MemoryVectors(), HashEncoder)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(index.refresh)
            group.start_soon(index.embed_missing)
    assert index.progress() == (len(OFFICE), len(OFFICE))


async def test_a_database_that_is_away_is_named_by_the_first_search() -> None:
    class Away(MemoryFeed):
        async def version(self) -> int:
            raise DatabaseUnavailable("gone")

    with pytest.raises(DatabaseUnavailable):
        await HybridIndex(Away(), MemoryVectors(), HashEncoder).search("anything", k=1, filters=ANYTHING)


async def test_every_part_of_a_long_request_finds_its_own() -> None:
    index = index_of(*OFFICE, mode=Mode.DENSE)
    await index.embed_missing()
    found = await index.search("Weather forecast for a city. Then read the whole file", k=2, filters=ANYTHING)
    assert set(keys(found)) == {"sky__get_forecast", "files__read_file"}


async def test_the_words_of_a_name_in_any_order_find_it_before_what_only_has_those_words() -> None:
    tagging = document("s3__PutObjectTagging", "Put tags on an object in s3.", name="PutObjectTagging", server="s3")
    putting = document("s3__PutObject", "Adds something to a bucket.", name="PutObject", server="s3")
    index = index_of(*OFFICE, tagging, putting)
    for query in ("put object s3", "s3: put an object", "put an object"):
        assert keys(await index.search(query, k=1, filters=ANYTHING)) == ["s3__PutObject"]
