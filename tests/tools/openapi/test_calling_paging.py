"""How the next page is had is told in the arguments of the operation, as vendors' answers say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from banyan.tools.openapi.binding import Binding, BodyBinding, BodyKind, FieldBinding, ParameterBinding, Place, Style
from banyan.tools.openapi.response import result
from banyan.tools.web.request import WebResponse


def operation(*names: str, method: str = "GET", body: tuple[str, ...] = ()) -> Binding:
    query = [ParameterBinding(name=one, argument=one, place=Place.QUERY, style=Style.FORM) for one in names]
    fields = tuple(FieldBinding(name=one, argument=one) for one in body)
    made = BodyBinding(kind=BodyKind.JSON, media_type="application/json", fields=fields) if body else None
    return Binding(method=method, path="/x", parameters=tuple(query), body=made)


def notes(value: Any, binding: Binding, arguments: Mapping[str, Any] | None = None, **headers: str) -> tuple[str, ...]:
    answer = WebResponse(
        status=200, headers=headers, body=orjson.dumps(value), media_type="application/json", url="https://api.test/x"
    )
    return result(answer, binding, arguments or {}).notes


def told(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    written = orjson.dumps(arguments).decode()
    return (f"there is a next page: call it again with {written} added to the arguments",)


@pytest.mark.parametrize(
    ("answer", "names", "given", "wanted"),
    [
        ({"next_page_token": "t"}, ("page_token",), {}, {"page_token": "t"}),
        ({"nextPageToken": "t"}, ("pageToken",), {}, {"pageToken": "t"}),
        ({"response_metadata": {"next_cursor": "c="}}, ("cursor",), {}, {"cursor": "c="}),
        ({"meta": {"page": {"after": "a"}}}, ("page[cursor]",), {}, {"page[cursor]": "a"}),
        ({"cursor": "c"}, ("cursor",), {"cursor": "b"}, {"cursor": "c"}),
        ({"metadata": {"continue": "k"}}, ("continue", "limit"), {}, {"continue": "k"}),
        ({"next_marker": "m"}, ("marker",), {}, {"marker": "m"}),
        ({"has_more": True, "data": [{"id": "a"}, {"id": "b"}]}, ("starting_after",), {}, {"starting_after": "b"}),
        ({"has_more": True, "last_id": "z", "data": [{"id": "a"}]}, ("after",), {}, {"after": "z"}),
        ({"paging": {"cursors": {"after": "q"}, "next": "https://x.test/?after=q"}}, ("after",), {}, {"after": "q"}),
        ({"pages": {"next": {"page": 2, "starting_after": "s"}}}, ("starting_after",), {}, {"starting_after": "s"}),
        ({"next_page": {"offset": "o", "uri": "https://x.test/?offset=o"}}, ("offset",), {}, {"offset": "o"}),
        ({"next": "https://x.test/v1?offset=20&limit=20"}, ("offset", "limit"), {"limit": 20}, {"offset": 20}),
        ({"_links": {"next": {"href": "/v1?page=3"}}}, ("page",), {"page": 2}, {"page": 3}),
        ({"@odata.nextLink": "https://x.test/?$skiptoken=s"}, ("$skiptoken",), {}, {"$skiptoken": "s"}),
        ({"page": 1, "total_pages": 3}, ("page",), {}, {"page": 2}),
        ({"result_info": {"page": 2, "total_pages": 3}}, ("page",), {"page": 2}, {"page": 3}),
        ({"offset": 25, "limit": 25, "more": True}, ("offset",), {"offset": 25}, {"offset": 50}),
        ({"offset": 0, "limit": 10, "total": 11}, ("offset",), {}, {"offset": 10}),
    ],
)
def test_the_usual_signs_of_a_next_page_become_arguments(
    answer: Any, names: tuple[str, ...], given: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    assert notes(answer, operation(*names), given) == told(wanted)


@pytest.mark.parametrize(
    ("answer", "names", "given"),
    [
        ({"next_cursor": ""}, ("cursor",), {}),
        ({"next_cursor": None}, ("cursor",), {}),
        ({"next_cursor": "c"}, ("q",), {}),
        ({"has_more": False, "cursor": "c"}, ("cursor",), {}),
        ({"has_more": True, "data": []}, ("starting_after",), {}),
        ({"page": 3, "total_pages": 3}, ("page",), {"page": 3}),
        ({"offset": 20, "limit": 10, "total": 30}, ("offset",), {"offset": 20}),
        ({"offset": 5}, ("offset",), {}),
        ({"cursor": "same"}, ("cursor",), {"cursor": "same"}),
        ({"next": {"deep": 1}}, ("page",), {}),
        ({"next_cursor": "c" * 5_000}, ("cursor",), {}),
        ([{"next_cursor": "c"}], ("cursor",), {}),
        ("next", ("cursor",), {}),
    ],
)
def test_no_page_is_promised_where_there_is_none(answer: Any, names: tuple[str, ...], given: Mapping[str, Any]) -> None:
    assert notes(answer, operation(*names), given) == ()


def test_a_cursor_of_the_body_is_told_as_its_argument() -> None:
    binding = operation(method="POST", body=("cursor", "count"))
    assert notes({"next_cursor": "n", "has_more": True}, binding) == told({"cursor": "n"})
    assert notes({"next_cursor": "n"}, operation("cursor", method="DELETE")) == ()


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ('<https://x.test/a?page=2&per_page=5>; rel="next", <https://x.test/a?page=9>; rel="last"', {"page": 2}),
        ("</a?page=7>; title=x; rel=next", {"page": 7}),
        ('</a?page=1>; rel="prev", </a?page=3>; rel="foo next"', {"page": 3}),
        ('<https://x.test/a?page=9>; rel="last"', None),
        ('<https://x.test/a?token=s>; rel="next"', None),
        ('<http://[bad?page=2>; rel="next"', None),
        ("<" * 10_000, None),
    ],
)
def test_a_link_header_is_read(link: str, wanted: Mapping[str, Any] | None) -> None:
    found = notes([], operation("page", "per_page"), {"per_page": 5, "page": 1}, link=link)
    assert found == (told(wanted) if wanted else ())


@pytest.mark.parametrize(
    ("status", "kind", "body", "structured", "parts"),
    [
        (200, "application/json", b'{"a": 1}', {"a": 1}, ()),
        (200, "application/problem+json", b"[]", [], ()),
        (200, "", b'{"a": 1}', {"a": 1}, ()),
        (200, "application/json", b'{"a": NaN}', {"a": "NaN"}, ()),
        (200, "application/json", '{"a": "é"}'.encode("utf-16"), {"a": "é"}, ()),
        (200, "application/json", b"1" * 40, int("1" * 40), ()),
        (200, "application/json", b"null", None, (("application/json", b"null"),)),
        (200, "application/json", b"{broken", None, (("text/plain", b"{broken"),)),
        (200, "text/html", b"<p>", None, (("text/html", b"<p>"),)),
        (200, "application/pdf", b"%PDF", None, (("application/pdf", b"%PDF"),)),
        (200, "", b"\xff\x00", None, (("application/octet-stream", b"\xff\x00"),)),
        (200, "", b"plain", None, (("text/plain", b"plain"),)),
        (202, "", b"", {"status": 202}, ()),
    ],
)
def test_an_answer_is_what_its_media_type_says(
    status: int, kind: str, body: bytes, structured: Any, parts: tuple[tuple[str, bytes], ...]
) -> None:
    found = result(WebResponse(status=status, body=body, media_type=kind), operation(), {})
    assert found.structured == structured
    assert tuple((one.media_type, one.body) for one in found.parts) == parts


def test_an_answer_to_head_is_what_its_headers_say() -> None:
    answer = WebResponse(status=200, headers={"etag": '"1"', "set-cookie": "s"})
    assert result(answer, operation(method="HEAD"), {}).structured == {"status": 200, "etag": '"1"'}
