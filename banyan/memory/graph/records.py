"""Tasks as they stand in the record, in JSON, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from banyan.core.task import ABSENT, STATE_FIELDS, Edge, EdgeKind, Fact, Json, ResultRule, Status, Task

_DEFAULTS = {one.name: getattr(Task(number=0, title=""), one.name) for one in fields(Task)}


def field_json(name: str, value: Any) -> Json:
    """Return the value of a state field as it is recorded: a JSON value, or `ABSENT`."""
    if name == "requires":
        return [edge_json(edge) for edge in value]
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Status | ResultRule):
        return value.value
    if name == "output":
        return value
    return ABSENT if value is None else value


def field_value(name: str, value: Json) -> Any:
    """Return the value of a state field from its record."""
    if name == "requires":
        return tuple(edge_of(one) for one in value)
    if name in {"under", "labels", "made_of"}:
        return tuple(value)
    if name == "status":
        return Status(value)
    if name == "result":
        return ResultRule(value)
    if name == "output":
        return value
    return None if value is ABSENT else value


def edge_json(edge: Edge) -> dict[str, Any]:
    """Return a control edge as it is recorded."""
    found: dict[str, Any] = {"from": edge.source, "kind": edge.kind.value}
    if edge.when:
        found["when"] = edge.when
    return found


def edge_of(value: Mapping[str, Any]) -> Edge:
    """Return the control edge of a record."""
    return Edge(source=value["from"], kind=EdgeKind(value["kind"]), when=value.get("when", ""))


def record_of(task: Task, facts: Iterable[Fact] = ()) -> dict[str, Any]:
    """Return a whole task as it is recorded when it comes or goes: what is not as by default, and its facts."""
    found = {
        name: field_json(name, value)
        for name in STATE_FIELDS
        if (value := getattr(task, name)) != _DEFAULTS[name] or name == "title"
    }
    said = {fact.key: fact.value for fact in facts if fact.value is not ABSENT}
    if said:
        found["facts"] = said
    waiting = {fact.key: list(fact.candidates) for fact in facts if fact.candidates}
    if waiting:
        found["candidates"] = waiting
    return found


def task_of(number: int, record: Mapping[str, Json]) -> Task:
    """Return the task that a record of its coming or going holds, without what is derived."""
    state = {name: field_value(name, record[name]) for name in STATE_FIELDS if name in record}
    return Task(number=number, **state)
