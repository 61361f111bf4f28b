"""`tasks edit`, `undo`, `redo` and `replay`: what changes a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from banyan.core.errors import BadFile, BanyanError, InvalidArgument
from banyan.core.recall import Recall
from banyan.core.task import EditResult
from banyan.server.cli.command import verb
from banyan.server.cli.shell import Shell
from banyan.server.cli.tasks_place import TREE, none_left, placed, read_json, read_text, the_tree, titles
from banyan.server.cli.tasks_words import edited, recalled, unchanged
from banyan.server.cli.terminal import as_json
from banyan.server.replay import Line, Refusal, Replay, read

if TYPE_CHECKING:
    from banyan.server.app import Banyan

_BATCH_KEYS = {"edits": list, "turn": int, "source": str, "base_revision": int, "title": str, "tree": str}

_FILE = typer.Argument(metavar="[TREE] FILE", help="`-` is standard input; without TREE a new tree is begun.")
_ONE_TREE = typer.Argument(
    metavar="[TREE]", help="Id or title of the tree; it need not be given where there is only one."
)


@verb
async def edit(
    shell: Shell,
    what: Annotated[list[str], _FILE],
    tree: Annotated[str | None, TREE] = None,
    base_revision: Annotated[
        int | None, typer.Option(help="Refuse it where the tree has changed since.", metavar="N", min=0)
    ] = None,
    turn: Annotated[
        int | None, typer.Option(help="The number of what was said; the last so far if not given.", metavar="N", min=0)
    ] = None,
    source: Annotated[str | None, typer.Option(help="Who says so: user, assistant, tool or program.")] = None,
    title: Annotated[str | None, typer.Option(help="Of a tree that is begun.")] = None,
) -> None:
    """Make edits from a file, all or none.

    The file is JSON: a list of edits, or an object with `edits`. One edit can stand on the command line: `banyan
    tasks TREE edit '{"op": "fact", "key": "day", "value": "12 May"}'`. Exits with 2 where an edit cannot be made, and
    with 6 where the tree has changed since `--base-revision`.
    """
    place, file = _place_and_file(tree, what)
    given = {"turn": turn, "source": source, "base_revision": base_revision, "title": title}
    batch = _batch(file) | {key: value for key, value in given.items() if value is not None}
    place = place or batch.pop("tree", None)
    batch.pop("tree", None)
    async with shell.banyan() as b:
        known = None if place is None else await the_tree(shell, b, place)
        result = await b.tasks.apply(known, batch.pop("edits"), **{"source": "user", **batch})
        await _tell(shell, b, result)
    if known is None:
        shell.terminal.note(f"\nNext: {shell.banyan_command(f'tasks {result.tree}')}")


def _place_and_file(tree: str | None, what: Sequence[str]) -> tuple[str | None, str]:
    if len(what) > (1 if tree else 2):
        raise InvalidArgument("file", "give one file")
    return (what[0], what[1]) if len(what) == 2 else (tree, what[0])


def _batch(file: str) -> dict[str, Any]:
    """Return the batch of edits in a file: a list, one edit, or an object with `edits`.  Raises `BadFile`."""
    found = read_json(file)
    if isinstance(found, list):
        return {"edits": found}
    if isinstance(found, dict) and "op" in found:
        return {"edits": [found]}
    if not isinstance(found, dict) or "edits" not in found:
        raise BadFile(file, "should be a list of edits, or an object with `edits`")
    for key, value in found.items():
        if key not in _BATCH_KEYS:
            raise BadFile(file, f"`{key}` means nothing here; there are {', '.join(_BATCH_KEYS)}")
        if not isinstance(value, _BATCH_KEYS[key]) or isinstance(value, bool):
            raise BadFile(file, f"`{key}` is not what it should be")
    return found


async def _tell(shell: Shell, b: Banyan, result: EditResult) -> None:
    """Print what an edit changed, and warn of what is worth knowing."""
    named: Mapping[int, str] = {} if shell.terminal.json or not result.changes else await titles(b, result.tree)
    shell.terminal.document(result.to_json(), lambda: shell.terminal.lines(edited(result, named)))
    if not shell.terminal.json:
        _note(shell, result)


def _note(shell: Shell, result: EditResult) -> None:
    said = unchanged(result)
    for note in result.notes:
        if note not in said:
            shell.terminal.warn(note)


@verb
async def undo(
    shell: Shell,
    what: Annotated[list[str] | None, _ONE_TREE] = None,
    tree: Annotated[str | None, TREE] = None,
) -> None:
    """Go back to before the last edit.

    What was done to the world by tools stays done, and is named.
    """
    async with shell.banyan() as b:
        place, words = await placed(shell, b, tree, what or (), changes=True)
        none_left(words)
        await _tell(shell, b, await b.tasks.undo(place))


@verb
async def redo(
    shell: Shell,
    what: Annotated[list[str] | None, _ONE_TREE] = None,
    tree: Annotated[str | None, TREE] = None,
) -> None:
    """Bring back what was undone last."""
    async with shell.banyan() as b:
        place, words = await placed(shell, b, tree, what or (), changes=True)
        none_left(words)
        await _tell(shell, b, await b.tasks.redo(place))


@verb
async def replay(
    shell: Shell,
    what: Annotated[list[str], _FILE],
    tree: Annotated[str | None, TREE] = None,
) -> None:
    """Apply a file of edits and questions.

    It is JSON lines, and each answer is printed. A line is `{"turn": 2, "source": "user", "edits": […]}` or
    `{"query": {"keys": ["day"]}}`; `@ref` means what any earlier line added under it. A line may say in `said` what
    it follows, and in `refused` the code of the error with which its batch is to be refused; any other error ends the
    replay there.
    """
    place, file = _place_and_file(tree, what)
    lines = read(file, read_text(file))
    async with shell.banyan() as b:
        known = None if place is None else await the_tree(shell, b, place)
        played = Replay(b.tasks, file, tree=known)
        for line in lines:
            try:
                answer = await played.play(line)
            except BanyanError:
                shell.terminal.warn(f"`{file}`: the replay ended at line {line.number}")
                raise
            await _Answer(shell, b, played).show(line, answer)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Prints the answers of one replay."""

    shell: Shell
    b: Banyan
    played: Replay

    async def show(self, line: Line, answer: EditResult | Recall | Refusal) -> None:
        """Print the answer to one line; as JSON it is one document to a line, with its number."""
        terminal = self.shell.terminal
        if terminal.json:
            terminal.raw(as_json({"line": line.number, **answer.to_json()}) + b"\n")
            return
        turn = "" if line.turn is None else f" · turn {line.turn}"
        terminal.lines([[(f"line {line.number}{turn}", "bold"), (f"  {line.said}" if line.said else "", "italic")]])
        if isinstance(answer, EditResult):
            named = await titles(self.b, answer.tree) if answer.changes else {}
            terminal.lines(edited(answer, named))
            _note(self.shell, answer)
        elif isinstance(answer, Recall):
            terminal.lines(recalled(answer))
        else:
            terminal.lines([[(f"refused: {answer.message}", "yellow")]])
        terminal.line()
