"""Values in few characters."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.shorten import MARK, compact, cut, shorten

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=10), inner, max_size=10),
    max_leaves=60,
)


@given(JSON, st.integers(1, 500))
def test_a_shortened_value_fits_and_is_whole_where_it_can_be(value: Any, limit: int) -> None:
    text = shorten(value, limit)
    assert len(text) <= limit
    if len(compact(value)) <= limit:
        assert text == compact(value)


@given(st.text(max_size=300), st.integers(1, 100))
def test_a_cut_text_fits_starts_as_before_and_is_marked(text: str, limit: int) -> None:
    shown = cut(text, limit)
    assert len(shown) <= limit
    assert shown == text or (shown.endswith(MARK) and text.startswith(shown[: -len(MARK)]))


def test_a_long_array_shows_its_first_items_whole_and_counts_the_rest() -> None:
    text = shorten([{"id": at} for at in range(1_000)], 120)
    assert text.startswith('[{"id":0},{"id":1}')
    assert text.endswith(" more of 1000]")


def test_a_wide_object_shows_every_key_it_can() -> None:
    text = shorten({f"key{at}": "x" * 1_000 for at in range(5)}, 400)
    assert all(f'"key{at}"' in text for at in range(5))


@pytest.mark.parametrize("value", [math.nan, 2**70, "\ud800", {1: 2}, object(), b"x"])
def test_anything_at_all_is_shown(value: Any) -> None:
    assert compact(value)
    assert len(shorten(value, 50)) <= 50


def test_a_value_nested_without_end_is_shown() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(shorten(deep, 200)) <= 200


def test_compact_json_is_read_back() -> None:
    assert json.loads(compact({"a": [1, "é"]})) == {"a": [1, "é"]}
