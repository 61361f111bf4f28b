"""`tasks export`, `import`, `prune` and `remove`: trees as files, and what is let go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from banyan.core.errors import InvalidArgument, SettingsError
from banyan.core.task import Tree
from banyan.server.cli.command import verb
from banyan.server.cli.shell import Shell
from banyan.server.cli.tasks_picture import one_line
from banyan.server.cli.tasks_place import TREE, at_most_one, placed, read_text
from banyan.server.cli.terminal import as_json

if TYPE_CHECKING:
    from banyan.core.archive import Imported, Pruned

_ONE_TREE = typer.Argument(
    metavar="[TREE]", help="Id or title of the tree; it need not be given where there is only one."
)


class Format(StrEnum):
    """What a tree is written as."""

    JSON = "json"
    MERMAID = "mermaid"


@verb
async def export(
    shell: Shell,
    what: Annotated[list[str] | None, _ONE_TREE] = None,
    tree: Annotated[str | None, TREE] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Into this file.", metavar="FILE")] = None,
    form: Annotated[
        Format, typer.Option("--format", help="`json` is the whole record, `mermaid` a flowchart.")
    ] = Format.JSON,
) -> None:
    """Write a tree to a file, or print it.

    As JSON it is the tree with its whole record, of which `import` makes the same tree again.
    """
    async with shell.banyan() as b:
        place, words = await placed(shell, b, tree, what or ())
        task = at_most_one(words)
        if form is Format.MERMAID:
            text = await b.tasks.archive.mermaid(place, under=task)
            document: Any = {"tree": place, "mermaid": text}
        elif task is not None:
            raise InvalidArgument("tree", f"`{task}` is no id of a tree; a part of one can only be drawn")
        else:
            document = await b.tasks.archive.export(place)
            text = as_json(document, indent=True).decode() + "\n"
    if output is None:
        shell.terminal.document(document, lambda: shell.terminal.raw(text.encode()))
        return
    _write(output, text)
    told = {"tree": place, "file": str(output), "size_bytes": len(text.encode())}
    shell.terminal.document(told, lambda: shell.terminal.note(f"{told['size_bytes']:,} bytes in {output}"))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"`{file}` cannot be written: {error.strerror}") from error


@verb
async def import_(
    shell: Shell,
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="`-` is standard input.")],
) -> None:
    """Make trees of files.

    A file is what `export` wrote, which becomes exactly the same tree, or `tasks.json` of task-master, or the issues of
    beads as JSON lines.
    """
    texts = [(file, read_text(file)) for file in files]
    async with shell.banyan() as b:
        found = [one for name, text in texts for one in await b.tasks.archive.import_(text, name=_stem(name))]
    shell.terminal.document({"trees": [one.to_json() for one in found]}, lambda: _show_imported(shell, found))


def _stem(file: str) -> str:
    return "standard input" if file == "-" else Path(file).name


def _show_imported(shell: Shell, found: Sequence[Imported]) -> None:
    for one in found:
        was = f", which was {one.was}" if one.was else ""
        shell.terminal.line(f"{one.tree}  {one_line(one.title)}: {_tasks(one.tasks)}{was}")
        for note in one.notes:
            shell.terminal.warn(note)
    if found:
        shell.terminal.note(f"\nNext: {shell.banyan_command(f'tasks {found[0].tree}')}")


def _tasks(count: int) -> str:
    return f"{count:,} {'task' if count == 1 else 'tasks'}"


@verb
async def prune(
    shell: Shell,
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[TREE]", help="Only this tree; all of them if not given.")
    ] = None,
    tree: Annotated[str | None, TREE] = None,
    older_than: Annotated[float | None, typer.Option(help="What is older than so many days.", metavar="DAYS")] = None,
    before: Annotated[
        datetime | None, typer.Option(help="What is from before this day or instant, in UTC.", metavar="WHEN")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
) -> None:
    """Let go of what is old, and nothing that is needed.

    Trees that ended before then go whole; of others the record from before then, so that questions about it can no
    longer be answered. What is open keeps all that it needs.
    """
    moment = _moment(older_than, before)
    async with shell.banyan() as b:
        place = None if tree is None and not what else (await placed(shell, b, tree, what or (), changes=True))[0]
        pruned = await b.tasks.archive.prune(before=moment, tree=place, dry_run=dry_run)
    shell.terminal.document(pruned.to_json(), lambda: _show_pruned(shell, pruned, dry_run=dry_run))


def _moment(older_than: float | None, before: datetime | None) -> datetime:
    if (older_than is None) == (before is None):
        raise InvalidArgument("older-than", "say what is old: `--older-than DAYS`, or `--before WHEN`")
    if before is not None:
        return before if before.tzinfo else before.replace(tzinfo=UTC)
    if not 0 <= (older_than or 0) <= 36_500:
        raise InvalidArgument("older-than", f"{older_than:g} should be from 0 to 36,500 days")
    return datetime.now(UTC) - timedelta(days=older_than or 0)


def _show_pruned(shell: Shell, pruned: Pruned, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    terminal = shell.terminal
    for tree in pruned.removed:
        terminal.line(f"{tree}: {would}removed")
    for tree, revision in pruned.shortened.items():
        terminal.line(f"{tree}: the record {would if dry_run else ''}begins at revision {revision:,}")
    for tree, why in pruned.kept.items():
        terminal.line(f"{tree}: stays, {one_line(why)}")
    if not pruned.removed and not pruned.shortened:
        terminal.note("Nothing is that old.")


@verb
async def remove(
    shell: Shell,
    what: Annotated[list[str] | None, _ONE_TREE] = None,
    tree: Annotated[str | None, TREE] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Without being asked.")] = False,
) -> None:
    """Remove a tree with its record.

    Its what-if copies go with it. This cannot be undone: `export` it first.
    """
    async with shell.banyan() as b:
        place, words = await placed(shell, b, tree, what or (), changes=True)
        if words:
            raise InvalidArgument(
                "tree", f"`{words[0]}` is neither id nor title of a tree; a task is removed by an edit"
            )
        about = next(one for one in await b.tasks.trees() if one.id == place)
        if not yes:
            _agree(shell, about)
        count = await b.tasks.archive.remove(place)
    document = {"tree": place, "removed": count}
    shell.terminal.document(document, lambda: shell.terminal.line(f"{place}: removed with {_tasks(count)}"))


def _agree(shell: Shell, tree: Tree) -> None:
    """Ask whoever is at the terminal.  Raises `InvalidArgument` where there is nobody, or they say no."""
    import sys

    question = f"Remove `{one_line(tree.title)}` with everything that is on record of it?"
    if shell.terminal.json or not sys.stdin.isatty() or not typer.confirm(question, err=True):
        raise InvalidArgument("yes", f"`{tree.id}` was not removed: it takes `--yes`")
