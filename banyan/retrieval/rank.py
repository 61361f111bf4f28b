"""Which few rows answer a query, and how likely each of them does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from banyan.retrieval.calibration import Evidence, confidence
from banyan.retrieval.columns import Array
from banyan.retrieval.lexical import WordMatch, match
from banyan.retrieval.words import identifier, in_any_order

if TYPE_CHECKING:
    from banyan.core.find import Filters
    from banyan.retrieval.state import State

CANDIDATES = 200
"""Rows that are looked at closely; more change nothing on the development queries."""

MIN_PREFIX = 3
"""Letters from which the beginning of a name finds it."""

MAX_PREFIXED = 500
"""Names that one beginning may find; one that fits more says nothing."""


class Mode(StrEnum):
    """What ranks: both kinds of evidence, or one alone."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    DENSE = "dense"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked."""

    text: str
    vectors: Array | None
    """(1 + p, d), of unit length: of the text and of its p parts; None to rank by words alone."""
    mode: Mode = Mode.HYBRID


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Rows, best first, with what speaks for each."""

    evidence: Evidence
    confidence: Array
    """(rows,) in [0, 1]."""


def rank(state: State, query: Query, filters: Filters, k: int) -> Ranked:
    """Return the `k` best rows that pass `filters`; of equals the one with the smaller key comes first."""
    total = len(state.keys)
    by_words = query.mode is not Mode.DENSE
    words = match(state.words, query.text if by_words else "", total)
    named = _named(state, query.text) if by_words else {}
    dense = query.vectors is not None
    cosines = state.vectors.cosines(query.vectors) if query.vectors is not None else np.zeros(total, dtype=np.float32)
    rows = _candidates(words, cosines, named, state.allowed(filters), count=max(CANDIDATES, 2 * k))
    evidence = Evidence(
        rows=rows,
        cosine=cosines[rows],
        score=words.scores[rows],
        coverage=words.coverage(rows),
        named=np.array([named.get(row, 0.0) for row in rows.tolist()], dtype=np.float32),
        embedded=state.vectors.there[rows] & dense,
    )
    sure = confidence(evidence, words=by_words)
    order = np.lexsort((rows, -sure))[:k]
    return Ranked(evidence=evidence.of(order), confidence=sure[order])


def nearest_by_words(state: State, query: str, filters: Filters, count: int) -> list[int]:
    """Return those of the `count` rows that words find first which have no vector yet."""
    words = match(state.words, query, len(state.keys))
    rows = _top(words.scores, state.allowed(filters), count)
    return [row for row in rows.tolist() if not state.vectors.there[row]]


def _candidates(
    words: WordMatch, cosines: Array, named: dict[int, float], allowed: Array | None, *, count: int
) -> Array:
    """Return the rows worth a closer look, ascending: the best by words, by meaning, and those named."""
    chosen = [np.fromiter(named, dtype=np.int64, count=len(named))]
    chosen += [_top(scores, allowed, count) for scores in (cosines, words.scores)]
    rows = np.unique(np.concatenate(chosen))
    return rows if allowed is None else rows[allowed[rows]]


def _top(scores: Array, allowed: Array | None, count: int) -> Array:
    """Return up to `count` of the allowed rows with the highest scores above 0, in no order."""
    rows = np.flatnonzero(scores > 0 if allowed is None else (scores > 0) & allowed)
    if len(rows) <= count:
        return rows
    return rows[np.argpartition(scores[rows], len(rows) - count)[-count:]]


def _named(state: State, query: str) -> dict[int, float]:
    """Return the rows that the query names: 1 for a whole name, 0.5 for its beginning, or its words in any order."""
    name = identifier(query)
    if not name:
        return {}
    found: dict[int, float] = {}
    if len(name) >= MIN_PREFIX and len(query.split()) == 1:
        span = state.names.terms.starting(name)
        first, last = int(state.names.starts[span.start]), int(state.names.starts[span.stop])
        if last - first <= MAX_PREFIXED:
            found = dict.fromkeys(state.names.rows[first:last].tolist(), 0.5)
    if words := in_any_order(query):
        found |= dict.fromkeys(state.names.of(words)[0].tolist(), 0.5)
    return found | dict.fromkeys(state.names.of(name)[0].tolist(), 1.0)
