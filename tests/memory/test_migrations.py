"""The migrations, and the short way round them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from banyan.memory import Database
from banyan.memory.migrations import REVISIONS, VERSION_TABLE
from banyan.memory.migrations.run import migrate, scripts
from banyan.memory.tables import metadata


def test_the_revisions_that_opening_knows_are_those_that_there_are() -> None:
    found = [script.revision for script in scripts().walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS


def test_every_migration_says_why_in_one_sentence() -> None:
    for script in scripts().walk_revisions():
        assert script.doc.strip().endswith("."), script.revision


def described(index: Any) -> str:
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str({**index, "dialect_options": options})


def shape(connection: Connection) -> dict[str, Any]:
    """Return all that the database itself says of its tables."""
    inspector = inspect(connection)
    found: dict[str, Any] = {}
    for table in sorted(inspector.get_table_names()):
        found[table] = {
            "columns": [
                {key: str(value) for key, value in column.items() if key != "comment"}
                for column in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": inspector.get_foreign_keys(table),
            "unique": sorted(map(str, inspector.get_unique_constraints(table))),
            "indexes": sorted(map(described, inspector.get_indexes(table))),
            "checks": sorted(map(str, inspector.get_check_constraints(table))),
        }
    found["catalogue row"] = connection.execute(text("SELECT * FROM catalogue")).all()
    found["version"] = connection.execute(text(f"SELECT * FROM {VERSION_TABLE}")).all()
    return found


def drop_all(connection: Connection) -> None:
    metadata.drop_all(connection)
    connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))


async def test_a_database_made_at_once_equals_one_that_went_through_every_migration(database_url: str) -> None:
    database = await Database.open(database_url)
    made = await database.transactions.read(shape)
    await database.transactions.write(drop_all)
    await database.transactions.write(migrate)
    migrated = await database.transactions.read(shape)
    await database.close()
    assert set(made) == {*metadata.tables, VERSION_TABLE, "catalogue row", "version"}
    assert migrated == made


async def test_migrations_leave_nothing_that_the_tables_of_the_code_do_not_have(database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    database = await Database.open(database_url)

    def compare(connection: Connection) -> Any:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    differences = await database.transactions.read(compare)
    await database.close()
    assert differences == []


async def test_a_migration_that_fails_leaves_the_database_as_it_was(database_url: str) -> None:
    database = await Database.open(database_url)
    await database.transactions.write(drop_all)

    def fail(connection: Connection) -> None:
        migrate(connection)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.transactions.write(fail)
    tables = await database.transactions.read(lambda connection: inspect(connection).get_table_names())
    await database.transactions.write(migrate)
    await database.close()
    assert tables == []
