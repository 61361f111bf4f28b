"""The index: what is searched, kept in step with its feed, and filled with vectors as they are computed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from banyan.core.errors import DatabaseUnavailable, ModelUnavailable, StorageFull
from banyan.core.find import Hit, Search
from banyan.retrieval import snapshot
from banyan.retrieval.dense import PACKING, pack
from banyan.retrieval.rank import Mode, Query, Ranked, nearest_by_words, rank
from banyan.retrieval.recipe import MAX_CHARS, RECIPE, parts_of, text_of
from banyan.retrieval.state import Revision, State

if TYPE_CHECKING:
    from banyan.core.find import Document, Filters
    from banyan.core.ports import DocumentFeed, Encoder, VectorStore
    from banyan.retrieval.columns import Array

logger = logging.getLogger(__name__)

FILE = "index.bin"
"""Name of the copy in the cache folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexLimits:
    """How an index works."""

    mode: Mode = Mode.HYBRID
    read_at_once: int = 2_000
    """Documents that are in memory at the same time while the index is made."""
    embed_at_once: int = 128
    """Documents between two savings: what a kill loses, and how long a cancellation waits."""
    embed_near: int = 32
    """Documents without a vector that one search embeds before it answers: about a tenth of a second."""
    embed_all_of: int = 0
    """Missing vectors up to which a search computes all of them first, near or not: for an index that nobody fills."""
    max_query_chars: int = 10_000
    """Characters of a query that are read."""


