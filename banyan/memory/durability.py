"""What a live connection says of how safely it keeps what is committed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import Connection

_SYNCHRONOUS = {0: "off", 1: "normal", 2: "full", 3: "extra"}
"""SQLite's numbers, https://www.sqlite.org/pragma.html#pragma_synchronous."""


def durability(connection: Connection) -> Mapping[str, str]:
    """Return the engine, its version and its durability settings, as `connection` has them now."""
    if connection.dialect.name == "sqlite":
        synchronous = int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
        return {
            "SQLite": str(connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()),
            "journal_mode": str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()),
            "synchronous": _SYNCHRONOUS[synchronous],
        }
    return {
        "PostgreSQL": str(connection.exec_driver_sql("SHOW server_version").scalar_one()),
        "fsync": str(connection.exec_driver_sql("SHOW fsync").scalar_one()),
        "synchronous_commit": str(connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()),
    }
