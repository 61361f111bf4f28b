"""Google's own client, built from the same documents, writes the same requests."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs
import pytest
from googleapiclient.discovery import Resource, build_from_document, fix_method_name, key2param
from googleapiclient.http import HttpMock, HttpRequest, MediaInMemoryUpload

from banyan.core.tool import ToolSpec
from banyan.tools.google import library
from banyan.tools.google.methods import tools
from banyan.tools.google.request import build
from banyan.tools.web import WebRequest

DOCUMENTS = library.folder()
FAMILIES = library.families(DOCUMENTS)
PLAIN = ("a", "zone-1", "x y", "ä", "50%", "a.b~c_d", "日本")
RESERVED = ("a/b", "c?d=e&f#g", "q+r", "me@example.com", "a:b;c,d", "'\"()!*")
BODY = {"displayName": "Ä & b", "count": 2}


def documents() -> Iterator[tuple[dict[str, Any], list[ToolSpec]]]:
    for versions in library.chosen(FAMILIES, (), all_versions=False):
        document = library.load(versions[0].path)
        yield document, tools([document], versions[0].server)


def service_of(document: Mapping[str, Any]) -> Resource:
    return build_from_document(dict(document), http=HttpMock(headers={"status": "200"}))


def places(resource: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the id of every method with the resources that it is in, and its name there.

    Those that Google's client hides behind a resource of the same name are left out.
    """
    for name, method in resource.get("methods", {}).items():
        if name not in resource.get("resources", {}):
            yield method["id"], (*path, name)
    for name, inner in resource.get("resources", {}).items():
        yield from places(inner, (*path, name))


def theirs(service: Any, place: Sequence[str], arguments: Mapping[str, Any], **more: Any) -> HttpRequest:
    *resources, name = place
    name = f"{name}_media" if arguments.get("alt") == "media" else name
    for resource in resources:
        service = getattr(service, fix_method_name(resource))()
    named = {key if key == "body" else key2param(key): value for key, value in arguments.items() if key != "alt"}
    return getattr(service, fix_method_name(name))(**named, **more)


def value_of(schema: Mapping[str, Any], random: Random, *, several: bool) -> Any:
    """Return a value that fits, with signs that must be escaped where they may stand; None where none is easy."""
    if "enum" in schema:
        return random.choice(schema["enum"])
    if schema.get("type") == "array":
        return [value_of(schema["items"], random, several=False) for _ in range(random.choice((1, 2, 3)))]
    if schema.get("type") == "boolean":
        return random.choice((True, False))
    if schema.get("type") == "integer":
        return random.choice((schema.get("minimum", 0), schema.get("maximum", 7)))
    if schema.get("type") == "number":
        return random.choice((-1.5, 0.25))
    if "pattern" in schema:
        text = re.sub(r"\[\^/\]\+|\.\*", lambda _: random.choice(PLAIN), schema["pattern"].strip("^$"))
        if re.search(r"[\[(\\|]", text):
            return None
        return text if jsonschema_rs.Draft202012Validator({"pattern": schema["pattern"]}).is_valid(text) else None
    return random.choice(PLAIN) if several else random.choice(PLAIN + RESERVED)


def arguments_of(tool: ToolSpec, random: Random) -> dict[str, Any] | None:
    """Return arguments of a tool: all that it needs, and some that it does not; None where they cannot be made up."""
    schema, found = tool.input_schema, dict[str, Any]()
    needed = {*schema.get("required", ()), *tool.binding.get("defaults", ())}
    for name, one in schema["properties"].items():
        if name == "media" or (name not in needed and random.random() < 0.5):
            continue
        in_path = f"{{+{name}}}" in tool.binding["path"]
        value = BODY if name == "body" else value_of(one, random, several=in_path)
        if value is None and name in needed:
            return None
        if value is not None:
            found[name] = value
    return found


def query_of(url: str) -> list[tuple[str, str]]:
    return sorted(
        (key, value) for key, value in parse_qsl(urlsplit(url).query, True) if (key, value) != ("alt", "json")
    )


