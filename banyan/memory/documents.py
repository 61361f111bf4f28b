"""What search reads of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from banyan.core.find import Document
from banyan.core.tool import ToolState, spec_from_json
from banyan.memory.batches import batches
from banyan.memory.catalogue import read_version
from banyan.memory.packing import Packer
from banyan.memory.tables import sources, specs, tools
from banyan.memory.transactions import Transactions

KIND = "tool"

DETAILS_CHARS = 2_000
"""Characters of parameter names and descriptions that search reads of one tool."""

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
        name: document(name, source, digest, orjson.loads(packer.unpack(body)))
        for name, source, digest, body in connection.execute(query)
    }


def document(key: str, source: str, digest: str, data: Mapping[str, Any]) -> Document:
    """Return what search reads of the tool called `key`, whose spec as JSON is `data`."""
    spec = spec_from_json(data)
    return Document(
        key=key,
        kind=KIND,
        digest=digest,
        name=spec.upstream_name,
        title=spec.title,
        text=spec.description,
        details=details(spec.input_schema),
        server=spec.server,
        source=source,
        tags=spec.tags,
        effects=spec.effects.kind,
    )


def details(schema: Mapping[str, Any], *, most_chars: int = DETAILS_CHARS) -> str:
    """Return the names and descriptions of a schema's properties, and of theirs, cut at `most_chars`.

    References within the schema are followed once; whatever is no schema is passed over.
    """
    lines: list[str] = []
    room = most_chars
    for name, found in _properties(schema, schema):
        for line in (_line(name, found), *(_line(inner, one) for inner, one in _properties(found, schema))):
            lines.append(line[:room])
            room -= len(line) + 1
            if room <= 0:
                return "\n".join(lines)
    return "\n".join(lines)


def _line(name: str, schema: Mapping[str, Any]) -> str:
    told = schema.get("description") or schema.get("title") or ""
    return f"{name}: {told}" if isinstance(told, str) and told else name


def _properties(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the properties of an object, of the items of an array, or of what a reference leads to."""
    schema = _follow(schema, root)
    if isinstance(items := schema.get("items"), Mapping):
        schema = _follow(items, root)
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for name, found in properties.items():
            yield name, found if isinstance(found, Mapping) else {}


def _follow(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return schema
    found: Any = root
    for step in reference[2:].split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else schema
