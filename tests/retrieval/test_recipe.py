from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.retrieval.recipe import MAX_CHARS, MAX_PARTS, parts_of, text_of
from tests.retrieval.documents import document


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("list open issues", []),
        ("Find the file. Send it to my boss!", ["Find the file.", "Send it to my boss!"]),
        ("find the newest file, then send it to my boss", ["find the newest file", "send it to my boss"]),
        ("get the weather forecast, and book a table", ["get the weather forecast", "book a table"]),
        ("version 1.2.3 of a package", []),
        ("Stop. Find the newest file", []),
    ],
)
def test_a_request_in_several_steps_falls_into_them(query: str, parts: list[str]) -> None:
    assert parts_of(query) == parts


@given(st.text(alphabet="ab .\n,;?", max_size=300))
def test_parts_are_few_and_lie_in_the_query(query: str) -> None:
    parts = parts_of(query)
    assert len(parts) <= MAX_PARTS
    assert len(parts) != 1
    assert all(part in query for part in parts)


def test_names_are_embedded_as_words() -> None:
    text = text_of(document("k", "Lists them.", name="listOpenIssues", server="my_github", title="List open issues"))
    assert text == "list open issues: Lists them. (my github)"


def test_a_title_that_says_more_than_the_name_is_embedded() -> None:
    assert text_of(document("k", "Text.", name="x1", title="Find people")) == "x 1: Find people Text."


def test_the_text_is_bounded() -> None:
    assert len(text_of(document("k", "word " * 10_000, server="s"))) <= MAX_CHARS
