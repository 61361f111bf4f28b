"""Columns of an index: strings as one run of bytes, so that a column of a file is used where it lies."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


class Strings(Sequence[str]):
    """An immutable list of strings, kept as UTF-8 bytes and offsets."""

    __slots__ = ("_view", "blob", "offsets")

    def __init__(self, blob: Array, offsets: Array) -> None:
        self.blob = blob  # (bytes,) uint8
        self.offsets = offsets  # (n + 1,) int64
        self._view = blob.data

    @classmethod
    def of(cls, values: Sequence[str]) -> Strings:
        """Return `values` as a column."""
        encoded = [value.encode("utf-8", "surrogatepass") for value in values]
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(one) for one in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        at %= len(self)
        start, end = int(self.offsets[at]), int(self.offsets[at + 1])
        return self._view[start:end].tobytes().decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        data, ends = self.blob.tobytes(), self.offsets.tolist()
        for start, end in pairwise(ends):
            yield data[start:end].decode("utf-8", "surrogatepass")

    def find(self, value: str) -> int:
        """Return where `value` is, or -1; the column must be sorted."""
        at = bisect_left(self, value)
        return at if at < len(self) and self[at] == value else -1

    def starting(self, start: str) -> range:
        """Return where the strings are that begin with `start`; the column must be sorted."""
        first = bisect_left(self, start)
        return range(first, bisect_left(self, start + "\U0010ffff", lo=first))
