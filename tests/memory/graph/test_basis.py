from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.task import ABSENT
from banyan.memory.graph.basis import at_pointer, basis, open_part, resolve_inputs
from tests.memory.graph.desk import Desk, a_desk


async def plan() -> Desk:
    return await a_desk(
        {"op": "fact", "key": "city", "value": "Porto"},
        {"op": "add", "title": "Hotel"},
        {"op": "add", "title": "Train"},
        {
            "op": "add",
            "title": "Book",
            "inputs": {"name": {"$from": "Hotel", "path": "/name"}, "city": {"$fact": "city"}, "nights": 2},
            "requires": ["Train", {"from": "Hotel", "kind": "after_any"}],
        },
    )


async def test_inputs_have_the_values_of_what_they_refer_to_or_a_reason() -> None:
    desk = await plan()
    found = resolve_inputs(desk.view, desk.task("Book"))
    assert found.values == {"city": "Porto", "nights": 2}
    assert found.missing == {"name": "the input `name` has no value: `Hotel` is pending"}
    await desk.apply({"op": "complete", "task": "Hotel", "output": {"name": None}})
    assert resolve_inputs(desk.view, desk.task("Book")).values["name"] is None
    await desk.apply({"op": "complete", "task": "Hotel", "output": {}})
    assert "nothing at `/name`" in resolve_inputs(desk.view, desk.task("Book")).missing["name"]


async def test_there_is_no_basis_while_something_in_it_is_open() -> None:
    desk = await plan()
    number = desk.number("Book")
    assert basis(desk.view, number) is None
    assert open_part(desk.view, number) == "`Train` is pending"
    await desk.apply({"op": "complete", "task": "Train"})
    assert open_part(desk.view, number) == "`Hotel` is pending"
    await desk.apply({"op": "complete", "task": "Hotel", "output": {"name": "Ritz"}})
    assert open_part(desk.view, number) is None
    assert basis(desk.view, number)


@pytest.mark.parametrize(
    ("edit", "matters"),
    [
        ({"op": "update", "task": "Book", "instruction": "by phone"}, True),
        ({"op": "update", "task": "Book", "inputs": {"nights": 3}}, True),
        ({"op": "update", "task": "Book", "inputs": {"nights": 2.0}}, False),
        ({"op": "update", "task": "Book", "inputs": {"nights": True}}, True),
        ({"op": "update", "task": "Book", "title": "Book it", "priority": 3, "effort": 2}, False),
        ({"op": "fact", "key": "city", "value": "Lisbon"}, True),
        ({"op": "fact", "key": "other", "value": 1}, False),
        ({"op": "retract", "key": "city"}, True),
        ({"op": "complete", "task": "Hotel", "output": {"name": "Ritz", "stars": 5}}, False),
        ({"op": "complete", "task": "Hotel", "output": {"name": "Savoy"}}, True),
        ({"op": "complete", "task": "Train", "output": 7}, True),
    ],
)
async def test_the_basis_changes_with_what_was_used_alone(edit: dict[str, Any], *, matters: bool) -> None:
    desk = await plan()
    number = desk.number("Book")
    await desk.apply({"op": "complete", "task": "Train", "output": 6})
    await desk.apply({"op": "complete", "task": "Hotel", "output": {"name": "Ritz"}})
    before = basis(desk.view, number)
    await desk.apply(edit)
    assert (basis(desk.view, number) != before) is matters


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", {"a": [1, {"b/c": 2, "~": 3}], "": 4}),
        ("/a/0", 1),
        ("/a/1/b~1c", 2),
        ("/a/1/~0", 3),
        ("/", 4),
        ("/a/2", ABSENT),
        ("/a/-", ABSENT),
        ("/a/01", ABSENT),
        ("/a/x", ABSENT),
        ("/a/0/0", ABSENT),
        ("a", ABSENT),
        ("/a/99999999999999999999", ABSENT),
        ("/a/²", ABSENT),
    ],
)
def test_a_pointer_leads_to_a_value_or_nowhere(path: str, expected: Any) -> None:
    assert at_pointer({"a": [1, {"b/c": 2, "~": 3}], "": 4}, path) == expected


@given(st.recursive(st.integers(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)), st.text())
def test_any_pointer_into_any_value_is_answered(value: Any, path: str) -> None:
    at_pointer(value, path)
    at_pointer(value, f"/{path}")
