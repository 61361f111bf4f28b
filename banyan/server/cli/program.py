"""The program: which verbs there are, loaded when they are used, and what its own errors become."""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping, Sequence
from importlib import import_module
from typing import Annotated, Any, Literal, cast

import typer
from typer.core import TyperCommand, TyperGroup

from banyan.server.cli.command import INTERRUPTED, group
from banyan.server.cli.terminal import Terminal

Command = TyperCommand | TyperGroup

USAGE = 2

VERBS = {
    "find": "search",
    "describe": "search",
    "call": "calls",
    "result": "calls",
    "calls": "ledger",
    "tasks": "tasks",
    "inbox": "approvals",
    "approve": "approvals",
    "deny": "approvals",
    "add": "sources",
    "remove": "sources",
    "sync": "sources",
    "servers": "sources",
    "import": "assistants",
    "install": "assistants",
    "uninstall": "assistants",
    "serve": "serving",
    "doctor": "health",
    "secret": "secrecy",
    "eval": "evaluation",
}
"""Verb to the module of this package that has it, in the order in which help shows them."""


class _Verbs(MutableMapping[str, Any]):
    """The verbs by name; a module is imported when one of its verbs is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            module = import_module(f"banyan.server.cli.{VERBS[name]}")
            # Boxes and colours are for terminals; help that is piped or stored is plain.
            module.app.rich_markup_mode = _help_style()
            self._loaded.update(typer.main.get_group(module.app).commands)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(VERBS)

    def __len__(self) -> int:
        return len(VERBS)


class _Program(TyperGroup):
    """The group of all verbs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": {}})
        self.commands = _Verbs()

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Return the names of the verbs, without loading them."""
        return list(VERBS)


def program() -> Command:
    """Return the command that the words of the command line are given to."""
    app = typer.Typer(
        cls=_Program,
        rich_markup_mode=_help_style(),
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(group(_before))
    return cast(Command, typer.main.get_command(app))


def _help_style() -> Literal["rich"] | None:
    return "rich" if sys.stdout.isatty() else None


def run(arguments: Sequence[str]) -> int:
    """Run one command, and return the exit status."""
    try:
        ended = program().main(args=list(arguments), prog_name="banyan", standalone_mode=False)
    except typer.Abort:
        return INTERRUPTED
    except typer.TyperException as error:
        return _misused(error, arguments)
    return ended if isinstance(ended, int) else 0


def _before(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Find the right few among tens of thousands of tools, and call them through one guarded path.

    Begin with `banyan import`, which takes over the tool servers that your assistants have already, or with
    `banyan add mcp NAME -- COMMAND`. Then `banyan find` what you want in your own words, and `banyan call` it.
    """
    if version:
        from banyan import __version__

        terminal = Terminal(json=context.obj.json)
        terminal.document({"version": __version__}, lambda: terminal.line(f"banyan {__version__}"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        if context.obj.json:
            context.fail("which command?")
        typer.echo(context.get_help())
        raise typer.Exit


def _misused(error: typer.TyperException, arguments: Sequence[str]) -> int:
    """Print what was wrong with the words of the command line."""
    words = list(arguments)
    words = words[: words.index("--")] if "--" in words else words
    # They could not be parsed, so whether JSON was asked for is seen from the words themselves.
    terminal = Terminal(json="--json" in words)
    message = error.format_message()
    if not message:  # a group without a verb: its help was shown
        return USAGE
    context = getattr(error, "ctx", None)
    if terminal.json:
        terminal.document({"error": {"code": "usage", "message": message}}, lambda: None)
        return USAGE
    terminal.error(message)
    if context is not None:
        terminal.note(f"{context.get_usage()}\nMore: {context.command_path} --help")
    return USAGE
