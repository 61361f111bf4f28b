"""The first run: add real tool servers, search them by meaning, call what was found.

Everything it makes lies in `.demo/`, or in the folder that it is given: a small repository and a small database to work
on, and a Banyan home. The servers, each in an environment of its own, lie in `.demo/servers`. Run it again at any time.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.syntax import Syntax
from rich.table import Table
from third_party import CannotInstall, install

import banyan
from banyan import Banyan, FindAnswer, Outcome

ROOT = Path(__file__).resolve().parents[1]
SERVERS = ROOT / ".demo" / "servers"
DEMO = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else SERVERS.parent
HOME, PROJECT, BOOKS = DEMO / "home", DEMO / "project", DEMO / "books.db"
PREVIEW_LINES = 16

console = Console(highlight=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A server, a search that finds one of its tools, and a call of that tool."""

    server: str
    options: tuple[str, ...]
    query: str
    tool: str
    arguments: dict[str, Any]


SHOWS = (
    Show(
        server="time",
        options=("--local-timezone", "Europe/London"),
        query="convert a time from London to Tokyo",
        tool="time__convert_time",
        arguments={"source_timezone": "Europe/London", "time": "12:00", "target_timezone": "Asia/Tokyo"},
    ),
    Show(
        server="git",
        options=("--repository", str(PROJECT)),
        query="show the commit logs of a repository",
        tool="git__git_log",
        arguments={"repo_path": str(PROJECT), "max_count": 2},
    ),
    Show(
        server="sqlite",
        options=("--db-path", str(BOOKS)),
        query="query the database",
        tool="sqlite__read_query",
        arguments={"query": "SELECT author, sum(sold) AS sold FROM books GROUP BY author ORDER BY sold DESC"},
    ),
)
NOTHING_FITS = "book a table for two in Lisbon"


async def main() -> int:
    """Run the whole story, and return the exit status."""
    started = time.perf_counter()
    console.rule("[bold]Banyan: the right tool out of many, called through one guarded path")
    _scenery()
    shows = _install()
    if not shows:
        console.print("\nNo server could be installed; the reasons are above.")
        return 1
    async with banyan.open(HOME, watch=False) as b:
        await _add(b, shows)
        await _search(b, shows)
        worked = await _call(b, shows)
    _what_next(shows[0], time.perf_counter() - started)
    return 0 if worked else 1


def _scenery() -> None:
    """Make a database and a repository for the servers to work on."""
    DEMO.mkdir(parents=True, exist_ok=True)
    BOOKS.unlink(missing_ok=True)
    rows = [
        ("Emma", "Austen", 312),
        ("Persuasion", "Austen", 118),
        ("Middlemarch", "Eliot", 254),
        ("Dracula", "Stoker", 401),
    ]
    with closing(sqlite3.connect(BOOKS)) as database, database:
        database.execute("CREATE TABLE books (title TEXT, author TEXT, sold INTEGER)")
        database.executemany("INSERT INTO books VALUES (?, ?, ?)", rows)
    if shutil.which("git"):
        _repository()


def _repository() -> None:
    shutil.rmtree(PROJECT, ignore_errors=True)
    PROJECT.mkdir()
    who = ["-c", "user.name=First Run", "-c", "user.email=first@run.invalid", "-c", "commit.gpgsign=false"]
    _git("init", "--quiet", "--initial-branch=main")
    for name, text, message in (
        ("shelf.py", "books = []\n", "Add an empty shelf"),
        ("shelf.py", "books = ['Emma']\n", "Put Emma on the shelf"),
        ("README", "A shelf of books.\n", "Say what this is"),
    ):
        (PROJECT / name).write_text(text, encoding="utf-8")
        _git("add", name)
        _git(*who, "commit", "--quiet", "--message", message)


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=PROJECT, check=True, capture_output=True)


def _install() -> list[Show]:
    """Install the servers that can be had here, and return their shows."""
    _heading("1", "Tool servers by other people, each in an environment of its own")
    ready = []
    for show in SHOWS:
        if show.server == "git" and not shutil.which("git"):
            console.print("  [yellow]-[/] git is not on this machine, so its server is left out")
            continue
        try:
            with _timed(f"{show.server}: installed"):
                install(show.server, SERVERS)
        except CannotInstall as error:
            console.print(f"  [red]✗[/] {escape(str(error))}")
            continue
        ready.append(show)
    return ready


