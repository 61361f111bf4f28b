"""What is worth knowing after a batch: it changes nothing.

Only what the batch has changed is looked at, and what uses that.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from banyan.core.lifecycle import ENDED
from banyan.core.task import ABSENT, Fact, Json, Status, Task, is_fact_reference, is_reference, task_id
from banyan.memory.graph.basis import resolve_inputs
from banyan.memory.graph.commit import compressed
from banyan.memory.graph.expression import holds
from banyan.memory.graph.names import plain_title, shown
from banyan.memory.graph.ops.edit import brief
from banyan.memory.graph.ops.fields import RULE, is_rule
from banyan.memory.graph.view import View, same
from banyan.memory.graph.walk import fact_in_scope, is_under, scope
from banyan.memory.graph.workspace import Workspace

TOLD = 20
"""Notes of one kind at most."""
LOOKED_AT = 1000
"""Tasks that are looked at for notes of one kind at most."""
GIVEN_UP: Final = ENDED - {Status.DONE}
"""What a task of these holds contradicts nothing."""

_TEXTS = re.compile(r"""[rRbB]*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_NAMES = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?!\w|\s*\()")
_OWN = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")
_WORDS: Final = frozenset({"true", "false", "null", "in", "inputs", "facts"})


@dataclass(slots=True)
class _Changed:
    """What a batch has changed that notes are about."""

    tasks: dict[int, None] = field(default_factory=dict)
    """Tasks that came, or whose title or inputs were changed, or what holds for them."""
    facts: dict[tuple[int, str], Fact] = field(default_factory=dict)
    """Facts that were said, by task and key."""


def notes(ws: Workspace) -> list[str]:
    """Return what is worth knowing of what a batch has changed."""
    changed = _changed(ws)
    if changed is None:
        return [] if ws.branches or ws.closed else ["nothing changed: it is so already"]
    kinds = (_broken_rules(ws, changed), _contradictions(ws, changed), _duplicates(ws, changed))
    return [text for kind in kinds for text in _some(dict.fromkeys(kind))]


def free_names(expression: str) -> set[str]:
    """Return the names that an expression takes from outside."""
    bare = _TEXTS.sub('""', expression)
    return set(_NAMES.findall(bare)) - set(_OWN.findall(bare)) - _WORDS


def _changed(ws: Workspace) -> _Changed | None:
    """Return what was changed; None where nothing was."""
    found: _Changed | None = None
    for change in compressed(ws):
        found = found or _Changed()
        task = ws.find(change.task)
        if task is None:
            continue
        group, _, key = change.field.partition("/")
        if group in {"*", "inputs", "title", "parent", "under", "facts"}:
            found.tasks[change.task] = None
        if group == "*":
            found.facts.update({(fact.task, fact.key): fact for fact in ws.facts(task.number).values()})
        elif group == "facts" and key in ws.facts(task.number):
            found.facts[task.number, key] = ws.facts(task.number)[key]
    return found


def _broken_rules(ws: Workspace, changed: _Changed) -> Iterator[str]:
    """Yield what breaks a rule in its scope, where everything that the rule speaks of is known."""
    for number, rule in islice(_to_check(ws, changed), LOOKED_AT):
        expression = rule.value[RULE]
        variables = _variables(ws, ws.task(number))
        if free_names(expression) <= variables.keys() and not holds(expression, variables):
            says = rule.value.get("says") or rule.key
            yield f"{shown(ws.task(number))} breaks what was said at {shown(ws.task(rule.task))}: {says}"


def _to_check(ws: Workspace, changed: _Changed) -> Iterator[tuple[int, Fact]]:
    """Yield each task of which a rule is to be looked at again, with the rule, once."""
    seen: set[tuple[int, int, str]] = set()
    for number, rules in _affected(ws, changed):
        for rule in rules:
            if (number, rule.task, rule.key) not in seen:
                seen.add((number, rule.task, rule.key))
                yield number, rule


