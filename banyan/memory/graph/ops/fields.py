"""The fields that define a task, as an edit gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from banyan.core.errors import BadEdit
from banyan.core.task import ABSENT, Edge, EdgeKind, Fact, Json, ResultRule
from banyan.memory.graph.expression import check_expression
from banyan.memory.graph.ops.edit import (
    INSTRUCTION_CHARS,
    KEY_CHARS,
    TITLE_CHARS,
    Edit,
    brief,
    json_of,
    list_of,
    literal_of,
    mapping_of,
    text_of,
)

DEFINING = frozenset(
    {
        "parent",
        "title",
        "instruction",
        "inputs",
        "requires",
        "under",
        "key",
        "priority",
        "effort",
        "optional",
        "result",
        "budget",
        "requires_labels",
    }
)
"""Fields of an edit that say what a task is."""

_EDGE_FIELDS = frozenset({"from", "task", "kind", "when", "path", "to"})
RULE = "$rule"
"""The field of a fact's value that makes it a rule."""


def plain_fields(edit: Edit) -> dict[str, Any]:
    """Return the state that the given fields set which stand for themselves: no other task is in them."""
    state: dict[str, Any] = {}
    if edit.has("title"):
        state["title"] = edit.text("title", most=TITLE_CHARS, empty=False).strip()
    if edit.has("instruction"):
        state["instruction"] = edit.text("instruction", most=INSTRUCTION_CHARS)
    if edit.has("priority"):
        state["priority"] = edit.integer("priority", 0)
    if edit.has("effort"):
        state["effort"] = _effort(edit.fields["effort"])
    if edit.has("optional"):
        state["optional"] = edit.flag("optional")
    if edit.has("result"):
        state["result"] = _result(edit.fields["result"])
    if edit.has("budget"):
        state["budget"] = _budget(edit.fields["budget"])
    if edit.has("requires_labels"):
        labels = (text_of(one, "requires_labels", most=KEY_CHARS, empty=False) for one in _labels(edit))
        state["labels"] = tuple(dict.fromkeys(label.strip() for label in labels))
    return state


def inputs_of(edit: Edit, name: str = "inputs") -> dict[str, Json]:
    """Return the inputs that a field gives, with the tasks that they refer to by number."""
    return {key: _input(edit, key, value) for key, value in mapping_of(edit.fields.get(name), name).items()}


def requires_of(edit: Edit, name: str = "requires") -> tuple[tuple[Edge, ...], dict[str, Json]]:
    """Return the edges that a field gives, and the inputs that those among them make that hand over a value."""
    edges: dict[Edge, None] = {}
    inputs: dict[str, Json] = {}
    for value in list_of(edit.fields.get(name)):
        made = _edge(edit, value)
        if isinstance(made, Edge):
            edges[made] = None
        else:
            inputs.update(made)
    return tuple(edges), inputs


def facts_of(edit: Edit, number: int) -> list[Fact]:
    """Return the facts that an edit says together with its task."""
    said = mapping_of(edit.fields.get("facts"), "facts")
    return [fact_of(edit, number, key.strip(), fact_value(value, f"facts/{key}")) for key, value in said.items()]


def fact_of(edit: Edit, number: int, key: str, value: Json) -> Fact:
    """Return a fact that is said now by whoever makes the batch."""
    ws = edit.ws
    return Fact(task=number, key=key, value=value, turn=ws.turn, source=ws.speaker, revision=ws.tree.revision + 1)


def fact_value(value: object, where: str) -> Json:
    """Return the value of a fact: any JSON value, or a rule."""
    found = literal_of(value, where)
    if not (isinstance(found, dict) and RULE in found):
        return found
    if found.keys() - {RULE, "says"} or not isinstance(found.get("says", ""), str):
        raise BadEdit(f'`{where}`: a rule is {{"$rule": expression, "says": text}}')
    check_expression(text_of(found[RULE], f"{where}/{RULE}", most=INSTRUCTION_CHARS, empty=False))
    return found


