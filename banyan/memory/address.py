"""Where a database is: its URL, read once, and the name it goes by in messages, without password."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from banyan.core.errors import SettingsError

SQLITE = "sqlite:///"
POSTGRES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a database is."""

    url: URL
    place: str
    """What messages call it: no user, no password, no options."""
    file: Path | None = None
    """The SQLite file; None for a server."""


def read_address(url: str) -> Address:
    """Return where `url` points.

    `sqlite:///` is followed by a path as it is, so a file may have any name; `postgresql://` and
    `postgresql+psycopg://` by what libpq takes.

    Raises:
        SettingsError: it is no URL of a database that Banyan can use; the message shows no part of it but the scheme.
    """
    if url.startswith(SQLITE):
        return _file(url.removeprefix(SQLITE))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # What was typed may hold a password, so neither the text nor the library's error is shown.
        raise SettingsError(_problem("it cannot be read")) from None
    if parsed.drivername not in POSTGRES:
        raise SettingsError(_problem(f"it starts with `{parsed.drivername}`")) from None
    if not parsed.database:
        raise SettingsError(_problem("it names no database"))
    host = parsed.host or "local"
    port = f":{parsed.port}" if parsed.port else ""
    return Address(
        url=parsed.set(drivername="postgresql+psycopg"), place=f"postgresql://{host}{port}/{parsed.database}"
    )


def _file(text: str) -> Address:
    if text in {"", ":memory:"} or "\0" in text:
        raise SettingsError(_problem("it names no file"))
    file = Path(text).expanduser().absolute()
    return Address(url=URL.create("sqlite+pysqlite", database=str(file)), place=str(file), file=file)


def _problem(what: str) -> str:
    return f"the database URL is of no use, as {what}; write `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST:5432/NAME`"
