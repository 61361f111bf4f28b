"""`inbox`, `approve` and `deny`: a person decides about calls that wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from banyan.server.cli.command import verb
from banyan.server.cli.shell import Shell
from banyan.server.cli.terminal import Row

if TYPE_CHECKING:
    from banyan.core.approval import Approval

SURFACE = "cli"
_PANEL = "Approvals"

app = typer.Typer()


@app.command("inbox", rich_help_panel=_PANEL)
@verb
async def inbox(
    shell: Shell,
    everything: Annotated[bool, typer.Option("--all", help="Those that were decided, too.")] = False,
) -> None:
    """List the calls that wait for your approval."""
    async with shell.banyan() as b:
        found = await b.inbox(pending=not everything)
    shell.terminal.document({"approvals": [one.to_json() for one in found]}, lambda: _show(shell, found))


def _show(shell: Shell, found: Sequence[Approval]) -> None:
    if not found:
        shell.terminal.note("Nothing waits for you.")
        return
    rows = [Row(cells=(one.id, one.tool, one.arguments_preview, _stand(one), one.reason)) for one in found]
    shell.terminal.table(("id", "tool", "arguments", "state", "why"), rows)
    waiting = next((one for one in found if _stand(one).startswith("waits")), None)
    if waiting is not None:
        shell.terminal.note(f"\nNext: {shell.banyan_command(f'approve {waiting.id}')}, or the same with deny")


def _stand(one: Approval) -> str:
    left = one.expires_at - datetime.now(UTC)
    if one.state.value not in {"pending", "approved"}:
        return one.state.value
    if left.total_seconds() <= 0:
        return "expired"
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    state = "waits" if one.state.value == "pending" else f"approved {one.scope.value}"
    return f"{state}, {hours} h left" if hours else f"{state}, {minutes} min left"


_ID = Annotated[str, typer.Argument(metavar="ID", help="As `inbox` shows it.")]


@app.command("approve", rich_help_panel=_PANEL)
@verb
async def approve(
    shell: Shell,
    approval_id: _ID,
    always: Annotated[
        bool, typer.Option("--always", help="This tool as it stands, with any arguments, from now on.")
    ] = False,
) -> None:
    """Let a waiting call run: once with these arguments, or this tool always."""
    async with shell.banyan() as b:
        decided = await b.approve(approval_id, always=always, by=SURFACE)
    scope = "always" if always else "once, with these arguments"
    shell.terminal.document(
        decided.to_json(), lambda: shell.terminal.line(f"{decided.tool} may run {scope}; the call can be made again")
    )


@app.command("deny", rich_help_panel=_PANEL)
@verb
async def deny(shell: Shell, approval_id: _ID) -> None:
    """Refuse a waiting call."""
    async with shell.banyan() as b:
        decided = await b.deny(approval_id, by=SURFACE)
    shell.terminal.document(decided.to_json(), lambda: shell.terminal.line(f"{decided.tool} is denied"))
