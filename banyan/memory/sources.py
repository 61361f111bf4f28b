"""The configured sources, in SQL."""

from __future__ import annotations

import orjson
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from banyan.core.canonical import canonical
from banyan.core.errors import UnknownSource
from banyan.core.ids import SourceName
from banyan.core.source import Source, SourceKind
from banyan.core.tool import ToolState
from banyan.memory.tables import catalogue, sources, tools
from banyan.memory.transactions import Transactions


class SqlSources:
    """The `SourceStore` of a database."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def put(self, source: Source) -> None:
        """Add `source`, or replace the one of its name."""
        await self._transactions.write(lambda connection: _put(connection, source))

    async def all(self) -> list[Source]:
        """Return every source, by name."""
        query = select(sources).order_by(sources.c.name)
        return await self._transactions.read(lambda connection: [_source(row) for row in connection.execute(query)])

    async def get(self, name: str) -> Source:
        """Return the source called `name`.  Raises `UnknownSource`."""
        return await self._transactions.read(lambda connection: get_source(connection, name))

    async def remove(self, name: str) -> int:
        """Remove a source with its tools, and return how many they were; those gone before do not count."""
        return await self._transactions.write(lambda connection: _remove(connection, name))


def get_source(connection: Connection, name: str) -> Source:
    """Return the source called `name`.  Raises `UnknownSource`."""
    row = connection.execute(select(sources).where(sources.c.name == name)).one_or_none()
    if row is None:
        known = connection.scalars(select(sources.c.name).order_by(sources.c.name)).all()
        raise UnknownSource(name, known=known)
    return _source(row)


def lock_catalogue(connection: Connection) -> int:
    """Wait until no other process changes the catalogue, and return the next free id of a tool.

    SQLite has its one writer at that already, and knows no FOR UPDATE: SQLAlchemy leaves it out there.
    """
    next_tool_id: int = connection.execute(select(catalogue.c.next_tool_id).with_for_update()).scalar_one()
    return next_tool_id


def grow_version(connection: Connection, *, new_tools: int = 0) -> None:
    """Tell every process that the catalogue is another one now."""
    connection.execute(
        update(catalogue).values(version=catalogue.c.version + 1, next_tool_id=catalogue.c.next_tool_id + new_tools)
    )


def _put(connection: Connection, source: Source) -> None:
    lock_catalogue(connection)
    row = connection.execute(select(sources).where(sources.c.name == source.name)).one_or_none()
    values = {
        "kind": source.kind.value,
        "config": canonical(source.config),
        "enabled": source.enabled,
        "instructions": source.instructions,
        "synced_at": source.synced_at,
        "sync_error": source.sync_error,
    }
    if row is None:
        connection.execute(insert(sources).values(name=source.name, **values))
        grow_version(connection)
        return
    connection.execute(update(sources).where(sources.c.name == source.name).values(values))
    # When and how the last sync went is no change of what can be found or called.
    if any(getattr(row, name) != values[name] for name in ("kind", "config", "enabled", "instructions")):
        grow_version(connection)


def _remove(connection: Connection, name: str) -> int:
    lock_catalogue(connection)
    get_source(connection, name)
    counted = select(func.count()).where(tools.c.source == name, tools.c.state != ToolState.GONE.value)
    count: int = connection.execute(counted).scalar_one()
    connection.execute(delete(sources).where(sources.c.name == name))
    grow_version(connection)
    return count


def _source(row: Row[tuple[object, ...]]) -> Source:
    return Source(
        name=SourceName(row.name),
        kind=SourceKind(row.kind),
        config=orjson.loads(row.config),
        enabled=row.enabled,
        instructions=row.instructions,
        synced_at=row.synced_at,
        sync_error=row.sync_error,
    )
