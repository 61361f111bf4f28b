"""`find` and `describe`: from words to tools, and from a tool to all that is known of it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from banyan.server.cli.command import verb
from banyan.server.cli.complete import servers
from banyan.server.cli.shell import Shell
from banyan.server.cli.terminal import as_json

if TYPE_CHECKING:
    from banyan.core.find import Candidate, FindAnswer
    from banyan.core.tool import Effects
    from banyan.tools.describe import Description

NOTHING_FITS = 3
_NEAREST = 3
"""Tools that people are shown where none fits."""
_NEAR = 0.01
"""Confidence below which people are not shown a tool that does not fit."""
_WIDTH = 96
"""Characters of a line where the terminal is wider, or there is none."""

app = typer.Typer()


@app.command("find", rich_help_panel="Find and call")
@verb
async def find(  # noqa: PLR0913 - each parameter is an option of the command
    shell: Shell,
    query: Annotated[str, typer.Argument(help="What is to be done, in any words; or a tool's name.")],
    k: Annotated[int, typer.Option("-k", help="How many tools to show.", metavar="N")] = 5,
    server: Annotated[
        str | None, typer.Option(help="Only tools of this server or source.", autocompletion=servers)
    ] = None,
    effects: Annotated[
        str | None, typer.Option(help="Only these kinds: read_only, writes, destructive; with commas between.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only tools with this tag, or one of these.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the scores behind each confidence.")] = False,
    task: Annotated[str | None, typer.Option(help="Id of the task that it is for: its own words count, too.")] = None,
) -> int:
    """Find the tools that do what you want.

    Exits with 3 where nothing fits; what is printed then are the nearest.
    """
    kinds = [one.strip() for one in (effects or "").split(",") if one.strip()]
    async with shell.banyan() as b:
        answer = await b.find(query, k, server=server, effects=kinds, tags=tag or (), explain=explain, task=task)
    shell.terminal.document(answer.to_json(), lambda: _show_answer(shell, answer))
    return 0 if answer.fits else NOTHING_FITS


def _show_answer(shell: Shell, answer: FindAnswer) -> None:
    terminal = shell.terminal
    shown = answer.results
    if not answer.fits:
        # The nearest are for whoever asked badly; what is nowhere near helps nobody.
        shown = tuple(one for one in shown if one.confidence >= _NEAR)[:_NEAREST]
        terminal.line("nothing fits" + ("; the nearest are:" if shown else ""))
    for one in shown:
        _show_candidate(shell, one)
    for note in answer.note.split("; "):
        if note and not note.startswith("nothing fits"):  # said in the first line
            terminal.warn(note)
    if answer.fits:
        terminal.note(f"\nNext: {shell.banyan_command(f'describe {answer.results[0].name}')}")


def _show_candidate(shell: Shell, one: Candidate) -> None:
    terminal = shell.terminal
    about = f"{one.confidence:.2f}  {effects_text(one.effects)}"
    terminal.line(f"{one.name}  {about}", style="bold")
    for text in (one.title if one.title not in {"", one.name} else "", one.signature):
        if text:
            terminal.line(_indented(text))
    if one.why:
        terminal.line(_indented("  ".join(f"{key} {value}" for key, value in one.why.items())), style="dim")


def effects_text(effects: Effects) -> str:
    """Return what a call may do, as people read it; a question mark where nobody stated it."""
    text = {"read_only": "reads", "writes": "writes", "destructive": "destroys"}[effects.kind.value]
    return f"{text}?" if effects.guessed else text


def _indented(text: str) -> str:
    width = min(shell_width(), _WIDTH)
    return textwrap.fill(
        text, width, initial_indent="    ", subsequent_indent="      ", break_long_words=False, break_on_hyphens=False
    )


def shell_width() -> int:
    """Return how many characters a line of the terminal has."""
    import shutil

    return shutil.get_terminal_size((_WIDTH, 24)).columns


@app.command("describe", rich_help_panel="Find and call")
@verb
async def describe(
    shell: Shell,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Tools, as `find` names them.")],
    path: Annotated[str, typer.Option(help="Only this part of a large schema: a JSON Pointer.", metavar="P")] = "",
) -> None:
    """Show what is known of tools: what they do, what they take, what they give back."""
    async with shell.banyan() as b:
        found = await b.describe(names, path=path)
    shell.terminal.document({"tools": [one.to_json() for one in found]}, lambda: _show_descriptions(shell, found))


def _show_descriptions(shell: Shell, found: Sequence[Description]) -> None:
    for number, one in enumerate(found):
        if number:
            shell.terminal.line()
        _show_description(shell, one)
    shell.terminal.note(f"\nNext: {shell.banyan_command(f'call {found[0].name} key=value …')}")


def _show_description(shell: Shell, one: Description) -> None:
    terminal = shell.terminal
    if one.path:
        terminal.line(f"{one.name}  {one.path}", style="bold")
        terminal.line(_pretty(one.part))
        return
    terminal.line(f"{one.name}  of {one.server}, {effects_text(one.effects)}", style="bold")
    if one.state.value != "active":
        terminal.warn(f"{one.name} is {one.state.value}: {one.state_reason or 'no reason was kept'}")
    for text in (one.title, one.description, one.combines_with):
        if text:
            terminal.line(text)
    terminal.line(one.signature, style="cyan")
    if one.tags:
        terminal.line(f"tags: {', '.join(one.tags)}")
    for example in one.examples:
        terminal.line(f"example: {example.text} {_compact(example.arguments)}")
    for title, schema in (("takes", one.input_schema), ("gives", one.output_schema)):
        if schema:
            terminal.line(f"{title}:", style="dim")
            terminal.line(_pretty(schema))


def _pretty(value: Any) -> str:
    return as_json(value, indent=True).decode()


def _compact(value: Any) -> str:
    return as_json(value).decode()
