"""The request that a call of a method is: a pure function of its binding and arguments."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.core.shorten import cut
from banyan.tools.google.methods import ALT, BODY, MEDIA
from banyan.tools.web.request import WebRequest

_VARIABLE = re.compile(r"\{(\+?)([^{}]+)\}")
_JSON_TYPE = "application/json; charset=UTF-8"
_SAFE = "-._~"
_MEDIA_TYPE = re.compile(r"[!#$&^_.+A-Za-z0-9-]+/[!#$&^_.+A-Za-z0-9-]+(;[ -~]*)?")


def build(binding: Mapping[str, Any], arguments: Mapping[str, Any], *, base_url: str = "") -> WebRequest:
    """Return the request that calls a method with `arguments`, without what shows who calls.

    Args:
        binding: as the method's tool has it.
        arguments: valid by the tool's schema.
        base_url: where the API is instead of where its document says.

    Raises:
        CallFailed: an argument cannot be written where it goes.
    """
    media = _mapping(arguments.get(MEDIA)) if MEDIA in binding else {}
    uploads = "text" in media or "base64" in media
    path = binding[MEDIA]["path"] if uploads else binding["path"]
    # A parameter of the method's own may have a name of ours: then there is no such argument of ours.
    used = {match[2] for match in _VARIABLE.finditer(path)} | {BODY if BODY in binding else "", MEDIA}
    query = {name: value for name, value in arguments.items() if name not in used and value is not None}
    body, media_type = _content(binding, arguments, media) if uploads else _json(binding, arguments)
    if uploads:
        query["uploadType"] = "multipart" if media_type.startswith("multipart/") else "media"
    given = {**binding.get("defaults", {}), **arguments}
    url = f"{_root(binding, base_url)}/{_filled(path, given)}"
    if query:
        url = f"{url}?{urlencode([(name, _text(one)) for name, one in _pairs(query)], quote_via=quote)}"
    accept = "*/*" if query.get(ALT) == "media" else "application/json"
    headers = (("Accept", accept), *((("Content-Type", media_type),) if body is not None else ()))
    return WebRequest(method=binding["method"], url=url, headers=headers, body=body)


def _root(binding: Mapping[str, Any], base_url: str) -> str:
    return (base_url or binding["root"]).rstrip("/")


def _filled(path: str, arguments: Mapping[str, Any]) -> str:
    """Return a path with its variables filled in: `{name}` is one segment, `{+name}` may be several."""

    def value(match: re.Match[str]) -> str:
        several, name = bool(match[1]), match[2]
        if arguments.get(name) in (None, ""):
            raise CallFailed(Category.MISSING_ARGUMENT, f"`{name}` is missing: it is part of the path", sent=False)
        text = _text(arguments[name])
        # Servers and proxies resolve such segments, and the call would be another one.
        if any(segment in {".", ".."} for segment in text.split("/")):
            message = f"`{name}`: `{cut(text, 80)}` has a segment `.` or `..`, which would call something else"
            raise CallFailed(Category.BAD_VALUE, message, sent=False)
        return quote(text, safe=_SAFE + ("/" if several else ""))

    return _VARIABLE.sub(value, path)


def _json(binding: Mapping[str, Any], arguments: Mapping[str, Any]) -> tuple[bytes | None, str]:
    if BODY not in binding:
        return None, ""
    return orjson.dumps(arguments.get(BODY) or {}), _JSON_TYPE


def _content(binding: Mapping[str, Any], arguments: Mapping[str, Any], media: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the content to upload with its type; with the body before it, where there is one."""
    content, media_type = _bytes(media), str(media.get("type") or _usual_type(binding, media))
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise CallFailed(Category.BAD_VALUE, f"`media`: `{cut(media_type, 80)}` is no media type", sent=False)
    about = arguments.get(BODY) if BODY in binding else None
    if not about or not binding[MEDIA]["multipart"]:
        return content, media_type
    boundary = _boundary(content)
    parts = ((_JSON_TYPE, orjson.dumps(about)), (media_type, content))
    written = b"".join(
        b"--%s\r\nContent-Type: %s\r\n\r\n%s\r\n" % (boundary, kind.encode(), body) for kind, body in parts
    )
    return written + b"--%s--\r\n" % boundary, f"multipart/related; boundary={boundary.decode()}"


def _boundary(content: bytes) -> bytes:
    while True:
        boundary = f"part-{secrets.token_hex(16)}".encode()
        if boundary not in content:
            return boundary


def _bytes(media: Mapping[str, Any]) -> bytes:
    if "base64" not in media:
        return str(media["text"]).encode("utf-8", "replace")
    if "text" in media:
        raise CallFailed(Category.BAD_VALUE, "`media`: give `text` or `base64`, not both", sent=False)
    try:
        return base64.b64decode(str(media["base64"]), validate=True)
    except (binascii.Error, ValueError) as error:
        raise CallFailed(Category.BAD_VALUE, f"`media.base64` is no base64: {error}", sent=False) from error


def _usual_type(binding: Mapping[str, Any], media: Mapping[str, Any]) -> str:
    accepted = [one for one in binding[MEDIA]["accept"] if "*" not in one]
    return accepted[0] if accepted else "text/plain" if "text" in media else "application/octet-stream"


def _pairs(query: Mapping[str, Any]) -> list[tuple[str, Any]]:
    pairs = []
    for name, value in query.items():
        pairs += [(name, one) for one in value] if isinstance(value, list) else [(name, value)]
    return pairs


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def host_of(url: str) -> str:
    """Return the host of a URL, lower case; empty where it has none."""
    try:
        return (urlsplit(url).hostname or "").casefold()
    except ValueError:
        return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
