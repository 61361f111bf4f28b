"""`add`, `remove`, `sync` and `servers`: where tools come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from banyan.core.errors import BanyanError, InvalidArgument
from banyan.server.cli.command import group, verb
from banyan.server.cli.complete import servers as complete_servers
from banyan.server.cli.shell import Shell
from banyan.server.cli.terminal import Row

if TYPE_CHECKING:
    from banyan.core.ports import ServerSummary
    from banyan.core.source import Source, SyncReport
    from banyan.server.app import Banyan

SOME_FAILED = 7
_PANEL = "Sources"

app = typer.Typer()
_add = typer.Typer(no_args_is_help=True)
app.add_typer(_add, name="add", rich_help_panel=_PANEL)


@_add.callback()
@group
def add(context: typer.Context) -> None:
    """Add a source of tools, and list its tools into the catalogue."""


@_add.command("mcp")
@verb
async def add_mcp(  # noqa: PLR0913 - each parameter is an option of the command
    shell: Shell,
    name: Annotated[str, typer.Argument(help="What to call it; its tools will be `NAME__tool`.")],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND…", help="The program that serves over stdio.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The address of a server over HTTP.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="Sent to it, as `Name: value`.", metavar="'K: V'")] = None,
    transport: Annotated[str | None, typer.Option(help="`http`, or `sse` for older servers.")] = None,
    env: Annotated[
        list[str] | None, typer.Option(help="For the program. `K` alone hands on your own K.", metavar="K=V")
    ] = None,
    cwd: Annotated[str | None, typer.Option(help="The folder in which the program runs.")] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Seconds that a call may take.")] = None,
    start_timeout_s: Annotated[float | None, typer.Option(help="Seconds that the start may take.")] = None,
) -> None:
    """Add an MCP server.

    A secret, as in `--env API_TOKEN=…` or a header, is kept in the system's keyring or a file that you alone can
    read; the configuration refers to it by name. `${NAME}` in a value refers to a secret or variable of yours.
    """
    config: dict[str, Any] = {
        "command": command or None,
        "url": url,
        "headers": _pairs("header", header, ":"),
        "transport": transport,
        "env": _pairs("env", env, "="),
        "cwd": cwd or _folder_of(command or ()),
        "timeout_s": timeout_s,
        "start_timeout_s": start_timeout_s,
    }
    await _add_source(shell, name, {key: value for key, value in config.items() if value})


def _folder_of(command: Sequence[str]) -> str | None:
    """Return the current folder where the command names something in it: it will be started from anywhere."""
    named = (word for word in command if not word.startswith("-") and not Path(word).is_absolute())
    return str(Path.cwd()) if any(Path(word).exists() for word in named) else None


@_add.command("python")
@verb
async def add_python(
    shell: Shell,
    target: Annotated[str, typer.Argument(metavar="MODULE[:FUNCTION]", help="As Python imports it.")],
    name: Annotated[str | None, typer.Option(help="What to call it; the module's name if not given.")] = None,
) -> None:
    """Add functions of a Python module: those marked with `@banyan.tool`, or the one that is named.

    The module is looked for in the current folder, too, and later wherever Banyan runs.
    """
    module = target.partition(":")[0]
    config = {"python": target, "cwd": str(Path.cwd())}
    await _add_source(shell, name or module.replace(".", "-").strip("_-") or module, config)


async def _add_source(shell: Shell, name: str, config: Mapping[str, Any]) -> None:
    async with shell.banyan() as b:
        report, kept = await add_cleaned(shell, b, name, config)
        await shell.embed(b)
    shell.terminal.document(report.to_json() | {"secrets": kept}, lambda: _show_added(shell, report, kept))


async def add_cleaned(
    shell: Shell, b: Banyan, name: str, config: Mapping[str, Any]
) -> tuple[SyncReport, dict[str, str]]:
    """Add a source after moving its literal secrets; return what was found, and where each secret is kept now.

    Raises:
        BanyanError: it cannot be added; secrets that were kept for it are forgotten again.
    """
    from banyan.server.literals import without_secrets

    cleaned = without_secrets(name, config)
    before = {one: shell.secrets.get(one) for one in cleaned.secrets}
    kept = {one: shell.secrets.put(one, value) for one, value in cleaned.secrets.items()}
    try:
        return await b.add(name, **cleaned.config), kept
    except BanyanError:
        for one, value in before.items():
            if value is None:
                shell.secrets.delete(one)
            else:
                shell.secrets.put(one, value)
        raise


def _pairs(option: str, given: Sequence[str] | None, sign: str) -> dict[str, str]:
    found = {}
    for one in given or ():
        key, there, value = one.partition(sign)
        key = key.strip()
        if not key or (not there and sign == ":"):
            # The text is not repeated: it may hold a secret.
            raise InvalidArgument(
                option, f"give it as `name{sign} value`" if sign == ":" else "give it as `NAME=value`"
            )
        found[key] = value.strip() if sign == ":" else (value if there else f"${{{key}}}")
    return found


def _show_added(shell: Shell, report: SyncReport, kept: Mapping[str, str]) -> None:
    show_report(shell, report)
    for one, where in kept.items():
        place = "the system's keyring" if where == "keyring" else "a file that only you can read"
        shell.terminal.note(f"a secret is kept in {place}, and referred to as ${{{one}}}")
    names = [*report.new, *report.back, *(one.name for one in report.changed)]
    if names:
        shell.terminal.note(f"\nNext: banyan describe {names[0]}, or banyan find 'what you want done'")


def show_report(shell: Shell, report: SyncReport) -> None:
    """Print what one sync did."""
    terminal = shell.terminal
    if report.error is not None:
        terminal.error(f"{report.source}: {report.error}")
        return
    counts = [
        (len(report.new), "new"),
        (len(report.changed), "changed"),
        (len(report.gone), "gone"),
        (len(report.back), "back"),
        (report.unchanged, "unchanged"),
    ]
    total = sum(count for count, what in counts if what != "gone")
    told = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    terminal.line(f"{report.source}: {total:,} {'tool' if total == 1 else 'tools'}" + (f" ({told})" if told else ""))
    for change in report.changed:
        places = ", ".join(one.path for one in change.differences[:4])
        terminal.line(f"  changed: {change.name}" + (f" at {places}" if places else ""))
    for name, reason in report.quarantined:
        terminal.warn(f"{name} is quarantined: {reason}")
    for note in report.notes:
        terminal.warn(f"{report.source}: {note}")


@app.command("remove", rich_help_panel=_PANEL)
@verb
async def remove(
    shell: Shell, name: Annotated[str, typer.Argument(help="The source.", autocompletion=complete_servers)]
) -> None:
    """Remove a source with its tools, and the secrets that only it used."""
    async with shell.banyan() as b:
        config = next((one.config for one in await b.sources() if one.name == name), {})
        count = await b.remove(name)
    forgotten = _forget_secrets(shell, name, config)
    document = {"source": name, "removed": count, "secrets": forgotten}
    tools = f"{count:,} {'tool' if count == 1 else 'tools'}"
    shell.terminal.document(document, lambda: shell.terminal.line(f"{name}: removed with {tools}"))


def _forget_secrets(shell: Shell, name: str, config: Mapping[str, Any]) -> list[str]:
    from banyan.core.template import references
    from banyan.server.literals import secret_name

    own = secret_name(name, "x").removesuffix("X")
    return [one for one in sorted(set(references(config))) if one.startswith(own) and shell.secrets.delete(one)]


@app.command("sync", rich_help_panel=_PANEL)
@verb
async def sync(
    shell: Shell,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME…]", help="Sources; all if none is named.", autocompletion=complete_servers),
    ] = None,
) -> int:
    """List the tools of sources anew, and take in what changed.

    Exits with 7 where a source could not be listed; the others are taken in all the same.
    """
    async with shell.banyan() as b:
        wanted = len(names) if names else len(await b.sources())
        done: list[SyncReport] = []
        with shell.terminal.progress("listing tools") as update:

            def ended(report: SyncReport) -> None:
                done.append(report)
                update(len(done), wanted)

            reports = await b.sync(names or (), on_done=ended)
        await shell.embed(b)
    shell.terminal.document({"sources": [one.to_json() for one in reports]}, lambda: _show_reports(shell, reports))
    return SOME_FAILED if any(one.error is not None for one in reports) else 0


def _show_reports(shell: Shell, reports: Sequence[SyncReport]) -> None:
    for report in reports:
        show_report(shell, report)
    if not reports:
        shell.terminal.note("There are no sources. Next: banyan add, or banyan import")


@app.command("servers", rich_help_panel=_PANEL)
@verb
async def servers(shell: Shell) -> None:
    """List every server with its number of tools, and what is wrong with it."""
    async with shell.banyan() as b:
        sources, summaries = await b.sources(), await b.servers()
    rows = [row for source in sources for row in _server_rows(source, summaries)]
    shell.terminal.document({"servers": rows}, lambda: _show_servers(shell, rows))


def _server_rows(source: Source, summaries: Sequence[ServerSummary]) -> list[dict[str, Any]]:
    shared = {
        "source": source.name,
        "kind": source.kind.value,
        "enabled": source.enabled,
        "synced_at": source.synced_at.isoformat() if source.synced_at else None,
        "error": source.sync_error,
    }
    own = [one for one in summaries if one.source == source.name]
    counted = [
        {"server": one.server, "tools": {state.value: count for state, count in sorted(one.counts.items())}}
        for one in own
    ]
    return [shared | one for one in counted or [{"server": source.name, "tools": {}}]]


def _show_servers(shell: Shell, rows: Sequence[Mapping[str, Any]]) -> None:
    shown = [
        Row(
            cells=(
                row["server"] if row["server"] == row["source"] else f"{row['source']}/{row['server']}",
                row["kind"],
                f"{row['tools'].get('active', 0):,}",
                (row["synced_at"] or "never")[:16].replace("T", " "),
                _problem(row),
            ),
            style="red" if row["error"] else "",
        )
        for row in rows
    ]
    if shown:
        shell.terminal.table(("server", "kind", "tools", "synced", "problem"), shown)
    else:
        shell.terminal.note("There are no sources. Next: banyan add, or banyan import")


def _problem(row: Mapping[str, Any]) -> str:
    if row["error"]:
        return str(row["error"])
    quarantined = row["tools"].get("quarantined", 0)
    told = f"{quarantined:,} quarantined" if quarantined else ""
    return told if row["enabled"] else "disabled"
