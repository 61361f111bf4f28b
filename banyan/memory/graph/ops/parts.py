"""One task into several, and several into one: `split`, `merge`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from banyan.core.errors import BadEdit
from banyan.core.task import ABSENT, Edge, EdgeKind, Fact, Json, Task, is_reference
from banyan.memory.graph.firing import gone_with
from banyan.memory.graph.names import shown
from banyan.memory.graph.ops.define import check_parents, claim_key, give_ref
from banyan.memory.graph.ops.edit import Edit, brief, list_of, mapping_of, refuse_circle
from banyan.memory.graph.ops.fields import DEFINING, fact_of, fact_value, inputs_of, plain_fields, requires_of
from banyan.memory.graph.ops.remove import refuse_held
from banyan.memory.graph.view import parents_of, same
from banyan.memory.graph.walk import scope
from banyan.memory.graph.workspace import Workspace

PART_FIELDS: Final = (DEFINING - {"parent", "under"}) | {"ref", "facts"}
"""Fields of what a task is split or merged into."""


def split(edit: Edit) -> None:
    """Put several tasks in the place of one."""
    ws = edit.ws
    number = edit.task()
    task = ws.task(number)
    refuse_held(task)
    if task.parent is None:
        raise BadEdit(f"{shown(task)} is the root: add tasks under it instead")
    into = list_of(edit.fields["into"])
    if len(into) < 2:
        raise BadEdit("`into` should have two parts or more")
    check_parents(ws, task)
    reason = edit.text("reason") or f"{shown(task)} was split"
    facts = list(ws.facts(number).values())
    key, parts = task.key, []
    ws.set(number, reason=reason, key=None)
    for fields in into:
        part = _part(edit, fields)
        plan = replace(task, key=key if part.fields.get("key") == key else None, made_of=(number,))
        parts.append(_place(part, plan, facts, reason))
    _hand_over(edit, [number], parts, reason)
    ws.remove(number, reason)
    refuse_circle(ws, parts)


def merge(edit: Edit) -> None:
    """Put one task in the place of several."""
    ws = edit.ws
    numbers = edit.tasks("tasks")
    if len(numbers) < 2:
        raise BadEdit("`tasks` should name two tasks or more")
    tasks = [ws.task(number) for number in numbers]
    _check_apart(ws, tasks)
    reason = edit.text("reason") or f"{', '.join(map(shown, tasks))} were merged"
    part = _part(edit, edit.fields["into"])
    plan = _united(part, tasks)
    facts = _united_facts(part, tasks)
    for number in numbers:
        ws.set(number, reason=reason, key=None)
    new = _place(part, plan, facts, reason)
    _hand_over(edit, numbers, [new], reason)
    for number in numbers:
        ws.remove(number, reason)
    refuse_circle(ws, [new])


def _part(edit: Edit, fields: object) -> Edit:
    """Return what is to be made, to be read like an edit."""
    given = mapping_of(fields, "into")
    unknown = sorted(given.keys() - PART_FIELDS)
    if unknown:
        raise BadEdit(
            f"`into` has no field `{unknown[0]}`; there is {', '.join(f'`{one}`' for one in sorted(PART_FIELDS))}"
        )
    if edit.op == "split" and not given.get("title"):
        raise BadEdit("`into`: every part needs a `title`")
    return replace(edit, fields=given)


def _place(part: Edit, plan: Task, facts: Iterable[Fact], reason: str) -> int:
    """Add what a task was split or merged into: what was there, with what is given for it."""
    ws = part.ws
    requires, handed = requires_of(part)
    given = {**inputs_of(part), **handed}
    inputs = {**plan.inputs, **given}
    number = ws.new_number()
    fresh = Task(
        number=number,
        title=plan.title,
        instruction=plan.instruction,
        key=claim_key(part, number) if part.given("key") else plan.key,
        parent=plan.parent,
        under=plan.under,
        inputs={name: value for name, value in inputs.items() if name not in given or value is not None},
        requires=tuple(dict.fromkeys((*plan.requires, *requires))),
        labels=plan.labels,
        priority=plan.priority,
        effort=plan.effort,
        optional=plan.optional,
        result=plan.result,
        budget=plan.budget,
        made_of=plan.made_of,
    )
    ws.add(replace(fresh, **plain_fields(part)), reason, _facts(part, number, facts))
    if fresh.key is not None:
        part.shared.keys[fresh.key] = number
    give_ref(part, number)
    return number


def _facts(part: Edit, number: int, carried: Iterable[Fact]) -> list[Fact]:
    revision = part.ws.tree.revision + 1
    found = {fact.key: replace(fact, task=number, revision=revision) for fact in carried}
    for name, value in mapping_of(part.fields.get("facts"), "facts").items():
        key = name.strip()
        if value is None:
            found.pop(key, None)
        else:
            found[key] = fact_of(part, number, key, fact_value(value, f"facts/{key}"))
    return list(found.values())


def _hand_over(edit: Edit, old: Sequence[int], new: Sequence[int], reason: str) -> None:
    """Have what came after the old tasks come after the new ones, and what was under them be under the first."""
    ws = edit.ws
    gone = set(old)
    for number in old:
        for child in ws.children(number):
            task = ws.task(child)
            parents = list(dict.fromkeys(new[0] if one in gone else one for one in parents_of(task)))
            ws.set(child, reason=reason, parent=parents[0], under=tuple(parents[1:]))
        for dependent in ws.dependents(number):
            if dependent not in gone:
                _rewire(edit, dependent, gone, new, reason)


def _rewire(edit: Edit, number: int, gone: Collection[int], new: Sequence[int], reason: str) -> None:
    ws = edit.ws
    task = ws.task(number)
    requires: dict[Edge, None] = {}
    for edge in task.requires:
        sources = new if edge.source in gone else [edge.source]
        requires.update(dict.fromkeys(replace(edge, source=one) for one in sources))
    inputs = dict(task.inputs)
    for name, value in task.inputs.items():
        if not is_reference(value) or value["$from"] not in gone:
            continue
        inputs[name] = {**value, "$from": new[0]}
        requires.update(dict.fromkeys(Edge(source=one, kind=EdgeKind.AFTER_SUCCESS) for one in new[1:]))
        if len(new) > 1:
            edit.note(
                f"{shown(task)} takes its input `{name}` from {shown(ws.task(new[0]))} now, the first of the parts: "
                "`update` it where it should come from another"
            )
    ws.set(number, reason=reason, requires=tuple(requires), inputs=inputs)


def _check_apart(ws: Workspace, tasks: Sequence[Task]) -> None:
    """Refuse to merge what is held, the root, or tasks of which one is under another."""
    numbers = {task.number for task in tasks}
    for task in tasks:
        refuse_held(task)
        if task.parent is None:
            raise BadEdit(f"{shown(task)} is the root: it cannot be merged")
        above = [one for one in scope(ws, task.number)[1:] if one in numbers]
        if above:
            raise BadEdit(f"{shown(task)} is under {shown(ws.task(above[0]))}: they cannot be merged")
    if all(gone_with(ws, task) is not None for task in tasks):
        check_parents(ws, tasks[0])


def _united(part: Edit, tasks: Sequence[Task]) -> Task:
    """Return what several tasks come to together."""
    first = tasks[0]
    numbers = [task.number for task in tasks]
    parents = list(dict.fromkeys(parent for task in tasks for parent in parents_of(task)))
    edges = dict.fromkeys(edge for task in tasks for edge in task.requires if edge.source not in numbers)
    budget: dict[str, Json] = {}
    for task in tasks:
        budget.update(task.budget)
    return replace(
        first,
        instruction="\n\n".join(dict.fromkeys(task.instruction for task in tasks if task.instruction)),
        key=next((task.key for task in tasks if task.key is not None), None),
        parent=parents[0],
        under=tuple(parents[1:]),
        inputs=_united_inputs(part, tasks),
        requires=tuple(edges),
        labels=tuple(dict.fromkeys(label for task in tasks for label in task.labels)),
        priority=max(task.priority for task in tasks),
        effort=max(task.effort for task in tasks),
        optional=all(task.optional for task in tasks),
        budget=budget,
        made_of=tuple(numbers),
    )


def _united_inputs(part: Edit, tasks: Sequence[Task]) -> dict[str, Json]:
    ws = part.ws
    numbers = {task.number for task in tasks}
    given = mapping_of(part.fields.get("inputs"), "inputs")
    found: dict[str, Json] = {}
    for name in dict.fromkeys(name for task in tasks for name in task.inputs):
        said = [(task, task.inputs[name]) for task in tasks if name in task.inputs]
        said = [(task, value) for task, value in said if not (is_reference(value) and value["$from"] in numbers)]
        if not said:
            continue
        if any(not same(value, said[0][1]) for _, value in said):
            said.sort(key=lambda one: _input_revision(ws, one[0].number, name))
            _tell(part, name, said, given)
        found[name] = said[-1][1]
    return found


def _united_facts(part: Edit, tasks: Sequence[Task]) -> list[Fact]:
    ws = part.ws
    given = mapping_of(part.fields.get("facts"), "facts")
    titles = {task.number: task for task in tasks}
    by_key: dict[str, list[Fact]] = {}
    for task in tasks:
        for key, fact in sorted(ws.facts(task.number).items()):
            by_key.setdefault(key, []).append(fact)
    found: list[Fact] = []
    for key, facts in by_key.items():
        held = sorted((fact for fact in facts if fact.value is not ABSENT), key=lambda fact: fact.revision)
        if any(not same(fact.value, held[0].value) for fact in held):
            _tell(part, key, [(titles[fact.task], fact.value) for fact in held], given)
        last = held[-1] if held else facts[-1]
        readings: list[Json] = []
        for one in (reading for fact in facts for reading in fact.candidates):
            if not any(same(one, other) for other in (last.value, *readings)):
                readings.append(one)
        found.append(replace(last, candidates=tuple(readings)))
    return found


def _tell(part: Edit, name: str, said: Sequence[tuple[Task, Json]], given: Mapping[str, Any]) -> None:
    """Note that what is united differs; the last one holds, unless another is given."""
    values = " and ".join(f"{brief(value)} in {shown(task)}" for task, value in said)
    holds = given[name] if name in given else said[-1][1]
    why = "as given" if name in given else "said last"
    part.note(f"`{name}` was {values}: {brief(holds)} holds, {why}")


def _input_revision(ws: Workspace, number: int, name: str) -> int:
    """Return the revision in which an input of a task was given."""
    fields = [f"inputs/{name}", "*"]
    if any(change.task == number and change.field in fields for change in ws.changes):
        return ws.tree.revision + 1
    last = ws.source.events(tasks=[number], fields=fields, newest=1)
    return last[0].revision if last else 0
