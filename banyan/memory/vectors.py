"""Vectors, in SQL: computed once, for every session and process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection

from banyan.memory.batches import IN_ONE_QUERY, batches
from banyan.memory.tables import vectors
from banyan.memory.transactions import Transactions


class SqlVectors:
    """The `VectorStore` of a database."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def load(self, model: str, digests: Sequence[str]) -> dict[str, bytes]:
        """Return the vectors that are known, as the bytes that were stored."""
        return await self._transactions.read(lambda connection: _load(connection, model, digests))

    async def save(self, model: str, vectors: Mapping[str, bytes]) -> None:
        """Keep these vectors; known ones are left as they are."""
        await self._transactions.write(lambda connection: _save(connection, model, vectors))

    async def prune(self, model: str, keep: Sequence[str]) -> int:
        """Drop the vectors of `model` whose digest is not in `keep`; return how many."""
        return await self._transactions.write(lambda connection: _prune(connection, model, frozenset(keep)))


def _load(connection: Connection, model: str, digests: Sequence[str]) -> dict[str, bytes]:
    found = select(vectors.c.digest, vectors.c.vector).where(vectors.c.model == model)
    if len(digests) <= IN_ONE_QUERY:
        return {
            digest: bytes(vector) for digest, vector in connection.execute(found.where(vectors.c.digest.in_(digests)))
        }
    # Most of the table is wanted: reading it through once beats looking tens of thousands up.
    wanted = frozenset(digests)
    rows = connection.execute(found)
    return {digest: bytes(vector) for digest, vector in rows if digest in wanted}


def _save(connection: Connection, model: str, given: Mapping[str, bytes]) -> None:
    insert = insert_postgres if connection.dialect.name == "postgresql" else insert_sqlite
    rows = [{"model": model, "digest": digest, "vector": vector} for digest, vector in given.items()]
    if rows:
        connection.execute(insert(vectors).on_conflict_do_nothing(), rows)


def _prune(connection: Connection, model: str, keep: frozenset[str]) -> int:
    known = connection.scalars(select(vectors.c.digest).where(vectors.c.model == model))
    old = [digest for digest in known if digest not in keep]
    for part in batches(old):
        connection.execute(delete(vectors).where(vectors.c.model == model, vectors.c.digest.in_(part)))
    return len(old)
