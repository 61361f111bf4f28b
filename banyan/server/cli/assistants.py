"""`import`, `install` and `uninstall`: between Banyan and the assistants on this machine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from banyan.core.errors import BanyanError, InvalidArgument, SettingsError
from banyan.server.cli.command import verb
from banyan.server.cli.complete import assistants
from banyan.server.cli.shell import Shell
from banyan.server.cli.terminal import Row

if TYPE_CHECKING:
    from banyan.server.app import Banyan
    from banyan.server.clients.entries import Entry
    from banyan.server.clients.install import Change
    from banyan.server.clients.known import Client
    from banyan.server.config import SourceConfig

SOME_FAILED = 7
_PANEL = "Assistants"

app = typer.Typer()


@dataclass(slots=True)
class _Imported:
    """What became of every server that was found."""

    imported: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "imported": self.imported,
            "skipped": self.skipped,
            "failed": self.failed,
            "problems": self.problems,
        }


@app.command("import", rich_help_panel=_PANEL)
@verb
async def import_(
    shell: Shell,
    origin: Annotated[
        str | None,
        typer.Argument(
            metavar="[CLIENT|FILE]", help="Whose servers; everybody's if not given.", autocompletion=assistants
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take them all without being asked.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be taken over, and change nothing.")
    ] = False,
) -> int:
    """Take over the tool servers that assistants on this machine have.

    Their own files are only read. Secrets that stand in them are kept in the system's keyring or a file that you
    alone can read. Each server is started once, to list its tools; without CLIENT or FILE you are asked before.
    """
    entries, problems = _entries(origin)
    async with shell.banyan() as b:
        done = _Imported(problems=problems)
        wanted = _sift(entries, {one.name: one.config for one in await b.sources()}, done)
        if dry_run or not _agreed(shell, wanted, asked=origin is not None or yes):
            done.skipped += [_about(one) | {"reason": "not asked for yet", "command": _shown(one)} for one in wanted]
        else:
            await _take_over(shell, b, wanted, done)
            await shell.embed(b)
    shell.terminal.document(done.to_json(), lambda: _show_imported(shell, done))
    return SOME_FAILED if done.failed else 0


def _entries(origin: str | None) -> tuple[list[Entry], list[str]]:
    from banyan.server.clients.entries import of_client, of_file, of_machine
    from banyan.server.clients.known import Places, client

    places = Places.here()
    if origin is None:
        return of_machine(places)
    if Path(origin).is_file():
        return of_file(Path(origin), places), []
    if Path(origin).suffix in {".json", ".toml", ".jsonc"}:
        raise SettingsError(f"there is no file `{origin}`")
    return of_client(client(origin), places), []


def _sift(entries: Sequence[Entry], there: Mapping[str, Mapping[str, Any]], done: _Imported) -> list[Entry]:
    """Return the entries to take over; the others are noted as skipped, with the reason."""
    from banyan.server.literals import without_secrets

    wanted: dict[str, Entry] = {}
    for one in entries:
        reason = one.skipped
        known = there.get(one.name) or (wanted[one.name].config if one.name in wanted else None)
        if reason is None and known is not None:
            # What is stored has references where this still has its secrets.
            same = known in (one.config, without_secrets(one.name, one.config).config)
            reason = "it is there already" if same else "another source has this name"
        if reason is None:
            wanted[one.name] = one
        else:
            done.skipped.append(_about(one) | {"reason": reason})
    return list(wanted.values())


def _about(one: Entry) -> dict[str, Any]:
    return {"name": one.name, "origin": one.origin, "file": str(one.file)}


def _agreed(shell: Shell, wanted: Sequence[Entry], *, asked: bool) -> bool:
    """Return whether the person wants these servers started and kept."""
    if asked or not wanted:
        return True
    if shell.terminal.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        shell.terminal.note(f"Nothing was changed. Next: {shell.banyan_command('import --yes')}")
        return False
    for one in wanted:
        shell.terminal.line(f"  {one.name} ({one.origin}): {_shown(one)}")
    return typer.confirm(f"Start and take over these {len(wanted)}?", default=True, err=True)


def _shown(one: Entry) -> str:
    """Return how a server is started or reached, without its secrets."""
    from banyan.server.literals import without_secrets

    config = without_secrets(one.name, one.config).config
    return shlex.join(config["command"]) if config.get("command") else str(config.get("url"))


async def _take_over(shell: Shell, b: Banyan, wanted: Sequence[Entry], done: _Imported) -> None:
    """Add every server, several at a time: one that is slow to start does not hold up the others."""
    import anyio

    limiter = anyio.CapacityLimiter(4)
    ended = 0
    with shell.terminal.progress("starting servers") as update:

        async def one(entry: Entry) -> None:
            nonlocal ended
            async with limiter:
                await _add(shell, b, entry, done)
            ended += 1
            update(ended, len(wanted))

        async with anyio.create_task_group() as group:
            for entry in wanted:
                group.start_soon(one, entry)


async def _add(shell: Shell, b: Banyan, entry: Entry, done: _Imported) -> None:
    try:
        report = await b.add(entry.name, **cast("SourceConfig", entry.config))
    except BanyanError as error:
        done.failed.append(_about(entry) | {"error": str(error)})
        return
    done.imported.append(_about(entry) | {"tools": len(report.new) + report.unchanged, "secrets": dict(report.secrets)})


def _show_imported(shell: Shell, done: _Imported) -> None:
    terminal, command = shell.terminal, shell.banyan_command
    rows = [
        *(Row(cells=(one["name"], one["origin"], f"{one['tools']:,} tools")) for one in done.imported),
        *(Row(cells=(one["name"], one["origin"], f"failed: {one['error']}"), style="red") for one in done.failed),
        *(
            Row(cells=(one["name"], one["origin"], f"skipped: {one['reason']}  {one.get('command', '')}"), style="dim")
            for one in done.skipped
        ),
    ]
    if rows:
        terminal.table(("server", "from", ""), rows)
    else:
        terminal.note(f"No assistant on this machine has a tool server. Next: {command('add mcp NAME -- COMMAND')}")
    for problem in done.problems:
        terminal.warn(problem)
    kept = sum(len(one["secrets"]) for one in done.imported)
    if kept:
        terminal.note(f"{kept} secrets are kept safely, and referred to by name; see `banyan secret list`")
    if done.imported:
        terminal.note(f"\nNext: {command('find')} 'what you want done', then {command('install CLIENT')}")


_CLIENT = Annotated[
    str,
    typer.Argument(
        metavar="CLIENT",
        help="claude-desktop, claude-code, cursor, vscode, windsurf, gemini, codex or zed.",
        autocompletion=assistants,
    ),
]
_CONFIG_PATH = Annotated[
    Path | None,
    typer.Option("--config-path", help="Its configuration file, where it is not in its place.", metavar="P"),
]
_DRY_RUN = Annotated[bool, typer.Option("--dry-run", help="Show the difference, and write nothing.")]


@app.command("install", rich_help_panel=_PANEL)
@verb
def install(shell: Shell, client: _CLIENT, config_path: _CONFIG_PATH = None, dry_run: _DRY_RUN = False) -> None:
    """Put Banyan into an assistant's configuration; everything else in it stays as it is."""
    from banyan.server.clients.install import installation, own_command

    known, path = _client(client, config_path)
    change = installation(known, path, [*own_command(), *_options(shell), "serve"])
    _finish(shell, change, dry_run=dry_run, done=f"Banyan is in {known.title} now: {path}", after=known.after_install)


