"""Tasks are found by what people call them."""

from __future__ import annotations

import pytest

from banyan.core.errors import UnknownTask
from banyan.memory.graph.names import resolve
from tests.memory.graph.desk import Desk, a_desk


@pytest.fixture
async def desk() -> Desk:
    return await a_desk(
        {"op": "add", "title": "Book a hotel", "key": "hotel"},
        {"op": "add", "title": "Flights"},
        {"op": "add", "title": "Pack"},
        {"op": "add", "title": "pack"},
        {"op": "add", "title": "5"},
    )


@pytest.mark.parametrize("name", ["{tree}.2", "hotel", "Book a hotel", "  bOOK A HOTEL ", 2, "2", "@h", "h"])
async def test_a_task_is_found_by_id_key_title_number_and_ref(desk: Desk, name: str | int) -> None:
    given = name.format(tree=desk.tree) if isinstance(name, str) else name
    assert resolve(desk.view, given, {"@h": 2}) == 2


async def test_a_title_that_is_a_number_comes_before_the_number(desk: Desk) -> None:
    assert resolve(desk.view, "5", {}) == 6
    assert resolve(desk.view, 5, {}) == 5


async def test_a_title_that_two_tasks_have_is_refused_with_their_ids(desk: Desk) -> None:
    with pytest.raises(UnknownTask) as caught:
        resolve(desk.view, "Pack", {})
    assert caught.value.several == (f"{desk.tree}.4", f"{desk.tree}.5")


async def test_a_name_that_is_nearly_right_gets_the_right_one_suggested(desk: Desk) -> None:
    with pytest.raises(UnknownTask, match="did you mean `Book a hotel`"):
        resolve(desk.view, "book the hotel", {})
    with pytest.raises(UnknownTask, match="did you mean `@hotel`"):
        resolve(desk.view, "@hotell", {"@hotel": 2})


@pytest.mark.parametrize("name", ["", "  ", None, True, 0, -1, 99, "99", "zzzzz.2", 10**20, 1.0, "@x", "{tree}.99"])
async def test_what_names_nothing_is_refused(desk: Desk, name: object) -> None:
    given = name.format(tree=desk.tree) if isinstance(name, str) else name
    with pytest.raises(UnknownTask):
        resolve(desk.view, given, {})


async def test_a_name_in_a_batch_means_what_the_batch_has_made_of_it() -> None:
    desk = await a_desk(
        {"op": "add", "title": "Pack", "key": "a"},
        {"op": "update", "task": "Pack", "title": "Unpack", "key": "b"},
        {"op": "add", "title": "Pack", "key": "a"},
        {"op": "fact", "task": "b", "key": "x", "value": 1},
        {"op": "fact", "task": "a", "key": "x", "value": 2},
        {"op": "fact", "task": "unpack", "key": "y", "value": 1},
    )
    assert (desk.said("b", "x"), desk.said("a", "x"), desk.said("Unpack", "y")) == (1, 2, 1)
