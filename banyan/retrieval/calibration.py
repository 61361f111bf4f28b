"""From evidence to the probability that a document does what a query asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from banyan.retrieval.columns import Array

EXACT = 0.99
"""Confidence, at least, of a document whose name was asked for."""

PREFIX = 0.8
"""Confidence, at least, of a document whose name begins with what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a few rows, for one query; every array is (rows,)."""

    rows: Array
    cosine: Array
    score: Array
    """BM25."""
    lexical: Array
    """BM25 score as a part of the most that a document could have."""
    coverage: Array
    """Part of the query's words, by idf, that the document has."""
    named: Array
    """1 where the query is a name of it, 0.5 where it begins one, else 0."""
    embedded: Array
    """Whether it has a vector."""

    def of(self, order: Array) -> Evidence:
        """Return the evidence of these rows, in this order."""
        return Evidence(**{each.name: getattr(self, each.name)[order] for each in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """A logistic model of one kind of evidence."""

    bias: float
    cosine: float = 0.0
    lexical: float = 0.0
    coverage: float = 0.0


HEADS: Mapping[str, Coefficients] = MappingProxyType(
    {
        "hybrid": Coefficients(bias=-7.0, cosine=8.0, lexical=5.0, coverage=1.0),
        "lexical": Coefficients(bias=-4.0, lexical=6.0, coverage=2.0),
        "dense": Coefficients(bias=-6.0, cosine=10.0),
    }
)


def confidence(evidence: Evidence, *, words: bool) -> Array:
    """Return the probability, (rows,), that each row does what the query asks.

    Args:
        evidence: what is known of the rows.
        words: whether the words of the query were looked at, or its meaning alone.
    """
    full = _logits(evidence, HEADS["hybrid" if words else "dense"])
    # A row whose vector has not arrived is judged by its words.
    logits = np.where(evidence.embedded, full, _logits(evidence, HEADS["lexical"]))
    found = 1 / (1 + np.exp(-logits))
    floor = np.where(evidence.named == 1, EXACT, np.where(evidence.named > 0, PREFIX, 0.0))
    return floor + (1 - floor) * found


def _logits(evidence: Evidence, head: Coefficients) -> Array:
    return (
        head.bias + head.cosine * evidence.cosine + head.lexical * evidence.lexical + head.coverage * evidence.coverage
    )
