"""One edit of a batch, as an operation reads it: its fields, checked, and what the batch shares."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from banyan.core.errors import BadEdit, CycleFound, UnknownTask
from banyan.core.task import Json, is_fact_reference, is_reference
from banyan.memory.graph.names import resolve
from banyan.memory.graph.order import circle
from banyan.memory.graph.view import View
from banyan.memory.graph.walk import scope
from banyan.memory.graph.workspace import Workspace

TITLE_CHARS = 500
KEY_CHARS = 200
REASON_CHARS = 4000
INSTRUCTION_CHARS = 100_000
VALUE_DEPTH = 100
"""Levels of arrays and objects that a value may have."""


@dataclass(slots=True, kw_only=True)
class Shared:
    """What the edits of one batch know together."""

    ws: Workspace
    refs: dict[str, int] = field(default_factory=dict)
    """Tasks that the batch added, by `@ref`."""
    notes: list[str] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)
    """Keys that the batch gave, so that giving one is no search of the whole batch."""
    rekeyed: bool = False
    """Whether keys may have changed hands in another way."""
    root: int | None = None
    """The root, once it was looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit, being made."""

    op: str
    fields: Mapping[str, Any]
    shared: Shared
    ahead: Callable[[str], int | None]
    """Adds the task of an `@ref` that a later edit of the batch adds; None where none does."""

    @property
    def ws(self) -> Workspace:
        """The tree that is changed."""
        return self.shared.ws

    def note(self, text: str) -> None:
        """Tell whoever made the batch something."""
        self.shared.notes.append(text)

    def has(self, name: str) -> bool:
        """Whether a field is given, even as null."""
        return name in self.fields

    def given(self, name: str) -> bool:
        """Whether a field is given and not null."""
        return self.fields.get(name) is not None

    def text(self, name: str, *, most: int = REASON_CHARS, empty: bool = True) -> str:
        """Return a field of text; empty where it is left out or null."""
        return text_of(self.fields.get(name) or "", name, most=most, empty=empty)

    def key(self, name: str = "key") -> str:
        """Return a field that names a fact, an input or a task."""
        return text_of(self.fields.get(name), name, most=KEY_CHARS, empty=False).strip()

    def flag(self, name: str, *, otherwise: bool = False) -> bool:
        """Return a field that is true or false."""
        value = self.fields.get(name)
        if value is None:
            return otherwise
        if not isinstance(value, bool):
            raise BadEdit(f"`{name}` should be true or false, not {brief(value)}")
        return value

    def integer(self, name: str, otherwise: int) -> int:
        """Return a field that is a whole number."""
        value = self.fields.get(name)
        if value is None:
            return otherwise
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**31:
            raise BadEdit(f"`{name}` should be a whole number, not {brief(value)}")
        return value

    def value(self, name: str) -> Json:
        """Return a field that may be any JSON value."""
        return json_of(self.fields[name], name)

    def task(self, name: str = "task") -> int:
        """Return the task that a field names."""
        return self.named(self.fields.get(name), name)

    def task_or_root(self, name: str = "task") -> int:
        """Return the task that a field names; the root where it is left out or null."""
        if self.given(name):
            return self.task(name)
        root = self.root()
        if root is None:
            raise BadEdit("the tree has no task yet: `add` one first")
        return root

    def tasks(self, name: str) -> list[int]:
        """Return the tasks that a field names, one or several, each once, as they are listed."""
        listed = list_of(self.fields.get(name))
        return list(dict.fromkeys(self.named(one, name) for one in listed))

    def named(self, name: object, where: str) -> int:
        """Return the task of a name that stands in the field `where`."""
        try:
            return self._resolve(name)
        except UnknownTask as error:
            raise BadEdit(f"`{where}`: {error}") from None

    def root(self) -> int | None:
        """Return the root of the tree; None where there is no task yet."""
        root = self.shared.root
        if root is None or (task := self.ws.find(root)) is None or task.parent is not None:
            self.shared.root = root = root_of(self.ws)
        return root

    def _resolve(self, name: object) -> int:
        refs = self.shared.refs
        ref = name.strip() if isinstance(name, str) else ""
        if ref.startswith("@") and ref not in refs and (number := self.ahead(ref)) is not None:
            return number
        try:
            return resolve(self.ws, name, refs)
        except UnknownTask:
            if ref and (number := self.ahead(f"@{ref}")) is not None:
                return number
            raise


def root_of(view: View) -> int | None:
    """Return the root of a tree as a batch sees it."""
    stored = view.source.roots()
    view.load(stored)
    roots = [task.number for task in view.tasks_known() if task.parent is None]
    return min(roots, default=None)


def refuse_circle(ws: Workspace, numbers: Iterable[int]) -> None:
    """Raise `CycleFound` where one of these tasks waits for itself."""
    for number in numbers:
        found = circle(ws, number)
        if found is not None:
            raise CycleFound([ws.task(one).title for one in found])


def refuse_circle_moved(ws: Workspace, number: int, above: Iterable[int]) -> None:
    """Raise `CycleFound` where a task that was moved waits for itself, or what it was under does.

    What is no longer under a task gates the opening of that task, where before it gated its own work alone.

    Args:
        ws: the tree, with the task where it now is.
        number: the task.
        above: what it was under before.
    """
    lost = set(above) - set(scope(ws, number))
    gated = sorted(one for one in lost if (task := ws.find(one)) is not None and task.edges)
    refuse_circle(ws, [number, *gated])


def text_of(value: object, where: str, *, most: int, empty: bool = True) -> str:
    """Return a text that can be kept."""
    if not isinstance(value, str):
        raise BadEdit(f"`{where}` should be a text, not {brief(value)}")
    if not empty and not value.strip():
        raise BadEdit(f"`{where}` should not be empty")
    if len(value) > most:
        raise BadEdit(f"`{where}` has {len(value):,} characters, and may have {most:,}")
    _check_characters(value, where)
    return value


def list_of(value: object) -> list[Any]:
    """Return a list as it is, nothing for null, and one thing as a list of it."""
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]


def mapping_of(value: object, where: str) -> Mapping[str, Any]:
    """Return an object with text for keys; an empty one for null."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadEdit(f"`{where}` should be an object, not {brief(value)}")
    for key in value:
        text_of(key, f"{where}: a name", most=KEY_CHARS, empty=False)
    return value


