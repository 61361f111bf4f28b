"""Which task is meant: by id, key, title, number, or the `@ref` of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from banyan.core.errors import UnknownTask
from banyan.core.task import Task, split_id, task_id
from banyan.memory.graph.view import View

SUGGESTIONS = 3
"""Names suggested at most in place of one that is not known."""


def resolve(view: View, name: object, refs: Mapping[str, int]) -> int:
    """Return the number of the task that is meant by `name`.

    An id comes before a key, a key before a title, a title before a number, and all of them before an `@ref` that was
    written without its `@`. Titles are compared without regard to case and to space around them.

    Raises:
        UnknownTask: there is none, or more than one of this title.
    """
    if isinstance(name, int) and not isinstance(name, bool):
        return _numbered(view, name)
    if not isinstance(name, str) or not name.strip():
        raise UnknownTask(_told(name))
    name = name.strip()
    if name.startswith("@"):
        if name not in refs or view.find(refs[name]) is None:
            raise UnknownTask(name, nearest=near(name, refs))
        return refs[name]
    found = _by_id(view, name)
    if found is None:
        found = keyed(view, name)
    if found is None:
        found = _by_title(view, name)
    if found is None and name.isascii() and name.isdecimal() and len(name) <= 12:
        return _numbered(view, int(name))
    if found is None and (number := refs.get(f"@{name}")) is not None and view.find(number) is not None:
        return number
    if found is None:
        raise UnknownTask(name, nearest=near(name, [*view.source.titles_like(name), *_known_titles(view)]))
    return found


def keyed(view: View, key: str) -> int | None:
    """Return the task of this key, with what a batch has changed."""
    number = view.source.keyed(key)
    if number is not None and (task := view.find(number)) is not None and task.key == key:
        return number
    return next((task.number for task in view.tasks_known() if task.key == key), None)


def titled(view: View, title: str) -> list[int]:
    """Return the tasks of this title, with what a batch has changed, in order."""
    stored = view.source.titled(title.strip())
    view.load(stored)
    candidates = [task for number in stored if (task := view.find(number)) is not None]
    wanted = plain_title(title)
    return sorted({task.number for task in (*candidates, *view.tasks_known()) if plain_title(task.title) == wanted})


def plain_title(title: str) -> str:
    """Return a title as it is compared."""
    return title.strip().casefold()


def shown(task: Task) -> str:
    """Return a task as sentences name it."""
    return f"`{task.title}`"


def near(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that `name` may have been meant for, the nearest first."""
    plain = {plain_title(one): one for one in known}
    return [plain[one] for one in get_close_matches(plain_title(name), list(plain), SUGGESTIONS, 0.6)]


def _told(name: object) -> str:
    try:
        return str(name)
    except (ValueError, RecursionError):
        # Python writes no number of more than 4,300 digits, and nothing that is too deep.
        return type(name).__name__


def _numbered(view: View, number: int) -> int:
    if not 0 < number < 10**12 or view.find(number) is None:
        raise UnknownTask(_told(number))
    return number


def _by_id(view: View, name: str) -> int | None:
    parts = split_id(name)
    if parts is None or parts[0] != view.tree.id or view.find(parts[1]) is None:
        return None
    return parts[1]


def _by_title(view: View, name: str) -> int | None:
    found = titled(view, name)
    if len(found) > 1:
        raise UnknownTask(name, several=[task_id(view.tree.id, number) for number in found])
    return found[0] if found else None


def _known_titles(view: View) -> list[str]:
    return [task.title for task in view.tasks_known()]
