"""Statements made once, and run by the driver itself.

SQLAlchemy writes them for either database; what it does each time one is run takes several times as long as SQLite
takes to answer a short one. They are for what a change of a tree runs a dozen times; the rest goes the usual way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ClauseElement
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError

Row = tuple[Any, ...]
Values = Mapping[str, Any]
LARGEST = 4096
"""Values of one list, at most: a list is filled up to a power of two, so that few statements are made."""


@dataclass(frozen=True, slots=True)
class Made:
    """A statement as one driver takes it."""

    text: str
    names: Sequence[str] | None
    """Of its values, where they go by position."""
    constants: Values
    """Values of its own, which SQLAlchemy binds too."""
    types: Mapping[str, Callable[[Any], Any]]
    """What turns values into the driver's, by name."""

    def given(self, values: Values) -> Any:
        """Return the values of one run as the driver takes them."""
        if self.constants:
            values = {**self.constants, **values}
        if self.types:
            values = {**values, **{name: turn(values[name]) for name, turn in self.types.items()}}
        return values if self.names is None else [values[name] for name in self.names]


class Statement:
    """One statement whose values are all bound by name.

    Values go to the driver as they are given; with `typed` as their columns have them.
    """

    def __init__(self, clause: ClauseElement, *, typed: bool = False) -> None:
        self._clause = clause
        self._typed = typed
        self._made: dict[str, Made] = {}

    def rows(self, connection: Connection, values: Values) -> list[Row]:
        """Return the rows that it finds."""
        made = self._for(connection.dialect)
        found: list[Row] = _driven(connection, lambda cursor: cursor.execute(made.text, made.given(values)), fetch=True)
        return found

    def run(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Run it once for each of `rows`."""
        if not rows:
            return
        made = self._for(connection.dialect)
        given = [made.given(values) for values in rows]
        if len(given) == 1:
            _driven(connection, lambda cursor: cursor.execute(made.text, given[0]))
        else:
            _driven(connection, lambda cursor: cursor.executemany(made.text, given))

    def _for(self, dialect: Dialect) -> Made:
        """Return it as the driver of `dialect` takes it."""
        if dialect.name not in self._made:
            compiled: Any = self._clause.compile(dialect=dialect)
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            names = list(compiled.positiontup) if compiled.positional else None
            types = dict(compiled._bind_processors) if self._typed else {}
            self._made[dialect.name] = Made(str(compiled), names, constants, types)
        return self._made[dialect.name]


class Listed:
    """A statement for a list of values, made for every power of two."""

    def __init__(self, make: Callable[[Sequence[str]], ClauseElement]) -> None:
        self._sized = cache(lambda size: Statement(make([f"value_{place}" for place in range(size)])))

    def rows(self, connection: Connection, listed: Sequence[Any], **values: Any) -> list[Row]:
        """Return the rows that it finds for all of `listed`, whatever their number."""
        found: list[Row] = []
        for start in range(0, len(listed), LARGEST):
            part = listed[start : start + LARGEST]
            size = 1 << (len(part) - 1).bit_length()
            filled = [*part, *[part[-1]] * (size - len(part))]
            named = {f"value_{place}": value for place, value in enumerate(filled)}
            found += self._sized(size).rows(connection, {**named, **values})
        return found


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Send what is run inside without waiting for each answer, where the driver can: nothing may be read inside."""
    if connection.dialect.name != "postgresql":
        yield
        return
    with _told(connection):
        driven: Any = connection.connection.dbapi_connection
        with driven.pipeline():
            yield


def _driven(connection: Connection, run: Callable[[Any], Any], *, fetch: bool = False) -> Any:
    """Have the driver run something; what it raises comes as SQLAlchemy's error, as everywhere."""
    with _told(connection):
        cursor = connection.connection.cursor()
        try:
            run(cursor)
            return cursor.fetchall() if fetch else None
        finally:
            cursor.close()


@contextmanager
def _told(connection: Connection) -> Iterator[None]:
    """Turn what the driver raises into SQLAlchemy's error."""
    dialect = connection.dialect
    driver: Any = dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
        told = DBAPIError.instance(
            None, None, error, driver.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
        )
        if lost:
            connection.invalidate(error)
        raise told from error
