"""What may be done to a tree next: edits, work and time, chosen to fit the tree as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Protocol

from hypothesis import strategies as st

from banyan.core.lifecycle import ENDED
from banyan.core.task import ABSENT, Status
from tests.memory.model import WHENS, Model, Refused

OUTPUTS: list[Any] = [1, 2, True, {"x": 1}, {"x": [0]}, ABSENT]
PATHS = ["", "/x", "/x/0"]
LITERALS: list[Any] = [1, "one", {"x": 1}, None]
KEYS = ["a", "b"]
KINDS = ["after_success", "after_success", "after_failure", "after_any", "when"]
EFFORTS = [1.0, 1.0, 2.0, 0.5, 200.0]
DEFINING = ["add", "add", "add", "update", "update", "fact", "fact", "confirm", "retract"]
WORK = [*["complete"] * 6, "fail", "fail", "wait", "cancel", "reopen", "reopen", "remove"]


class Dice(Protocol):
    """Chooses what happens."""

    def number(self, least: int, most: int) -> int:
        """Return a whole number; simple examples have small ones."""
        ...


class Drawn:
    """Dice that hypothesis throws, and finds the simplest bad throws of."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def number(self, least: int, most: int) -> int:
        """Return a whole number."""
        return self._data.draw(st.integers(least, most))


