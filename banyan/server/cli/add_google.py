"""`add google`: Google's APIs, from the documents that come with its own client."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import anyio.from_thread
import anyio.to_thread
import typer

from banyan.server.cli.add import add_source
from banyan.server.cli.command import verb
from banyan.server.cli.presets import PRESET, SHOW, presets
from banyan.server.cli.shell import Shell

if TYPE_CHECKING:
    from banyan.tools.google.check import ApiReport


@verb
async def add_google(  # noqa: PLR0913 - each parameter is an option of the command
    shell: Shell,
    apis: Annotated[
        list[str] | None,
        typer.Argument(metavar="[API…]", help="As `gmail` or `drive.v2`; all of them if none is named."),
    ] = None,
    name: Annotated[str, typer.Option(help="What to call the source; tools are called after their API.")] = "google",
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Every version for itself, and not only what is stable.")
    ] = False,
    base_url: Annotated[str | None, typer.Option(help="Where the APIs are, instead of at Google.")] = None,
    api_key: Annotated[
        str | None, typer.Option(help="Sent instead of your default credentials.", metavar="'${NAME}'")
    ] = None,
    credentials: Annotated[
        Path | None, typer.Option(help="A file of credentials, instead of your default ones.", metavar="FILE")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Calls may go there though it is not public: a host, a network, `loopback` or `private`."),
    ] = None,
    preset: Annotated[list[str] | None, PRESET] = None,
    show: Annotated[list[str] | None, SHOW] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Seconds that a call may take.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be added, and add nothing.")] = False,
) -> None:
    """Add Google's APIs: every method of their discovery documents becomes a tool.

    Calls are made with your application default credentials, as `gcloud auth application-default login` leaves them,
    or with an API key. It needs the extra: `pip install 'banyan-agents[google]'`.
    """
    if dry_run:
        await _look(shell, apis or [], all_versions=all_versions)
        return
    given: dict[str, Any] = {
        "all_versions": all_versions,
        "base_url": base_url,
        "api_key": api_key,
        "credentials_file": str(credentials.expanduser().resolve()) if credentials else None,
        "allow_hosts": allow_host,
        "presets": presets(preset, show),
        "timeout_s": timeout_s,
    }
    await add_source(shell, name, {"google": apis or []} | {key: value for key, value in given.items() if value})


async def _look(shell: Shell, apis: Sequence[str], *, all_versions: bool) -> None:
    """Print what would be added.  Raises `BanyanError`."""
    from banyan.tools.google.check import look

    with shell.terminal.progress("reading documents") as update:

        def progress(done: int, total: int) -> None:
            anyio.from_thread.run_sync(update, done, total)

        found = await anyio.to_thread.run_sync(lambda: look(apis, all_versions=all_versions, on_progress=progress))
    document = {"tools": sum(one.tools for one in found), "apis": [one.to_json() for one in found]}
    shell.terminal.document(document, lambda: _show(shell, found))


def _show(shell: Shell, found: Sequence[ApiReport]) -> None:
    for one in found:
        version = ", ".join(one.versions)
        shell.terminal.line(f"{one.server} ({one.title}, {version}): {one.tools:,} tools, {one.read_only:,} only read")
        for name, reason in one.quarantined:
            shell.terminal.line(f"  quarantined: {name}: {reason}")
    apis = f"{len(found):,} {'API' if len(found) == 1 else 'APIs'}"
    shell.terminal.line(f"{sum(one.tools for one in found):,} tools of {apis}")
    shell.terminal.note("\nNothing was added.")
