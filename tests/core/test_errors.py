"""What errors say stays short, however much they are about."""

from __future__ import annotations

from banyan.core.errors import CycleFound, UnknownTask, UnknownTree

LONG = "x" * 100_000


def test_a_long_circle_is_told_by_both_its_ends_and_kept_whole() -> None:
    circle = [f"task {number}" for number in range(1_000)]
    error = CycleFound(circle)
    assert str(error).endswith("task 0 → task 1 → task 2 → task 3 → task 4 → … 990 more … → task 995 → task 996 → "
                               "task 997 → task 998 → task 999")  # fmt: skip
    assert error.circle == tuple(circle)
    assert "task 5 → task 6" in str(CycleFound(circle[:11]))


def test_names_that_nobody_has_are_cut_in_messages_and_kept_whole() -> None:
    for error in (UnknownTask(LONG), UnknownTree(LONG), UnknownTask(LONG, several=["a.1", "a.2"]), CycleFound([LONG])):
        assert len(str(error)) < 400, type(error)
    assert UnknownTask(LONG).name == LONG


def test_of_many_tasks_of_one_title_some_are_named() -> None:
    error = UnknownTask("same", several=[f"a.{number}" for number in range(300)])
    assert str(error).endswith("`a.9`, and 290 more; give the id")
    assert len(error.several) == 300
