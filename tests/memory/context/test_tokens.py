"""The bound on tokens against what cl100k_base really takes: counted texts of every kind, in `cl100k_counts.json`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.memory.context.tokens import count_tokens

COUNTED: dict[str, list[tuple[str, int]]] = json.loads(
    Path(__file__).with_name("cl100k_counts.json").read_text(encoding="utf-8")
)
MOST_OVER = {
    "published": 2.0,
    "english": 1.15,
    "code": 1.25,
    "json": 1.1,
    "cjk": 1.5,
    "emoji": 1.3,
    "other scripts": 2.2,
    "random": 1.1,
}
"""How many times the true count the bound may be, over all texts of a kind."""


@pytest.mark.parametrize("kind", COUNTED)
def test_no_text_takes_more_tokens_than_counted(kind: str) -> None:
    short = [(text, tokens, count_tokens(text)) for text, tokens in COUNTED[kind] if count_tokens(text) < tokens]

    assert short == []


@pytest.mark.parametrize("kind", COUNTED)
def test_the_count_is_not_far_above_what_a_text_takes(kind: str) -> None:
    counted = sum(count_tokens(text) for text, _ in COUNTED[kind])

    assert counted <= MOST_OVER[kind] * sum(tokens for _, tokens in COUNTED[kind])


@given(st.text(max_size=200))
def test_a_text_takes_no_more_tokens_than_bytes_and_some_where_it_is_not_empty(text: str) -> None:
    tokens = count_tokens(text)

    assert (tokens > 0) == bool(text)
    assert tokens <= 2 * len(text.encode("utf-8", "surrogatepass"))


@given(st.lists(st.text(max_size=60).map(lambda text: f"- {text}\n"), max_size=6))
def test_lines_together_take_no_more_tokens_than_each_alone(lines: list[str]) -> None:
    assert count_tokens("".join(lines)) <= sum(map(count_tokens, lines))


@pytest.mark.parametrize("character", ["x", " ", "-", "ก", "\n"])
def test_a_long_text_without_a_break_is_counted(character: str) -> None:
    assert 1_000 < count_tokens(character * 100_000) <= 300_000
