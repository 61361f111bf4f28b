"""What a task goes by: the values of its inputs, and the digest of everything that was used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from banyan.core.lifecycle import CARRIES_RESULT, ENDED
from banyan.core.task import ABSENT, Json, Status, Task, is_fact_reference, is_reference
from banyan.memory.graph.view import View
from banyan.memory.graph.walk import fact_in_scope, load_above

DIGEST_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The inputs of a task as they are now."""

    values: dict[str, Json] = field(default_factory=dict)
    """Those that have a value, by name."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why the others have none, by name."""


def resolve_inputs(view: View, task: Task) -> Resolved:
    """Return the values of a task's inputs, and why some have none."""
    found = Resolved()
    view.load(value["$from"] for value in task.inputs.values() if is_reference(value))
    for name, value in task.inputs.items():
        if is_reference(value):
            source = view.task(value["$from"])
            path = value.get("path", "")
            result = at_pointer(source.output, path) if source.status is Status.DONE else ABSENT
            why = no_value(source, path)
        elif is_fact_reference(value):
            fact = fact_in_scope(view, task.number, value["$fact"])
            result = ABSENT if fact is None else fact.value
            why = f"nothing is known of `{value['$fact']}`"
        else:
            result, why = value, ""
        if result is ABSENT:
            found.missing[name] = f"the input `{name}` has no value: {why}"
        else:
            found.values[name] = result
    return found


def no_value(source: Task, path: str) -> str:
    """Return why a task hands over no value at a path."""
    if source.status is not Status.DONE:
        return f"`{source.title}` is {source.status.value}"
    if source.output is ABSENT:
        return f"`{source.title}` has no output"
    return f"there is nothing at `{path}` in the output of `{source.title}`"


def at_pointer(value: Json, path: str) -> Json:
    """Return what a JSON Pointer leads to within a value; `ABSENT` where there is nothing."""
    if not path or value is ABSENT:
        return value
    if not path.startswith("/"):
        return ABSENT
    for part in path[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(name, ABSENT)
        elif isinstance(value, list) and name.isascii() and name.isdecimal() and name == str(int(name[:9])):
            value = value[int(name)] if int(name) < len(value) else ABSENT
        else:
            return ABSENT
    return value


def basis(view: View, number: int) -> str | None:
    """Return the digest of everything that a task goes by; None while something in it is open."""
    if open_part(view, number) is not None:
        return None
    task = view.task(number)
    resolved = resolve_inputs(view, task)
    used = {edge.source for edge in task.requires if edge.kind in CARRIES_RESULT}
    return _digest(
        {
            "instruction": task.instruction,
            "inputs": resolved.values,
            # What is not known is gone by as well: the answer may be another once it is.
            "missing": sorted(resolved.missing),
            "used": {one: _result(view.task(one)) for one in sorted(used)},
            "children": {one: _ended(view.task(one)) for one in _children(view, task)},
        }
    )


def open_part(view: View, number: int) -> str | None:
    """Return what in the basis of a task is open, in words; None where nothing is."""
    task = view.task(number)
    sources = [edge.source for edge in task.edges if edge.kind in CARRIES_RESULT]
    view.load(sources)
    for source in map(view.task, sources):
        if source.status not in ENDED:
            return f"`{source.title}` is {source.status.value}"
    if task.unended:
        for child in map(view.task, _children(view, task)):
            if child.status not in ENDED:
                return f"`{child.title}` under it is {child.status.value}"
    return None


def load_scopes(view: View, tasks: Iterable[Task]) -> None:
    """Read at once what several tasks need of facts: everything over them, and what was said there."""
    view.load_facts(load_above(view, [task for task in tasks if any(map(is_fact_reference, task.inputs.values()))]))


def _children(view: View, task: Task) -> list[int]:
    return view.children(task.number) if task.children else []


def _result(source: Task) -> list[Json]:
    """Return what a task hands over to one that comes after it; nothing where it has ended otherwise than done."""
    return [] if source.status is not Status.DONE or source.output is ABSENT else [source.output]


def _ended(child: Task) -> list[Json]:
    return [child.status.value, *([] if child.output is ABSENT else [child.output])]


def _digest(value: Mapping[str, Any]) -> str:
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).hexdigest()


def _plain(value: Json) -> Json:
    """Return a value with one writing for each number: 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
