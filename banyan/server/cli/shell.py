"""What every command works with: the global options, the terminal, and Banyan itself."""

from __future__ import annotations

import contextlib
import copy
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from banyan.server.cli.terminal import Terminal

if TYPE_CHECKING:
    from banyan.server.app import Banyan
    from banyan.server.secrets import SecretStores
    from banyan.server.settings import Settings

logger = logging.getLogger(__name__)

LOG_BYTES = 1_000_000
"""Bytes of the log of failures before it starts anew; one older one is kept."""

TALKATIVE = ("client", "httpcore", "httpcore2", "httpx", "httpx2", "mcp")
"""Loggers of libraries that log every request, some with its URL and its whole body: they warn, and no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The global options, as they stood before or after the verb."""

    home: Path | None = None
    database: str | None = None
    json: bool = False
    quiet: bool = False

    def over(self, before: Given) -> Given:
        """Return these options with those that stood `before` where none is given here."""
        return Given(
            home=self.home or before.home,
            database=self.database or before.database,
            json=self.json or before.json,
            quiet=self.quiet or before.quiet,
        )


class Shell:
    """One run of one command."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.terminal = Terminal(json=given.json, quiet=given.quiet)
        self._log: _Log | None = None
        self._redactors: list[Callable[[str], str]] = []

    @cached_property
    def settings(self) -> Settings:
        """The settings; reading them sets up the log.  Raises `SettingsError`."""
        from banyan.server.settings import load

        settings = load(self.given.home, self.given.database)
        self._log = _Log(settings, self.redact)
        return settings

    @property
    def log_file(self) -> Path | None:
        """Where failures are written with their traces; None before the settings are known."""
        return self._log.file if self._log else None

    def banyan_command(self, words: str) -> str:
        """Return a command to type next: of this home and database, where others than the usual were given."""
        import shlex

        given = [("--home", self.given.home), ("--database", self._shown_database())]
        options = "".join(f" {name} {shlex.quote(str(value))}" for name, value in given if value)
        return f"banyan{options} {words}"

    def _shown_database(self) -> str | None:
        """Return the database that was given, without its password."""
        import re

        return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:…@", self.given.database) if self.given.database else None

    def close(self) -> None:
        """End what this command set up."""
        if self._log:
            self._log.close()

    @cached_property
    def secrets(self) -> SecretStores:
        """Where secrets are kept.  Raises `SettingsError`."""
        from banyan.server.secrets import SecretStores

        stores = SecretStores(self.settings.home)
        self._redactors.append(stores.redact)
        return stores

    def redact(self, text: str) -> str:
        """Return `text` with every secret that this command has read so far hidden."""
        for redact in self._redactors:
            text = redact(text)
        return text

    @asynccontextmanager
    async def banyan(self, *, watch: bool = False) -> AsyncIterator[Banyan]:
        """Open Banyan for one command.  Raises `SettingsError`, `DatabaseUnavailable` and `DatabaseTooNew`."""
        import banyan
        from banyan.server.inside import parts_of

        async with banyan.open(settings=self.settings, watch=watch) as b:
            self._redactors.append(parts_of(b).secrets.redact)
            yield b

    async def embed(self, b: Banyan) -> None:
        """Compute the vectors that are missing, with a progress bar; without a model, say so and go on."""
        from banyan.core.errors import ModelUnavailable

        with self.terminal.progress("reading new tools") as update:
            try:
                await b.embed(update)
            except ModelUnavailable as error:
                self.terminal.warn(f"search goes by words alone: {error}")


class _Log:
    """What is logged while one command runs: to standard error, and failures with their traces to a file."""

    def __init__(self, settings: Settings, redact: Callable[[str], str]) -> None:
        level = getattr(logging, settings.log.upper())
        root = logging.getLogger()
        self.file = settings.home / "logs" / "banyan.log"
        self._handlers: list[logging.Handler] = [_for_people(level, traces=settings.log == "debug")]
        try:
            self._handlers.append(_for_later(self.file))
        except OSError as error:
            logger.debug("there is no log in the home: %s", error.strerror)
        libraries = [logging.getLogger(name) for name in TALKATIVE]
        self._levels_before = [(one, one.level) for one in (root, *libraries)]
        root.setLevel(min(level, logging.ERROR))
        # Where a record cannot be written, the library would print it with its arguments, as they were before secrets
        # were hidden, and its own trace.
        self._complains_before = logging.raiseExceptions
        logging.raiseExceptions = False
        for one in libraries:
            one.setLevel(max(level, logging.WARNING))
        for handler in self._handlers:
            handler.setFormatter(_Redacting(handler.formatter or logging.Formatter(), redact))
            root.addHandler(handler)

    def close(self) -> None:
        """Leave logging as it was."""
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            # A log that cannot be written, for want of room, is no failure of the command.
            with contextlib.suppress(OSError):
                handler.close()
        logging.raiseExceptions = self._complains_before
        for one, level in self._levels_before:
            one.setLevel(level)


def _for_people(level: int, *, traces: bool) -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s") if traces else _OneLine())
    # The command itself tells of a bug in one line; here only those who debug see it.
    handler.addFilter(lambda record: traces or not getattr(record, "bug", False))
    return handler


def _for_later(file: Path) -> logging.Handler:
    from logging.handlers import RotatingFileHandler

    for folder in (file.parent.parent, file.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)
    handler.setLevel(logging.ERROR)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


class _Redacting(logging.Formatter):
    """What another formatter gives, trace and all, without secrets: libraries log what they were handed."""

    def __init__(self, inner: logging.Formatter, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._inner = inner
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return self._redact(self._inner.format(record))


class _OneLine(logging.Formatter):
    """A record without its trace: that is in the file."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the level and the message."""
        plain = copy.copy(record)
        plain.exc_info = plain.exc_text = plain.stack_info = None
        return super().format(plain)
