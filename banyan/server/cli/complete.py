"""What a shell offers when the tab key is pressed: names of assistants, sources and trees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer

from banyan.server.cli.shell import Given, Shell

if TYPE_CHECKING:
    from banyan.server.app import Banyan

MOST = 200
"""Names that one press of the key shows at most."""


def assistants(context: typer.Context, incomplete: str) -> list[str]:
    """Return the assistants whose name starts so."""
    from banyan.server.clients.known import CLIENTS

    return [one.key for one in CLIENTS if one.key.startswith(incomplete)]


def servers(context: typer.Context, incomplete: str) -> list[str]:
    """Return the sources whose name starts so."""

    async def names(b: Banyan) -> list[str]:
        return [one.name for one in await b.sources()]

    return _starting(context, incomplete, names)


def trees(context: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of the trees that start so."""

    async def names(b: Banyan) -> list[str]:
        return [one.id for one in await b.tasks.trees()]

    return _starting(context, incomplete, names)


def _starting(context: typer.Context, incomplete: str, names: Callable[[Banyan], Awaitable[list[str]]]) -> list[str]:
    """Return the names that start so; none where the catalogue cannot be opened: a shell shows no errors here."""
    import anyio

    from banyan.core.errors import BanyanError

    before = context.find_root().params
    shell = Shell(Given(home=before.get("home"), database=before.get("database")))

    async def ask() -> list[str]:
        async with shell.banyan() as b:
            return await names(b)

    try:
        found = anyio.run(ask)
    except BanyanError:
        return []
    finally:
        shell.close()
    return [name for name in found if name.casefold().startswith(incomplete.casefold())][:MOST]
