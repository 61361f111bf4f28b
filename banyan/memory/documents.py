"""What search reads of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from banyan.core.document import tool_document
from banyan.core.find import Document
from banyan.core.tool import ToolState, spec_from_json
from banyan.memory.batches import batches
from banyan.memory.catalogue import read_version
from banyan.memory.packing import Packer
from banyan.memory.tables import sources, specs, tools
from banyan.memory.transactions import Transactions

_FINDABLE = (tools.c.state == ToolState.ACTIVE.value, sources.c.enabled.is_(True))


class SqlDocuments:
    """The `DocumentFeed` of a database: one document per active tool of an enabled source."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def version(self) -> int:
        """Return a number that grows with every change."""
        return await self._transactions.read(read_version)

    async def digests(self) -> dict[str, str]:
        """Return the digest of every document that can be found, by key."""
        query = select(tools.c.name, tools.c.search_digest).join(sources).where(*_FINDABLE)
        return await self._transactions.read(lambda connection: dict(connection.execute(query).all()))

    async def documents(self, keys: Sequence[str]) -> list[Document]:
        """Return these documents, in that order; keys that are gone are left out."""
        found: dict[str, Document] = {}
        # A transaction for each piece: none is held while tens of thousands of documents are made.
        for part in batches(list(dict.fromkeys(keys))):
            found.update(await self._transactions.read(partial(_documents, keys=part)))
        return [found[key] for key in keys if key in found]


def _documents(connection: Connection, keys: Sequence[str]) -> dict[str, Document]:
    columns = (tools.c.name, tools.c.source, tools.c.search_digest, specs.c.spec)
    query = select(*columns).join(specs).join(sources).where(tools.c.name.in_(keys), *_FINDABLE)
    packer = Packer()
    return {
        name: tool_document(name, spec_from_json(orjson.loads(packer.unpack(body))), source=source, digest=digest)
        for name, source, digest, body in connection.execute(query)
    }
