"""What an API answered, as a result: JSON as a value, text as text, anything else as bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

from banyan.core.call import Part, RawResult
from banyan.tools.openapi.binding import Binding
from banyan.tools.openapi.content import is_json
from banyan.tools.openapi.paging import next_page
from banyan.tools.web.request import WebResponse

_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_LONG_NUMBER = re.compile(rb"[0-9]{20}")
"""An integer beyond 64 bits: the fast reader would round it, and it may be an id."""
_TOLD_HEADERS = ("content-type", "content-length", "last-modified", "etag")
_TEXT_KINDS = frozenset({"application/xml", "application/javascript", "application/x-ndjson", "application/yaml"})
_MAX_LOCATION_CHARS = 400
_NOT_TOLD = object()


def result(response: WebResponse, binding: Binding, arguments: Mapping[str, Any]) -> RawResult:
    """Return a good answer as a result, and in its notes how the next page is had, or where what was made is."""
    value = _value(response, binding)
    notes = [*_created(response)]
    if value is not _NOT_TOLD:
        notes += next_page(response, value, binding, arguments)
        parts = () if value is not None else (Part(media_type="application/json", body=b"null"),)
        return RawResult(structured=value, parts=parts, notes=tuple(notes))
    notes += next_page(response, None, binding, arguments)
    parts = (_part(response),) if response.body else ()
    return RawResult(parts=parts, notes=tuple(notes))


def _value(response: WebResponse, binding: Binding) -> Any:
    """Return the JSON value that was answered; a mark where it is none."""
    if binding.method == "HEAD":
        about = {name: response.headers[name] for name in _TOLD_HEADERS if name in response.headers}
        return {"status": response.status, **about}
    if not response.body:
        return {"status": response.status}
    if not is_json(response.media_type) and (response.media_type or response.body[:1] not in b"{["):
        return _NOT_TOLD
    if _LONG_NUMBER.search(response.body):
        return _as_python_reads(response.body)
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return _as_python_reads(response.body)


def _as_python_reads(body: bytes) -> Any:
    """Return JSON that is not strict, as with `NaN`, a byte order mark or another encoding; a mark where it is none."""
    try:
        # What is not finite becomes text, as JSON has no sign for it and it must be stored as JSON.
        return json.loads(body.decode(json.detect_encoding(body)), parse_constant=str)
    except (ValueError, RecursionError):
        return _NOT_TOLD


def _part(response: WebResponse) -> Part:
    kind = response.media_type
    if kind.startswith("text/") or kind in _TEXT_KINDS or kind.endswith("+xml") or is_json(kind):
        return Part(media_type=kind if not is_json(kind) else "text/plain", body=_utf8(response))
    if not kind:
        try:
            response.body.decode()
        except UnicodeDecodeError:
            return Part(media_type="application/octet-stream", body=response.body)
        return Part(media_type="text/plain", body=response.body)
    return Part(media_type=kind, body=response.body)


def _utf8(response: WebResponse) -> bytes:
    """Return a text in UTF-8, whatever its own encoding."""
    named = _CHARSET.search(response.headers.get("content-type", ""))
    if named is None or named[1].lower() in ("utf-8", "utf8", "us-ascii"):
        return response.body
    try:
        return response.body.decode(named[1], errors="replace").encode("utf-8", errors="replace")
    except LookupError:
        return response.body


def _created(response: WebResponse) -> list[str]:
    location = response.headers.get("location", "")
    if response.status not in (201, 202) or not location or not location.isprintable():
        return []
    # Without the query, which may carry a signature.
    return [f"it is at {location.partition('?')[0][:_MAX_LOCATION_CHARS]}"]
