"""Runs the migrations with Alembic, on a connection whose transaction is open."""

from __future__ import annotations

from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from banyan.memory.migrations import NEWEST, VERSION_TABLE


def scripts() -> ScriptDirectory:
    """Return the migrations that ship with this Banyan."""
    config = Config()
    config.set_main_option("script_location", "banyan.memory:migrations")
    return ScriptDirectory.from_config(config)


def migrate(connection: Connection, to: str = NEWEST) -> None:
    """Bring the tables to version `to`, in the transaction that is open on `connection`."""
    directory = scripts()

    def steps(revision: Any, _: MigrationContext) -> Any:
        return directory._upgrade_revs(to, revision)

    with EnvironmentContext(Config(), directory, fn=steps, destination_rev=to) as environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE, transactional_ddl=True)
        with environment.begin_transaction():
            environment.run_migrations()
