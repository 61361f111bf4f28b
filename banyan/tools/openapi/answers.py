"""What an operation gives back: the media types to ask for, and the schema of a good answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from banyan.tools.openapi.binding import BodyKind
from banyan.tools.openapi.body import kind_of
from banyan.tools.openapi.definitions import Definitions
from banyan.tools.openapi.document import Document, Version
from banyan.tools.openapi.refs import Node

_MAX_TYPES = 6
_MAX_RESPONSES = 20
_TYPE_CHARS = 120


def answer(
    document: Document, definitions: Definitions, operation: Node, most_bytes: int
) -> tuple[tuple[str, ...], Mapping[str, Any] | None]:
    """Return the media types of an operation's good answers, JSON first, and the schema of its JSON answer."""
    types: dict[str, None] = {}
    schema: Mapping[str, Any] | None = None
    for response in _good(document, operation):
        for media_type, node in _contents(document, operation, response):
            types[media_type] = None
            if schema is None and kind_of(media_type) is BodyKind.JSON and isinstance(node.value, Mapping):
                schema = definitions.whole(definitions.convert(node), most_bytes) or None
    ordered = sorted(types, key=lambda one: (kind_of(one) is not BodyKind.JSON, one != "application/json"))
    return tuple(ordered[:_MAX_TYPES]), schema


def _good(document: Document, operation: Node) -> Iterator[Node]:
    """Yield the responses of success, and the default one where there are none."""
    responses = document.follow(operation.child("responses"))
    codes = list(islice(responses.value, _MAX_RESPONSES)) if isinstance(responses.value, Mapping) else []
    good = sorted(code for code in codes if code.startswith("2"))
    for code in good or [code for code in codes if code == "default"]:
        node = document.follow(responses.child(code))
        if isinstance(node.value, Mapping):
            yield node


def _contents(document: Document, operation: Node, response: Node) -> Iterator[tuple[str, Node]]:
    if document.version is Version.V2:
        stated = operation.value.get("produces", document.root.get("produces"))
        produced = stated if isinstance(stated, list) else ["application/json"]
        types = [_clean(one) for one in produced[:_MAX_RESPONSES] if isinstance(one, str)]
        if response.value.get("schema") is not None:
            yield from ((one, response.child("schema")) for one in types if one)
        return
    content = document.follow(response.child("content"))
    for key in islice(content.value, _MAX_RESPONSES) if isinstance(content.value, Mapping) else ():
        if clean := _clean(key):
            yield clean, document.follow(content.child(key)).child("schema")


def _clean(media_type: str) -> str:
    clean = media_type.partition(";")[0].strip().casefold()
    return clean if clean.isascii() and clean.isprintable() and len(clean) <= _TYPE_CHARS and "/" in clean else ""
