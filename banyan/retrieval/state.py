"""The index as it is at one moment: immutable, so that a search sees one state from beginning to end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from banyan.retrieval.columns import Array, Strings
from banyan.retrieval.dense import Vectors
from banyan.retrieval.lexical import weigh
from banyan.retrieval.postings import Postings, PostingsRevision
from banyan.retrieval.words import identifier, in_any_order

if TYPE_CHECKING:
    from banyan.core.find import Document, Filters

NO_VERSION = -1
"""Version of a state that was made from no feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything a search reads.  Row i of every part is the document `keys[i]`; keys are sorted."""

    version: int
    """Version of the feed that this was made from."""
    keys: Strings
    digests: Strings
    words: Postings
    names: Postings
    """Identifiers by which people may name a document."""
    labels: Postings
    """What filters ask for."""
    vectors: Vectors

    @classmethod
    def empty(cls) -> State:
        """Return the state of an index without documents."""
        none = Strings.of([])
        return cls(
            version=NO_VERSION,
            keys=none,
            digests=none,
            words=Postings.empty(),
            names=Postings.empty(),
            labels=Postings.empty(),
            vectors=Vectors.none(0),
        )

    @property
    def embedded(self) -> int:
        """How many documents have a vector."""
        return int(self.vectors.there.sum())

    @property
    def complete(self) -> bool:
        """Whether every document has a vector."""
        return bool(self.vectors.there.all())

    def allowed(self, filters: Filters) -> Array | None:
        """Return which rows pass `filters`, (rows,) bool; None where all do."""
        groups = [
            [f"server:{one.casefold()}" for one in filters.servers],
            [f"tag:{one.casefold()}" for one in filters.tags],
            [f"effects:{one.value}" for one in filters.effects],
        ]
        allowed: Array | None = None
        for group in groups:
            if not group:
                continue
            mask = np.zeros(len(self.keys), dtype=np.bool_)
            for label in group:
                mask[self.labels.of(label)[0]] = True
            allowed = mask if allowed is None else allowed & mask
        return allowed

    def rows_of(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the row of each of `keys` that is there."""
        rows = ((key, self.keys.find(key)) for key in keys)
        return {key: row for key, row in rows if row >= 0}

    def missing(self) -> dict[str, list[str]]:
        """Return the keys of the documents without a vector, by digest."""
        found: dict[str, list[str]] = {}
        for row in np.flatnonzero(~self.vectors.there).tolist():
            found.setdefault(self.digests[row], []).append(self.keys[row])
        return found

    def with_vectors(self, packed: Mapping[str, bytes], owners: Mapping[str, Sequence[str]]) -> State:
        """Return this state with the vectors of `packed`, by digest, given to the documents of `owners`."""
        rows = {}
        for digest, data in packed.items():
            for row in self.rows_of(owners[digest]).values():
                # Another refresh may have changed the document meanwhile: then this is not its vector.
                if self.digests[row] == digest:
                    rows[row] = data
        return replace(self, vectors=self.vectors.with_rows(rows))


class Revision:
    """A state in the making: what an older one keeps, and documents that are read anew."""

    def __init__(self, older: State, digests: Mapping[str, str]) -> None:
        self._older = older
        self._keys = sorted(digests)
        self._digests = dict(digests)
        self._rows = {key: row for row, key in enumerate(self._keys)}
        self._moved = np.full(len(older.keys), -1, dtype=np.int32)
        self._words = PostingsRevision()
        self._names = PostingsRevision()
        self._labels = PostingsRevision()
        kept = set()
        for row, (key, digest) in enumerate(zip(older.keys, older.digests, strict=True)):
            if digests.get(key) == digest:
                self._moved[row] = self._rows[key]
                kept.add(key)
        self.wanted = [key for key in self._keys if key not in kept]
        """Keys of the documents that must be added before `finish`."""

    @property
    def changes(self) -> bool:
        """Whether the new state differs from the older one."""
        return bool(self.wanted) or len(self._older.keys) != len(self._keys)

    def add(self, documents: Iterable[Document]) -> None:
        """Take in documents of `wanted`."""
        for document in documents:
            row = self._rows[document.key]
            self._digests[document.key] = document.digest
            self._words.add(row, weigh(document))
            self._names.add(row, dict.fromkeys(_names(document), 1.0))
            self._labels.add(row, dict.fromkeys(_labels(document), 1.0))

    def finish(self, version: int) -> State:
        """Return the new state."""
        older, moved = self._older, self._moved
        return State(
            version=version,
            keys=Strings.of(self._keys),
            digests=Strings.of([self._digests[key] for key in self._keys]),
            words=self._words.finish(older.words, moved),
            names=self._names.finish(older.names, moved),
            labels=self._labels.finish(older.labels, moved),
            vectors=older.vectors.moved(moved, len(self._keys)),
        )


def _names(document: Document) -> set[str]:
    whole = f"{document.server} {document.name}"
    named = {identifier(document.name), identifier(document.key), identifier(whole)}
    return (named | {in_any_order(document.name), in_any_order(whole)}) - {""}


def _labels(document: Document) -> set[str]:
    labels = {f"server:{one.casefold()}" for one in (document.server, document.source) if one}
    labels |= {f"tag:{tag.casefold()}" for tag in document.tags}
    return labels | ({f"effects:{document.effects.value}"} if document.effects else set())
