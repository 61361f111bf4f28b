"""What an operation takes as its body: one argument, or, where that is the same, an argument for each member."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from banyan.tools.openapi import parameters
from banyan.tools.openapi.binding import BodyBinding, BodyKind, FieldBinding, Place, Style
from banyan.tools.openapi.definitions import Definitions
from banyan.tools.openapi.dialect import DESCRIPTION_CHARS, Converted
from banyan.tools.openapi.document import Document
from banyan.tools.openapi.members import Members, members
from banyan.tools.openapi.plain import line
from banyan.tools.openapi.refs import Node

FILE: Mapping[str, Any] = {
    "description": "A file: base64 text, or an object",
    "anyOf": [
        {"type": "string", "contentEncoding": "base64"},
        {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "base64": {"type": "string", "contentEncoding": "base64"},
                "filename": {"type": "string"},
                "media_type": {"type": "string"},
            },
            "additionalProperties": False,
        },
    ],
}
"""What is given for a file."""

_MAX_TYPES = 100
_FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_JSON = re.compile(r"(?:application|text)/(?:json5?|[a-z0-9.+-]+\+json)")
_LINES = re.compile(r"application/(?:x-)?(?:ndjson|jsonlines|jsonl|json-seq)|application/vnd\.[a-z.-]+\+x-ndjson")
_TEXT = re.compile(r"text/.+|application/(?:xml|yaml|x-yaml|graphql|sql|javascript|toml)|.+\+(?:xml|yaml)")
_MEDIA = re.compile(r"[A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body, still without the names of its arguments."""

    kind: BodyKind
    media_type: str
    required: bool
    whole: Converted
    """The body as one value."""
    members: Members | None = None
    """Its members, where they can be arguments of their own."""
    fields: tuple[FieldBinding, ...] = ()
    """Forms: how members are written that are not written as usual; `argument` is not set yet."""
    example: Any = None


def kind_of(media_type: str) -> BodyKind:
    """Return how a body of `media_type`, without parameters and in small letters, is written."""
    if media_type == _FORM:
        return BodyKind.FORM
    if media_type.startswith("multipart/"):
        return BodyKind.MULTIPART
    if _LINES.fullmatch(media_type):
        return BodyKind.JSON_LINES
    if _JSON.fullmatch(media_type):
        return BodyKind.JSON
    return BodyKind.TEXT if _TEXT.fullmatch(media_type) else BodyKind.BINARY


def v3(document: Document, definitions: Definitions, operation: Node) -> Body | None:
    """Return the body of a 3.x operation; None where it takes none.

    Raises:
        ParameterProblem: it is needed, as far as one knows, and cannot be read.
    """
    stated = operation.child("requestBody")
    if stated.value is None:
        return None
    node = document.follow(stated)
    if not isinstance(node.value, Mapping):
        raise parameters.ParameterProblem("its body cannot be read: there is nothing behind its reference")
    content = document.follow(node.child("content"))
    offered = (
        [key for key in islice(content.value, _MAX_TYPES) if _usable(key)] if isinstance(content.value, Mapping) else []
    )
    if not offered:
        return None
    chosen = min(offered, key=lambda key: _rank(document, content.child(key), key))
    media = document.follow(content.child(chosen))
    required = node.value.get("required") is True
    made = _body(document, definitions, media, chosen, required)
    told = line(node.value.get("description"), DESCRIPTION_CHARS)
    if made is not None and told and isinstance(made.whole.schema, dict) and "description" not in made.whole.schema:
        made.whole.schema = {"description": told, **made.whole.schema}
    return made


def _usable(key: object) -> bool:
    return isinstance(key, str) and _MEDIA.fullmatch(key.partition(";")[0].strip()) is not None


def _rank(document: Document, media: Node, key: str) -> tuple[int, int]:
    """Return the smaller the better a media type is: JSON, then forms, then what is made up by the caller."""
    media_type = key.partition(";")[0].strip().casefold()
    if media_type == "application/json":
        return 0, 0
    if "*" in media_type:
        return 7, len(media_type)
    order = [BodyKind.JSON, BodyKind.FORM, BodyKind.MULTIPART, BodyKind.JSON_LINES, BodyKind.TEXT, BodyKind.BINARY]
    # Of several kinds of JSON a patch of operations is the hardest to write.
    return 1 + order.index(kind_of(media_type)), "json-patch" in media_type