def _affected(ws: Workspace, changed: _Changed) -> Iterator[tuple[int, list[Fact]]]:
    for number in changed.tasks:
        yield number, _rules(ws, number)
    known: dict[int, list[Fact]] = {}
    for (place, key), fact in changed.facts.items():
        if place not in known:
            known[place] = _rules(ws, place)
        rules = [fact] if is_rule(fact.value) else [one for one in known[place] if key in free_names(one.value[RULE])]
        for rule in rules:
            for number in _speaking_of(ws, free_names(rule.value[RULE])):
                if is_under(ws, number, place):
                    yield number, [rule]


def _rules(view: View, number: int) -> list[Fact]:
    near = scope(view, number)
    view.load_facts(near)
    return [fact for one in near for fact in view.facts(one).values() if is_rule(fact.value)]


def _speaking_of(view: View, names: Iterable[str]) -> list[int]:
    """Return the tasks that have an input, or at which a fact was said, of one of these names."""
    found: dict[int, None] = {}
    for name in sorted(names):
        found.update(dict.fromkeys(_holders(view, name)))
        found.update(dict.fromkeys(fact.task for fact in view.source.facts_called(name) if fact.key == name))
    return [number for number in found if (task := view.find(number)) is not None and task.status not in GIVEN_UP]


def _holders(view: View, name: str) -> list[int]:
    """Return the tasks that have an input of this name, in order."""
    stored = view.source.input_holders(name)
    view.load(stored)
    known = {task.number for task in view.tasks_known() if name in task.inputs}
    return sorted(known)


def _variables(view: View, task: Task) -> dict[str, Json]:
    """Return what a rule can speak of at a task: its inputs, and the facts that hold for it."""
    near = scope(view, task.number)
    view.load_facts(near)
    facts: dict[str, Json] = {}
    for one in reversed(near):
        for key, fact in view.facts(one).items():
            if fact.value is not ABSENT and not is_rule(fact.value):
                facts[key] = fact.value
    inputs = dict(resolve_inputs(view, task).values)
    return {**facts, **inputs, "facts": facts, "inputs": inputs}


def _contradictions(ws: Workspace, changed: _Changed) -> Iterator[str]:
    """Yield each input that is given otherwise than the fact of its name that holds for its task."""
    places = dict.fromkeys((number, name) for number in changed.tasks for name in ws.task(number).inputs)
    for place, key in changed.facts:
        places.update({(number, key): None for number in _holders(ws, key) if is_under(ws, number, place)})
    for number, name in islice(places, LOOKED_AT):
        task = ws.task(number)
        value = task.inputs[name]
        if is_reference(value) or is_fact_reference(value) or task.status in GIVEN_UP:
            continue
        fact = fact_in_scope(ws, number, name)
        if fact is not None and not same(fact.value, value):
            said = f"{brief(fact.value)} was said at {shown(ws.task(fact.task))} in turn {fact.turn}"
            yield f"`{name}` of {shown(task)} is {brief(value)}, but {said}"


def _duplicates(ws: Workspace, changed: _Changed) -> Iterator[str]:
    """Yield each task that is the same as an open one."""
    known: defaultdict[str, list[Task]] = defaultdict(list)
    looked_at = [ws.task(number) for number in islice(changed.tasks, LOOKED_AT)]
    ws.load(number for task in looked_at for number in ws.source.titled(task.title.strip()))
    for task in ws.tasks_known():
        known[plain_title(task.title)].append(task)
    told: set[int] = set()
    for task in looked_at:
        for other in _like(task, known[plain_title(task.title)]):
            if other.number not in told:
                told.add(task.number)
                tree = ws.tree.id
                both = f"{task_id(tree, task.number)} and {task_id(tree, other.number)}"
                yield f"{both} have the same title and inputs: {shown(task)}"


def _like(task: Task, others: Collection[Task]) -> list[Task]:
    if task.status in ENDED:
        return []
    return [
        other
        for other in others
        if other.number != task.number and other.status not in ENDED and same(dict(task.inputs), dict(other.inputs))
    ]


def _some(texts: Mapping[str, None]) -> list[str]:
    found = list(texts)
    return found if len(found) <= TOLD else [*found[:TOLD], f"and {len(found) - TOLD} more like this"]
