"""`tasks reconcile`: a person decides what came of calls whose end nobody knows."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from banyan.core.errors import InvalidArgument
from banyan.core.task import ABSENT
from banyan.server.cli.command import verb
from banyan.server.cli.shell import Shell
from banyan.server.cli.tasks_place import TREE, only_one, read_json, the_tree, titles, value_of
from banyan.server.cli.tasks_words import edited
from banyan.server.cli.terminal import Row

if TYPE_CHECKING:
    from banyan.core.call import CallRecord
    from banyan.core.effect import Settled
    from banyan.server.app import Banyan

UNKNOWN_EFFECT = 8


@verb
async def reconcile(  # noqa: PLR0913 - each parameter is an option of the command
    shell: Shell,
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[TREE] [CALL]", help="A call to decide about, as the list shows it.")
    ] = None,
    tree: Annotated[str | None, TREE] = None,
    done: Annotated[bool, typer.Option("--done", help="It had its effect.")] = False,
    not_done: Annotated[bool, typer.Option("--not-done", help="It had none, and may be made again.")] = False,
    output: Annotated[
        str | None, typer.Option(help="With `--done`: what it came to, JSON or text.", metavar="VALUE")
    ] = None,
    probe: Annotated[str | None, typer.Option(help="Look with this read-only tool instead.", metavar="TOOL")] = None,
    arguments: Annotated[
        str | None, typer.Option(help="With `--probe`: what it is called with, as JSON.", metavar="JSON")
    ] = None,
    when: Annotated[
        str | None, typer.Option(help="With `--probe`: an expression over `result`, true where the effect is there.")
    ] = None,
) -> int:
    """Settle calls whose end nobody knows.

    Without a call they are listed. Look first whether the effect is there, at the service itself or with `--probe`;
    then say `--done` or `--not-done`. Exits with 8 where it is still not known.
    """
    verdict = _verdict(done=done, not_done=not_done, probe=probe, when=when)
    async with shell.banyan() as b:
        words = list(what or ())
        if verdict is None:
            await _list_unsettled(shell, b, tree, words)
            return 0
        call = only_one(words[-1:], "call")
        if verdict == "probe":
            given = read_json(arguments) if arguments else {}
            settled = await b.tasks.effects.probe(call, str(probe), _object(given), str(when), by=None)
        else:
            value = ABSENT if output is None else value_of(output)
            settled = await b.tasks.effects.settle(call, verdict, by=getpass.getuser(), output=value)
        named = {} if shell.terminal.json or settled.edit is None else await titles(b, settled.edit.tree)
    shell.terminal.document(settled.to_json(), lambda: _show_settled(shell, settled, named))
    return UNKNOWN_EFFECT if settled.verdict is None else 0


def _verdict(*, done: bool, not_done: bool, probe: str | None, when: str | None) -> str | None:
    if done + not_done + (probe is not None) > 1:
        raise InvalidArgument("reconcile", "one of `--done`, `--not-done` and `--probe`")
    if (probe is None) != (when is None):
        raise InvalidArgument("probe", "goes with `--when`, as `--when 'size(result.items) > 0'`")
    if probe is not None:
        return "probe"
    return "done" if done else "not_done" if not_done else None


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidArgument("arguments", "should be a JSON object")
    return value


async def _list_unsettled(shell: Shell, b: Banyan, tree: str | None, words: Sequence[str]) -> None:
    given = tree or (words[0] if words else None)
    place = None if given is None else await the_tree(shell, b, given)
    found = await b.tasks.effects.unsettled(place)
    shell.terminal.document({"calls": [one.to_json() for one in found]}, lambda: _show_unsettled(shell, found))


def _show_unsettled(shell: Shell, found: Sequence[CallRecord]) -> None:
    if not found:
        shell.terminal.note("Of every call it is known what came of it.")
        return
    rows = [
        Row(cells=(one.call_id, f"{one.started_at:%Y-%m-%d %H:%M:%S}", one.tool, one.task or "", one.message or ""))
        for one in found
    ]
    shell.terminal.table(("call", "started", "tool", "task", "message"), rows)
    command = shell.banyan_command(f"tasks reconcile {found[0].call_id} --done")
    shell.terminal.note(f"\nSee whether each had its effect. Next: {command}, or the same with --not-done")


def _show_settled(shell: Shell, settled: Settled, named: Mapping[int, str]) -> None:
    call = settled.call
    if settled.verdict is None:
        shell.terminal.warn(f"it is still not known what came of {call.call_id}: {settled.problem}")
        return
    told = "had its effect" if settled.verdict else "had no effect, and may be made again"
    shell.terminal.line(f"{call.call_id} of {call.tool} {told}")
    if settled.edit is not None:
        shell.terminal.lines(edited(settled.edit, named))
