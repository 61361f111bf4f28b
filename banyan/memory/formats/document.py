"""A tree with its whole record as one JSON document, and back: nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from banyan.core.errors import BadFile
from banyan.core.task import ABSENT, Change, Edge, Event, Fact, Json, Revision, Task, Tree
from banyan.memory.formats.soundness import problems, unkept
from banyan.memory.graph.ops.edit import brief
from banyan.memory.graph.records import edge_json, edge_of
from banyan.memory.graph.store import Dump

FORMAT: Final = "banyan-tree"
VERSION: Final = 1

T = TypeVar("T")

_KINDS: Final[Mapping[type, Mapping[str, Any]]] = {
    kind: {one.name: one.default_factory() if callable(one.default_factory) else one.default for one in fields(kind)}
    for kind in (Tree, Task, Fact, Revision)
}
"""Defaults of the fields of what is written: they are left out."""


def is_document(document: Any) -> bool:
    """Whether a JSON document was written by `document_of`."""
    return isinstance(document, dict) and document.get("format") == FORMAT


def document_of(dump: Dump) -> dict[str, Any]:
    """Return a tree as a JSON document.

    What is as by default is left out; absent values too, so that null is null. Times are ISO 8601 in UTC. Who made a
    change, and when, stands once: with its revision.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "tree": _plain(dump.tree),
        "tasks": [_task_json(task) for task in dump.tasks],
        "facts": [_plain(fact) for fact in dump.facts],
        "revisions": [{name: value for name, value in _plain(one).items() if name != "tree"} for one in dump.revisions],
        "events": [_event_json(event) for event in dump.events],
    }


def dump_of(document: Mapping[str, Any], *, name: str) -> Dump:
    """Return the tree of a document.

    Args:
        document: what `document_of` returned.
        name: of the file, for errors.

    Raises:
        BadFile: it is no such document, was written by a newer Banyan, or does not hold together.
    """
    if not is_document(document):
        raise BadFile(name, f"not a tree: its `format` should be `{FORMAT}`")
    if document.get("version") != VERSION:
        raise BadFile(name, f"version {document.get('version')} of the format; this Banyan reads version {VERSION}")
    if problem := unkept(document):
        raise BadFile(name, problem)
    tree = _read(Tree, document.get("tree"), "tree", name)
    revisions = _all(document, "revisions", name, lambda one, at: _read(Revision, {**one, "tree": tree.id}, at, name))
    by_number = {revision.number: revision for revision in revisions}
    dump = Dump(
        tree=tree,
        tasks=_all(document, "tasks", name, lambda one, at: _task_of(one, at, name)),
        facts=_all(document, "facts", name, lambda one, at: _read(Fact, {"value": ABSENT, **one}, at, name)),
        revisions=revisions,
        events=_all(document, "events", name, lambda one, at: _event_of(one, by_number, at, name)),
    )
    if problem := next(problems(dump), ""):
        raise BadFile(name, problem)
    return dump


def _plain(one: Tree | Task | Fact | Revision) -> dict[str, Any]:
    """Return the fields of a value as JSON, without those that are as by default."""
    found = {}
    for name, default in _KINDS[type(one)].items():
        value = getattr(one, name)
        if value is ABSENT or (type(value) is type(default) and value == default):
            continue
        found[name] = _json(value)
    return found


def _json(value: Any) -> Json:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return [_json(one) for one in value] if isinstance(value, tuple) else value


def _task_json(task: Task) -> dict[str, Any]:
    found = _plain(task)
    if task.requires:
        found["requires"] = [edge_json(edge) for edge in task.requires]
    return found


def _task_of(one: Mapping[str, Any], at: str, name: str) -> Task:
    requires = one.get("requires", [])
    if not isinstance(requires, list):
        raise BadFile(name, f"{at}/requires: not a list")
    try:
        edges: tuple[Edge, ...] = tuple(edge_of(edge) for edge in requires)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadFile(name, f"{at}/requires: an edge is {{from, kind, when?}}") from None
    return _read(Task, {**one, "requires": edges}, at, name)


def _event_json(event: Event) -> dict[str, Any]:
    change = event.change
    found: dict[str, Any] = {"revision": event.revision, "seq": event.seq, "task": change.task, "field": change.field}
    found.update(
        (name, value) for name, value in (("before", change.before), ("after", change.after)) if value is not ABSENT
    )
    return {**found, "reason": change.reason} if change.reason else found


def _event_of(one: Mapping[str, Any], revisions: Mapping[int, Revision], at: str, name: str) -> Event:
    number = one.get("revision")
    revision = revisions.get(number) if isinstance(number, int) else None
    if revision is None:
        raise BadFile(name, f"{at}: there is no revision {brief(number)}")
    change = {"before": ABSENT, "after": ABSENT, **one}
    seq = change.pop("seq", None)
    change.pop("revision")
    if not isinstance(seq, int):
        raise BadFile(name, f"{at}/seq: not a number")
    return Event(
        tree=revision.tree,
        revision=revision.number,
        seq=seq,
        at=revision.at,
        turn=revision.turn,
        source=revision.source,
        change=_read(Change, change, at, name),
    )


def _all(document: Mapping[str, Any], part: str, name: str, read: Callable[[dict[str, Any], str], T]) -> list[T]:
    values = document.get(part)
    if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
        raise BadFile(name, f"{part}: should be a list of objects")
    return [read(one, f"{part}/{place}") for place, one in enumerate(values)]


_ADAPTERS: Final[dict[type, TypeAdapter[Any]]] = {}


def _read(kind: type[T], value: Any, at: str, name: str) -> T:
    if not isinstance(value, dict):
        raise BadFile(name, f"{at}: should be an object")
    unknown = value.keys() - {one.name for one in fields(kind)}  # type: ignore[arg-type]
    if unknown:
        raise BadFile(name, f"{at}: there is no field `{min(unknown)}`")
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    try:
        found: T = _ADAPTERS[kind].validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = "/".join(str(part) for part in (at, *first["loc"]))
        raise BadFile(name, f"{where}: {first['msg']}") from None
    return found
