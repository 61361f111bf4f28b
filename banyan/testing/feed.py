"""A feed and a store of vectors in memory, for an index without a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from banyan.core.find import Document


class MemoryFeed:
    """A `DocumentFeed` that is filled by hand."""

    def __init__(self, documents: Iterable[Document] = ()) -> None:
        self._documents: dict[str, Document] = {}
        self._version = 0
        self.put(*documents)

    def put(self, *documents: Document) -> None:
        """Add documents, or replace those of their keys."""
        self._documents.update({document.key: document for document in documents})
        self._version += 1

    def remove(self, *keys: str) -> None:
        """Take documents away."""
        for key in keys:
            self._documents.pop(key, None)
        self._version += 1

    async def version(self) -> int:
        """Return a number that grows with every change."""
        return self._version

    async def digests(self) -> dict[str, str]:
        """Return the digest of every document, by key."""
        return {key: document.digest for key, document in self._documents.items()}

    async def documents(self, keys: Sequence[str]) -> list[Document]:
        """Return these documents; keys that are gone are left out."""
        return [self._documents[key] for key in keys if key in self._documents]


class MemoryVectors:
    """A `VectorStore` that forgets with its process."""

    def __init__(self) -> None:
        self._vectors: dict[str, dict[str, bytes]] = {}

    async def load(self, model: str, digests: Sequence[str]) -> dict[str, bytes]:
        """Return the vectors that are known, as the bytes that were stored."""
        known = self._vectors.get(model, {})
        return {digest: known[digest] for digest in digests if digest in known}

    async def save(self, model: str, vectors: Mapping[str, bytes]) -> None:
        """Keep these vectors; known ones are left as they are."""
        self._vectors[model] = dict(vectors) | self._vectors.get(model, {})

    async def prune(self, model: str, keep: Sequence[str]) -> int:
        """Drop the vectors of `model` whose digest is not in `keep`; return how many."""
        known = self._vectors.get(model, {})
        old = known.keys() - set(keep)
        for digest in old:
            del known[digest]
        return len(old)
