from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from banyan.server.mcp.fit import compact, fit, fit_text, most

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=12), inner, max_size=20),
    max_leaves=120,
)


@given(JSON)
def test_a_value_that_fits_is_left_as_it_is(value: Any) -> None:
    assert fit(value, len(compact(value))) == value


@given(JSON, st.integers(min_value=200, max_value=2_000))
def test_a_value_that_is_cut_is_as_large_as_asked_and_says_where(value: Any, budget: int) -> None:
    cuts: list[str] = []
    shown = fit(value, budget, cuts=cuts)
    assert len(compact(shown)) <= budget + 40
    assert bool(cuts) == (shown != value)


def test_a_cut_names_the_path_to_ask_on_by() -> None:
    schema = {"properties": {f"p{n}": {"type": "object", "properties": {"x" * 50: {}}} for n in range(100)}}
    cuts: list[str] = []
    shown = fit({"input_schema": schema, "name": "t"}, 1_000, cuts=cuts)
    assert len(compact(shown)) <= 1_000
    assert "/input_schema/properties" in cuts
    assert "/input_schema/properties/p0" in cuts
    assert shown["name"] == "t"


def test_a_list_keeps_its_start_and_names_where_it_goes_on() -> None:
    cuts: list[str] = []
    shown = fit(list(range(1_000)), 200, path="/items", cuts=cuts)
    assert shown[:3] == [0, 1, 2]
    assert shown[-1] == f"… [{1_000 - len(shown) + 1} more items]"
    assert cuts == [f"/items/{len(shown) - 1}"]


def test_a_text_keeps_its_start_and_counts_the_rest() -> None:
    shown = fit_text("é" * 500, 100)
    kept = len(shown) - len(shown.lstrip("é"))
    assert shown == "é" * kept + f"… [{500 - kept} more characters]"
    assert len(shown) <= 100


@given(st.integers(min_value=0, max_value=1_000), st.integers(min_value=0, max_value=3_000))
def test_the_most_that_fits_is_found(limit: int, budget: int) -> None:
    assert most(limit, lambda n: 2 * n, budget) == min(limit, budget // 2)
