"""What a tool answered, as parts of some media type."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import orjson

from banyan.core.call import Category, Part, RawResult
from banyan.core.errors import CallFailed
from banyan.tools.mcp.messages import CUT

TEXT = "text/plain"
JSON = "application/json"

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}(\s*;[\x20-\x7e]{0,100})?")


def raw_result(result: Mapping[str, Any]) -> RawResult:
    """Return the result of `tools/call` as the guarded call wants it.

    Raises:
        CallFailed: it is no such result, or is nested too deep to be kept.
    """
    content = result.get("content", [])
    if not isinstance(content, list):
        raise CallFailed(Category.UPSTREAM, "the server answered with something that is no tool result", sent=True)
    structured = result.get("structuredContent")
    if structured is not None:
        _json(structured)
    return RawResult(
        parts=tuple(_part(block) for block in content),
        structured=structured,
        failed=result.get("isError") is True,
    )


def _part(block: Any) -> Part:
    match block:
        case {"type": "text", "text": str(text)}:
            return Part(media_type=TEXT, body=text.encode())
        case {"type": "image" | "audio", "data": str(data)}:
            return _binary(data, block.get("mimeType")) or Part(media_type=JSON, body=_json(block))
        case {"type": "resource", "resource": {"text": str(text), **about}}:
            return Part(media_type=_media_type(about.get("mimeType"), TEXT), body=text.encode())
        case {"type": "resource", "resource": {"blob": str(data), **about}}:
            return _binary(data, about.get("mimeType")) or Part(media_type=JSON, body=_json(block))
        case _:
            return Part(media_type=JSON, body=_json(block))


def _binary(data: str, media_type: Any) -> Part | None:
    try:
        body = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Part(media_type=_media_type(media_type, "application/octet-stream"), body=body)


def _media_type(stated: Any, default: str) -> str:
    return stated if isinstance(stated, str) and _MEDIA_TYPE.fullmatch(stated) else default


def _json(value: Any) -> bytes:
    try:
        body = orjson.dumps(value)
    except (orjson.JSONEncodeError, RecursionError):
        body = CUT.encode()
    if CUT.encode() in body:
        raise CallFailed(Category.UPSTREAM, "the server's answer is nested too deep", sent=True)
    return body
