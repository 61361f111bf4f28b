"""A tree of tasks as Markdown: a list with boxes that people and models read alike."""

from __future__ import annotations

import re

from banyan.core.task import Status
from banyan.core.taskview import TaskView, TreeView

_BOXES = {Status.DONE: "x", Status.RUNNING: "~", Status.STALE: "~", Status.SKIPPED: "-", Status.CANCELLED: "-"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|])")


def markdown(view: TreeView) -> str:
    """Return the tasks of a tree as a nested list, each with its status, and why."""
    counts = ", ".join(f"{count} {status.value}" for status, count in view.counts.items())
    lines = [f"# {_line(view.tree.title)}", "", f"Tree `{view.tree.id}`, revision {view.revision}: {counts}", ""]
    lines += [f"{'  ' * depth}- [{_BOXES.get(one.task.status, ' ')}] {_item(one)}" for depth, one in view.tasks]
    if view.left_out:
        lines += ["", f"{view.left_out} more tasks are not shown."]
    return "\n".join(lines) + "\n"


def _item(view: TaskView) -> str:
    task = view.task
    state = "ready" if task.ready else task.status.value
    why = "; ".join(view.blockers) or task.reason
    return f"{_line(task.title)} (`{view.id}`, {state}{': ' + _line(why) if why else ''})"


def _line(text: str) -> str:
    """Return text as one line in which nothing is taken for markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
