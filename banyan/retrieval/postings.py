"""Terms to the rows that have them: the one structure behind words, names and filters."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from banyan.retrieval.columns import Array, Strings


@dataclass(frozen=True, slots=True, kw_only=True)
class Postings:
    """For every term the rows that have it, ascending, each with a weight.  Immutable."""

    terms: Strings
    """Sorted."""
    starts: Array
    """(terms + 1,) int64: where each term's rows begin."""
    rows: Array
    """(postings,) int32."""
    weights: Array
    """(postings,) float32."""

    @classmethod
    def empty(cls) -> Postings:
        """Return postings without a term."""
        return cls(
            terms=Strings.of([]),
            starts=np.zeros(1, dtype=np.int64),
            rows=np.zeros(0, dtype=np.int32),
            weights=np.zeros(0, dtype=np.float32),
        )

    def of(self, term: str) -> tuple[Array, Array]:
        """Return the rows and weights of `term`; empty where nothing has it."""
        at = self.terms.find(term)
        return self.at(at) if at >= 0 else (self.rows[:0], self.weights[:0])

    def at(self, term: int) -> tuple[Array, Array]:
        """Return the rows and weights of the term at this place of `terms`."""
        span = slice(int(self.starts[term]), int(self.starts[term + 1]))
        return self.rows[span], self.weights[span]


class PostingsRevision:
    """Postings in the making: those of an older state, with rows moved or dropped, and new ones."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._terms = array("i")
        self._rows = array("i")
        self._weights = array("f")

    def add(self, row: int, weights: Mapping[str, float]) -> None:
        """Add a row that the older postings do not have."""
        ids = self._ids
        self._terms.extend([ids.setdefault(term, len(ids)) for term in weights])
        self._weights.extend(weights.values())
        self._rows.extend([row] * len(weights))

    def finish(self, older: Postings, moved: Array) -> Postings:
        """Return the postings of all rows.

        Args:
            older: the state before; only its rows that `moved` keeps are taken over.
            moved: (older rows,) int32: the row that each became, ascending, or -1 where it is gone.
        """
        union = sorted(self._ids.keys() | set(older.terms))
        place = {term: at for at, term in enumerate(union)}
        new = np.fromiter((place[term] for term in self._ids), dtype=np.int64, count=len(self._ids))
        old = np.fromiter((place[term] for term in older.terms), dtype=np.int64, count=len(older.terms))
        rows = moved[older.rows] if len(older.rows) else older.rows
        kept = rows >= 0
        terms = np.concatenate(
            [np.repeat(old, np.diff(older.starts))[kept], new[np.frombuffer(self._terms, dtype=np.int32)]]
        )
        rows = np.concatenate([rows[kept], np.frombuffer(self._rows, dtype=np.int32)])
        weights = np.concatenate([older.weights[kept], np.frombuffer(self._weights, dtype=np.float32)])
        order = np.argsort((terms << 32) | rows, kind="stable")
        return _packed(union, terms[order], rows[order], weights[order])


def _packed(terms: list[str], ids: Array, rows: Array, weights: Array) -> Postings:
    counts = np.bincount(ids, minlength=len(terms)).astype(np.int64)
    used = counts > 0
    starts = np.zeros(int(used.sum()) + 1, dtype=np.int64)
    np.cumsum(counts[used], out=starts[1:])
    names = [term for term, keep in zip(terms, used.tolist(), strict=True) if keep]
    return Postings(terms=Strings.of(names), starts=starts, rows=rows, weights=weights)


def postings_of(entries: Iterable[tuple[int, Mapping[str, float]]]) -> Postings:
    """Return the postings of these rows, made from nothing."""
    revision = PostingsRevision()
    for row, weights in entries:
        revision.add(row, weights)
    return revision.finish(Postings.empty(), np.zeros(0, dtype=np.int32))
