"""`secret`: values that sources refer to, kept where they are safe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from banyan.core.errors import InvalidArgument
from banyan.server.cli.command import group, verb
from banyan.server.cli.shell import Shell
from banyan.server.cli.terminal import Row

app = typer.Typer()
_secret = typer.Typer(no_args_is_help=True)
app.add_typer(_secret, name="secret", rich_help_panel="Upkeep")

_NAME = Annotated[str, typer.Argument(help="What sources refer to it by, as `${NAME}`.")]


@_secret.callback()
@group
def secret(context: typer.Context) -> None:
    """Keep secrets in the system's keyring, or in a file that only you can read."""


@_secret.command("set")
@verb
def set_(shell: Shell, name: _NAME) -> None:
    """Keep a secret. The value is asked for, or read from standard input; it never stands on the command line."""
    if sys.stdin.isatty():
        value = str(typer.prompt(f"Value of {name}", hide_input=True, err=True))
    else:
        value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    where = shell.secrets.put(name, value)
    place = "the system's keyring" if where == "keyring" else f"a file in {shell.settings.home} that only you can read"
    shell.terminal.document({"name": name, "where": where}, lambda: shell.terminal.line(f"{name} is kept in {place}"))


@_secret.command("list")
@verb
def list_(shell: Shell) -> None:
    """List the names of the secrets that are kept, and where; never their values."""
    found = [(name, shell.secrets.where(name) or "missing") for name in shell.secrets.names()]
    document = {"secrets": [{"name": name, "where": where} for name, where in found]}
    shell.terminal.document(document, lambda: _show(shell, found))


def _show(shell: Shell, found: Sequence[tuple[str, str]]) -> None:
    if found:
        shell.terminal.table(("name", "where"), [Row(cells=one) for one in found])
    else:
        shell.terminal.note(f"No secret is kept. Next: {shell.banyan_command('secret set NAME')}")


@_secret.command("remove")
@verb
def remove(shell: Shell, name: _NAME) -> None:
    """Forget a secret."""
    if not shell.secrets.delete(name):
        raise InvalidArgument("name", f"no secret `{name}` is kept; see `banyan secret list`")
    shell.terminal.document({"name": name, "removed": True}, lambda: shell.terminal.line(f"{name} is forgotten"))
