"""What stands for a finished subtree: `fold`, `unfold`."""

from __future__ import annotations

from banyan.core.errors import BadEdit
from banyan.core.lifecycle import ENDED
from banyan.memory.graph.names import shown
from banyan.memory.graph.ops.edit import INSTRUCTION_CHARS, Edit, brief
from banyan.memory.graph.walk import under
from banyan.memory.graph.workspace import Workspace


def fold(edit: Edit) -> None:
    """Have a summary stand for a finished task and all under it."""
    ws = edit.ws
    number = edit.task()
    below = under(ws, number)
    for one in below:
        task = ws.task(one)
        if task.status not in ENDED:
            raise BadEdit(f"{shown(task)} is {task.status.value}: only what has ended can be folded")
    summary = edit.text("summary", most=INSTRUCTION_CHARS).strip()
    ws.set(number, reason=edit.text("reason"), summary=summary or _summary(ws, number, len(below) - 1))


def unfold(edit: Edit) -> None:
    """Have a folded task and what is under it seen again."""
    edit.ws.set(edit.task(), reason=edit.text("reason"), summary=None)


def unfold_begun(ws: Workspace) -> None:
    """Unfold what has not ended any more."""
    for task in ws.tasks_known():
        if task.summary is not None and task.status not in ENDED:
            ws.set(task.number, reason="it has not ended any more", summary=None)


def _summary(ws: Workspace, number: int, below: int) -> str:
    task = ws.task(number)
    parts = [task.status.value]
    if below:
        parts.append(f"{below} task{'s' if below > 1 else ''} under it")
    if task.output:
        parts.append(f"came to {brief(task.output)}")
    return ", ".join(parts)
