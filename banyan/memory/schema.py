"""The tables as they stand in a database: made, migrated, or refused."""

from __future__ import annotations

import logging
import time

from sqlalchemy import Column, Engine, MetaData, Table, Text, insert, inspect, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from banyan.core.errors import DatabaseTooNew, SettingsError
from banyan.memory.engine import INCREMENTAL
from banyan.memory.limits import DatabaseLimits
from banyan.memory.migrations import NEWEST, REVISIONS, VERSION_TABLE
from banyan.memory.tables import catalogue
from banyan.memory.task_tables import trees
from banyan.memory.transactions import Transactions

logger = logging.getLogger(__name__)

CREATION_LOCK = 0x62616E79616E
"""Key of the PostgreSQL advisory lock under which tables are made: the letters of the name."""

_stamps = Table(VERSION_TABLE, MetaData(), Column("version_num", Text, nullable=False))


def prepare_file(engine: Engine, limits: DatabaseLimits) -> None:
    """Put an SQLite database into write-ahead logging, where readers and the writer do not wait for one another.

    The busy timeout does not hold for this one change of mode, so it is tried until it has passed.
    """
    deadline = time.monotonic() + limits.busy_timeout_s
    while True:
        try:
            _log_ahead(engine)
            break
        except OperationalError as error:
            busy = getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY")
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _log_ahead(engine: Engine) -> None:
    with engine.connect() as connection:
        if connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal":
            return
        # Takes effect only before the first table: room of dropped results can then be given back.
        connection.exec_driver_sql(f"PRAGMA auto_vacuum = {INCREMENTAL}")
        if connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar() != "wal":
            logger.warning("the file system of the database allows no write-ahead log: readers and writers will wait")


def bring_up_to_date(transactions: Transactions, place: str) -> None:
    """Make or migrate the tables, if they are not those of this Banyan.

    Raises:
        DatabaseTooNew: a newer Banyan wrote the database; it is left as it is.
        SettingsError: it holds tables of somebody else under the same names.
    """
    if transactions.run(stored_version, writes=False) != NEWEST:
        transactions.run(lambda connection: _change(connection, place), writes=True)


def stored_version(connection: Connection) -> str | None:
    """Return the schema version of a database; None where it has no tables of Banyan.

    Raises:
        DatabaseTooNew: the version is none that this Banyan knows.
    """
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version = connection.execute(select(_stamps.c.version_num)).scalar()
    if version is not None and version not in REVISIONS:
        raise DatabaseTooNew(version, newest_known=NEWEST)
    return version


def _change(connection: Connection, place: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CREATION_LOCK})
    # Asked again under the lock: another process may have made them since.
    version = stored_version(connection)
    if version == NEWEST:
        return
    if version is None:
        create(connection, place)
        return
    # Imported here: Alembic takes most of a second, and migrations are rare.
    from banyan.memory.migrations.run import migrate

    migrate(connection)


def create(connection: Connection, place: str) -> None:
    """Make all tables as the newest migration leaves them, and note that version."""
    foreign = sorted(set(inspect(connection).get_table_names()) & set(trees.metadata.tables))
    if foreign:
        named = ", ".join(f"`{name}`" for name in foreign)
        raise SettingsError(
            f"the database `{place}` holds tables of somebody else ({named}); give Banyan one of its own"
        )
    trees.metadata.create_all(connection, checkfirst=False)
    connection.execute(
        text(
            f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
            f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(insert(_stamps).values(version_num=NEWEST))
    connection.execute(insert(catalogue).values(id=1, version=0, next_tool_id=1))
