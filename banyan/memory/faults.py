"""What a database says went wrong, in Banyan's errors: one table, read at one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from banyan.core.errors import BanyanError, Conflict, DatabaseUnavailable, SettingsError, StorageFull


class Fault(NamedTuple):
    """One line of the table."""

    code: str
    """Start of SQLite's error name or of PostgreSQL's SQLSTATE."""
    error: type[BanyanError]
    sentence: str
    """What is said, after the name of the database."""


FAULTS = (
    Fault("SQLITE_FULL", StorageFull, "has no room left; nothing of this change was kept: free some disk space"),
    Fault("SQLITE_BUSY", DatabaseUnavailable, "is locked by another process for too long; close it, or try again"),
    Fault("SQLITE_LOCKED", DatabaseUnavailable, "is locked for too long; try again"),
    Fault("SQLITE_READONLY", DatabaseUnavailable, "cannot be written; check the rights of the file and its folder"),
    Fault("SQLITE_PERM", DatabaseUnavailable, "cannot be used with these rights; check the file's owner"),
    Fault("SQLITE_AUTH", DatabaseUnavailable, "cannot be used with these rights; check the file's owner"),
    Fault("SQLITE_CANTOPEN", DatabaseUnavailable, "cannot be opened; check that the folder exists and can be written"),
    Fault("SQLITE_CORRUPT", DatabaseUnavailable, "is damaged; restore a copy, or move the file away to start anew"),
    Fault("SQLITE_NOTADB", DatabaseUnavailable, "is no SQLite database; point Banyan at another file"),
    Fault("SQLITE_IOERR", DatabaseUnavailable, "cannot be read or written; check the disk"),
    Fault("SQLITE_TOOBIG", StorageFull, "takes no value this large"),
    Fault("SQLITE_NOMEM", DatabaseUnavailable, "found no memory; try again"),
    Fault("53100", StorageFull, "has no room left; nothing of this change was kept: free some disk space"),
    Fault("53300", DatabaseUnavailable, "has too many connections; try again, or raise max_connections"),
    Fault("53", DatabaseUnavailable, "is short of memory or disk; look at the server's log"),
    Fault("28", SettingsError, "refuses this user or password; correct the database URL"),
    Fault("3D", SettingsError, "does not exist on this server; create it, or correct the database URL"),
    Fault("42501", SettingsError, "does not let this user do that; grant it CREATE on the schema, or use another"),
    Fault("42P07", SettingsError, "has tables of somebody else under Banyan's names; give Banyan a schema of its own"),
    Fault("25006", DatabaseUnavailable, "is read-only now; point Banyan at the primary server"),
    Fault("55P03", DatabaseUnavailable, "is locked by another process for too long; try again"),
    Fault("57014", DatabaseUnavailable, "took too long and gave up; try again"),
    Fault("40", Conflict, "was being changed by somebody else; try again"),
    Fault("58", DatabaseUnavailable, "cannot read or write its files; look at the server's log"),
    Fault("XX", DatabaseUnavailable, "is damaged; look at the server's log"),
)
"""Both databases; the first line whose code the error starts with counts."""

UNREACHABLE = "cannot be reached{why}; check that the server runs, and every part of the database URL"
CLASHES = "has a record of that name or key already; load it and decide again"
BUSY_HERE = "is kept busy by this process; try again"
NO_DRIVER = "needs a driver that is not installed; run `pip install 'banyan-agents[postgres]'`"


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn what SQLAlchemy raises inside into a `BanyanError` that names `place`, which must hold no secret.

    What the table does not know, as a wrong statement, is a bug of this program: the base of all errors.
    """
    try:
        yield
    except IntegrityError as error:
        raise Conflict(f"the database `{place}` {CLASHES}") from error
    except PoolTimeout as error:
        raise DatabaseUnavailable(f"the database `{place}` {BUSY_HERE}") from error
    except ModuleNotFoundError as error:
        raise SettingsError(f"the database `{place}` {NO_DRIVER}") from error
    except DBAPIError as error:
        raise _told(error, place) from error


def _told(error: DBAPIError, place: str) -> BanyanError:
    code = str(getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or "")
    for fault in FAULTS:
        if code.startswith(fault.code):
            return fault.error(f"the database `{place}` {fault.sentence}")
    lost = error.connection_invalidated or code.startswith(("08", "57P"))
    # psycopg gives no SQLSTATE where no server answered.
    if lost or (not code and type(error.orig).__name__ in {"OperationalError", "ConnectionTimeout"}):
        return DatabaseUnavailable(f"the database `{place}` {UNREACHABLE.format(why=_refusal(error))}")
    return BanyanError(f"the database `{place}` refused a statement: {code or type(error.orig).__name__}")


def _refusal(error: DBAPIError) -> str:
    """Return why a server that answered let nobody in; it names users and databases, never passwords.

    libpq keeps no code of a failed connection, so the server's own words are all there is.
    """
    _, refused, why = str(error.orig).partition("FATAL:")
    return f" ({why.strip().splitlines()[0]})" if refused else ""
