"""Connections to the database, each set up to keep what was committed."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.sql.expression import FromClause

from banyan.core.errors import DatabaseUnavailable
from banyan.memory.address import Address
from banyan.memory.limits import DatabaseLimits

WRITES = "banyan_writes"
"""Execution option of a connection: whether its transaction writes; without it SQLite begins none."""

WAL_BYTES = 64 * 2**20
"""Size to which SQLite's log is cut after a large change; it would keep its largest size otherwise."""

CACHE_KIB = 16 * 2**10
"""Pages that one SQLite connection holds; SQLite's own 2 MiB makes a sync of 50,000 tools spill to disk."""

SMALLEST_BYTES = 512
"""Size of the smallest page, and so of the smallest SQLite database that is not empty."""

INCREMENTAL = 2
"""Value of SQLite's `auto_vacuum` with which room can be given back bit by bit."""


class _Compiler(SQLiteCompiler):
    """Writes hints into statements, which SQLAlchemy does for other databases only: `INDEXED BY` is one."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:
        """Return what is written after the table."""
        return text


def make_engine(address: Address, limits: DatabaseLimits) -> Engine:
    """Return an engine for `address`; nothing is connected yet.

    Raises:
        ModuleNotFoundError: the driver is not installed.
    """
    options: dict[str, Any] = {
        "poolclass": QueuePool,
        # One for every reader and writer thread, and one for the journal's own.
        "pool_size": limits.readers + limits.writers + 1,
        "max_overflow": 0,
        "pool_timeout": limits.busy_timeout_s,
        # Parameters hold what tools answered and what people wrote: they belong in no log.
        "hide_parameters": True,
    }
    return _sqlite(address, limits, options) if address.file else _postgres(address, limits, options)


def make_private_file(address: Address) -> None:
    """Make the folder and the file of an SQLite database, for their owner alone; what is there is left as it is.

    Raises:
        DatabaseUnavailable: the folder or the file cannot be made.
    """
    if address.file is None:
        return
    try:
        address.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its own side files the rights of this one.
        os.close(os.open(address.file, os.O_RDWR | os.O_CREAT, 0o600))
        # SQLite takes a file shorter than its smallest page for an empty database, and would write over it.
        foreign = 0 < address.file.stat().st_size < SMALLEST_BYTES
    except PermissionError:
        # A file that may be read but not written is opened all the same: the first write says what is wrong.
        if not address.file.exists():
            raise DatabaseUnavailable(
                f"the database `{address.place}` cannot be made: no right to write there"
            ) from None
    except OSError as error:
        raise DatabaseUnavailable(f"the database `{address.place}` cannot be made: {error.strerror}") from error
    else:
        if foreign:
            raise DatabaseUnavailable(f"the database `{address.place}` is no SQLite database; point Banyan at another")


def _sqlite(address: Address, limits: DatabaseLimits, options: dict[str, Any]) -> Engine:
    engine = create_engine(address.url, connect_args={"timeout": limits.busy_timeout_s}, **options)
    engine.dialect.statement_compiler = _Compiler
    opened: list[tuple[int, int] | None] = []
    """Which file the first connection opened."""

    def check() -> None:
        # An open file goes on working when it is removed or another one takes its place, and what is committed to
        # it is lost: a ledger of calls must not go that way.
        if opened and opened[0] != _identity(address):
            raise DatabaseUnavailable(
                f"the database `{address.place}` was removed or replaced while it was open; start Banyan anew"
            )

    @event.listens_for(engine, "do_connect")
    def before_connecting(*_: object) -> None:
        check()  # SQLite would make a new file

    @event.listens_for(engine, "checkout")
    def before_use(*_: object) -> None:
        check()

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        if not opened:
            opened.append(_identity(address))
        # The driver begins no transaction by itself: `begin` below does, and says whether it will write.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            f"cache_size = -{CACHE_KIB}",
            f"journal_size_limit = {WAL_BYTES}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        if writes is not None:
            # A writer takes the lock at once: a reader that turns into a writer cannot wait for it.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _identity(address: Address) -> tuple[int, int] | None:
    """Return what tells the file at `address` from any other; None where there is none."""
    try:
        found = os.stat(address.place)  # noqa: PTH116 - once per transaction, and `pathlib` takes four times as long
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _postgres(address: Address, limits: DatabaseLimits, options: dict[str, Any]) -> Engine:
    # A server may have been restarted since the connection was last used.
    connect = {"connect_timeout": limits.connect_timeout_s, "application_name": "banyan"}
    engine = create_engine(address.url, connect_args=connect, pool_pre_ping=True, **options)

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("SET synchronous_commit TO on")
        cursor.execute("SET timezone TO 'UTC'")
        cursor.execute(f"SET lock_timeout TO {int(limits.busy_timeout_s * 1000)}")
        cursor.close()
        connection.commit()

    return engine
