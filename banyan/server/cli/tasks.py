"""`tasks`: trees of tasks, shown, edited, worked off and asked."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

import typer
from typer.core import TyperGroup

from banyan.server.cli import tasks_ask, tasks_change, tasks_keep, tasks_reconcile, tasks_work
from banyan.server.cli.command import group

_WITH_VALUE: Final = {"--home", "--database"}
_FLAGS: Final = {"--json", "--quiet", "-q"}
_LOOKING: Final = "Look"
_CHANGING: Final = "Change"
_WORKING: Final = "Work"
_KEEPING: Final = "Keep"


class _Trees(TyperGroup):
    """Verbs that a tree may stand before: `tasks TREE VERB …`; without a verb the tree is shown."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put the verb first, and the tree that stands before it into its option."""
        before, rest = _split(args)
        if ctx.resilient_parsing and not any(one in self.commands for one in rest[:2]):
            rest = []  # the tab key: verbs come next, with a tree before them or not
        else:
            rest = self._verb_first(rest)
        return super().parse_args(ctx, [*before, *rest])

    def _verb_first(self, words: Sequence[str]) -> list[str]:
        if not words:
            return ["list"]
        first, *rest = words
        if first in {"-h", "--help"} or first in self.commands:
            return list(words)
        if first.startswith("-"):
            return ["show", *words]
        if rest and rest[0] in self.commands:
            return [rest[0], "--tree", first, *rest[1:]]
        if difflib.get_close_matches(first, self.commands, n=1, cutoff=0.75):
            return list(words)  # a slip of the pen: the usual message names the verb that was meant
        return ["show", "--tree", first, *rest]


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the global options that stand first, and the rest."""
    at = 0
    while at < len(words):
        name, sign, _ = words[at].partition("=")
        if name in _WITH_VALUE:
            at += 1 if sign else 2
        elif words[at] in _FLAGS:
            at += 1
        else:
            break
    return list(words[:at]), list(words[at:])


app = typer.Typer()
_tasks = typer.Typer(cls=_Trees, subcommand_metavar="[TREE] COMMAND [ARGS]...")
app.add_typer(_tasks, name="tasks", rich_help_panel="Remember")


@_tasks.callback()
@group
def tasks(context: typer.Context) -> None:
    """Trees of tasks: plan, work, ask, undo.

    What was said and done is on record, and can be asked. Without a command a tree is shown, and without a tree they
    are listed. A tree stands before the command or after it, by its id or its title, and where there is only one it
    need not be named; but `edit` and `replay` begin a new one then.
    """


for _name, _verb, _panel in (
    ("list", tasks_ask.list_trees, _LOOKING),
    ("show", tasks_ask.show, _LOOKING),
    ("next", tasks_ask.next_, _LOOKING),
    ("history", tasks_ask.history, _LOOKING),
    ("diff", tasks_ask.diff, _LOOKING),
    ("recall", tasks_ask.recall, _LOOKING),
    ("edit", tasks_change.edit, _CHANGING),
    ("undo", tasks_change.undo, _CHANGING),
    ("redo", tasks_change.redo, _CHANGING),
    ("replay", tasks_change.replay, _CHANGING),
    ("claim", tasks_work.claim, _WORKING),
    ("renew", tasks_work.renew, _WORKING),
    ("finish", tasks_work.finish, _WORKING),
    ("context", tasks_work.context, _WORKING),
    ("reconcile", tasks_reconcile.reconcile, _WORKING),
    ("export", tasks_keep.export, _KEEPING),
    ("import", tasks_keep.import_, _KEEPING),
    ("prune", tasks_keep.prune, _KEEPING),
    ("remove", tasks_keep.remove, _KEEPING),
):
    _tasks.command(_name, rich_help_panel=_panel)(_verb)