@app.command("uninstall", rich_help_panel=_PANEL)
@verb
def uninstall(shell: Shell, client: _CLIENT, config_path: _CONFIG_PATH = None, dry_run: _DRY_RUN = False) -> None:
    """Take Banyan out of an assistant's configuration again."""
    from banyan.server.clients.install import removal

    known, path = _client(client, config_path)
    _finish(shell, removal(known, path), dry_run=dry_run, done=f"Banyan is out of {known.title}: {path}", after="")


def _client(name: str, config_path: Path | None) -> tuple[Client, Path]:
    from banyan.server.clients.known import Places, client

    known = client(name)
    return known, config_path or known.path(Places.here())


def _options(shell: Shell) -> list[str]:
    """Return the options without which the assistant's Banyan could be another one than this.

    The home is always among them: an assistant has an environment of its own, and so another default.

    Raises:
        InvalidArgument: the database has a password in its URL.
    """
    settings = shell.settings
    words = ["--home", str(settings.home)]
    if settings.database == _database_of_file(settings.home):
        return words
    from banyan.server.literals import without_secrets

    if without_secrets("x", {"url": settings.database}).secrets:
        fix = f"write `database = …` into {settings.home / 'settings.toml'} instead, and try again"
        raise InvalidArgument("database", f"its password does not belong into an assistant's configuration; {fix}")
    return [*words, "--database", settings.database]


def _database_of_file(home: Path) -> str:
    """Return the database that a Banyan with this home opens when nobody tells it which."""
    import tomllib

    file = home / "settings.toml"
    found = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return str(found.get("database") or f"sqlite:///{home / 'banyan.db'}")


def _finish(shell: Shell, change: Change, *, dry_run: bool, done: str, after: str) -> None:
    from banyan.server.clients.install import apply

    difference = change.diff()
    if not dry_run:
        apply(change)
    document = {
        "client": change.client.key,
        "path": str(change.file.path),
        "changed": change.needed,
        "dry_run": dry_run,
        "diff": difference,
    }
    shell.terminal.document(document, lambda: _show_change(shell, change, difference, dry_run, done, after))


def _show_change(shell: Shell, change: Change, difference: str, dry_run: bool, done: str, after: str) -> None:
    terminal = shell.terminal
    if not change.needed:
        terminal.line(f"Nothing to change in {change.file.path}")
    elif dry_run:
        terminal.line(difference.rstrip("\n"))
    else:
        terminal.line(done)
        if after:
            terminal.note(after)
