"""What is printed, and where: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import orjson
import typer

from banyan.server.sanitise import sanitise

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

PROGRESS_AFTER_S = 1.0
"""Seconds that work may take before its progress is shown: what is over by then needs none."""


Spans = Sequence[tuple[str, str]]
"""A line in pieces, each a text and how it is meant: a rich style, shown on terminals alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a table, and how it is meant."""

    cells: tuple[str, ...]
    style: str = ""
    """A rich style; shown on terminals alone."""


class Terminal:
    """Standard output and error of one command."""

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self.json = json
        self.quiet = quiet
        self._status = False

    def document(self, document: Any, show: Callable[[], None]) -> None:
        """Print a result: the JSON document for programs, what `show` prints for people."""
        if self.json:
            self._bytes(as_json(document, indent=sys.stdout.isatty()) + b"\n")
        else:
            show()

    def line(self, text: str = "", style: str = "") -> None:
        """Print a line of the result."""
        text = sanitise(text)
        if style and sys.stdout.isatty():
            _console(sys.stdout).print(text, style=style, markup=False, highlight=False, soft_wrap=True)
        else:
            typer.echo(text)

    def lines(self, lines: Iterable[Spans]) -> None:
        """Print lines of the result, each in pieces that are styled on their own."""
        if sys.stdout.isatty():
            console = _console(sys.stdout)
            for line in lines:
                console.print(styled(line), soft_wrap=True)
            return
        for line in lines:
            typer.echo("".join(sanitise(text) for text, _ in line).rstrip())

    def raw(self, body: bytes) -> None:
        """Write bytes of a result as they are."""
        self._bytes(body)

    def table(self, headings: Sequence[str], rows: Sequence[Row]) -> None:
        """Print a table: fitted to a terminal, else in aligned columns, whole."""
        if sys.stdout.isatty():
            _pretty(headings, rows)
            return
        cells = [tuple(headings), *(tuple(_flat(cell) for cell in row.cells) for row in rows)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(headings))]
        for line in cells:
            typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

    def note(self, text: str) -> None:
        """Tell something beside the result: what was done, or what to do next."""
        if not self.quiet and not self.json:
            self._aside(text, "dim")

    def warn(self, text: str) -> None:
        """Tell what deserves attention, in one line."""
        if not self.quiet:
            self._aside(f"warning: {_flat(text)}", "yellow")

    def error(self, text: str) -> None:
        """Tell why the command did not do what was asked."""
        self._aside(f"error: {text}", "red")

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Yield a function that shows (done, total) of work that takes longer than a second."""
        if self.quiet:
            yield lambda done, total: None
            return
        shown = _Progress(what)
        try:
            yield shown.update
        finally:
            shown.close()

    def status(self, text: str) -> None:
        """Show what is happening now; on a terminal alone, where the next line takes its place."""
        if sys.stderr.isatty() and not self.quiet:
            self._status = True
            sys.stderr.write(f"\r\x1b[K{_flat(text)[:79]}")
            sys.stderr.flush()

    def status_done(self) -> None:
        """Take away what `status` showed."""
        if self._status:
            self._status = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _aside(self, text: str, style: str) -> None:
        text = sanitise(text)
        if sys.stderr.isatty():
            _console(sys.stderr).print(text, style=style, markup=False, highlight=False, soft_wrap=True)
        else:
            typer.echo(text, err=True)

    def _bytes(self, body: bytes) -> None:
        # JSON is UTF-8 whatever the locale, and results are bytes.
        sys.stdout.flush()
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()


def styled(line: Spans) -> Text:
    """Return a line in pieces as rich prints it."""
    from rich.text import Text

    return Text.assemble(*((sanitise(text), style) for text, style in line))


def as_json(document: Any, *, indent: bool = False) -> bytes:
    """Return `document` as JSON in UTF-8."""
    try:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 if indent else None)
    except (TypeError, RecursionError):
        # Integers beyond 64 bits and lone surrogates, which some tools send and the standard library writes.
        import json

        return json.dumps(document, indent=2 if indent else None).encode("ascii")


def _flat(text: str) -> str:
    return " ".join(sanitise(text).split())


def _console(file: TextIO) -> Console:
    # Imported here: it takes as long as half a search, and pipes need none of it.
    from rich.console import Console

    return Console(file=file, highlight=False)


def _pretty(headings: Sequence[str], rows: Sequence[Row]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(sanitise(cell)) for cell in row.cells), style=row.style or None)
    _console(sys.stdout).print(table)


class _Progress:
    """A bar on a terminal, a line per quarter elsewhere; neither before `PROGRESS_AFTER_S`."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._began_s = time.monotonic()
        self._bar: Any = None
        self._task: Any = None
        self._quarter = 0

    def update(self, done: int, total: int) -> None:
        if time.monotonic() - self._began_s < PROGRESS_AFTER_S or total <= 0:
            return
        if sys.stderr.isatty():
            self._draw(done, total)
        elif (quarter := done * 4 // total) > self._quarter:
            self._quarter = quarter
            typer.echo(f"{self._what}: {done:,} of {total:,}", err=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _draw(self, done: int, total: int) -> None:
        if self._bar is None:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=_console(sys.stderr), transient=True)
            self._task = self._bar.add_task(self._what, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total)
