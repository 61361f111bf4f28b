"""How the first run looks at a terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.syntax import Syntax
from rich.table import Table

from banyan import FindAnswer, Outcome

PREVIEW_LINES = 14
TEXT_CHARS = 60

console = Console(highlight=False)


def heading(number: str, text: str) -> None:
    """Begin a chapter."""
    console.print(f"\n[bold cyan]{number}[/]  [bold]{text}")


def done(text: str, began_s: float | None = None) -> None:
    """Tell of something that worked, and how long it took."""
    took = "" if began_s is None else f"  [dim]{time.perf_counter() - began_s:.1f} s"
    console.print(f"  [green]✓[/] {text}{took}")


@contextmanager
def timed(text: str) -> Iterator[None]:
    """Tell of something while it lasts, and how long it took."""
    began_s = time.perf_counter()
    with console.status(f"  {text} …"):
        yield
    done(text, began_s)


def bar() -> Progress:
    """Return a bar for something that is counted."""
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True)


def answer(query: str, found: FindAnswer) -> None:
    """Show what a search found."""
    console.print(f"\n  [bold]find[/] {query!r}  [dim]{found.took_ms:.0f} ms")
    if not found.fits:
        nearest = f"  [dim]the nearest is {found.results[0].name}" if found.results else ""
        console.print(f"    [yellow]nothing fits[/]{nearest}")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for one in found.results:
        table.add_row(f"    {one.confidence:.0%}", f"[cyan]{one.name}", one.effects.kind.value.replace("_", " "))
    console.print(table)


def called(tool: str, outcome: Outcome, *, quiet: bool) -> None:
    """Show what came of a call."""
    mark = "[green]✓[/]" if outcome.ok else "[red]✗[/]"
    if quiet and outcome.ok:
        console.print(f"\n  {mark} [bold]call[/] {tool}  [dim]{outcome.took_ms:.0f} ms")
        return
    console.print(f"\n  {mark} [bold]call[/] {tool}  [dim]{outcome.took_ms:.0f} ms, kept as {outcome.handle}")
    lines = _lines(outcome)
    body = "\n".join(f"    {line}" for line in lines[:PREVIEW_LINES])
    console.print(Syntax(body, "json", background_color="default", word_wrap=True))
    if len(lines) > PREVIEW_LINES:
        console.print(f"    [dim]… the rest: banyan result {outcome.handle}")


def _lines(outcome: Outcome) -> list[str]:
    if not outcome.ok:
        return f"{outcome.category}: {outcome.message}".splitlines()
    if isinstance(outcome.data, dict | list):
        return json.dumps(_shorter(outcome.data), indent=2, ensure_ascii=False).splitlines()
    return [line.rstrip() for line in outcome.preview.splitlines() if line.strip()]


def _shorter(value: Any) -> Any:
    """Return a JSON value with its long texts cut: handles and the like say nothing to a reader."""
    if isinstance(value, dict):
        return {key: _shorter(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shorter(one) for one in value]
    return f"{value[:TEXT_CHARS]}…" if isinstance(value, str) and len(value) > TEXT_CHARS else value
