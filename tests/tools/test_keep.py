"""A tool's answer on its way into the store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.call import Part, RawResult
from banyan.tools.keep import Kept, is_small, keep
from tests.tools.room import SECRET, redact


def kept(*parts: Part, cap_bytes: int = 10_000, **result: Any) -> Kept:
    return keep(
        RawResult(parts=parts, **result),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        redact=redact,
        cap_bytes=cap_bytes,
        preview_chars=200,
    )


def text(body: str, media_type: str = "text/plain") -> Part:
    return Part(media_type=media_type, body=body.encode())


IMAGE = Part(media_type="image/png", body=b"\x89PNG")


@pytest.mark.parametrize(
    ("parts", "structured", "media_type", "data"),
    [
        ([], None, "text/plain", ""),
        ([text("hello")], None, "text/plain", "hello"),
        ([text("# Title", "text/markdown; charset=utf-8")], None, "text/markdown", "# Title"),
        ([text('{"a": 1}')], None, "application/json", {"a": 1}),
        ([text("[1, 2")], None, "text/plain", "[1, 2"),
        ([text("12")], None, "text/plain", "12"),
        ([text("one"), text("two")], None, "text/plain", "one\ntwo"),
        ([text('{"a": 1}'), text('{"a": 2}')], None, "application/json", [{"a": 1}, {"a": 2}]),
        ([text('{"a": 1}')], {"a": 1}, "application/json", {"a": 1}),
        ([], [], "application/json", []),
        ([IMAGE], None, "image/png", None),
        (
            [text("see"), IMAGE],
            None,
            "application/json",
            [{"media_type": "text/plain", "text": "see"}, {"media_type": "image/png", "base64": "iVBORw=="}],
        ),
        (
            [IMAGE],
            {"a": 1},
            "application/json",
            {"structured": {"a": 1}, "parts": [{"media_type": "image/png", "base64": "iVBORw=="}]},
        ),
    ],
)
def test_an_answer_becomes_one_typed_body(parts: list[Part], structured: Any, media_type: str, data: Any) -> None:
    one = kept(*parts, structured=structured)
    assert (one.artifact.media_type, one.data) == (media_type, data)
    assert one.artifact.size_bytes == len(one.stored.body)


def test_a_secret_is_hidden_before_anything_is_kept() -> None:
    for one in (kept(text(f"a {SECRET} b")), kept(structured={"k": SECRET}), kept(text(f'{{"k": "{SECRET}"}}'))):
        assert SECRET not in f"{one.preview} {one.data}"
        assert SECRET.encode() not in one.stored.body


def test_json_beyond_the_cap_is_kept_as_text() -> None:
    one = kept(structured=["x" * 50] * 1_000, cap_bytes=500)
    assert (one.artifact.media_type, one.artifact.truncated, one.artifact.size_bytes) == ("text/plain", True, 500)
    assert not one.whole


def test_a_binary_body_is_previewed_by_its_kind_and_size() -> None:
    assert kept(IMAGE).preview == "[image/png, 4 bytes]"


@pytest.mark.parametrize("value", [2**80, "\ud800", float("nan"), {"deep": [[[[]]]]}])
def test_values_at_the_edge_of_json_are_kept(value: Any) -> None:
    assert kept(structured=[value]).stored.body


def test_small_values_are_told_from_large_ones() -> None:
    assert is_small({"a": [1, 2, {"b": "text"}]})
    assert not is_small(list(range(100_000)))
    assert not is_small(["x" * 1_000_000])


PARTS = st.builds(
    Part,
    media_type=st.sampled_from(["text/plain", "application/json", "image/png", "", "x"]),
    body=st.binary(max_size=60),
)
VALUES = st.none() | st.integers() | st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.floats())


@given(st.lists(PARTS, max_size=4), VALUES, st.integers(1, 100))
def test_any_answer_can_be_kept_within_its_cap(parts: list[Part], structured: Any, cap_bytes: int) -> None:
    one = kept(*parts, structured=structured, cap_bytes=cap_bytes)
    assert len(one.stored.body) <= cap_bytes
    assert len(one.preview) <= 200