def _input(edit: Edit, name: str, value: object) -> Json:
    where = f"inputs/{name}"
    if not isinstance(value, Mapping) or not {"$from", "$fact"} & value.keys():
        return literal_of(value, where)
    if "$fact" in value:
        if value.keys() != {"$fact"}:
            raise BadEdit(f'`{where}`: the value of a fact is {{"$fact": key}} and nothing else')
        return {"$fact": text_of(value["$fact"], f"{where}/$fact", most=KEY_CHARS, empty=False).strip()}
    if value.keys() - {"$from", "path"}:
        raise BadEdit(f'`{where}`: the output of a task is {{"$from": task, "path": pointer}} and nothing else')
    return _reference(edit, value["$from"], value.get("path"), where)


def _reference(edit: Edit, source: object, path: object, where: str) -> dict[str, Json]:
    number = edit.named(source, f"{where}/$from")
    pointer = text_of(path or "", f"{where}/path", most=INSTRUCTION_CHARS)
    if not pointer:
        return {"$from": number}
    return {"$from": number, "path": pointer if pointer.startswith("/") else f"/{pointer}"}


def _edge(edit: Edit, value: object) -> Edge | dict[str, Json]:
    """Return what one entry of `requires` asks for: an edge, or an input to be filled."""
    if not isinstance(value, Mapping):
        return Edge(source=edit.named(value, "requires"), kind=EdgeKind.AFTER_SUCCESS)
    unknown = value.keys() - _EDGE_FIELDS
    if unknown or not {"from", "task"} & value.keys():
        problem = f"has no field `{min(unknown)}`" if unknown else "needs `from`"
        raise BadEdit(f"`requires`: an entry {problem}; it is {{from, kind, when?}}, or {{from, path, to}}")
    source = value.get("from", value.get("task"))
    kind = _kind(value)
    if kind is EdgeKind.DATA:
        name = text_of(value.get("to"), "requires/to", most=KEY_CHARS, empty=False)
        return {name: _reference(edit, source, value.get("path"), f"requires/{name}")}
    when = text_of(value.get("when") or "", "requires/when", most=INSTRUCTION_CHARS)
    if bool(when) != (kind is EdgeKind.WHEN):
        raise BadEdit("`requires`: an expression in `when` goes with the kind `when`, and with no other")
    if when:
        check_expression(when)
    return Edge(source=edit.named(source, "requires/from"), kind=kind, when=when)


def _kind(value: Mapping[str, Any]) -> EdgeKind:
    given = value.get("kind")
    if given is None:
        if "to" in value or "path" in value:
            return EdgeKind.DATA
        return EdgeKind.WHEN if value.get("when") else EdgeKind.AFTER_SUCCESS
    try:
        return EdgeKind(given.strip().lower().replace("-", "_"))
    except (ValueError, AttributeError):
        kinds = ", ".join(f"`{one.value}`" for one in EdgeKind)
        raise BadEdit(f"`requires`: the kind {brief(given)} should be one of {kinds}") from None


def _labels(edit: Edit) -> list[Any]:
    return list_of(edit.fields["requires_labels"])


def _effort(value: object) -> float:
    if value is None:
        return 1.0
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= 1e6:  # type: ignore[operator]
        raise BadEdit(f"`effort` should be a number above 0, at most a million, not {brief(value)}")
    return float(value)  # type: ignore[arg-type]


def _result(value: object) -> ResultRule:
    if value is None:
        return ResultRule.WORKER
    try:
        return ResultRule(value if isinstance(value, str) else "")
    except ValueError:
        raise BadEdit(f"`result` should be `worker` or `children`, not {brief(value)}") from None


def _budget(value: object) -> dict[str, Json]:
    found = {key: json_of(one, f"budget/{key}") for key, one in mapping_of(value, "budget").items()}
    attempts = found.get("attempts", 1)
    if isinstance(attempts, bool) or not isinstance(attempts, int) or not 1 <= attempts <= 1000:
        raise BadEdit(f"`budget/attempts` should be a whole number from 1 to 1,000, not {brief(attempts)}")
    return found


def is_rule(value: Json) -> bool:
    """Whether the value of a fact is a rule."""
    return isinstance(value, dict) and RULE in value


def held_value(fact: Fact | None) -> Json:
    """Return what a fact says now; `ABSENT` where nothing is settled."""
    return ABSENT if fact is None else fact.value