def agree(ours: WebRequest, other: HttpRequest) -> bool:
    one, two = urlsplit(ours.url), urlsplit(other.uri)
    body = json.loads(ours.body) if ours.body else None
    return (
        (one.scheme, one.netloc, one.path) == (two.scheme, two.netloc, two.path)
        and query_of(ours.url) == query_of(other.uri)
        and ours.method == other.method
        and body == (json.loads(other.body) if other.body else None)
    )


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_every_method_is_asked_as_googles_own_client_asks_it() -> None:
    random = Random(3)
    compared, wrong, refused = 0, [], []
    for document, listed in documents():
        service, place = service_of(document), dict(places(document))
        for tool in listed[::4]:
            arguments = arguments_of(tool, random)
            if arguments is None or tool.binding["id"] not in place:
                continue
            if "body" in tool.binding:
                arguments["body"] = BODY
            ours = build(tool.binding, arguments)
            try:
                other = theirs(service, place[tool.binding["id"]], arguments)
            except TypeError as error:
                refused.append((tool.binding["id"], arguments, str(error)))
                continue
            compared += 1
            if not agree(ours, other):
                wrong.append((tool.binding["id"], arguments, ours.url, other.uri))
    assert not wrong[:3]
    assert compared > 3_000
    assert len(refused) < 5, refused


BINARY = (b"\x00\r\n--part\r\n\xff", "image/png")
MESSAGE = (b"To: a@example.com\r\n\r\nHello", "message/rfc822")
UPLOADS = (
    ("drive", "files.create", {"body": {"name": "é.txt"}, "fields": "id"}, BINARY),
    ("drive", "files.update", {"fileId": "a b/c"}, BINARY),
    ("storage", "objects.insert", {"bucket": "b", "name": "n/m"}, BINARY),
    ("storage", "objects.insert", {"bucket": "b", "body": {"name": "n"}}, BINARY),
    ("gmail", "users.messages.send", {"userId": "me", "body": {"labelIds": ["A"]}}, MESSAGE),
)


@pytest.mark.parametrize(("api", "name", "arguments", "content"), UPLOADS)
def test_content_is_uploaded_as_googles_own_client_uploads_it(
    api: str, name: str, arguments: dict[str, Any], content: tuple[bytes, str]
) -> None:
    document = library.load(FAMILIES[api][0].path)
    tool = next(one for one in tools([document], api) if one.upstream_name == name)
    raw, media_type = content
    media = {"base64": base64.b64encode(raw).decode(), "type": media_type}
    ours = build(tool.binding, {**arguments, "media": media})
    place = dict(places(document))[tool.binding["id"]]
    other = theirs(service_of(document), place, arguments, media_body=MediaInMemoryUpload(raw, media_type))
    assert ours.method == other.method
    assert urlsplit(ours.url).path == urlsplit(other.uri).path
    assert query_of(ours.url) == query_of(other.uri)
    assert ours.body is not None
    assert parts_of(dict(ours.headers)["Content-Type"], ours.body) == parts_of(
        other.headers["content-type"], other.body if isinstance(other.body, bytes) else other.body.encode()
    )


def parts_of(media_type: str, body: bytes) -> list[tuple[str, Any]]:
    """Return the parts of a body, each with its type; JSON as its value."""
    if not media_type.startswith("multipart/related"):
        return [(media_type, body)]
    boundary = media_type.partition("boundary=")[2].strip('"').encode()
    found = []
    for part in body.split(b"--" + boundary)[1:-1]:
        head, raw = re.split(rb"\r?\n\r?\n", part.strip(b"\r\n"), maxsplit=1)
        kind = re.search(rb"(?i)content-type: *([^\r\n;]+)", head)
        assert kind is not None
        value = json.loads(raw) if kind[1] == b"application/json" else raw
        found.append((kind[1].decode(), value))
    return found


def test_the_documents_are_where_googles_own_client_has_them() -> None:
    import googleapiclient.discovery_cache

    assert Path(googleapiclient.discovery_cache.__file__).parent / "documents" == DOCUMENTS
