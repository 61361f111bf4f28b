"""The `tasks.json` of task-master: lists of tasks by tag, each task with subtasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from banyan.core.errors import BadFile
from banyan.memory.formats.foreign import Foreign, Item, State, foreign

_STATES: Final[Mapping[str, State]] = {
    "done": State.DONE,
    "completed": State.DONE,
    "cancelled": State.CANCELLED,
    "canceled": State.CANCELLED,
}
"""States that are not open; everything else is."""
_PRIORITIES: Final[Mapping[str, int]] = {"critical": 2, "high": 1, "medium": 0, "low": -1}
_TEXTS: Final[Mapping[str, str]] = {
    "description": "",
    "details": "Details",
    "testStrategy": "How to verify it",
    "acceptanceCriteria": "Acceptance criteria",
}
"""Texts of a task by field, with the heading of each in the instruction."""


def is_taskmaster(document: Any) -> bool:
    """Whether a JSON document looks like a `tasks.json`."""
    return isinstance(document, dict) and bool(list(_lists(document)))


def read_taskmaster(document: Mapping[str, Any], *, name: str) -> list[Foreign]:
    """Return a tree for each tag of a `tasks.json`.

    Args:
        document: the file.
        name: of the file, for errors and for the title of a list without a tag.

    Raises:
        BadFile: a task has no id or title, or two have one id.
    """
    found = []
    for tag, tasks in _lists(document):
        items: list[Item] = []
        notes: list[str] = []
        for place, task in enumerate(tasks, 1):
            where = f"{tag or 'tasks'}, task {place}"
            items.append(_item(name, where, task, parent="", notes=notes))
            subtasks = task.get("subtasks") or []
            items += [
                _item(name, where, one, parent=items[-1].id, notes=notes) for one in _objects(name, where, subtasks)
            ]
        twice = [one for one, count in Counter(item.id for item in items).items() if count > 1]
        if twice:
            raise BadFile(name, f"{tag or 'tasks'}: the id {twice[0]} is given twice")
        found.append(foreign(tag or name, items, notes))
    return found


def _lists(document: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(document.get("tasks"), list):
        yield "", [one for one in document["tasks"] if isinstance(one, dict)]
        return
    for tag, value in document.items():
        if isinstance(value, dict) and isinstance(value.get("tasks"), list):
            yield tag, [one for one in value["tasks"] if isinstance(one, dict)]


def _item(name: str, where: str, task: Mapping[str, Any], *, parent: str, notes: list[str]) -> Item:
    number, title = task.get("id"), task.get("title")
    if not isinstance(number, int | str) or isinstance(number, bool) or not isinstance(title, str) or not title.strip():
        raise BadFile(name, f"{where}: a task needs an `id` and a `title`")
    own = f"{parent}.{str(number).rpartition('.')[2]}" if parent else str(number)
    status = str(task.get("status") or "pending")
    state = _STATES.get(status, State.OPEN)
    inputs = {} if state is not State.OPEN or status == "pending" else {"status": status}
    if status == "in-progress":
        notes.append(f"`{title}` ({own}) was in progress: it is pending, and can be claimed")
    return Item(
        id=own,
        key=f"task-{own}",
        title=title.strip(),
        instruction=_instruction(task),
        parents=[parent] if parent else [],
        requires={_named(one, parent): "after_success" for one in _list(task.get("dependencies"))},
        state=state,
        priority=_PRIORITIES.get(str(task.get("priority") or "medium"), 0),
        inputs={**inputs, **({"type": task["type"]} if task.get("type") not in {None, "standard"} else {})},
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(dependency: Any, parent: str) -> str:
    """Return the id that a dependency names: within a subtask a bare number is a subtask of the same task."""
    text = str(dependency)
    return f"{parent}.{text}" if parent and isinstance(dependency, int) else text


def _instruction(task: Mapping[str, Any]) -> str:
    parts = []
    for name, heading in _TEXTS.items():
        text = task.get(name)
        if isinstance(text, str) and text.strip():
            parts.append(f"{heading}:\n{text.strip()}" if heading else text.strip())
    return "\n\n".join(parts)


def _objects(name: str, where: str, value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BadFile(name, f"{where}: `subtasks` should be a list of objects")
    return value
