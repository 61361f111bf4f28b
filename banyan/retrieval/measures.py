"""How good a ranking is, measured against known answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

NDCG_AT = 10
"""Ranks that nDCG looks at, as is usual for tool retrieval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What a search answered to one query, and which of it was wanted."""

    wanted: tuple[frozenset[str], ...]
    """For every tool that is needed, the ids of which each will do."""
    keys: tuple[str, ...]
    """Best first."""

    def found(self) -> list[int | None]:
        """Return for each wanted tool its rank from 1, or None; one key answers every want that it fits."""
        return [next((rank for rank, key in enumerate(self.keys, start=1) if key in ids), None) for ids in self.wanted]


def recall(ranking: Ranking, k: int) -> float:
    """Return which part of the wanted tools is among the first `k`."""
    found = ranking.found()
    return sum(rank is not None and rank <= k for rank in found) / len(found)


def completeness(ranking: Ranking, k: int) -> float:
    """Return 1 if every wanted tool is among the first `k`, else 0."""
    return float(all(rank is not None and rank <= k for rank in ranking.found()))


def reciprocal_rank(ranking: Ranking) -> float:
    """Return 1 over the rank of the first wanted tool, 0 where none was found."""
    ranks = [rank for rank in ranking.found() if rank is not None]
    return 1 / min(ranks) if ranks else 0.0


def ndcg(ranking: Ranking, k: int = NDCG_AT) -> float:
    """Return the discounted gain of the first `k` over the best possible, each wanted tool being worth the same."""
    gain, open_wants = 0.0, list(ranking.wanted)
    for rank, key in enumerate(ranking.keys[:k], start=1):
        met = next((ids for ids in open_wants if key in ids), None)
        if met is not None:
            open_wants.remove(met)
            gain += 1 / math.log2(rank + 1)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(ranking.wanted)) + 1))
    return gain / best


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which `part` of `values` lie: the nearest rank; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(part * len(ordered)) - 1))] if ordered else 0.0


def mean(values: Sequence[float]) -> float:
    """Return the mean of `values`; 0 for none."""
    return sum(values) / len(values) if values else 0.0
