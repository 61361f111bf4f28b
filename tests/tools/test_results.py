"""Stored results, read on in pages."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.call import Artifact, Page
from banyan.core.errors import InvalidArgument, UnknownHandle
from banyan.core.ids import Handle
from banyan.core.ports import StoredResult
from banyan.testing.stores import MemoryArtifacts, now
from banyan.tools.results import CUT, Reader, ReadLimits

HANDLE = Handle("r_test")


def reader(body: Any, media_type: str = "application/json", limits: ReadLimits | None = None) -> Reader:
    raw = orjson.dumps(body) if media_type == "application/json" and not isinstance(body, bytes) else body
    raw = raw.encode() if isinstance(raw, str) else raw
    artifact = Artifact(handle=HANDLE, media_type=media_type, size_bytes=len(raw), created_at=now())
    artifacts = MemoryArtifacts()
    artifacts.results[HANDLE] = StoredResult(artifact=artifact, body=raw)
    return Reader(artifacts, limits)


async def pages(source: Reader, path: str = "", limit: int | None = None) -> list[Page]:
    found = [await source.read(HANDLE, path=path, limit=limit)]
    while (after := found[-1].next_offset) is not None:
        found.append(await source.read(HANDLE, path=path, offset=after, limit=limit))
    return found


async def whole(source: Reader, path: str = "") -> Any:
    """Put the pages together again, following the marks."""
    found = await pages(source, path)
    if found[0].unit == "characters":
        return "".join(page.content for page in found)
    if found[0].unit == "bytes":
        return b"".join(base64.b64decode(page.content) for page in found)
    if isinstance(found[0].content, dict):
        return {key: await filled(source, item) for page in found for key, item in page.content.items()}
    return [await filled(source, item) for page in found for item in page.content]


async def filled(source: Reader, item: Any) -> Any:
    if isinstance(item, dict) and item.keys() == {CUT}:
        return await whole(source, item[CUT]["path"])
    return item


async def test_a_small_result_is_one_page() -> None:
    page = await reader({"a": [1, 2]}).read(HANDLE)
    assert page.to_json() == {
        "handle": HANDLE,
        "media_type": "application/json",
        "path": "",
        "unit": "items",
        "offset": 0,
        "limit": 1,
        "total": 1,
        "next_offset": None,
        "content": {"a": [1, 2]},
    }


@pytest.mark.parametrize(
    ("path", "content", "unit"),
    [
        ("/rows", [{"id": 1}, {"id": 2}], "items"),
        ("/rows/1", {"id": 2}, "items"),
        ("/rows/1/id", "2", "characters"),
        ("/a~1b", "x", "characters"),
        ("/m~0n", "null", "characters"),
        ("/", "empty key", "characters"),
        ("#/rows/0/id", "1", "characters"),
    ],
)
async def test_a_pointer_leads_to_a_part(path: str, content: Any, unit: str) -> None:
    source = reader({"rows": [{"id": 1}, {"id": 2}], "a/b": "x", "m~n": None, "": "empty key"})
    page = await source.read(HANDLE, path=path)
    assert (page.content, page.unit) == (content, unit)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/nothing", "`rows`"),
        ("/rows/2", "array of 2"),
        ("/rows/-", "array of 2"),
        ("/rows/01", "array of 2"),
        ("/rows/0/id/x", "nothing within"),
        ("rows", "starts with `/`"),
    ],
)
async def test_a_pointer_that_leads_nowhere_says_where_and_what_is_there(path: str, told: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await reader({"rows": [{"id": 1}, {"id": 2}]}).read(HANDLE, path=path)
    assert told in str(caught.value)


@pytest.mark.parametrize(("offset", "limit"), [(-1, None), (4, None), (0, 0), (0, -1)])
async def test_a_page_out_of_range_is_refused(offset: int, limit: int | None) -> None:
    with pytest.raises(InvalidArgument):
        await reader([1, 2, 3]).read(HANDLE, offset=offset, limit=limit)


async def test_an_unknown_handle_is_refused() -> None:
    with pytest.raises(UnknownHandle):
        await reader([]).read("r_other")


async def test_the_end_and_the_empty_are_pages_too() -> None:
    assert (await reader([1, 2, 3]).read(HANDLE, offset=3)).content == []
    for empty, kind in (([], "application/json"), ("", "text/plain"), (b"", "image/png")):
        page = await reader(empty, kind).read(HANDLE)
        assert (page.total, page.next_offset) == (0, None)


async def test_a_limit_is_kept_but_never_beyond_what_a_page_holds() -> None:
    source = reader([{"text": "x" * 100} for _ in range(1_000)])
    assert (await source.read(HANDLE, offset=10, limit=3)).limit == 3
    page = await source.read(HANDLE, limit=1_000)
    assert 10 < page.limit < 1_000
    assert len(orjson.dumps(page.content)) <= ReadLimits().page_chars


async def test_an_item_too_large_for_any_page_is_marked_with_its_path() -> None:
    source = reader({"small": 1, "huge": ["x" * 100] * 1_000})
    page = await source.read(HANDLE)
    assert page.content["small"] == 1
    assert page.content["huge"][CUT]["path"] == "/huge"
    assert page.content["huge"][CUT]["items"] == 1_000
    assert await whole(source) == {"small": 1, "huge": ["x" * 100] * 1_000}


async def test_text_is_cut_at_the_end_of_a_line_where_one_is_near() -> None:
    source = reader("\n".join(f"line {at} of many" for at in range(2_000)), "text/plain")
    first, *_ = await pages(source)
    assert first.content.endswith("\n")


async def test_bytes_come_as_base64() -> None:
    body = bytes(range(256)) * 100
    found = await pages(reader(body, "image/png"))
    assert len(found) > 1
    assert b"".join(base64.b64decode(page.content) for page in found) == body


async def test_a_body_that_is_not_what_it_says_is_paged_as_what_it_is() -> None:
    assert (await reader(b'{"a": ', "application/json").read(HANDLE)).content == '{"a": '
    assert (await reader(b"\xff\xfe", "text/plain").read(HANDLE)).unit == "bytes"


async def test_a_large_result_is_parsed_once_for_all_its_pages() -> None:
    source = reader([{"text": "x" * 1_000}] * 400)
    await pages(source)
    assert len(source._parsed) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=12), inner, max_size=8),
    max_leaves=40,
)


@given(JSON.filter(lambda value: isinstance(value, list | dict | str)))
async def test_pages_of_json_put_together_are_the_whole_and_each_is_small(value: Any) -> None:
    limits = ReadLimits(page_chars=200)
    source = reader(value, limits=limits)
    assert await whole(source) == value
    for page in await pages(source):
        assert len(orjson.dumps(page.content).decode()) <= limits.page_chars + 150  # one mark may be longer than a page


@given(st.text(max_size=600), st.integers(1, 50) | st.none())
async def test_pages_of_text_put_together_are_the_whole(text: str, limit: int | None) -> None:
    source = reader(text, "text/markdown; charset=utf-8", ReadLimits(page_chars=40))
    found = await pages(source, limit=limit)
    assert "".join(page.content for page in found) == text
    assert all(page.limit > 0 for page in found if text)
    assert limit is None or all(page.limit <= limit for page in found)


@given(st.binary(max_size=500))
async def test_pages_of_bytes_put_together_are_the_whole(body: bytes) -> None:
    assert await whole(reader(body, "application/octet-stream", ReadLimits(page_chars=40))) == body