def _body(document: Document, definitions: Definitions, media: Node, key: str, required: bool) -> Body | None:
    """Return the body in one of its media types; None where it is empty anyway."""
    media_type = key.partition(";")[0].strip().casefold()
    schema = media.child("schema")
    kind = kind_of(media_type)
    if "*" in media_type:
        kind, media_type = _guessed(document, schema)
    if kind in (BodyKind.TEXT, BodyKind.BINARY):
        return _plain(document, schema, kind, media_type, required)
    found = None if kind is BodyKind.JSON_LINES else members(document, definitions, schema)
    if found is not None and not found.schemas and not required:
        return None
    whole = definitions.convert(schema)
    fields: tuple[FieldBinding, ...] = ()
    if kind in (BodyKind.FORM, BodyKind.MULTIPART):
        fields, found, whole = _form(document, media, kind, found, whole)
    example = parameters.example(document, media) if isinstance(media.value, Mapping) else None
    return Body(
        kind=kind,
        media_type=media_type,
        required=required,
        whole=whole,
        members=found,
        fields=fields,
        example=example,
    )


def _guessed(document: Document, schema: Node) -> tuple[BodyKind, str]:
    """Return what a body of any media type is: JSON if its schema is one that only JSON could have."""
    value = document.follow(schema).value
    if isinstance(value, Mapping) and value.get("type") == "string":
        binary = value.get("format") == "binary"
        return (BodyKind.BINARY, "application/octet-stream") if binary else (BodyKind.TEXT, "text/plain")
    return (BodyKind.JSON, "application/json") if value else (BodyKind.BINARY, "application/octet-stream")


def _plain(document: Document, schema: Node, kind: BodyKind, media_type: str, required: bool) -> Body:
    value = document.follow(schema).value
    told = line(value.get("description"), DESCRIPTION_CHARS) if isinstance(value, Mapping) else ""
    if kind is BodyKind.BINARY:
        made = {**FILE, "description": f"{told} ({media_type}: base64 text, or an object)".strip()}
    else:
        made = {"type": "string", "description": f"{told} ({media_type})".strip()}
    return Body(kind=kind, media_type=media_type, required=required, whole=Converted(made))


def _form(
    document: Document, media: Node, kind: BodyKind, found: Members | None, whole: Converted
) -> tuple[tuple[FieldBinding, ...], Members | None, Converted]:
    """Return how the members of a form are written, and its schemas with files where they are meant."""
    encodings = document.follow(media.child("encoding"))
    known: dict[str, Any] = {}
    if found is not None:
        known = dict(found.schemas)
    elif isinstance(whole.schema, dict) and isinstance(whole.schema.get("properties"), dict):
        known = dict(whole.schema["properties"])
    fields: list[FieldBinding] = []
    for name, schema in known.items():
        one = _field(document.follow(encodings.child(name)), name)
        if kind is BodyKind.MULTIPART and is_file(schema, one.media_type):
            one = replace(one, binary=True)
            known[name] = as_file(schema)
        fields.append(one)
    if found is not None:
        return tuple(fields), replace(found, schemas=known), whole
    if known:
        whole = Converted({**whole.schema, "properties": known}, whole.refs)
    return tuple(fields), None, whole


def _field(encoding: Node, name: str) -> FieldBinding:
    value = encoding.value if isinstance(encoding.value, Mapping) else {}
    media_type = value.get("contentType")
    style, explode = value.get("style"), value.get("explode")
    kept = Style(style) if style in (Style.FORM, Style.SPACE, Style.PIPE, Style.DEEP) else Style.FORM
    return FieldBinding(
        name=name,
        argument=name,
        style=kept,
        explode=explode if isinstance(explode, bool) else kept is Style.FORM,
        allow_reserved=value.get("allowReserved") is True,
        # Of several that are allowed the first is sent; one with a wildcard says nothing.
        media_type=_first(media_type) if isinstance(media_type, str) else "",
    )


