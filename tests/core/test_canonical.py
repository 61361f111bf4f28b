"""One spelling of a JSON value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.canonical import canonical, digest

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


def shuffled(value: Any) -> Any:
    """Return the same value with its keys in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return [shuffled(one) for one in value] if isinstance(value, list) else value


@given(JSON)
def test_the_order_of_keys_makes_no_difference(value: Any) -> None:
    assert canonical(value) == canonical(shuffled(value))


@given(JSON)
def test_what_is_spelled_is_read_back(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(JSON, JSON)
def test_equal_digests_mean_equal_spellings(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (canonical(one) == canonical(other))


@pytest.mark.parametrize("value", [object(), {1: 2}, "\ud800", 2**64, {"a": {1, 2}}])
def test_what_is_no_json_value_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not a JSON value"):
        canonical(value)


def test_a_value_nested_without_end_is_refused_and_not_a_crash() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(ValueError, match="not a JSON value"):
        canonical(deep)
