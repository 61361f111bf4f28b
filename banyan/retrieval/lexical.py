"""Search by words: BM25F over the fields of a document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from banyan.retrieval.words import words

if TYPE_CHECKING:
    from banyan.core.find import Document
    from banyan.retrieval.columns import Array
    from banyan.retrieval.postings import Postings

MAX_FIELD_WORDS = 1_000
"""Words of one field that count: a manual pasted into a description says no more than its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """How one field of a document counts."""

    weight: float
    """What one occurrence of a word is worth."""
    pivot: float
    """Words that the field has usually; in longer ones each counts for less."""
    slope: float
    """How much less, from 0 (length is nothing) to 1 (in proportion)."""


FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "name": Field(weight=2.0, pivot=4, slope=0.5),
        "server": Field(weight=1.0, pivot=3, slope=0.3),
        "title": Field(weight=2.0, pivot=4, slope=0.3),
        "text": Field(weight=1.0, pivot=25, slope=0.6),
        "tags": Field(weight=1.0, pivot=4, slope=0.5),
        "details": Field(weight=0.3, pivot=20, slope=0.7),
    }
)
"""Tuned on the recall of a development collection of tools and queries; see docs/benchmarks.md.

Pivots are constants, not averages of the collection: a document's weights depend on nothing but itself, so
a change re-reads only what changed, and a score means the same in every catalogue.
"""

K1 = 1.5
"""How soon more occurrences of a word stop to count; from 1.2 to 2 the development queries see no difference."""


def weigh(document: Document) -> dict[str, float]:
    """Return each word of `document` with its saturated weight, in (0, 1): BM25F's term factor without the idf."""
    weights: dict[str, float] = {}
    for name, field in FIELDS.items():
        value = getattr(document, name)
        found = words(value if isinstance(value, str) else " ".join(value))[:MAX_FIELD_WORDS]
        if not found:
            continue
        each = field.weight / (1 - field.slope + field.slope * len(found) / field.pivot)
        for word in found:
            weights[word] = weights.get(word, 0.0) + each
    return {word: weight / (K1 + weight) for word, weight in weights.items()}


def rarity(having: int, total: int) -> float:
    """Return the idf of a word that `having` of `total` documents have: BM25's, never negative."""
    return math.log(1 + (total - having + 0.5) / (having + 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class WordMatch:
    """How every row matches the words of a query."""

    scores: Array
    """(rows,) float32: BM25F."""
    ceiling: float
    """What a document would score at most: the idf of all words of the query, known ones or not."""
    terms: tuple[tuple[Array, float], ...]
    """For each word that some document has: its rows, ascending, and its idf."""

    def coverage(self, rows: Array) -> Array:
        """Return for each of `rows` which part of the query's words, by idf, it has: (rows,) float32 in [0, 1]."""
        covered = np.zeros(len(rows), dtype=np.float32)
        for having, idf in self.terms:
            at = np.searchsorted(having, rows)
            inside = at < len(having)
            covered[inside] += idf * (having[at[inside]] == rows[inside])
        return covered / self.ceiling if self.ceiling else covered


def match(postings: Postings, query: str, total: int) -> WordMatch:
    """Return how each of `total` rows matches the words of `query`."""
    scores = np.zeros(total, dtype=np.float32)
    terms: list[tuple[Array, float]] = []
    ceiling = 0.0
    for word in dict.fromkeys(words(query)):
        rows, weights = postings.of(word)
        idf = rarity(len(rows), total)
        ceiling += idf
        if len(rows):
            scores[rows] += np.float32(idf) * weights
            terms.append((rows, idf))
    return WordMatch(scores=scores, ceiling=ceiling, terms=tuple(terms))