def _first(media_types: str) -> str:
    first = media_types.partition(",")[0].strip()
    return first if _usable(first) and "*" not in first else ""


def is_file(schema: Any, media_type: str = "") -> bool:
    """Return whether a member of a multipart form is a file, or a list of them."""
    if not isinstance(schema, Mapping):
        return False
    if schema.get("type") == "array":
        return is_file(schema.get("items"), media_type)
    kind = schema.get("type")
    text = kind == "string" or kind == ["string", "null"] or (kind is None and media_type)
    binary = schema.get("format") == "binary" or schema.get("contentEncoding") == "base64"
    stated = bool(media_type) and kind_of(media_type.casefold()) is BodyKind.BINARY
    return bool(text) and (binary or stated or "contentMediaType" in schema)


def as_file(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of what is given for a file, or for a list of files."""
    told = {"description": schema["description"]} if "description" in schema else {}
    if schema.get("type") == "array":
        return {"type": "array", "items": dict(FILE), **told}
    return {**FILE, **({"description": f"{told['description']} (base64 text, or an object)"} if told else {})}


def v2(document: Document, definitions: Definitions, operation: Node, given: list[Node]) -> Body | None:
    """Return the body of a 2.0 operation, which stands among its parameters."""
    consumes = operation.value.get("consumes", document.root.get("consumes"))
    offered = [one for one in consumes[:_MAX_TYPES] if _usable(one)] if isinstance(consumes, list) else []
    for node in given:
        if node.value.get("in") == "body":
            chosen = min(offered or ["application/json"], key=lambda key: _rank(document, node, key))
            return _body(document, definitions, node, _json_like(chosen), node.value.get("required") is True)
    fields = [node for node in given if node.value.get("in") == "formData"]
    return _form_v2(definitions, fields, offered) if fields else None


def _json_like(media_type: str) -> str:
    """A 2.0 body with a schema that is said to be a form, or nothing, is JSON in truth."""
    kind = kind_of(media_type.partition(";")[0].strip().casefold())
    return "application/json" if kind in (BodyKind.FORM, BodyKind.MULTIPART) else media_type


def _form_v2(definitions: Definitions, given: list[Node], offered: list[str]) -> Body:
    schemas: dict[str, Any] = {}
    required: list[str] = []
    fields: list[FieldBinding] = []
    refs: dict[str, None] = {}
    for node in given:
        name, value = node.value["name"], node.value
        bare = {key: one for key, one in value.items() if key not in ("name", "in", "required")}
        converted = definitions.convert(Node(bare, node.file, node.at))
        binary = value.get("type") == "file"
        schemas[name] = as_file(converted.schema) if binary else converted.schema
        refs.update(converted.refs)
        required += [name] if value.get("required") is True else []
        style, explode = parameters.collection(value, Place.QUERY)
        fields.append(FieldBinding(name=name, argument=name, style=style, explode=explode, binary=binary))
    multipart = any(one.binary for one in fields) or (_MULTIPART in offered and _FORM not in offered)
    whole = Converted({"type": "object", "properties": schemas, "required": required}, refs)
    return Body(
        kind=BodyKind.MULTIPART if multipart else BodyKind.FORM,
        media_type=_MULTIPART if multipart else _FORM,
        required=bool(required),
        whole=whole,
        members=Members(schemas=schemas, required=tuple(required), refs=refs),
        fields=tuple(fields),
    )


def bound(body: Body, argument: str, names: Mapping[str, str]) -> BodyBinding:
    """Return the binding of a body that is one argument, or of one whose members are: by `names`, name to argument."""
    written = {one.name: one for one in body.fields}
    if argument:
        fields = tuple(one for one in body.fields if one != FieldBinding(name=one.name, argument=one.name))
    else:
        fields = tuple(
            replace(written.get(name, FieldBinding(name=name, argument=name)), argument=given)
            for name, given in names.items()
        )
    return BodyBinding(
        kind=body.kind, media_type=body.media_type, argument=argument, fields=fields, required=body.required
    )
