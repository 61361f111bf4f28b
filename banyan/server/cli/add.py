"""`add`: sources of tools, each kind with its own options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from banyan.core.errors import InvalidArgument
from banyan.server.cli.command import group, verb
from banyan.server.cli.presets import PRESET, SHOW, presets
from banyan.server.cli.shell import Shell

if TYPE_CHECKING:
    from banyan.core.source import SyncReport
    from banyan.server.config import SourceConfig

app = typer.Typer(no_args_is_help=True)


@app.callback()
@group
def add(context: typer.Context) -> None:
    """Add a source of tools, and list its tools into the catalogue."""


@app.command("mcp")
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
    preset: Annotated[list[str] | None, PRESET] = None,
    show: Annotated[list[str] | None, SHOW] = None,
) -> None:
    """Add an MCP server.

    A secret, as in `--env API_TOKEN=…` or a header, is kept in the system's keyring or a file that you alone can
    read; the configuration refers to it by name. `${NAME}` in a value refers to a secret or variable of yours.
    """
    if not url and command and re.match("https?://", command[0], re.IGNORECASE):
        raise InvalidArgument("command", f"give an address with `--url`: `banyan add mcp {name} --url ADDRESS`")
    config: dict[str, Any] = {
        "command": command or None,
        "url": url,
        "headers": pairs("header", header, ":"),
        "transport": transport,
        "env": pairs("env", env, "="),
        "cwd": cwd or _folder_of(command or ()),
        "timeout_s": timeout_s,
        "start_timeout_s": start_timeout_s,
        "presets": presets(preset, show),
    }
    await add_source(shell, name, {key: value for key, value in config.items() if value})


def _folder_of(command: Sequence[str]) -> str | None:
    """Return the current folder where the command names something in it: it will be started from anywhere."""
    named = (word for word in command if not word.startswith("-") and not Path(word).is_absolute())
    return str(Path.cwd()) if any(Path(word).exists() for word in named) else None


@app.command("python")
@verb
async def add_python(
    shell: Shell,
    target: Annotated[str, typer.Argument(metavar="MODULE[:FUNCTION]", help="As Python imports it.")],
    name: Annotated[str | None, typer.Option(help="What to call it; the module's name if not given.")] = None,
    preset: Annotated[list[str] | None, PRESET] = None,
    show: Annotated[list[str] | None, SHOW] = None,
) -> None:
    """Add functions of a Python module: those marked with `@banyan.tool`, or the one that is named.

    The module is looked for in the current folder, too, and later wherever Banyan runs.
    """
    module = target.partition(":")[0]
    config = {"python": target, "cwd": str(Path.cwd()), "presets": presets(preset, show)}
    await add_source(shell, name or module.replace(".", "-").strip("_-") or module, config)


async def add_source(shell: Shell, name: str, config: Mapping[str, Any]) -> None:
    """Add a source, and print what was found in it and what to do next.  Raises `BanyanError`."""
    async with shell.banyan() as b:
        report = await b.add(name, **cast("SourceConfig", config))
        await shell.embed(b)
    shell.terminal.document(report.to_json(), lambda: _show_added(shell, report))


def pairs(option: str, given: Sequence[str] | None, sign: str) -> dict[str, str]:
    """Return options given as `name`, `sign` and value; with `=` a name alone refers to a variable of that name.

    Raises:
        InvalidArgument: one is not given so.
    """
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


def _show_added(shell: Shell, report: SyncReport) -> None:
    show_report(shell, report)
    for one, where in report.secrets.items():
        place = "the system's keyring" if where == "keyring" else "a file that only you can read"
        shell.terminal.note(f"a secret is kept in {place}, and referred to as ${{{one}}}")
    names = [*report.new, *report.back, *(one.name for one in report.changed)]
    if names:
        describe = shell.banyan_command(f"describe {names[0]}")
        shell.terminal.note(f"\nNext: {describe}, or {shell.banyan_command('find')} 'what you want done'")


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
