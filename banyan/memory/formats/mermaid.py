"""A tree of tasks as a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from banyan.core.task import EdgeKind, Status, Task
from banyan.core.taskview import TreeView

_ARROWS: Final = {
    EdgeKind.AFTER_SUCCESS: "-->",
    EdgeKind.AFTER_FAILURE: "-- fails -->",
    EdgeKind.AFTER_ANY: "-- ends -->",
}
_COLOURS: Final = {
    Status.PENDING: "#f5f5f5",
    Status.RUNNING: "#bbdefb",
    Status.WAITING: "#ffe0b2",
    Status.DONE: "#c8e6c9",
    Status.FAILED: "#ffcdd2",
    Status.SKIPPED: "#e0e0e0",
    Status.CANCELLED: "#e0e0e0",
    Status.STALE: "#fff9c4",
}
TITLE_CHARS: Final = 80
"""Characters of a title that are shown."""


def mermaid(view: TreeView) -> str:
    """Return the tasks of a view as a flowchart: parents by dotted lines, edges by arrows, statuses by colours."""
    tasks = [one.task for _, one in view.tasks]
    shown = {task.number for task in tasks}
    lines = ["flowchart TD", *(f'    t{task.number}["{_label(task)}"]:::{_class(task)}' for task in tasks)]
    for task in tasks:
        lines += _links(task, shown)
    statuses = sorted({task.status for task in tasks})
    lines += [
        f"    classDef {status.value} fill:{_COLOURS[status]},stroke:#616161,color:#212121" for status in statuses
    ]
    if any(task.ready for task in tasks):
        lines.append(
            f"    classDef ready fill:{_COLOURS[Status.PENDING]},stroke:#1565c0,stroke-width:3px,color:#212121"
        )
    if view.left_out:
        lines.append(f"    %% {view.left_out} more tasks are not shown")
    return "\n".join(lines) + "\n"


def _class(task: Task) -> str:
    return "ready" if task.ready and task.status is Status.PENDING else task.status.value


def _links(task: Task, shown: set[int]) -> Iterator[str]:
    parents = ([] if task.parent is None else [task.parent]) + list(task.under)
    for parent in parents:
        if parent in shown:
            yield f"    t{parent} -.- t{task.number}"
    for edge in task.edges:
        if edge.source not in shown:
            continue
        arrow = _ARROWS.get(edge.kind)
        if arrow is None:
            arrow = f'-- "{_text(edge.name or edge.when)}" -->'
        yield f"    t{edge.source} {arrow} t{task.number}"


def _label(task: Task) -> str:
    status = "ready" if task.ready else task.status.value
    folded = " …" if task.summary is not None else ""
    return f"{_text(task.title)}{folded}<br/>{status}"


def _text(text: str) -> str:
    """Return text as it can stand in quotes: nothing in it is taken for markup."""
    line = " ".join(text.split())
    line = line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1] + "…"
    return "".join(one if one.isalnum() or one in " .,:!?'()/+-=_…" else f"#{ord(one)};" for one in line)
