"""What no task memory can keep is refused with its name, on every store, before anything is written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from banyan.core.claim import Claim
from banyan.core.errors import BadEdit, InvalidArgument, UserError
from banyan.core.task import TreeId
from banyan.memory import Database
from banyan.memory.database import now
from banyan.memory.tasks import Tasks

HALF = "half \ud83d"
ZERO = "zero \x00"
HUGE = 10**5_000
LONG = 2**64


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def holding_itself() -> Any:
    value: dict[str, Any] = {}
    value["itself"] = value
    return value


UNKEPT = [HALF, ZERO, HUGE, -HUGE, LONG, float("nan"), float("inf"), nested(5_000), holding_itself(), {1}, {1: 2}]
NAMES = ["half", "zero", "huge", "-huge", "long", "nan", "inf", "deep", "itself", "set", "key"]


@pytest.fixture
async def tasks(database_url: str) -> AsyncIterator[Tasks]:
    database = await Database.open(database_url)
    yield Tasks(database.graphs, now)
    await database.close()


@pytest.fixture
async def tree(tasks: Tasks) -> TreeId:
    plan = [{"op": "add", "title": "trip"}, {"op": "add", "title": "hotel", "key": "hotel"}]
    return (await tasks.apply(None, plan)).tree


@pytest.mark.parametrize("value", UNKEPT, ids=NAMES)
async def test_a_value_that_is_no_json_is_refused_wherever_it_stands(tasks: Tasks, tree: TreeId, value: Any) -> None:
    fields = ("title", "instruction", "key", "priority", "effort", "optional", "result", "budget", "facts", "ref")
    edits: list[dict[str, Any]] = [
        *({"op": "add", "title": "x", field: value} for field in fields),
        *({"op": "add", "title": "x", field: {"k": value}} for field in ("inputs", "facts", "budget")),
        {"op": "add", "title": "x", "requires": value},
        {"op": "update", "task": value, "title": "x"},
        {"op": "fact", "key": "k", "value": value},
        {"op": "fact", "key": value, "value": 1},
        {"op": "complete", "task": "hotel", "output": value},
        {"op": "fail", "task": "hotel", "reason": value},
        {"op": "replace", "old": "trip", "new": value},
        {"op": "rollback", "task": "hotel", "to": value},
        {"op": "branch", "name": value},
        {"op": value},
    ]
    before = (await tasks.view(tree)).tree
    for edit in edits:
        with pytest.raises(BadEdit) as caught:
            await tasks.apply(tree, [edit])
        assert len(str(caught.value)) < 1_000, edit
    for field in ("output", "reason"):
        if field == "reason" and not isinstance(value, str):
            continue
        with pytest.raises(BadEdit, match=f"`{field}`"):
            await tasks.finish(f"{tree}.2", "done", **{field: value})
    assert (await tasks.view(tree)).tree == before


WHOLE = {"-1": -1, "2**31": 2**31, "2**63": 2**63, "huge": HUGE, "1.5": 1.5, "nan": float("nan")}


@pytest.mark.parametrize("number", WHOLE.values(), ids=WHOLE)
async def test_a_turn_or_a_revision_is_a_whole_number_that_can_be_kept(tasks: Tasks, tree: TreeId, number: Any) -> None:
    edits = [{"op": "fact", "key": "k", "value": 1}]
    with pytest.raises(BadEdit, match="`turn` should be a whole number"):
        await tasks.apply(tree, edits, turn=number)
    if number != 2**31:
        with pytest.raises(UserError):
            await tasks.recall(tree, keys=["k"], as_of={"revision": number})
    if number in {-1, 2**63, HUGE}:
        with pytest.raises(InvalidArgument, match="base_revision"):
            await tasks.apply(tree, edits, base_revision=number)
        with pytest.raises(InvalidArgument, match="since"):
            await tasks.history(tree, since=number)
    assert (await tasks.view(tree)).tree.revision == 1


@pytest.mark.parametrize("name", [HALF, ZERO], ids=["half", "zero"])
async def test_what_can_be_the_name_of_nothing_is_refused_in_questions(tasks: Tasks, tree: TreeId, name: str) -> None:
    for question in ({"keys": [name]}, {"claim": {"key": name, "value": 1}}):
        with pytest.raises(InvalidArgument, match="cannot be kept"):
            await tasks.recall(tree, **question)
    with pytest.raises(InvalidArgument, match="cannot be kept"):
        await tasks.recall(tree, claim={"key": "k", "value": 1, "task": name})
    with pytest.raises(InvalidArgument, match="`claim`: should be"):
        await tasks.recall(tree, claim="k = 1")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="`worker`"):
        Claim(worker=name)
    with pytest.raises(BadEdit, match="`title`"):
        await tasks.apply(None, [{"op": "add", "title": "x"}], title=name)
