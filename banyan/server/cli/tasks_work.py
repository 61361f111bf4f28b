"""`tasks claim`, `renew`, `finish` and `context`: what whoever works on a tree needs."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from banyan.core.claim import LEASE_S, Claim
from banyan.core.task import ABSENT, Json, split_id
from banyan.server.cli.command import verb
from banyan.server.cli.shell import Shell
from banyan.server.cli.tasks_place import TREE, only_one, placed, read_json, titles, value_of
from banyan.server.cli.tasks_words import edited, held

if TYPE_CHECKING:
    from banyan.core.taskview import Claimed
    from banyan.server.app import Banyan

NOTHING_READY = 3
BUDGET_TOKENS = 4000

_ONE_TASK = typer.Argument(metavar="[TREE] TASK", help="By id, key, title or number.")
_FENCE = typer.Option(help="Of the claim, as `claim` shows it.", metavar="N", min=0)
_LEASE = typer.Option(help="Seconds after which the claim ends unless it is renewed.", min=1, max=86_400)


class Outcome(StrEnum):
    """How a task ends."""

    DONE = "done"
    FAILED = "failed"
    WAITING = "waiting"
    CANCELLED = "cancelled"


@verb
async def claim(
    shell: Shell,
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[TREE] [TASK…]", help="These; whatever comes first if not given.")
    ] = None,
    tree: Annotated[str | None, TREE] = None,
    worker: Annotated[str | None, typer.Option(help="Who holds it; your user name if not given.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Tasks at most.", min=1, max=100)] = 1,
    lease_s: Annotated[float, _LEASE] = LEASE_S,
) -> int:
    """Take what can be done now.

    Nobody else can while the lease lasts. Exits with 3 where there is nothing to take. Whoever speaks for the task
    gives the fence that is shown; `renew` makes the claim last, `finish` ends it.
    """
    async with shell.banyan() as b:
        place, words = await placed(shell, b, tree, what or (), changes=True)
        wanted = Claim(worker=worker or getpass.getuser(), limit=max(limit, len(words)), lease_s=lease_s, tasks=words)
        got = await b.tasks.claim(place, wanted)
    document = {"tree": place, "claimed": [one.to_json() for one in got]}
    shell.terminal.document(document, lambda: _show_claimed(shell, got))
    return 0 if got else NOTHING_READY


def _show_claimed(shell: Shell, got: Sequence[Claimed]) -> None:
    if not got:
        shell.terminal.note(f"Nothing can be done now. Why: {shell.banyan_command('tasks next')}")
        return
    shell.terminal.lines(held(got, datetime.now(UTC)))
    one = got[0]
    command = shell.banyan_command(f"tasks finish {one.view.id} --fence {one.fence} --output …")
    shell.terminal.note(f"\nNext: {command}")


@verb
async def renew(
    shell: Shell,
    what: Annotated[list[str], _ONE_TASK],
    fence: Annotated[int, _FENCE],
    tree: Annotated[str | None, TREE] = None,
    lease_s: Annotated[float, _LEASE] = LEASE_S,
) -> None:
    """Have a claim last longer.

    The lease is counted from now. Exits with 6 where the claim is lost.
    """
    async with shell.banyan() as b:
        task = await _id(shell, b, tree, what)
        until = await b.tasks.renew(task, fence, lease_s=lease_s)
    document = {"task": task, "fence": fence, "lease_until": until.isoformat()}
    shell.terminal.document(document, lambda: shell.terminal.line(f"{task} is held until {until:%H:%M:%S} UTC"))


async def _id(shell: Shell, b: Banyan, tree: str | None, words: Sequence[str]) -> str:
    """Return the id of the task that is meant, however it is named."""
    place, rest = await placed(shell, b, tree, words, changes=True, more=1)
    word = only_one(rest, "task")
    return word if split_id(word) is not None else (await b.tasks.get(word, tree=place)).id


@verb
async def finish(  # noqa: PLR0913 - each parameter is an option of the command
    shell: Shell,
    what: Annotated[list[str], _ONE_TASK],
    tree: Annotated[str | None, TREE] = None,
    outcome: Annotated[Outcome, typer.Option(help="How it ends; `waiting`: for an answer.")] = Outcome.DONE,
    output: Annotated[
        str | None, typer.Option(help="What it came to: JSON or text; `@FILE` is read.", metavar="VALUE")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, where it is not done.")] = "",
    fence: Annotated[int | None, _FENCE] = None,
    source: Annotated[str, typer.Option(help="Who says so: user, assistant, tool or program.")] = "user",
) -> None:
    """End a task, and show what follows.

    It is done if nothing else is said. Where somebody holds it, the fence of the claim is needed.
    """
    value: Json = None if outcome is Outcome.DONE else ABSENT
    if output is not None:
        value = read_json(output[1:]) if output.startswith("@") else value_of(output)
    async with shell.banyan() as b:
        task = await _id(shell, b, tree, what)
        done = await b.tasks.finish(task, outcome.value, fence=fence, output=value, reason=reason, source=source)
        named = {} if shell.terminal.json else await titles(b, done.edit.tree)
    shell.terminal.document(done.to_json(), lambda: shell.terminal.lines(edited(done.edit, named)))


@verb
async def context(
    shell: Shell,
    what: Annotated[list[str], _ONE_TASK],
    tree: Annotated[str | None, TREE] = None,
    budget: Annotated[
        int, typer.Option("--budget", help="Tokens that it may take.", metavar="TOKENS", min=1)
    ] = BUDGET_TOKENS,
) -> None:
    """Show what a worker on a task is told.

    The way to it, what holds for it, what it builds on, and the task, within a budget of tokens.
    """
    async with shell.banyan() as b:
        found = await b.tasks.context(await _id(shell, b, tree, what), budget)
    shell.terminal.document(found.to_json(), lambda: shell.terminal.line(found.text))
    left = sum(one.tokens for one in found.left_out)
    rest = f"; left out: {len(found.left_out):,} parts of {left:,} tokens" if found.left_out else ""
    shell.terminal.note(f"\n{found.tokens:,} of {found.budget_tokens:,} tokens{rest}")