def json_of(value: object, where: str, depth: int = 0) -> Json:
    """Return a value as JSON has it, in lists and dicts of its own.  Raises `BadEdit` where it is none."""
    if depth > VALUE_DEPTH:
        raise BadEdit(f"`{where}` has more than {VALUE_DEPTH} levels")
    if isinstance(value, str):
        _check_characters(value, where)
        return value
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise BadEdit(f"`{where}` holds a whole number beyond 64 bits: give it as a text")
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise BadEdit(f"`{where}`: the names in an object should be texts")
        return {json_of(key, where): json_of(one, where, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_of(one, where, depth + 1) for one in value]
    raise BadEdit(f"`{where}` should be a JSON value, not {brief(value)}")


def literal_of(value: object, where: str) -> Json:
    """Return a value that refers to no task and no fact."""
    found = json_of(value, where)
    if any(is_reference(one) or is_fact_reference(one) for one in within(found)):
        raise BadEdit(f"`{where}`: `$from` and `$fact` can only stand for a whole input, not here")
    return found


def within(value: Json) -> Iterable[Json]:
    """Yield a value, and every value in it."""
    pending = [value]
    while pending:
        one = pending.pop()
        yield one
        if isinstance(one, dict):
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)


def brief(value: object) -> str:
    """Return a value as a sentence shows it, in at most 80 characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (ValueError, RecursionError):
        # Python writes no number of more than 4,300 digits, and nothing that holds itself, or is too deep.
        return "a number too long to show" if isinstance(value, int) else "a value too deep to show"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _check_characters(text: str, where: str) -> None:
    if "\x00" in text or any("\ud800" <= one <= "\udfff" for one in text if one > "\ud7ff"):
        raise BadEdit(f"`{where}` holds a character that cannot be kept (NUL, or half of a pair)")
