"""`remove`, `sync` and `servers`, and `add` as their neighbour: where tools come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from banyan.server.cli import add, add_api, add_aws, add_google
from banyan.server.cli.add import show_report
from banyan.server.cli.command import verb
from banyan.server.cli.complete import servers as complete_servers
from banyan.server.cli.shell import Shell
from banyan.server.cli.terminal import Row

if TYPE_CHECKING:
    from banyan.core.ports import ServerSummary
    from banyan.core.source import Source, SyncReport

SOME_FAILED = 7
_PANEL = "Sources"

app = typer.Typer()
app.add_typer(add.app, name="add", rich_help_panel=_PANEL)
add.app.command("openapi")(add_api.add_openapi)
add.app.command("aws")(add_aws.add_aws)
add.app.command("google")(add_google.add_google)


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
        shell.terminal.note(
            f"There are no sources. Next: {shell.banyan_command('add')}, or {shell.banyan_command('import')}"
        )


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
        shell.terminal.note(
            f"There are no sources. Next: {shell.banyan_command('add')}, or {shell.banyan_command('import')}"
        )


def _problem(row: Mapping[str, Any]) -> str:
    if row["error"]:
        return str(row["error"])
    quarantined = row["tools"].get("quarantined", 0)
    told = f"{quarantined:,} quarantined" if quarantined else ""
    return told if row["enabled"] else "disabled"
