"""Which tree a command is about, and how values and instants are given to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from banyan.core.errors import BadFile, InvalidArgument, UnknownTree
from banyan.core.task import Tree, TreeState, split_id
from banyan.server.cli.complete import trees as complete_trees

if TYPE_CHECKING:
    from banyan.server.app import Banyan
    from banyan.server.cli.shell import Shell

TREE = typer.Option(
    "--tree",
    "-t",
    metavar="TREE",
    help="Id or title of the tree; it may stand before the verb, too.",
    autocompletion=complete_trees,
)
AS_OF_TURN = typer.Option("--as-of-turn", metavar="N", help="As it was at the end of this turn.", min=0)
AS_OF_REVISION = typer.Option("--as-of-revision", metavar="N", help="As it was after this revision.", min=0)
TITLES = 2000
"""Tasks whose titles are looked up to name what changed; others are named by number."""
NAMED = 6
"""Trees that an error names."""


async def the_tree(shell: Shell, b: Banyan, given: str | None, *, changes: bool = False) -> str:
    """Return the id of the tree that is meant: the one given by id or title, else the only one.

    Where there are several and none is given, what only reads takes the one that was changed last, and says so.

    Raises:
        UnknownTree: there is none of this id or title.
        InvalidArgument: none is given, and it is not clear which is meant.
    """
    trees = await b.tasks.trees()
    if given is not None:
        return _called(trees, given)
    own = [one for one in trees if _is_own(one)]
    if not own:
        raise InvalidArgument("tree", f"there is none yet; start one with `{shell.banyan_command('tasks edit FILE')}`")
    if len(own) > 1 and changes:
        raise InvalidArgument("tree", f"which one? There are {listed(own)}")
    if len(own) > 1:
        shell.terminal.note(f"Of {len(own):,} trees, the one that was changed last:")
    return own[0].id


def _called(trees: Sequence[Tree], given: str) -> str:
    if any(one.id == given for one in trees):
        return given
    titled = [one for one in trees if given.casefold() in {one.title.casefold(), (one.name or one.id).casefold()}]
    # A what-if has the title of the tree that it is a copy of: that one is meant.
    meant = [one for one in titled if _is_own(one)] or [one for one in titled if one.origin is None] or titled
    if len(meant) == 1:
        return meant[0].id
    if meant:
        raise InvalidArgument("tree", f"`{given}` is the title of several: {listed(meant)}")
    raise UnknownTree(given, known=[one.id for one in trees[:NAMED]])


def _is_own(tree: Tree) -> bool:
    return tree.origin is None and tree.state is TreeState.OPEN


def listed(trees: Sequence[Tree]) -> str:
    """Return trees as an error names them: by id, title, and what they are a what-if of."""
    rest = f" and {len(trees) - NAMED:,} more" if len(trees) > NAMED else ""
    return ", ".join(f"`{one.id}` ({_told(one)})" for one in trees[:NAMED]) + rest


def _told(tree: Tree) -> str:
    return f"{tree.title}, what-if `{tree.name or tree.id}` of `{tree.origin}`" if tree.origin else tree.title


async def placed(
    shell: Shell, b: Banyan, tree: str | None, words: Sequence[str], *, changes: bool = False, more: int = 0
) -> tuple[str, list[str]]:
    """Return the tree that is meant, and the words without it: it may stand before them, or in the id of a task.

    A word is taken for the title of a tree only where `more` words follow it: a root has the title of its tree.

    Raises:
        UnknownTree: there is none of this id or title.
        InvalidArgument: none is given, and it is not clear which is meant.
    """
    if tree is None and words:
        trees = await b.tasks.trees()
        known = {one.id for one in trees}
        if words[0] in known:
            return words[0], list(words[1:])
        parts = split_id(words[0])
        if parts is not None and parts[0] in known:
            return parts[0], list(words)
        # By its title alone: the name of a what-if may be what is asked for.
        if len(words) > more and any(one.title.casefold() == words[0].casefold() for one in trees):
            return _called(trees, words[0]), list(words[1:])
    return await the_tree(shell, b, tree, changes=changes), list(words)


def none_left(words: Sequence[str]) -> None:
    """Raise `InvalidArgument` where there is a word: it should have been a tree."""
    if words:
        raise InvalidArgument("tree", f"`{words[0]}` is neither id nor title of a tree")


def at_most_one(words: Sequence[str]) -> str | None:
    """Return the only word, None where there is none.  Raises `InvalidArgument` where there are more."""
    if len(words) > 1:
        raise InvalidArgument("task", f"one at most: quote a title that has blanks, as '{' '.join(words)}'")
    return words[0] if words else None


def only_one(words: Sequence[str], name: str) -> str:
    """Return the only word.  Raises `InvalidArgument` where there is none, or more."""
    word = at_most_one(words)
    if word is None:
        raise InvalidArgument(name, "is missing")
    return word


def as_of(turn: int | None, revision: int | None) -> dict[str, int] | None:
    """Return when is meant; None for now.  Raises `InvalidArgument` where both are given."""
    if turn is not None and revision is not None:
        raise InvalidArgument("as-of", "a turn or a revision, not both")
    if turn is not None:
        return {"turn": turn}
    return None if revision is None else {"revision": revision}


async def titles(b: Banyan, tree: str) -> Mapping[int, str]:
    """Return the titles of the tasks of a tree by number, of a large one the first."""
    view = await b.tasks.view(tree, limit=TITLES)
    return {one.task.number: one.task.title for _, one in view.tasks}


def value_of(text: str) -> Any:
    """Return what a value on the command line means: JSON where it is, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def read_text(path: str) -> str:
    """Return what is in a file, or on standard input for `-`.  Raises `BadFile`."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadFile(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise BadFile(path, "is not UTF-8") from None


def read_json(path: str) -> Any:
    """Return the JSON in a file, on standard input for `-`, or in the word itself.  Raises `BadFile`."""
    text = path if path.lstrip()[:1] in {"[", "{"} else read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        name = "the command line" if text is path else path
        raise BadFile(name, f"malformed JSON: {error}") from None
