"""Long lists, in pieces that one statement can take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

IN_ONE_QUERY = 4_000
"""Values of one IN list.  SQLite takes 32,766 parameters by default and PostgreSQL 65,535."""


def batches(items: Sequence[T], size: int = IN_ONE_QUERY) -> Iterator[Sequence[T]]:
    """Yield `items` in order, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
