"""The person at the terminal, as a tool that is running sees them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import anyio.to_thread
import typer

from banyan.core.ports import Elicited
from banyan.server.cli.approvals import SURFACE
from banyan.server.cli.arguments import typed
from banyan.server.cli.terminal import Terminal
from banyan.server.sanitise import sanitise


class Person:
    """Whoever typed the command: asked and told on standard error."""

    surface = SURFACE

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    async def elicit(self, message: str, schema: Mapping[str, Any]) -> Elicited | None:
        """Ask at the terminal; None where there is none, as in a pipe."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        self._terminal.status_done()
        return await anyio.to_thread.run_sync(partial(_ask, message, schema), abandon_on_cancel=True)

    async def progress(self, done: float, total: float | None, message: str | None) -> None:
        """Show how far the call is, on one line that the next takes the place of."""
        share = f"{done / total:.0%}" if total else f"{done:g}"
        self._terminal.status(f"{share} {message or ''}".rstrip())


def _ask(message: str, schema: Mapping[str, Any]) -> Elicited:
    """Ask for every property of a form; an end of input cancels, an empty answer leaves out what is optional."""
    typer.echo(sanitise(message), err=True)
    properties = schema.get("properties")
    fields = properties if isinstance(properties, Mapping) else {}
    required = set(schema.get("required") or ())
    answers: dict[str, Any] = {}
    try:
        if not fields and not typer.confirm("Answer yes?", err=True):
            return Elicited(action="decline")
        for name, field in fields.items():
            answer = _field(name, field if isinstance(field, Mapping) else {}, needed=name in required)
            if answer is not None:
                answers[name] = answer
    except typer.Abort:
        return Elicited(action="cancel")
    return Elicited(action="accept", content=answers)


def _field(name: str, field: Mapping[str, Any], *, needed: bool) -> Any:
    choices = [str(one) for one in field.get("enum") or ()]
    told = sanitise(str(field.get("title") or name)) + (f" ({', '.join(map(sanitise, choices))})" if choices else "")
    default = field.get("default")
    while True:
        answer = str(typer.prompt(told, default="" if default is None else str(default), err=True))
        if not answer and not needed:
            return None
        if answer and (not choices or answer in choices):
            return typed([answer], field)
