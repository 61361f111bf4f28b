"""Where two JSON values differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.canonical import canonical
from banyan.core.diff import differences

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(json_values, json_values)
def test_values_differ_exactly_when_they_are_written_differently(before: Any, after: Any) -> None:
    assert bool(differences(before, after)) == (canonical(before) != canonical(after))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 2}, [("/a", "1", "2")]),
        ({"a": 1}, {}, [("/a", "1", "")]),
        ({}, {"a/b~c": ""}, [("/a~1b~0c", "", '""')]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, [("/a/1", "2", "3"), ("/a/2", "", "4")]),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": [1]}}, [("/a/b", '{"c":1}', "[1]")]),
        (1, True, [("", "1", "true")]),
        ([], [], []),
    ],
)
def test_each_place_is_told_by_its_path(before: Any, after: Any, expected: list[tuple[str, str, str]]) -> None:
    assert [(one.path, one.before, one.after) for one in differences(before, after)] == expected


def test_what_is_told_is_bounded() -> None:
    before, after = ({str(number): text * 1_000 for number in range(99)} for text in "ab")
    found = differences(before, after, most=5, text_chars=10)
    assert [(one.path, one.before) for one in found] == [
        (f"/{key}", '"aaaaaaaa…') for key in ("0", "1", "10", "11", "12")
    ]
