"""`calls`: what was called, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from banyan.server.cli.command import verb
from banyan.server.cli.shell import Shell
from banyan.server.cli.terminal import Row

if TYPE_CHECKING:
    from banyan.core.call import CallRecord

_STYLES = {"failed": "red", "unknown": "yellow", "needs_approval": "yellow", "prepared": "yellow"}

MESSAGE_CHARS = 120
"""Characters of a message that the table shows; the JSON has it whole."""

app = typer.Typer()


@app.command("calls", rich_help_panel="Find and call")
@verb
async def calls(
    shell: Shell,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many at most.", min=1, max=10_000)] = 20,
    unsettled: Annotated[
        bool, typer.Option("--unsettled", help="Those alone of which nobody knows how they ended.")
    ] = False,
) -> None:
    """List the latest calls, newest first: what was called, by whom, and what came of it.

    Arguments are not kept, since they may be private.
    """
    from banyan.server.calls import recent_calls

    async with shell.banyan() as b:
        found = await recent_calls(b, limit=limit, unsettled=unsettled)
    shell.terminal.document({"calls": [one.to_json() for one in found]}, lambda: _show(shell, found, unsettled))


def _show(shell: Shell, found: Sequence[CallRecord], unsettled: bool) -> None:
    if not found:
        shell.terminal.note("Of every call it is known how it ended." if unsettled else "Nothing was called yet.")
        return
    shell.terminal.table(("started", "tool", "by", "outcome", "ms", "result", "message"), [_row(one) for one in found])
    if unsettled:
        shell.terminal.note(
            "\nSee whether each had its effect before you call it again, and say so with "
            f"{shell.banyan_command('tasks reconcile')}"
        )


def _row(one: CallRecord) -> Row:
    outcome = one.outcome.value if one.outcome else one.state.value
    took = "" if one.took_ms is None else f"{one.took_ms:,.0f}"
    about = f"{outcome} ({one.category})" if one.category else outcome
    started = f"{one.started_at:%Y-%m-%d %H:%M:%S}"
    cells = (started, one.tool, one.surface, about, took, one.handle or "", _short(one.message or ""))
    return Row(cells=cells, style=_STYLES.get(outcome, ""))


def _short(text: str) -> str:
    return text if len(text) <= MESSAGE_CHARS else text[:MESSAGE_CHARS] + "…"
