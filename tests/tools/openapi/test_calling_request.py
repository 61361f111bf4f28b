"""Arguments become the request that the operation describes, at the address that holds."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.openapi.binding import (
    Binding,
    BodyBinding,
    BodyKind,
    FieldBinding,
    ParameterBinding,
    Place,
    ServerBinding,
    Style,
)
from banyan.tools.openapi.request import Address, Proof, build
from banyan.tools.web.request import WebRequest

HOST = ServerBinding(url="https://api.test/v1")


def parameter(name: str, place: Place = Place.QUERY, **rest: Any) -> ParameterBinding:
    usual = Style.FORM if place in (Place.QUERY, Place.COOKIE) else Style.SIMPLE
    return ParameterBinding(**{"name": name, "argument": name, "place": place, "style": usual, **rest})


def binding(path: str = "/x", *parameters: ParameterBinding, method: str = "GET", **rest: Any) -> Binding:
    return Binding(**{"method": method, "path": path, "servers": (HOST,), "parameters": parameters, **rest})


@contextmanager
def received(sent: WebRequest) -> Iterator[Request]:
    """Yield the request as a server's library reads it."""
    environ = EnvironBuilder(method=sent.method, base_url="https://api.test").get_environ()
    path, _, query = sent.url.removeprefix("https://api.test").partition("?")
    environ |= {"PATH_INFO": path, "QUERY_STRING": query}
    for name, value in sent.headers:
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    environ |= {"wsgi.input": io.BytesIO(sent.body or b""), "CONTENT_LENGTH": str(len(sent.body or b""))}
    with Request(environ) as request:
        yield request


def failed(made: Binding, arguments: Mapping[str, Any], **rest: Any) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        build(made, arguments, **rest)
    assert not caught.value.sent
    return caught.value


def test_each_argument_goes_where_its_parameter_is() -> None:
    made = binding(
        "/users/{id}",
        parameter("id", Place.PATH),
        parameter("q", argument="search"),
        parameter("X-Trace", Place.HEADER),
        parameter("theme", Place.COOKIE),
        query=(("api-version", "2"),),
        accept=("application/json", "text/plain"),
    )
    sent = build(made, {"id": "a/b", "search": "x y", "X-Trace": "t", "theme": "dark", "more": 1})
    assert sent.url == "https://api.test/v1/users/a%2Fb?api-version=2&q=x%20y"
    headers = dict(sent.headers)
    assert headers == {"Accept": "application/json, text/plain", "X-Trace": "t", "Cookie": "theme=dark"}
    assert sent.body is None and sent.method == "GET"


def test_a_parameter_with_a_media_type_is_written_as_a_whole() -> None:
    made = binding("/x", parameter("filter", media_type="application/json"))
    with received(build(made, {"filter": {"a": [1, "&"]}})) as request:
        assert request.args["filter"] == '{"a":[1,"&"]}'


def test_null_leaves_a_parameter_out() -> None:
    made = binding("/x", parameter("q"), parameter("h", Place.HEADER), parameter("c", Place.COOKIE))
    sent = build(made, {"q": None, "h": None, "c": None})
    assert sent.url.endswith("/x") and [name for name, _ in sent.headers] == ["Accept"]


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("/a/{x}{y}", {"x": ".", "y": "."}),
        ("/a/{x}", {"x": ".."}),
        ("/a/{x}", {"x": "%2e%2e/admin"}),
        ("/a/.{x}/b", {"x": "."}),
        ("/a/{x}", {"x": ""}),
        ("/a/{x}", {"x": None}),
        ("/a/{x}", {"x": "\ud800"}),
    ],
)
def test_no_argument_leads_to_another_path(path: str, arguments: Mapping[str, Any]) -> None:
    made = binding(path, parameter("x", Place.PATH), parameter("y", Place.PATH))
    failure = failed(made, arguments)
    assert failure.category is Category.BAD_VALUE and "`x`" in failure.message


def test_steps_that_only_together_lead_up_are_refused() -> None:
    made = binding("/a/{x}.{y}", parameter("x", Place.PATH), parameter("y", Place.PATH, style=Style.LABEL))
    assert build(made, {"x": "v", "y": "z"}).url.endswith("/a/v..z")
    only = binding("/a/.{x}", parameter("x", Place.PATH, style=Style.MATRIX))
    assert build(only, {"x": "1"}).url.endswith("/a/.;x=1")


def test_a_missing_part_of_the_path_is_named() -> None:
    failure = failed(binding("/a/{id}", parameter("id", Place.PATH, argument="user")), {})
    assert failure.category is Category.MISSING_ARGUMENT and "`user`" in failure.message


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Transfer-Encoding", "Connection"])
def test_an_argument_cannot_set_a_header_of_the_connection(name: str) -> None:
    sent = build(binding("/x", parameter(name, Place.HEADER)), {name: "evil"})
    assert "evil" not in str(sent.headers)


def test_a_line_break_for_a_header_is_refused() -> None:
    failure = failed(binding("/x", parameter("X-A", Place.HEADER)), {"X-A": "1\r\nX-B: 2"})
    assert failure.category is Category.BAD_VALUE and "`X-A`" in failure.message


