"""What is said in the scope of a task: `fact`, `confirm`, `retract`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from banyan.core.errors import BadEdit, FalsePremise
from banyan.core.task import ABSENT, Fact, Json
from banyan.memory.graph.names import near, shown
from banyan.memory.graph.ops.edit import Edit, brief, json_of
from banyan.memory.graph.ops.fields import fact_of, fact_value
from banyan.memory.graph.view import View, same
from banyan.memory.graph.walk import fact_in_scope, scope


def fact(edit: Edit) -> None:
    """Say a fact in the scope of a task, or keep another reading of it."""
    ws = edit.ws
    number, key = edit.task_or_root(), edit.key()
    value = fact_value(edit.fields["value"], "value")
    if edit.has("was"):
        _check_premise(edit, number, key, json_of(edit.fields["was"], "was"))
    there = ws.facts(number).get(key)
    said = fact_of(edit, number, key, value)
    if edit.flag("candidate"):
        _keep_reading(edit, there, said)
    elif there is None:
        ws.set_fact(said, edit.text("reason"))
    elif not same(there.value, value):
        rest = tuple(one for one in there.candidates if not same(one, value))
        ws.set_fact(replace(said, candidates=rest), edit.text("reason"))


def confirm(edit: Edit) -> None:
    """Settle a fact: one of its readings holds, and the others are dropped."""
    ws = edit.ws
    there = _said(edit)
    readings = [one for one in (there.value, *there.candidates) if one is not ABSENT]
    if edit.has("value"):
        value = json_of(edit.fields["value"], "value")
        if not any(same(one, value) for one in readings):
            raise BadEdit(f"`{there.key}` has no reading {brief(value)}; it has {_listed(readings)}")
    elif there.value is not ABSENT or len(readings) == 1:
        value = readings[0]
    else:
        raise BadEdit(f"`{there.key}` has several readings: say in `value` which holds of {_listed(readings)}")
    settled = there
    if not same(there.value, value):
        settled = fact_of(edit, there.task, there.key, value)
    ws.set_fact(replace(settled, candidates=(), confirmed=True), edit.text("reason") or "it was confirmed")


def retract(edit: Edit) -> None:
    """Take a fact back, with its other readings."""
    there = _said(edit)
    if edit.given("task") and there.task != edit.task():
        raise BadEdit(f"`{there.key}` was said at {shown(edit.ws.task(there.task))}: `retract` it there")
    edit.ws.set_fact(replace(there, value=ABSENT, candidates=()), edit.text("reason") or "it was taken back")


def _check_premise(edit: Edit, number: int, key: str, was: Json) -> None:
    held = fact_in_scope(edit.ws, number, key)
    value = None if held is None else held.value
    if same(value, was):
        return
    if held is None:
        raise FalsePremise(f"`{key}` was not {brief(was)}: nothing was said of it")
    raise FalsePremise(f"`{key}` was not {brief(was)}: it is {brief(value)}, said by {held.source} at turn {held.turn}")


def _keep_reading(edit: Edit, there: Fact | None, said: Fact) -> None:
    if there is None:
        edit.ws.set_fact(replace(said, value=ABSENT, candidates=(said.value,)), edit.text("reason"))
    elif not any(same(one, said.value) for one in (there.value, *there.candidates)):
        edit.ws.set_fact(replace(there, candidates=(*there.candidates, said.value)), edit.text("reason"))


def _said(edit: Edit) -> Fact:
    """Return the fact that is meant: at the task or nearest above it, or, without one, the only one of its key."""
    ws, key = edit.ws, edit.key()
    number = edit.task_or_root()
    near_by = scope(ws, number)
    ws.load_facts(near_by)
    for one in near_by:
        if key in ws.facts(one):
            return ws.facts(one)[key]
    elsewhere = [] if edit.given("task") else everywhere(ws, key)
    if len(elsewhere) == 1:
        return elsewhere[0]
    if elsewhere:
        places = ", ".join(shown(ws.task(one.task)) for one in elsewhere[:5])
        raise BadEdit(f"`{key}` was said at {places}: give the `task`")
    known = [one for place in near_by for one in ws.facts(place)]
    hint = near(key, known) or sorted(set(known))[:5]
    end = f"; there is {', '.join(f'`{one}`' for one in hint)}" if hint else ""
    raise BadEdit(f"no fact `{key}` was said at {shown(ws.task(number))} or above it{end}")


def everywhere(view: View, key: str) -> list[Fact]:
    """Return the facts of a key in a tree as a batch sees it, by task."""
    places = {one.task for one in view.source.facts_called(key)} | {task.number for task in view.tasks_known()}
    present = sorted(place for place in places if view.find(place) is not None)
    view.load_facts(present)
    return [said for place in present if (said := view.facts(place).get(key)) is not None]


def _listed(readings: Iterable[Json]) -> str:
    return ", ".join(brief(one) for one in readings)
