"""An encoder without a model: texts that share words have near vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from banyan.core.ports import Vectors


class HashEncoder:
    """An `Encoder` that adds up one fixed random vector per word; the same text has the same vector everywhere."""

    def __init__(self, dimension: int = 64) -> None:
        self.dimension = dimension
        self.model_id = f"hash/{dimension}"
        self.embedded: list[str] = []
        """Every text that was embedded, in order."""

    def embed(self, texts: Sequence[str], /) -> Vectors:
        """Return one row per text, in order."""
        self.embedded.extend(texts)
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.casefold().replace("_", " ").replace(":", " ").split() or [""]:
                row += self._direction(word)
            row /= max(float(np.linalg.norm(row)), 1e-12)
        return rows

    def _direction(self, word: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:8], "little")
        return np.random.default_rng(seed).standard_normal(self.dimension, dtype=np.float32)
