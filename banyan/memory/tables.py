"""Every table of Banyan, for SQLite and PostgreSQL alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import TEXT as POSTGRES_TEXT
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Line(TypeDecorator[str]):
    """Text that any server or model may have sent, ordered by code point on every database.

    PostgreSQL stores no NUL and neither database a lone surrogate: each becomes U+FFFD, so that one hostile
    name cannot fail the transaction that it is part of.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of one database."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(POSTGRES_TEXT(collation="C"))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return `value` as it can be stored."""
        return storable(value)


def storable(value: str | None) -> str | None:
    """Return text as either database stores it."""
    if value is None or (value.isascii() and "\0" not in value):
        return value
    return _UNSTORABLE.sub("\ufffd", value)


class Instant(TypeDecorator[datetime]):
    """A moment, in UTC; SQLite keeps no time zone, so it is taken off there and put back on."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` in UTC.  Raises `ValueError` for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone is no moment")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

catalogue = Table(
    "catalogue",
    metadata,
    # One row.  Whoever changes sources or tools locks it first, so names are given by one writer at a time.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    # Ids of tools are counted here and not by the database: 50,000 rows and their specs go in without reading ids back.
    Column("next_tool_id", BigInteger, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("name", Line, primary_key=True),
    Column("kind", Line, nullable=False),
    Column("config", LargeBinary, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("instructions", Line, nullable=False),
    Column("synced_at", Instant),
    Column("sync_error", Line),
)

tools = Table(
    "tools",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("name", Line, nullable=False),
    Column("name_fold", Line, nullable=False),
    Column("source", Line, ForeignKey("sources.name", ondelete="CASCADE"), nullable=False),
    # Digest of (server, upstream_name): both come from outside, of any length, and an index row has a limit.
    Column("identity", Line, nullable=False),
    Column("server", Line, nullable=False),
    Column("upstream_name", Line, nullable=False),
    Column("digest", Line, nullable=False),
    Column("search_digest", Line, nullable=False),
    Column("state", Line, nullable=False),
    Column("state_reason", Line),
    # What a person wants, kept beside the state so that a disabled tool which goes and comes back stays disabled.
    Column("disabled", Boolean, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    # Names are looked up exactly, and are unique without regard to case.
    UniqueConstraint("name"),
    UniqueConstraint("name_fold"),
    # A sync reads the tools of its source and tells them apart by identity.
    UniqueConstraint("source", "identity"),
)

specs = Table(
    "specs",
    metadata,
    # Apart from `tools`, so that names, digests and counts are read without paging through schemas.
    Column("tool_id", tools.c.id.type, ForeignKey("tools.id", ondelete="CASCADE"), primary_key=True),
    Column("spec", LargeBinary, nullable=False),
    # How the tool differed from what it was, when it last changed.
    Column("last_change", LargeBinary),
)

vectors = Table(
    "vectors",
    metadata,
    Column("model", Line, primary_key=True),
    Column("digest", Line, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

calls = Table(
    "calls",
    metadata,
    Column("call_id", Line, primary_key=True),
    Column("tool", Line, nullable=False),
    Column("source", Line),
    Column("tool_digest", Line),
    Column("arguments_digest", Line, nullable=False),
    Column("surface", Line, nullable=False),
    Column("state", Line, nullable=False),
    Column("outcome", Line),
    Column("category", Line),
    Column("message", Line),
    Column("handle", Line),
    Column("started_at", Instant, nullable=False),
    Column("took_ms", Float),
    Column("idempotency_key", Line),
    # The key comes from outside and may be long: its digest is what is unique.
    Column("idempotency_digest", Line),
    Column("task", Line),
    # Of the claim of that task.
    Column("fence", BigInteger),
    # NULL where it changes nothing, as most do.
    Column("effectful", Boolean),
    UniqueConstraint("idempotency_digest"),
    # The newest calls.
    Index(None, "started_at"),
    # Calls without an outcome: `settle`, and the unsettled ones for `doctor`.
    Index(None, "state", "outcome"),
    # What was sent for a task.
    Index(None, "task", sqlite_where=text("task IS NOT NULL"), postgresql_where=text("task IS NOT NULL")),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("handle", Line, primary_key=True),
    Column("media_type", Line, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("truncated", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    # What counts against the room that results may take: the length of the body before it is packed.
    Column("kept_bytes", BigInteger, nullable=False),
    # Retention reads ages and sizes alone, from this index.
    Index(None, "created_at", "kept_bytes"),
)

bodies = Table(
    "bodies",
    metadata,
    # Apart from `artifacts`, so that retention does not page through results.
    Column("handle", Line, ForeignKey("artifacts.handle", ondelete="CASCADE"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Line, primary_key=True),
    Column("tool", Line, nullable=False),
    Column("tool_digest", Line, nullable=False),
    Column("arguments_digest", Line, nullable=False),
    Column("arguments_preview", Line, nullable=False),
    Column("reason", Line, nullable=False),
    Column("state", Line, nullable=False),
    Column("scope", Line, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", Line),
    # A call asks whether it has leave, by tool and state.
    Index(None, "tool", "state"),
)
