"""Bytes to lines to messages: whatever comes, in bounded memory and without a loss of what is sound."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.mcp.events import EventReader
from banyan.tools.mcp.framing import LineReader, TooLong
from banyan.tools.mcp.messages import CUT, Unreadable, cut_deep, read_json, read_messages
from banyan.tools.mcp.results import raw_result

CAP = 64

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def chunked(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks, at = [], 0
    for size in sizes:
        chunks.append(data[at : at + size])
        at += size
    return [*chunks, data[at:]]


@given(st.lists(st.binary(max_size=2 * CAP).map(lambda raw: raw.replace(b"\n", b"."))), st.lists(st.integers(0, 99)))
def test_lines_come_out_whole_however_they_are_cut_and_long_ones_are_let_go(
    lines: list[bytes], sizes: list[int]
) -> None:
    reader = LineReader(CAP)
    found: list[bytes | TooLong] = []
    for chunk in chunked(b"".join(line + b"\n" for line in lines), sizes):
        found += reader.feed(chunk)
        assert reader.held_bytes <= CAP + 512
    expected = [TooLong(request_id=None) if len(line) > CAP else line.strip() for line in lines]
    assert found == [line for line in expected if line != b""]


@pytest.mark.parametrize("ending", [b"}", b'},"jsonrpc":"2.0"}'])
def test_a_long_line_tells_whom_it_answers_at_its_start_before_it_ends(ending: bytes) -> None:
    reader = LineReader(CAP)
    start = b'{"jsonrpc":"2.0","id":17,"result":{"a":"' + b"x" * CAP
    assert list(reader.feed(start)) == [TooLong(request_id=17)]
    assert list(reader.feed(b"x" * 10_000 + b'"' + ending + b"\nnext\n")) == [b"next"]


def test_a_long_line_tells_whom_it_answers_at_its_end() -> None:
    reader = LineReader(CAP)
    line = b'{"result":{"a":"' + b"x" * 10_000 + b'"},"jsonrpc":"2.0","id":17}\n'
    found = [one for at in range(0, len(line), 100) for one in reader.feed(line[at : at + 100])]
    assert found == [TooLong(request_id=17)]


@given(VALUES)
def test_sound_json_is_read_as_it_is(value: Any) -> None:
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(VALUES, st.integers(1, 6))
def test_what_is_cut_is_no_deeper_than_asked_and_the_rest_is_as_it_was(value: Any, levels: int) -> None:
    def expected(one: Any, left: int) -> Any:
        if not isinstance(one, dict | list):
            return one
        if not left:
            return CUT
        if isinstance(one, list):
            return [expected(inner, left - 1) for inner in one]
        return {key: expected(inner, left - 1) for key, inner in one.items()}

    assert json.loads(cut_deep(json.dumps(value).encode(), levels)) == expected(value, levels)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_are_unreadable_and_nothing_else(data: bytes) -> None:
    try:
        read_messages(data)
    except Unreadable as error:
        assert len(str(error)) < 100


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'"\\ud800x"', "\ufffdx"),
        (b'"x\\udc00"', "x\ufffd"),
        (b'"\\ud83d\\ude00 \\ud800"', "\U0001f600 \ufffd"),
        (b'["\\\\ud800", NaN, -Infinity]', ["\\ud800", None, None]),
        (b"[1180591620717411303424, -9223372036854775809]", [2.0**70, -(2.0**63)]),
        (b"[NaN, 1180591620717411303424, 18446744073709551615]", [None, 2.0**70, 2**64 - 1]),
        (b"[NaN, 1" + b"0" * 5_000 + b"]", [None, None]),
        (b'"\xff"', "\ufffd"),
    ],
)
def test_what_other_readers_refuse_is_mended(data: bytes, value: Any) -> None:
    assert read_json(data) == value


def test_a_message_of_very_many_objects_is_refused_before_they_are_made() -> None:
    with pytest.raises(Unreadable):
        read_json(b"[" + b"{}," * 600_000 + b"{}]")


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', [JSONRPCResponse]),
        (b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}', [JSONRPCError]),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', [JSONRPCRequest]),
        (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{}}', [JSONRPCNotification]),
        (b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}', []),
        (
            b'[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{}}]',
            [JSONRPCResponse, JSONRPCResponse],
        ),
    ],
)
def test_messages_are_told_apart(line: bytes, kinds: list[type]) -> None:
    assert [type(one) for one in read_messages(line)] == kinds


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=60), max_size=5),
    st.lists(st.integers(0, 50)),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_events_come_out_whole_however_they_are_cut(payloads: list[str], sizes: list[int], end: bytes) -> None:
    reader = EventReader(10_000)
    raw = b"".join(b"event: message" + end + b"data: " + one.encode() + end + end for one in payloads)
    found = [event for chunk in chunked(raw, sizes) for event in reader.feed(chunk)]
    assert [event.data.decode() for event in found] == payloads
    assert all(event.fields == (b"event: message",) for event in found)


def test_an_event_that_is_too_long_is_told_once_and_the_next_one_comes_whole() -> None:
    reader = EventReader(CAP)
    raw = b"data: " + b"x" * 1000 + b"\ndata: more\n\ndata: next\n\n"
    found = [event for at in range(0, len(raw), 7) for event in reader.feed(raw[at : at + 7])]
    assert [event.too_long for event in found] == [True, False]
    assert found[1].data == b"next"


def test_each_kind_of_content_becomes_a_part_of_its_media_type() -> None:
    found = raw_result(
        {
            "content": [
                {"type": "text", "text": "é"},
                {"type": "image", "data": "aGk=", "mimeType": "image/png"},
                {"type": "audio", "data": "not base64!", "mimeType": "audio/wav"},
                {"type": "resource", "resource": {"uri": "f:/a", "text": "a,b", "mimeType": "text/csv"}},
                {"type": "resource", "resource": {"uri": "f:/b", "blob": "aGk=", "mimeType": "no\nmedia type"}},
                {"type": "resource_link", "uri": "f:/c", "name": "c"},
                {"type": "unheard of"},
                5,
            ],
            "structuredContent": [1],
            "isError": True,
        }
    )
    assert [(part.media_type, part.body) for part in found.parts[:2]] == [
        ("text/plain", "é".encode()),
        ("image/png", b"hi"),
    ]
    assert [part.media_type for part in found.parts[2:]] == [
        "application/json",
        "text/csv",
        "application/octet-stream",
        "application/json",
        "application/json",
        "application/json",
    ]
    assert found.structured == [1]
    assert found.failed


def test_a_result_that_is_none_is_a_typed_error() -> None:
    for bad in ({"content": 5}, {"content": [{"type": "x", "a": CUT}]}):
        with pytest.raises(CallFailed) as caught:
            raw_result(bad)
        assert caught.value.category is Category.UPSTREAM
