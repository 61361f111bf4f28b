"""`tasks --watch`: a tree that is redrawn whenever it changes."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from banyan.core.lifecycle import ENDED
from banyan.core.taskview import TreeView
from banyan.server.cli.search import shell_width
from banyan.server.cli.tasks_picture import picture
from banyan.server.cli.terminal import as_json, styled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from banyan.server.app import Banyan
    from banyan.server.cli.shell import Shell

LOOK_EVERY_S = 1.0
"""Seconds between two looks at a tree that is followed."""


async def follow(shell: Shell, b: Banyan, tree: str, *, under: str | None, limit: int) -> None:
    """Show a tree, and again whenever it changes, until every task of it has ended.

    On a terminal the picture is redrawn in its place; elsewhere every state is printed after the last, with `--json`
    as one document to a line.
    """
    views = _views(b, tree, under, limit)
    if sys.stdout.isatty() and not shell.terminal.json:
        await _redrawn(views)
        return
    shown = None
    async for view in views:
        if view.revision == shown:
            continue
        if shell.terminal.json:
            shell.terminal.raw(as_json(view.to_json()) + b"\n")
        else:
            shell.terminal.lines([*([[]] if shown is not None else []), *picture(view, datetime.now(UTC))])
        shown = view.revision


async def _views(b: Banyan, tree: str, under: str | None, limit: int) -> AsyncIterator[TreeView]:
    """Yield a tree again and again, the last time when every task of it has ended."""
    while True:
        view = await b.tasks.view(tree, under=under, limit=limit)
        yield view
        if _ended(view):
            return
        # A lease that has ended is found by looking for what is next.
        await b.tasks.ready(tree, limit=1)
        await anyio.sleep(LOOK_EVERY_S)


def _ended(view: TreeView) -> bool:
    return all(status in ENDED for status in view.counts)


async def _redrawn(views: AsyncIterator[TreeView]) -> None:
    from rich.console import Console, Group
    from rich.live import Live

    # The whole last picture stays: it may be longer than the screen.
    with Live(console=Console(highlight=False), auto_refresh=False, vertical_overflow="ellipsis") as live:
        async for view in views:
            lines = picture(view, datetime.now(UTC), width=shell_width())
            if _ended(view):
                live.vertical_overflow = "visible"
            live.update(Group(*map(styled, lines)), refresh=True)
