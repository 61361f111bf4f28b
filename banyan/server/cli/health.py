"""`doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from banyan.server.cli.command import verb
from banyan.server.cli.shell import Shell
from banyan.server.cli.terminal import Row

if TYPE_CHECKING:
    from banyan.server.doctor import DoctorReport

SOMETHING_FAILS = 7
_STYLES = {"ok": "", "warn": "yellow", "fail": "red"}
_ENDS = {
    "fail": "Something does not work; the last column says what to do.",
    "warn": "All works; what is marked `warn` wants attention.",
    "ok": "All is well.",
}
"""What is said at the end, by the worst that was found."""

app = typer.Typer()


@app.command("doctor", rich_help_panel="Upkeep")
@verb
async def doctor(shell: Shell) -> int:
    """Look at home, database, index, sources, tools and calls.

    Exits with 7 where something does not work.
    """
    async with shell.banyan() as b:
        report = await b.doctor()
    shell.terminal.document(report.to_json(), lambda: _show(shell, report))
    return 0 if report.ok else SOMETHING_FAILS


def _show(shell: Shell, report: DoctorReport) -> None:
    rows = [
        Row(cells=(one.health.value, one.about, one.detail, one.fix or ""), style=_STYLES[one.health.value])
        for one in report.checks
    ]
    shell.terminal.table(("", "about", "finding", "what to do"), rows)
    worst = {one.health.value for one in report.checks}
    end = next(text for health, text in _ENDS.items() if health in worst)
    shell.terminal.note(f"\n{end}")
