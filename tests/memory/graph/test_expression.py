from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.errors import BadEdit
from banyan.memory.graph.expression import MOST_CHARS, MOST_VALUES, check_expression, holds

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "output", "expected"),
    [
        ("output == 1", 1, True),
        ("output == 1", True, False),
        ("output == 1", 1.0, True),
        ("output.price < 100.0 && output.stars >= 4", {"price": 80.5, "stars": 4}, True),
        ("output.price < 100.0", {}, False),
        ("has(output.error)", {"price": 1}, False),
        ("output.exists(one, one.ok)", [{"ok": False}, {"ok": True}], True),
        ("output.all(one, one.ok)", [{"ok": False}, {"ok": True}], False),
        ("output.filter(one, one > 1).size() == 2", [1, 2, 3], True),
        ("'b' in output", ["a", "b"], True),
        ("output.contains('fail')", "it failed", True),
        ("output", "true", False),
        ("output", True, True),
        ("1 / output == 1", 0, False),
        ("output == 'x'", "\ud800", False),
        ("nothing == 1", 1, False),
    ],
)
def test_an_expression_holds_where_it_is_true_and_nowhere_else(text: str, output: Any, *, expected: bool) -> None:
    check_expression(text)
    assert holds(text, {"output": output}) is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("output ==", "cannot be read"),
        ("(" * 300, "cannot be read"),
        ("output == " + "1" * MOST_CHARS, f"may have {MOST_CHARS}"),
        ("output.matches('(a+)+b')", "regular expression"),
        ("matches(output, 'a')", "regular expression"),
        ("output.map(one, output).size() > 0", "has a `map`"),
        ("output.map\n// far\n(one, one) == []", "has a `map`"),
        ("output.all(one, output.all(other, one == other))", "more than once"),
        ("output.exists (one, one == 1) && output.existsOne(one, one == 2)", "more than once"),
        ("output.all(one, output + output + output + output != [one])", "`+` 2 times"),
    ],
)
def test_an_expression_that_cannot_be_read_or_may_take_long_is_refused(text: str, problem: str) -> None:
    with pytest.raises(BadEdit, match=problem.replace("+", r"\+")):
        check_expression(text)
    assert not holds(text, {"output": [1]})


def test_what_goes_through_too_much_does_not_hold() -> None:
    few, many = list(range(MOST_VALUES // 2)), list(range(MOST_VALUES + 1))
    assert holds("output.all(one, one >= 0)", {"output": few})
    assert not holds("output.all(one, one >= 0)", {"output": many})
    assert not holds("output.all(one, one != '')", {"output": ["x" * 100_000, "y" * 200_000]})
    assert holds(f"output.size() == {len(many)}", {"output": many})


@pytest.mark.parametrize(
    "text",
    [
        "output.all(one, output + output + output != [one])",
        "output.filter(one, output == output).size() >= 0",
        "output.exists(one, " + " || ".join(["output != output"] * 20) + ")",
    ],
)
def test_the_longest_answer_that_is_allowed_takes_seconds_at_most(text: str) -> None:
    begun = time.process_time()
    holds(text, {"output": list(range(MOST_VALUES - 10))})
    assert time.process_time() - begun < 10


@given(st.text(max_size=30) | st.sampled_from(["output", "output.x > 1", "output[0] in output"]), JSON)
def test_whatever_is_asked_the_answer_is_yes_or_no(text: str, output: Any) -> None:
    assert holds(text, {"output": output}) in {True, False}
