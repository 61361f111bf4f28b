"""Migrations of the tables: forward only, one file each under `versions/`."""

from __future__ import annotations

REVISIONS = ("0001", "0002")
"""Every schema version, oldest first; kept here so that opening a database needs no Alembic."""

NEWEST = REVISIONS[-1]

VERSION_TABLE = "banyan_schema"
"""Alembic's table, under a name of our own: a PostgreSQL schema may be shared with another program's."""