# Addresses.


@pytest.mark.parametrize(
    ("servers", "address", "base"),
    [
        ((HOST,), Address(), "https://api.test/v1"),
        ((HOST,), Address(base_url="http://127.0.0.1:8000"), "http://127.0.0.1:8000"),
        ((HOST,), Address(base_url="https://eu.test/api/"), "https://eu.test/api"),
        ((ServerBinding(url="/api/v3"),), Address(base_url="https://eu.test"), "https://eu.test/api/v3"),
        ((ServerBinding(url="/api/v3"),), Address(base_url="https://eu.test/own"), "https://eu.test/own"),
        ((ServerBinding(url="//evil.test/x"),), Address(base_url="https://eu.test"), "https://eu.test"),
        ((), Address(base_url="https://eu.test"), "https://eu.test"),
        (
            (ServerBinding(url="https://{site}.test:{port}/v", variables={"site": "a", "port": "1"}),),
            Address(variables={"site": "b"}),
            "https://b.test:1/v",
        ),
        ((ServerBinding(url="https://{site}.test"),), Address(base_url="https://own.test"), "https://own.test"),
        (
            (ServerBinding(url="http://a.test/v"), ServerBinding(url="https://a.test/v")),
            Address(),
            "https://a.test/v",
        ),
        (
            (ServerBinding(url="http://a.test/v"), ServerBinding(url="https://b.test/v")),
            Address(),
            "http://a.test/v",
        ),
        ((ServerBinding(url="https://a.test/v?x=1#y"),), Address(), "https://a.test/v"),
    ],
)
def test_the_address_is_the_persons_or_the_documents(
    servers: tuple[ServerBinding, ...], address: Address, base: str
) -> None:
    assert build(binding("/x", servers=servers), {}, address=address).url == f"{base}/x"


def test_an_address_that_is_not_known_is_asked_for() -> None:
    for servers in (
        (),
        (ServerBinding(url="/v1"),),
        (ServerBinding(url="ws://a.test"),),
        (ServerBinding(url="//h/x"),),
    ):
        failure = failed(binding("/x", servers=servers), {})
        assert failure.fix and "--base-url" in failure.fix
    failure = failed(binding("/x", servers=(ServerBinding(url="https://{site}.test"),)), {})
    assert "`site`" in failure.message and "--server-variable site=VALUE" in str(failure.fix)


# Proof of who calls.


def test_proof_counts_before_arguments_and_is_marked_as_such() -> None:
    made = binding("/x", parameter("x-key", Place.HEADER), parameter("s", Place.COOKIE))
    proof = Proof(headers={"X-Key": "k1"}, query={"key": "k2"}, cookies={"sid": "k3"})
    sent = build(made, {"x-key": "mine", "s": "1"}, proof=proof)
    assert dict(sent.headers) == {"Accept": "application/json, */*;q=0.8", "X-Key": "k1", "Cookie": "s=1; sid=k3"}
    assert sent.url.endswith("?key=k2")
    assert sent.credentials == {"x-key", "cookie"} and sent.credential_query == {"key"}
    assert "k1" not in repr(sent) and "k1" not in repr(proof)


# Bodies.


def body(kind: BodyKind, media_type: str, *fields: FieldBinding, **rest: Any) -> Binding:
    return binding("/x", method="POST", body=BodyBinding(kind=kind, media_type=media_type, fields=fields, **rest))


def one(name: str, **rest: Any) -> FieldBinding:
    return FieldBinding(name=name, argument=rest.pop("argument", name), **rest)


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ({"a": 1, "other": [None, "é"]}, b'{"a":1,"b":[null,"\xc3\xa9"]}'),
        ({"a": None}, b'{"a":null}'),
        ({"a": "\ud800"}, b'{"a":"\\ud800"}'),
        ({"a": 10**30}, b'{"a":1' + b"0" * 30 + b"}"),
        ({}, None),
    ],
)
def test_arguments_are_members_of_a_json_body(arguments: Mapping[str, Any], sent: bytes | None) -> None:
    made = build(body(BodyKind.JSON, "application/json", one("a"), one("b", argument="other")), arguments)
    assert made.body == sent
    assert dict(made.headers).get("Content-Type") == ("application/json" if sent else None)


def test_a_required_body_is_sent_though_it_is_empty() -> None:
    assert build(body(BodyKind.JSON, "application/json", one("a"), required=True), {}).body == b"{}"
    assert build(body(BodyKind.FORM, "application/x-www-form-urlencoded", one("a"), required=True), {}).body == b""
    kind = "application/vnd.api+json"
    sent = build(body(BodyKind.JSON, kind, argument="body"), {"body": [1]})
    assert sent.body == b"[1]" and ("Content-Type", kind) in sent.headers