class HybridIndex:
    """A `SearchIndex` by words and by meaning over one feed.

    A search reads one immutable state; `refresh` and `embed_missing` make the next one and swap it in.

    Args:
        feed: the documents.
        vectors: where vectors are kept by digest.
        encoder: makes the encoder, at the first need; weights should be read at its first `embed`.
        cache: folder of this feed's own for a copy of the index that starts fast; None keeps none.
        limits: how it works.
    """

    def __init__(
        self,
        feed: DocumentFeed,
        vectors: VectorStore,
        encoder: Callable[[], Encoder],
        *,
        cache: Path | None = None,
        limits: IndexLimits | None = None,
    ) -> None:
        self._feed = feed
        self._vectors = vectors
        self._make_encoder = encoder
        self._cache = cache
        self._limits = limits or IndexLimits()
        self._encoder: Encoder | None = None
        self._speechless = False
        self._state: State | None = None
        self._writing = anyio.Lock()  # states are made one after another, each from the last: none is lost
        self._saved: State | None = None

    async def search(self, query: str, *, k: int, filters: Filters) -> Search:
        """Return at most `k` documents that pass `filters`, best first; ties by key."""
        text = query[: self._limits.max_query_chars]
        if self._state is None:
            await self._open(text)
        await self._embed_near(text, filters)
        vectors = await self._embed_query(text)
        state = self._state or State.empty()
        asked = Query(text=text, vectors=vectors, mode=self._limits.mode)
        ranked = await to_thread.run_sync(rank, state, asked, filters, k)
        return Search(hits=_hits(state, ranked), embedded=state.embedded, total=len(state.keys))

    async def refresh(self) -> bool:
        """Take in what changed in the feed since the last refresh; return whether anything did."""
        async with self._writing:
            state = await self._current()
            version = await self._feed.version()
            if version == state.version:
                return False
            revision = await to_thread.run_sync(Revision, state, await self._feed.digests())
            await self._read(revision)
            state = await to_thread.run_sync(revision.finish, version)
            self._state = await self._with_known_vectors(state)
            await self._save()
            return revision.changes

    async def embed_missing(self, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Compute the vectors that are missing, and return how many; searchable part by part.

        Args:
            on_progress: called with how many documents have a vector, and how many there are.

        Raises:
            ModelUnavailable: the encoder cannot be loaded or run.
        """
        if self._limits.mode is Mode.LEXICAL:
            return 0
        self._speechless = False
        self._speaker()
        await self.refresh()
        async with self._writing:
            self._state = await self._with_known_vectors(await self._current())
        missing = (await self._current()).missing()
        digests = list(missing)
        done = 0
        try:
            for start in range(0, len(digests), self._limits.embed_at_once):
                chunk = {digest: missing[digest] for digest in digests[start : start + self._limits.embed_at_once]}
                done += await self._embed_chunk(chunk)
                if on_progress is not None:
                    on_progress(*self.progress())
        finally:
            if done:
                with anyio.CancelScope(shield=True):
                    await self._save()
        return done

    def progress(self) -> tuple[int, int]:
        """Return how many documents have a vector, and how many there are."""
        state = self._state
        return (state.embedded, len(state.keys)) if state is not None else (0, 0)

    async def _embed_near(self, query: str, filters: Filters) -> None:
        """Compute the vectors that this search lacks most: of the rows that its words find first.

        So the first answers of a catalogue that is still being embedded are as good as later ones where the words
        find what is meant, and a query is compared by meaning from the first search on.
        """
        state = self._state
        if state is None or self._limits.mode is not Mode.HYBRID or self._speechless or state.complete:
            return
        owners = await to_thread.run_sync(self._wanting, state, query, filters)
        if not owners:
            return
        try:
            await self._embed_chunk(owners)
        except ModelUnavailable as error:
            self._fall_silent(error)
        except (DatabaseUnavailable, StorageFull) as error:
            logger.warning("vectors cannot be kept, and the search goes by what there is: %s", error)

    def _wanting(self, state: State, query: str, filters: Filters) -> dict[str, list[str]]:
        """Return the keys of the documents that this search is to embed, by digest."""
        if len(state.keys) - state.embedded <= self._limits.embed_all_of:
            return state.missing()
        found: dict[str, list[str]] = {}
        if self._limits.embed_near:
            for row in nearest_by_words(state, query, filters, self._limits.embed_near):
                found.setdefault(state.digests[row], []).append(state.keys[row])
        return found

    async def _open(self, query: str) -> None:
        """Read the index and the model at the same time: both take a while, and a first search needs both."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._embed_query, query)
                group.start_soon(self.refresh)
        except ExceptionGroup as failures:
            # Callers handle errors by their type, which a group hides.
            raise failures.exceptions[0] from None

    async def _current(self) -> State:
        """Return the state to build on: the one in use, else the one on disk, else an empty one."""
        if self._state is not None:
            return self._state
        if self._cache is not None:
            self._saved = await to_thread.run_sync(lambda: snapshot.load(self._file(), model=self._model()))
        if self._saved is None:
            return State.empty()
        if self._saved.version != await self._feed.version():
            return self._saved
        # Vectors may have been computed since: by another process, or when the model was another.
        self._state = await self._with_known_vectors(self._saved)
        return self._state

    async def _read(self, revision: Revision) -> None:
        size = self._limits.read_at_once
        for start in range(0, len(revision.wanted), size):
            documents = await self._feed.documents(revision.wanted[start : start + size])
            await to_thread.run_sync(revision.add, documents)

    async def _with_known_vectors(self, state: State) -> State:
        """Return `state` with the vectors that the store knows: another process, or an earlier one, computed them."""
        model = self._model()
        if not model:
            return state
        missing = await to_thread.run_sync(state.missing)
        known = await self._vectors.load(model, list(missing)) if missing else {}
        return await to_thread.run_sync(state.with_vectors, known, missing) if known else state

    async def _embed_chunk(self, owners: dict[str, list[str]]) -> int:
        read = await self._feed.documents([keys[0] for keys in owners.values()])
        # What changed since is embedded after the refresh that sees it.
        documents = [document for document in read if document.digest in owners]
        packed = await to_thread.run_sync(self._embed, documents)
        await self._vectors.save(self._model(), packed)
        async with self._writing:
            state = await self._current()
            self._state = await to_thread.run_sync(state.with_vectors, packed, owners)
        return sum(len(owners[digest]) for digest in packed)

    def _embed(self, documents: Sequence[Document]) -> dict[str, bytes]:
        vectors = self._speaker().embed([text_of(document) for document in documents])
        return dict(zip([document.digest for document in documents], pack(vectors), strict=True))

    async def _embed_query(self, text: str) -> Array | None:
        """Return the vectors of the query and its parts; None where none can be compared, or there is no model."""
        without = self._state is not None and not self._state.embedded
        if self._limits.mode is Mode.LEXICAL or without or self._speechless:
            return None
        try:
            return await to_thread.run_sync(self._speaker().embed, [text[:MAX_CHARS], *parts_of(text)])
        except ModelUnavailable as error:
            self._fall_silent(error)
            return None

    async def _save(self) -> None:
        state = self._state
        if self._cache is not None and state is not None and state is not self._saved:
            await to_thread.run_sync(lambda: snapshot.save(state, self._file(), model=self._model()))
            self._saved = state

    def _file(self) -> Path:
        return (self._cache or Path()) / FILE

    def _speaker(self) -> Encoder:
        if self._encoder is None:
            self._encoder = self._make_encoder()
        return self._encoder

    def _model(self) -> str:
        """Return the name that vectors are kept under: with all that changes their bytes; "" without a model."""
        if self._limits.mode is Mode.LEXICAL or self._speechless:
            return ""
        try:
            return vectors_name(self._speaker())
        except ModelUnavailable as error:
            self._fall_silent(error)
            return ""

    def _fall_silent(self, error: ModelUnavailable) -> None:
        logger.warning("search goes on by words alone: %s", error)
        self._speechless = True


def vectors_name(encoder: Encoder) -> str:
    """Return the name that the vectors of `encoder` are kept under: all that changes their bytes is in it."""
    return f"{encoder.model_id}+{RECIPE}/{PACKING}"


def _hits(state: State, ranked: Ranked) -> tuple[Hit, ...]:
    found = ranked.evidence
    return tuple(
        Hit(
            key=state.keys[row],
            confidence=float(ranked.confidence[at]),
            lexical=float(found.score[at]),
            cosine=float(found.cosine[at]) if found.embedded[at] else None,
            exact=bool(found.named[at]),
        )
        for at, row in enumerate(found.rows.tolist())
    )
