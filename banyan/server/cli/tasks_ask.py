"""`tasks list`, `show`, `next`, `history`, `diff` and `recall`: what there is, what is next, and what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from banyan.core.errors import InvalidArgument
from banyan.core.task import Change, Status, Tree, TreeId, TreeState, delta_json
from banyan.server.cli.command import verb
from banyan.server.cli.search import shell_width
from banyan.server.cli.shell import Shell
from banyan.server.cli.tasks_picture import MARKS, one_line, picture
from banyan.server.cli.tasks_place import (
    AS_OF_REVISION,
    AS_OF_TURN,
    TREE,
    as_of,
    at_most_one,
    none_left,
    placed,
    titles,
    value_of,
)
from banyan.server.cli.tasks_words import changes, happened, recalled, upcoming, whole
from banyan.server.cli.terminal import Row, Spans

if TYPE_CHECKING:
    from banyan.core.taskview import TaskView, TreeView
    from banyan.server.app import Banyan

READY_ASKED = 1000
"""Tasks that can be done now which the line on what is next counts at most."""
COUNTED = 50
"""Trees of a list whose tasks are counted."""

_TASK = typer.Argument(metavar="[TREE] [TASK]", help="A task by id, key, title or number; the whole tree if not given.")


@verb
async def list_trees(
    shell: Shell,
    everything: Annotated[bool, typer.Option("--all", help="What-ifs too, and those that were closed.")] = False,
) -> None:
    """List the trees, the last changed first.

    Where there is only one, it is shown, too.
    """
    async with shell.banyan() as b:
        found = [one for one in await b.tasks.trees() if everything or _is_plain(one)]
        counts = {one.id: (await b.tasks.view(one.id, limit=1)).counts for one in found[:COUNTED]}
        only = await b.tasks.view(found[0].id) if len(found) == 1 and not shell.terminal.json else None
    document = {"trees": [_tree_json(one, counts.get(one.id)) for one in found]}
    shell.terminal.document(document, lambda: _show_trees(shell, found, counts))
    if only is not None:
        shell.terminal.line()
        _print_tree(shell, only)


def _is_plain(tree: Tree) -> bool:
    return tree.origin is None and tree.state is TreeState.OPEN


def _tree_json(tree: Tree, counts: Mapping[Status, int] | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "tree": tree.id,
        "title": tree.title,
        "revision": tree.revision,
        "turn": tree.turn,
        "state": tree.state.value,
        "changed_at": tree.changed_at.isoformat(),
    }
    if tree.origin is not None:
        found |= {"what_if_of": tree.origin, "name": tree.name}
    if counts is not None:
        found["counts"] = {status.value: count for status, count in counts.items()}
    return found


def _show_trees(shell: Shell, found: Sequence[Tree], counts: Mapping[TreeId, Mapping[Status, int]]) -> None:
    if not found:
        shell.terminal.note(f"There is no tree yet. Next: {shell.banyan_command('tasks edit FILE')}")
        return
    rows = [Row(cells=_tree_cells(one, counts.get(one.id, {})), style="" if _is_plain(one) else "dim") for one in found]
    shell.terminal.table(("tree", "title", "tasks", "revision", "changed"), rows)
    if len(found) > 1:
        shell.terminal.note(f"\nNext: {shell.banyan_command(f'tasks {found[0].id}')}")


def _tree_cells(tree: Tree, counts: Mapping[Status, int]) -> tuple[str, ...]:
    title = one_line(tree.title) + (f" (what-if {tree.name} of {tree.origin})" if tree.origin else "")
    title += "" if tree.state is TreeState.OPEN else f" ({tree.state.value})"
    told = "  ".join(f"{MARKS[status].sign} {count:,} {status.value}" for status, count in counts.items())
    return tree.id, title, told, f"{tree.revision:,}", f"{tree.changed_at:%Y-%m-%d %H:%M}"


@verb
async def show(
    shell: Shell,
    what: Annotated[list[str] | None, _TASK] = None,
    tree: Annotated[str | None, TREE] = None,
    as_of_turn: Annotated[int | None, AS_OF_TURN] = None,
    as_of_revision: Annotated[int | None, AS_OF_REVISION] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Tasks at most.", min=1, max=100_000)] = 500,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow it until every task has ended.")] = False,
) -> None:
    """Show a tree, or one of its tasks.

    ● can be done now · ○ waits, and says for what · ▸ somebody is at it · ◔ waits for an answer · ✓ done · ↻ done, but
    something it used has changed · ✗ failed · ↷ skipped · ⊘ cancelled · ▤ folded · ↗ shared with another parent.
    """
    when = as_of(as_of_turn, as_of_revision)
    async with shell.banyan() as b:
        place, words = await placed(shell, b, tree, what or ())
        task = at_most_one(words)
        if watch:
            if when is not None:
                raise InvalidArgument("watch", "follows what is now, not what was")
            from banyan.server.cli.tasks_live import follow

            await follow(shell, b, place, under=task, limit=limit)
            return
        if task is not None and when is None:
            await _show_task(shell, b, place, task, limit)
            return
        view = await b.tasks.view(place, under=task, as_of=when, limit=limit)
        # What is ready may stand beyond the limit; of a tree that is shown whole it is there.
        beyond = when is None and view.left_out > 0
        ready = (await b.tasks.ready(place, limit=READY_ASKED)).tasks if beyond else None
    _print_tree(shell, view, ready)


def _print_tree(shell: Shell, view: TreeView, ready: Sequence[TaskView] | None = None) -> None:
    now = datetime.now(UTC)
    shell.terminal.document(
        view.to_json(), lambda: shell.terminal.lines(picture(view, now, width=width(), ready=ready))
    )


def width() -> int | None:
    """Return the characters of a line of the terminal; None where there is none, and lines stay whole."""
    import sys

    return shell_width() if sys.stdout.isatty() else None


async def _show_task(shell: Shell, b: Banyan, tree: str, task: str, limit: int) -> None:
    view = await b.tasks.get(task, tree=tree)
    below = await b.tasks.view(tree, under=view.id, limit=limit) if view.children else None
    shell.terminal.document(view.to_json(), lambda: _print_task(shell, view, below))


def _print_task(shell: Shell, view: TaskView, below: TreeView | None) -> None:
    now = datetime.now(UTC)
    shell.terminal.lines(whole(view, now))
    if below is not None:
        # Without the heading and the last line: those are of the whole tree.
        shell.terminal.lines([[], *picture(below, now, width=width())[3:-2]])


@verb
async def next_(
    shell: Shell,
    what: Annotated[list[str] | None, typer.Argument(metavar="[TREE]", help="Id or title of the tree.")] = None,
    tree: Annotated[str | None, TREE] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Tasks at most.", min=1, max=1000)] = 10,
) -> None:
    """Show what can be done now, or why nothing can.

    What has the longest way to the end after it comes first. Nothing is taken by looking: that is `claim`.
    """
    async with shell.banyan() as b:
        place, words = await placed(shell, b, tree, what or ())
        none_left(words)
        ready = await b.tasks.ready(place, limit=limit)
    shell.terminal.document(ready.to_json(), lambda: shell.terminal.lines(upcoming(ready)))


@verb
async def history(
    shell: Shell,
    what: Annotated[list[str] | None, _TASK] = None,
    tree: Annotated[str | None, TREE] = None,
    since: Annotated[int, typer.Option(help="Only what came after this revision.", metavar="N", min=0)] = 0,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Changes at most, the newest.", min=1, max=10_000)] = 100,
) -> None:
    """Show what changed, and who said so.

    Of one task also what happened to those that it was split from or merged of.
    """
    async with shell.banyan() as b:
        place, words = await placed(shell, b, tree, what or ())
        events = await b.tasks.history(place, at_most_one(words), since=since, limit=limit)
        named = {} if shell.terminal.json else await titles(b, place)
    document = {"tree": place, "events": [one.to_json() for one in events if one.change.field != "basis"]}
    shell.terminal.document(document, lambda: _print(shell, list(happened(events, named)), "Nothing has changed."))
    if len(events) == limit:
        shell.terminal.note(f"\nThe newest {limit:,} changes; more with `--limit`.")


def _print(shell: Shell, lines: Sequence[Spans], nothing: str) -> None:
    if lines:
        shell.terminal.lines(lines)
    else:
        shell.terminal.note(nothing)


@verb
async def diff(
    shell: Shell,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TREE] [SINCE]",
            help="A revision, or a what-if copy by name or id; the revision before the last if not given.",
        ),
    ] = None,
    tree: Annotated[str | None, TREE] = None,
) -> None:
    """Show how a tree differs from what it was.

    Or what a what-if copy would change in the tree that it was made of.
    """
    async with shell.banyan() as b:
        place, words = await placed(shell, b, tree, what or ())
        word = at_most_one(words)
        since: int | str = int(word) if word is not None and word.isdecimal() else word or ""
        if word is None:
            since = max(0, (await b.tasks.view(place, limit=1)).revision - 1)
        found = await b.tasks.diff(place, since)
        named = {} if shell.terminal.json else await titles(b, place)
    shell.terminal.document(
        {"tree": place, "since": since, "delta": _delta(place, found)},
        lambda: _print(shell, list(changes(found, named)), "There is no difference."),
    )


def _delta(tree: str, found: Sequence[Change]) -> list[dict[str, Any]]:
    return [delta_json(TreeId(tree), one) for one in found if one.field != "basis"]


@verb
async def recall(  # noqa: PLR0913 - each parameter is an option of the command
    shell: Shell,
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TREE] [KEY…]", help="Names of facts or inputs, or of tasks, whose output is meant."),
    ] = None,
    tree: Annotated[str | None, TREE] = None,
    claim: Annotated[
        str | None, typer.Option(help="Is it so, was it ever? The value is JSON or text.", metavar="KEY=VALUE")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Of which task that is claimed.")] = None,
    text: Annotated[str | None, typer.Option(help="Find tasks, facts and results by what they are about.")] = None,
    as_of_turn: Annotated[int | None, AS_OF_TURN] = None,
    as_of_revision: Annotated[int | None, AS_OF_REVISION] = None,
) -> None:
    """Ask what is or was known.

    Values come with their history, and a claim is checked against all that was ever said. No model answers, and nothing
    changes.
    """
    query: dict[str, Any] = {"claim": _claim(claim, task), "text": text, "as_of": as_of(as_of_turn, as_of_revision)}
    async with shell.banyan() as b:
        place, words = await placed(shell, b, tree, keys or (), more=0 if claim or text else 1)
        asked = {key: value for key, value in query.items() if value is not None}
        if not words and not asked.keys() & {"claim", "text"}:
            raise InvalidArgument("keys", "give a key, or `--claim KEY=VALUE`, or `--text`")
        found = await b.tasks.recall(place, keys=words, **asked)
    shell.terminal.document(found.to_json(), lambda: shell.terminal.lines(recalled(found)))


def _claim(claim: str | None, task: str | None) -> dict[str, Any] | None:
    if claim is None:
        if task is not None:
            raise InvalidArgument("task", "goes with `--claim`")
        return None
    key, sign, value = claim.partition("=")
    if not sign or not key:
        raise InvalidArgument("claim", "give it as `KEY=VALUE`")
    found = {"key": key.strip(), "value": value_of(value)}
    return found if task is None else {**found, "task": task}