class Seeded:
    """Dice that a seed throws: quick, for long runs."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def number(self, least: int, most: int) -> int:
        """Return a whole number."""
        return self._random.randint(least, most)


def pick(dice: Dice, options: Sequence[Any]) -> Any:
    """Return one of these; simple examples have the first."""
    return options[dice.number(0, len(options) - 1)]


def chance(dice: Dice, of: int = 3) -> bool:
    """Return whether something happens that happens once in `of` times."""
    return dice.number(0, of - 1) == of - 1


def edits(dice: Dice, model: Model, most: int = 3) -> list[dict[str, Any]]:
    """Draw a batch."""
    numbers = [node.number for node in model.each()]
    found: list[dict[str, Any]] = []
    refs: list[str] = []
    for at in range(dice.number(1, most)):
        ops = DEFINING + (WORK if numbers else [])
        op = pick(dice, ops if numbers or refs else ["add"])
        edit = OPERATIONS[op](dice, model, [*numbers, *refs])
        if op == "add":
            edit["ref"] = f"@{at}"
            refs.append(f"@{at}")
        found.append({"op": op, **edit})
    return found


def adds(dice: Dice, most: int = 8) -> list[dict[str, Any]]:
    """Draw a batch that makes a tree: whatever in it would be refused is not in it."""
    model, found = Model(""), list[dict[str, Any]]()
    for at in range(dice.number(1, most)):
        edit = {"op": "add", "ref": f"@{at}", **add(dice, model, [one["ref"] for one in found])}
        try:
            model.apply([*found, edit])
        except Refused:
            continue
        found.append(edit)
        model = Model("")
    return found


def definition(dice: Dice, names: Sequence[Any]) -> dict[str, Any]:
    """Draw some of the fields that define a task, with edges from some of `names`: not often from the root."""
    found: dict[str, Any] = {}
    names = names if chance(dice, 10) else names[1:]
    if names and chance(dice, 2):
        found["requires"] = [edge(dice, names) for _ in range(dice.number(1, 2))]
    if names and chance(dice):
        found["inputs"] = {pick(dice, KEYS): value(dice, names)}
    if names and chance(dice, 5):
        found["under"] = [pick(dice, names)]
    if chance(dice, 4):
        found["instruction"] = pick(dice, ["do", "do it"])
    if chance(dice, 4):
        found["effort"] = pick(dice, EFFORTS)
    if chance(dice, 4):
        found["priority"] = pick(dice, [-1, 1])
    if chance(dice, 4):
        found["result"] = pick(dice, ["worker", "children"])
    if chance(dice, 5):
        found["optional"] = pick(dice, [True, False])
    if chance(dice, 5):
        found["budget"] = {"attempts": 2}
    return found


def edge(dice: Dice, names: Sequence[Any]) -> dict[str, Any]:
    kind = pick(dice, KINDS)
    found = {"from": pick(dice, names), "kind": kind}
    return {**found, "when": pick(dice, sorted(WHENS))} if kind == "when" else found


def value(dice: Dice, names: Sequence[Any]) -> Any:
    kind = pick(dice, ["from", "fact", "literal"])
    if kind == "from":
        path = pick(dice, PATHS)
        return {"$from": pick(dice, names), **({"path": path} if path else {})}
    return {"$fact": pick(dice, KEYS)} if kind == "fact" else pick(dice, LITERALS[:-1])


def add(dice: Dice, model: Model, names: Sequence[Any]) -> dict[str, Any]:
    found = {"title": "task", **definition(dice, names)}
    if names and chance(dice, 2):
        found["parent"] = pick(dice, names)
    if chance(dice, 6):
        found["key"] = pick(dice, KEYS)
    if chance(dice, 4):
        found["facts"] = {pick(dice, KEYS): pick(dice, LITERALS)}
    return found


def update(dice: Dice, model: Model, names: Sequence[Any]) -> dict[str, Any]:
    at = dice.number(0, len(names) - 1)
    found = {"task": names[at], **definition(dice, names if chance(dice, 6) else names[:at])}
    if chance(dice, 4):
        found["parent"] = pick(dice, names)
    if chance(dice, 5):
        found["requires"] = []
    if chance(dice, 5):
        found["inputs"] = {pick(dice, KEYS): None}
    return found


def fact(dice: Dice, model: Model, names: Sequence[Any]) -> dict[str, Any]:
    found = {"key": pick(dice, KEYS), "value": pick(dice, LITERALS)}
    if chance(dice, 2):
        found["task"] = pick(dice, names)
    if chance(dice, 4):
        found["candidate"] = True
    if chance(dice, 6):
        found["was"] = pick(dice, LITERALS)
    return found


def confirm(dice: Dice, model: Model, names: Sequence[Any]) -> dict[str, Any]:
    found = retract(dice, model, names)
    return {**found, "value": pick(dice, LITERALS)} if chance(dice, 2) else found


def retract(dice: Dice, model: Model, names: Sequence[Any]) -> dict[str, Any]:
    found = {"key": pick(dice, KEYS)}
    return {**found, "task": pick(dice, names)} if chance(dice, 2) else found


def complete(dice: Dice, model: Model, names: Sequence[Any]) -> dict[str, Any]:
    """Draw a task that can be completed, most often, with the right fence, most often, and its output."""
    able = [one.number for one in model.each() if one.status is Status.RUNNING or model.ready(one)]
    found = held(dice, model, names if not able or chance(dice, 4) else able)
    output = pick(dice, OUTPUTS)
    return found if output is ABSENT else {**found, "output": output}


def held(dice: Dice, model: Model, names: Sequence[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"task": pick(dice, names)}
    node = model.nodes.get(found["task"])
    if node is not None and node.status is Status.RUNNING and not chance(dice, 8):
        found["fence"] = node.fence
    elif chance(dice, 12):
        found["fence"] = 1
    return found


def reopen(dice: Dice, model: Model, names: Sequence[Any]) -> dict[str, Any]:
    ended = [one.number for one in model.each() if one.status in ENDED]
    return {"task": pick(dice, names if not ended or chance(dice, 6) else ended)}


def remove(dice: Dice, model: Model, names: Sequence[Any]) -> dict[str, Any]:
    return {"task": pick(dice, names[1:] if len(names) > 1 and not chance(dice, 10) else names)}


OPERATIONS = {
    "add": add,
    "update": update,
    "fact": fact,
    "confirm": confirm,
    "retract": retract,
    "complete": complete,
    "fail": held,
    "wait": held,
    "cancel": held,
    "reopen": reopen,
    "remove": remove,
}


def reshape(dice: Dice, model: Model) -> list[dict[str, Any]]:
    """Draw an edit that makes other tasks of those that are there, or brings back what they were."""
    names = [node.number for node in model.each()]
    return [pick(dice, [split, split, merge, merge, swap, rollback, fold])(dice, names)] if names else []


def split(dice: Dice, names: Sequence[int]) -> dict[str, Any]:
    into: list[dict[str, Any]] = [{"ref": f"@p{at}", "title": f"part {at}"} for at in range(dice.number(2, 3))]
    if chance(dice):
        into[0]["inputs"] = {pick(dice, KEYS): pick(dice, LITERALS[:-1])}
    return {"op": "split", "task": pick(dice, names[1:] or names), "into": into}


def merge(dice: Dice, names: Sequence[int]) -> dict[str, Any]:
    tasks = [pick(dice, names[1:] or names) for _ in range(dice.number(2, 3))]
    return {"op": "merge", "tasks": tasks, "into": {"ref": "@m", "title": "whole"}}


def swap(dice: Dice, names: Sequence[int]) -> dict[str, Any]:
    found = {"op": "replace", "old": pick(dice, LITERALS[:-1]), "new": pick(dice, ["one", "two", 3])}
    return {**found, "task": pick(dice, names)} if chance(dice, 2) else found


def rollback(dice: Dice, names: Sequence[int]) -> dict[str, Any]:
    found = {"op": "rollback", "task": pick(dice, names), "to": {"revision": dice.number(1, 12)}}
    return {**found, "key": pick(dice, KEYS)} if chance(dice, 2) else found


def fold(dice: Dice, names: Sequence[int]) -> dict[str, Any]:
    found = {"op": pick(dice, ["fold", "unfold"]), "task": pick(dice, names)}
    return {**found, "summary": "all well"} if found["op"] == "fold" and chance(dice, 2) else found
