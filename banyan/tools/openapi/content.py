"""Bodies of requests: JSON, forms, files and text."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from banyan.tools.openapi.binding import BodyBinding, BodyKind, FieldBinding, Style
from banyan.tools.openapi.styles import NotWritable, json_text, query_string, text

JSON = "application/json"
_BYTES = "application/octet-stream"
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A body, and what its `Content-Type` says."""

    media_type: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that an argument holds."""

    raw: bytes
    filename: str = ""
    media_type: str = ""


def content(body: BodyBinding, arguments: Mapping[str, Any]) -> Content | None:
    """Return the body that `arguments` make; None where they make none, and none is needed.

    Raises:
        NotWritable: an argument cannot be written as the body wants it.
    """
    value = _value(body, arguments)
    if value is _ABSENT:
        return None
    if body.kind is BodyKind.JSON:
        return Content(media_type=body.media_type, raw=json_text(value).encode())
    if body.kind is BodyKind.JSON_LINES:
        # Text is taken for lines that are written already.
        lines = value if isinstance(value, list | tuple) else [value]
        raw = (value if isinstance(value, str) else "".join(f"{json_text(one)}\n" for one in lines)).encode()
        return Content(media_type=body.media_type, raw=raw)
    if body.kind is BodyKind.FORM:
        return Content(media_type=body.media_type, raw="&".join(_form(body, value)).encode("ascii"))
    if body.kind is BodyKind.MULTIPART:
        return _multipart(body, value)
    if body.kind is BodyKind.BINARY:
        found = file(value)
        return Content(media_type=found.media_type or _definite(body.media_type), raw=found.raw)
    return _text(body, value)


def file(value: Any) -> File:
    """Return the file that an argument holds: base64 or a `data:` URL, or an object with `text` or `base64`.

    Raises:
        NotWritable: it is none of these.
    """
    if isinstance(value, str):
        return _data_url(value) if value.startswith("data:") else File(raw=_decoded(value))
    if isinstance(value, Mapping) and ("text" in value or "base64" in value):
        raw = _decoded(str(value["base64"])) if "base64" in value else str(value["text"]).encode()
        about = (str(value.get(key) or "") for key in ("filename", "media_type"))
        filename, media_type = (_one_line(one) for one in about)
        return File(raw=raw, filename=filename, media_type=media_type)
    raise NotWritable('is a file: give base64, or an object as {"text": "…", "filename": "…"}')


def _value(body: BodyBinding, arguments: Mapping[str, Any]) -> Any:
    if body.argument:
        return arguments.get(body.argument, _ABSENT)
    given = {one.name: arguments[one.argument] for one in body.fields if one.argument in arguments}
    return given if given or body.required else _ABSENT


def _form(body: BodyBinding, value: Any) -> Iterator[str]:
    for field, one in _members(body, value):
        if field.media_type:
            written, style, explode = _written(field, one), Style.FORM, True
        elif isinstance(one, Mapping) and field.style is Style.FORM and field.explode:
            # Its members would stand beside those of the form itself; JSON is the default for objects.
            written, style, explode = json_text(one), Style.FORM, True
        else:
            written, style, explode = one, field.style, field.explode
        yield from query_string(field.name, written, style=style, explode=explode, allow_reserved=field.allow_reserved)


def _members(body: BodyBinding, value: Any) -> Iterator[tuple[FieldBinding, Any]]:
    if not isinstance(value, Mapping):
        raise NotWritable("is a form: give an object")
    known = {one.name: one for one in body.fields}
    for name, one in value.items():
        if one is not None:
            yield known.get(name) or FieldBinding(name=name, argument=name), one


def _written(field: FieldBinding, value: Any) -> str:
    return json_text(value) if is_json(field.media_type) else text(value)


def _multipart(body: BodyBinding, value: Any) -> Content:
    # Imported here: most APIs take no files.
    import httpx

    parts = [part for field, one in _members(body, value) for part in _parts(field, one)]
    # The boundary follows from what it bounds: equal calls are equal requests, and it cannot stand within a part.
    mark = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
    kind = f"{body.media_type}; boundary={mark}"
    # httpx writes no multipart of nothing; what ends it is a form of its own.
    if not parts:
        return Content(media_type=kind, raw=f"--{mark}--\r\n".encode("ascii"))
    request = httpx.Request("POST", "http://localhost", files=parts, headers={"Content-Type": kind})
    return Content(media_type=kind, raw=request.read())


_Part = tuple[str, tuple[str | None, bytes, str | None]]


def _parts(field: FieldBinding, value: Any) -> Iterator[_Part]:
    for one in value if _repeats(field, value) else (value,):
        if field.binary:
            found = file(one)
            kind = found.media_type or _definite(field.media_type)
            yield field.name, (found.filename or _plain_name(field.name), found.raw, kind)
        elif is_json(field.media_type) or isinstance(one, Mapping | list | tuple):
            yield field.name, (None, json_text(one).encode(), _definite(field.media_type, JSON))
        elif one is not None:
            yield field.name, (None, text(one).encode(), _definite(field.media_type, "") or None)


def _repeats(field: FieldBinding, value: Any) -> bool:
    """Whether each item is a part of its own: files and plain lists are; what is written as JSON is one part."""
    return isinstance(value, list | tuple) and (field.binary or not is_json(field.media_type))


def _text(body: BodyBinding, value: Any) -> Content:
    kind = _definite(body.media_type, "text/plain")
    if kind.startswith("text/") and "charset" not in kind.lower():
        kind = f"{kind}; charset=utf-8"
    return Content(media_type=kind, raw=text(value).encode())


def is_json(media_type: str) -> bool:
    """Return whether a media type is of JSON."""
    plain = media_type.partition(";")[0].strip().lower()
    return plain.endswith(("/json", "+json"))


def _definite(media_type: str, default: str = _BYTES) -> str:
    """Return the first of the media types of an encoding that is no wildcard."""
    kinds: Sequence[str] = [one.strip() for one in media_type.split(",")]
    return next((one for one in kinds if one and "*" not in one), default)


def _data_url(value: str) -> File:
    head, comma, data = value.removeprefix("data:").partition(",")
    if not comma:
        raise NotWritable("is a file: a `data:` URL has a comma before its data")
    kind = _one_line(head.removesuffix(";base64"))
    if head.endswith(";base64"):
        return File(raw=_decoded(data), media_type=kind)
    from urllib.parse import unquote_to_bytes

    return File(raw=unquote_to_bytes(data), media_type=kind)


def _decoded(value: str) -> bytes:
    plain = "".join(value.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise NotWritable('is a file, and not base64: give base64, or an object as {"text": "…"}') from None


def _one_line(value: str) -> str:
    """Return `value` if it can stand in a header of a part."""
    if any(ord(sign) < 0x20 or ord(sign) == 0x7F for sign in value):
        raise NotWritable("is a file whose name or media type holds a control character")
    return value


def _plain_name(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name) or "file"