def test_lines_of_json_are_a_value_each() -> None:
    sent = build(body(BodyKind.JSON_LINES, "application/x-ndjson", argument="body"), {"body": [{"a": 1}, [2]]})
    assert sent.body == b'{"a":1}\n[2]\n'
    sent = build(body(BodyKind.JSON_LINES, "application/x-ndjson", argument="body"), {"body": '{"a":1}\n'})
    assert sent.body == b'{"a":1}\n'


def test_a_form_is_read_back_by_a_server() -> None:
    made = body(
        BodyKind.FORM,
        "application/x-www-form-urlencoded",
        one("a"),
        one("list"),
        one("csv", explode=False),
        one("deep", style=Style.DEEP),
        one("json", media_type="application/json"),
        one("object"),
        one("null"),
    )
    arguments = {
        "a": "x&y=é +",
        "list": [1, True],
        "csv": ["a", "b"],
        "deep": {"k": {"l": 1}, "m": ["z"]},
        "json": [1, {"q": 2}],
        "object": {"in": "side"},
        "null": None,
    }
    with received(build(made, arguments)) as request:
        form = request.form.to_dict(flat=False)
    assert form == {
        "a": ["x&y=é +"],
        "list": ["1", "true"],
        "csv": ["a,b"],
        "deep[k][l]": ["1"],
        "deep[m][0]": ["z"],
        "json": ['[1,{"q":2}]'],
        "object": ['{"in":"side"}'],
    }


def test_a_form_with_files_is_read_back_by_a_server() -> None:
    made = body(
        BodyKind.MULTIPART,
        "multipart/form-data",
        one("file", binary=True, media_type="image/png, image/*"),
        one("more", binary=True),
        one("about"),
        one("tags"),
        one("note", media_type="text/markdown"),
        one("meta", media_type="application/json"),
    )
    arguments = {
        "file": {"base64": "iVBORw==", "filename": 'a "b".png'},
        "more": ["aGk", "data:text/csv;base64,YSxi", {"text": "é", "media_type": "text/plain"}],
        "about": {"a": 1},
        "tags": ["x", 2],
        "note": "# hi",
        "meta": [1, 2],
    }
    sent = build(made, arguments)
    with received(sent) as request:
        files = [(key, one.filename, one.mimetype, one.read()) for key, one in request.files.items(multi=True)]
        form = request.form.to_dict(flat=False)
    assert files == [
        ("file", 'a "b".png', "image/png", b"\x89PNG"),
        ("more", "more", "application/octet-stream", b"hi"),
        ("more", "more", "text/csv", b"a,b"),
        ("more", "more", "text/plain", "é".encode()),
    ]
    assert form == {
        "about": ['{"a":1}'],
        "tags": ["x", "2"],
        "note": ["# hi"],
        "meta": ["[1,2]"],
    }
    assert b'name="meta"\r\nContent-Type: application/json' in (sent.body or b"")
    assert build(made, arguments) == sent, "equal calls are equal requests"
    with received(build(body(BodyKind.MULTIPART, "multipart/form-data", one("a"), required=True), {})) as request:
        assert not request.form


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(names, texts, min_size=1, max_size=3))
def test_any_text_passes_through_a_multipart_form(members: dict[str, str]) -> None:
    made = body(BodyKind.MULTIPART, "multipart/form-data", argument="body")
    with received(build(made, {"body": members})) as request:
        assert request.form.to_dict() == members


@pytest.mark.parametrize(
    ("value", "kind", "raw"),
    [
        ("aGk=", "application/zip", b"hi"),
        ("data:image/gif;base64,R0lG", "image/gif", b"GIF"),
        ("data:text/plain,a%20b", "text/plain", b"a b"),
        ({"text": "x,y", "media_type": "text/csv"}, "text/csv", b"x,y"),
        ({"base64": "_-8"}, "application/zip", b"\xff\xef"),
    ],
)
def test_a_file_is_the_body(value: Any, kind: str, raw: bytes) -> None:
    sent = build(body(BodyKind.BINARY, "application/zip", argument="body"), {"body": value})
    assert sent.body == raw and ("Content-Type", kind) in sent.headers


@pytest.mark.parametrize("value", ["not base64!", {"filename": "x"}, 3, "data:x", {"text": "", "media_type": "a\r\nb"}])
def test_what_is_no_file_is_refused_with_what_would_be(value: Any) -> None:
    failure = failed(body(BodyKind.BINARY, "*/*", argument="body"), {"body": value})
    assert failure.category is Category.BAD_VALUE and "`body` is a file" in failure.message


def test_text_is_sent_in_utf_8() -> None:
    sent = build(body(BodyKind.TEXT, "text/plain", argument="body"), {"body": "é"})
    assert sent.body == b"\xc3\xa9" and ("Content-Type", "text/plain; charset=utf-8") in sent.headers
    sent = build(body(BodyKind.TEXT, "application/xml", argument="body"), {"body": "<a/>"})
    assert sent.body == b"<a/>" and ("Content-Type", "application/xml") in sent.headers


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_any_json_value_passes_through_a_body(value: Any) -> None:
    sent = build(body(BodyKind.JSON, "application/json", argument="body"), {"body": value})
    assert json.loads(sent.body or b"") == value