async def _add(b: Banyan, shows: list[Show]) -> None:
    _heading("2", "Their tools, listed into one catalogue")
    for show in shows:
        started = time.perf_counter()
        report = await b.add(show.server, command=[str(install(show.server, SERVERS)), *show.options])
        count = len(report.new) + len(report.changed) + len(report.back) + report.unchanged
        seconds = time.perf_counter() - started
        console.print(
            f"  [green]✓[/] {show.server}: {count} tools, {len(report.new)} of them new  [dim]{seconds:.1f} s"
        )
    with Progress(TextColumn("  {task.description}"), BarColumn(), console=console, transient=True) as progress:
        bar = progress.add_task("learning what they mean")
        count = await b.embed(lambda done, total: progress.update(bar, completed=done, total=total))
    console.print(f"  [green]✓[/] {count} tools embedded, by a model that runs here")


async def _search(b: Banyan, shows: list[Show]) -> None:
    _heading("3", "Searches by meaning; no server runs for this")
    for query in [*(show.query for show in shows), NOTHING_FITS]:
        answer = await b.find(query, k=2)
        console.print(f"\n  [bold]find[/] {query!r}  [dim]{answer.took_ms:.0f} ms")
        if answer.fits:
            console.print(_results(answer))
        else:
            console.print(f"    [yellow]nothing fits[/]  [dim]the nearest is {answer.results[0].name}")


def _results(answer: FindAnswer) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for one in answer.results:
        table.add_row(f"    {one.confidence:.0%}", f"[cyan]{one.name}", one.effects.kind.value.replace("_", " "))
    return table


async def _call(b: Banyan, shows: list[Show]) -> bool:
    _heading("4", "Calls: arguments checked, policy asked, answer stored")
    worked = True
    for show in shows:
        outcome = await b.call(show.tool, show.arguments)
        worked = worked and outcome.ok
        mark = "[green]✓[/]" if outcome.ok else "[red]✗[/]"
        console.print(f"\n  {mark} [bold]call[/] {show.tool}  [dim]{outcome.took_ms:.0f} ms, kept as {outcome.handle}")
        lines = _shown(outcome).splitlines()
        body = "\n".join(f"    {line}" for line in lines[:PREVIEW_LINES])
        console.print(Syntax(body, "json", background_color="default", word_wrap=True))
        if len(lines) > PREVIEW_LINES:
            console.print(f"    [dim]… the rest: banyan result {outcome.handle}")
    return worked


def _shown(outcome: Outcome) -> str:
    if not outcome.ok:
        return f"{outcome.category}: {outcome.message}"
    if isinstance(outcome.data, dict | list):
        return json.dumps(outcome.data, indent=2, ensure_ascii=False)
    lines = (line.rstrip() for line in outcome.preview.splitlines())
    return "\n".join(line for line in lines if line)


def _what_next(show: Show, seconds: float) -> None:
    _heading("5", f"Done in {seconds:.0f} s. What to type next")
    program = Path(os.path.relpath(Path(sys.executable).parent / "banyan", Path.cwd()))
    home = Path(os.path.relpath(HOME, Path.cwd()))
    for text, command in (
        ("search on", f'{program} --home {home} find "list the tables"'),
        ("look closer", f"{program} --home {home} describe {show.tool}"),
        ("call", f"{program} --home {home} call time__get_current_time timezone=Asia/Tokyo"),
        ("give them to your assistant", f"{program} --home {home} install claude-desktop --dry-run"),
        ("begin with your own servers", f"{program} import"),
        ("what is wrong, if anything", f"{program} --home {home} doctor"),
    ):
        console.print(f"  [dim]{text}[/]\n    {command}", soft_wrap=True)


def _heading(number: str, text: str) -> None:
    console.print(f"\n[bold cyan]{number}[/]  [bold]{text}")


@contextmanager
def _timed(text: str) -> Iterator[None]:
    started = time.perf_counter()
    with console.status(f"  {text} …"):
        yield
    console.print(f"  [green]✓[/] {text}  [dim]{time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    sys.exit(anyio.run(main))
