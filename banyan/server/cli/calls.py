"""`call` and `result`: a tool is run, and what it gave is read."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from banyan.core.call import Category
from banyan.core.claim import Held
from banyan.core.errors import InvalidArgument, SettingsError, UnknownTool
from banyan.server.cli.command import verb
from banyan.server.cli.shell import Shell
from banyan.server.cli.terminal import as_json

if TYPE_CHECKING:
    from banyan.core.call import Outcome, Page
    from banyan.server.app import Banyan

CUT = "$cut"
"""Key of what stands for an item that is too large for a page."""
_PANEL = "Find and call"

app = typer.Typer()


@app.command("call", rich_help_panel=_PANEL)
@verb
async def call(
    shell: Shell,
    name: Annotated[str, typer.Argument(help="The tool, as `find` names it.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[JSON | key=value…]",
            help="`key=value` is typed by the tool's schema, `key:=json` by itself; `-` reads JSON from standard "
            "input, `@FILE` from a file.",
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="A second call under the same key returns the first one's outcome.")
    ] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Seconds that the tool may take.")] = None,
    task: Annotated[str | None, typer.Option(help="Id of the task that it is made for.")] = None,
    fence: Annotated[
        int | None, typer.Option(help="Of the claim of that task; one that is lost sends nothing.", metavar="N", min=0)
    ] = None,
) -> int:
    """Call a tool, and show what it gave.

    Exits with 0 when it worked, 2 for arguments that do not fit, 4 when it was denied or waits for approval, 5 when
    the tool failed, 7 when its server cannot be reached, and 8 when it was sent and nobody knows whether it had its
    effect.
    """
    from banyan.server.cli.arguments import read
    from banyan.server.cli.caller import Person

    async with shell.banyan() as b:

        async def schema_of(key: str) -> Mapping[str, Any]:
            return await _schema_of(b, name, key)

        given = await read(arguments or (), schema_of)
        outcome = await b.call(
            name,
            given,
            task=task if task is None or fence is None else Held(task=task, fence=fence),
            idempotency_key=idempotency_key,
            timeout_s=timeout_s,
            caller=Person(shell.terminal),
        )
    shell.terminal.status_done()
    shell.terminal.document(outcome.to_json(), lambda: _show_outcome(shell, outcome))
    return outcome.exit_status


async def _schema_of(b: Banyan, name: str, key: str) -> Mapping[str, Any]:
    """Return what a tool says of one argument; nothing where there is no such argument or tool: the call tells."""
    escaped = key.replace("~", "~0").replace("/", "~1")
    try:
        (found,) = await b.describe([name], path=f"/input_schema/properties/{escaped}")
    except (InvalidArgument, UnknownTool):
        return {}
    return found.part if isinstance(found.part, Mapping) else {}


def _show_outcome(shell: Shell, outcome: Outcome) -> None:
    terminal = shell.terminal
    for note in outcome.notes:
        terminal.warn(note.removeprefix("warning: "))
    if not outcome.ok:
        terminal.error(outcome.message or outcome.outcome.value)
        if outcome.fix:
            terminal.note(outcome.fix)
        if outcome.category is Category.UNKNOWN_TOOL:
            terminal.note(f"Next: {shell.banyan_command('find')} 'what you want done'")
    if outcome.preview:
        terminal.line(_laid_out(outcome))
    if outcome.truncated and outcome.handle:
        terminal.note(
            f"\n{outcome.size_bytes:,} bytes in all. Next: {shell.banyan_command(f'result {outcome.handle}')}"
        )


def _laid_out(outcome: Outcome) -> str:
    """Return the preview; where it is a whole JSON document and a person looks at it, with its levels indented."""
    if not sys.stdout.isatty() or outcome.media_type != "application/json" or outcome.truncated:
        return outcome.preview
    try:
        return as_json(json.loads(outcome.preview), indent=True).decode()
    except (ValueError, RecursionError):
        return outcome.preview


@app.command("result", rich_help_panel=_PANEL)
@verb
async def result(
    shell: Shell,
    handle: Annotated[str, typer.Argument(help="As `call` shows it.")],
    path: Annotated[str, typer.Option(help="A JSON Pointer into the result.", metavar="P")] = "",
    offset: Annotated[int, typer.Option(help="Where to start: a character, an item or a byte.", min=0)] = 0,
    limit: Annotated[int | None, typer.Option(help="How many of them; a page if not given.", min=1)] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The whole, as it is, on standard output.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", help="The whole, as it is, into this file.", metavar="FILE")
    ] = None,
) -> None:
    """Read the stored result of a call, in pages or whole."""
    async with shell.banyan() as b:
        if raw or output is not None:
            body = await whole(b, handle, path)
        else:
            page = await b.read(handle, path=path, offset=offset, limit=limit)
    if output is not None:
        _write(output, body)
        shell.terminal.document(
            {"handle": handle, "file": str(output), "size_bytes": len(body)},
            lambda: shell.terminal.note(f"{len(body):,} bytes in {output}"),
        )
    elif raw:
        shell.terminal.raw(body)
    else:
        shell.terminal.document(page.to_json(), lambda: _show_page(shell, page))


def _write(file: Path, body: bytes) -> None:
    try:
        file.write_bytes(body)
    except OSError as error:
        raise SettingsError(f"`{file}` cannot be written: {error.strerror}") from error


def _show_page(shell: Shell, page: Page) -> None:
    terminal = shell.terminal
    if page.unit == "bytes":
        terminal.note(
            f"{page.media_type}, {page.total:,} bytes. Next: {shell.banyan_command(f'result {page.handle} -o FILE')}"
        )
        return
    terminal.line(page.content if isinstance(page.content, str) else as_json(page.content, indent=True).decode())
    if page.next_offset is not None:
        where = f" --path {page.path}" if page.path else ""
        command = shell.banyan_command(f"result {page.handle}{where} --offset {page.next_offset}")
        terminal.note(f"\n{page.offset + page.limit:,} of {page.total:,} {page.unit}. Next: {command}")


async def whole(b: Banyan, handle: str, path: str = "") -> bytes:
    """Return a result as it was kept, or the part of it at `path`, put together from its pages.

    Raises:
        UnknownHandle: no result has this handle.
        InvalidArgument: `path` leads nowhere.
    """
    value = await _value(b, handle, path)
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else as_json(value)


async def _value(b: Banyan, handle: str, path: str) -> Any:
    page = await b.read(handle, path=path)
    if page.unit == "bytes":
        return b"".join([base64.b64decode(one.content) async for one in _pages(b, page)])
    if page.unit == "characters":
        return "".join([one.content async for one in _pages(b, page)])
    if isinstance(page.content, dict):
        return {
            key: await _item(b, handle, value) async for one in _pages(b, page) for key, value in one.content.items()
        }
    return [await _item(b, handle, value) async for one in _pages(b, page) for value in one.content]


async def _item(b: Banyan, handle: str, value: Any) -> Any:
    """Return an item of a page; one that was too large for it is read by the path that stands in its place."""
    if isinstance(value, dict) and value.keys() == {CUT}:
        return await _value(b, handle, value[CUT]["path"])
    return value


async def _pages(b: Banyan, page: Page) -> Any:
    """Yield `page` and all that follow it."""
    while True:
        yield page
        if page.next_offset is None:
            return
        page = await b.read(page.handle, path=page.path, offset=page.next_offset)
