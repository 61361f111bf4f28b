"""A tool's answer on its way into the store: one body, capped, typed, with secrets hidden, and a preview."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from banyan.core.call import Artifact, Part, RawResult
from banyan.core.ids import new_handle
from banyan.core.ports import StoredResult
from banyan.core.shorten import compact, cut, shorten

JSON = "application/json"
TEXT = "text/plain"
_BINARY = "application/octet-stream"
_TEXTUAL = frozenset(
    {
        JSON,
        "application/xml",
        "application/javascript",
        "application/yaml",
        "application/x-yaml",
        "application/toml",
        "application/sql",
        "application/x-ndjson",
        "application/jsonl",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A result as it is stored, and what is shown of it."""

    stored: StoredResult
    preview: str
    whole: bool
    """`preview` is all there is."""
    data: Any = None
    """The result as a value: JSON or text, not truncated; else None."""

    @property
    def artifact(self) -> Artifact:
        """What is known of the result without reading it."""
        return self.stored.artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    media_type: str
    raw: bytes
    value: Any = None
    """Of JSON and text: what `raw` says."""


def keep(result: RawResult, *, now: datetime, redact: Callable[[str], str], cap_bytes: int, preview_chars: int) -> Kept:
    """Return `result` as one body of at most `cap_bytes`, with a preview of at most `preview_chars` characters.

    JSON that the tool gave counts before texts, which then only repeat it; text that is JSON is kept as JSON.
    Several parts that are not all text become a JSON array of parts, binary ones in base64.
    """
    body, truncated = _capped(_redacted(_body(result), redact), cap_bytes)
    preview, whole = _preview(body, preview_chars)
    artifact = Artifact(
        handle=new_handle(),
        media_type=body.media_type,
        size_bytes=len(body.raw),
        created_at=now,
        truncated=truncated,
    )
    return Kept(
        stored=StoredResult(artifact=artifact, body=body.raw),
        preview=preview,
        whole=whole and not truncated,
        data=None if truncated else body.value,
    )


def shown(stored: StoredResult, limit: int) -> tuple[str, bool, Any]:
    """Return the preview of a stored result, whether that is all of it, and the result as a value if it is whole."""
    kind, value = stored.artifact.media_type, None
    if is_json(kind):
        value = orjson.loads(stored.body)
    elif is_text(kind):
        value = _decoded(stored.body)
    preview, whole = _preview(_Body(media_type=kind, raw=stored.body, value=value), limit)
    cut_off = stored.artifact.truncated
    return preview, whole and not cut_off, None if cut_off else value


def plain(media_type: str) -> str:
    """Return a media type without its parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def is_small(value: Any, *, budget: int = 2_000) -> bool:
    """Whether a JSON value has so few members and so little text that handling it takes no time worth a thread."""
    waiting = [value]
    while waiting and budget >= 0:
        one = waiting.pop()
        budget -= 1
        if isinstance(one, str | bytes):
            budget -= len(one) // 100
        elif isinstance(one, dict):
            budget -= len(one)
            waiting.extend(one.values() if budget >= 0 else ())
        elif isinstance(one, list | tuple):
            budget -= len(one)
            waiting.extend(one if budget >= 0 else ())
    return budget >= 0


def is_json(media_type: str) -> bool:
    """Whether a body of this media type is one JSON value."""
    kind = plain(media_type)
    return kind == JSON or kind.endswith("+json")


def is_text(media_type: str) -> bool:
    """Whether a body of this media type can be shown as text."""
    kind = plain(media_type)
    return kind.startswith("text/") or kind in _TEXTUAL or kind.endswith(("+json", "+xml", "+yaml"))


def _body(result: RawResult) -> _Body:
    texts = all(is_text(part.media_type) for part in result.parts)
    if result.structured is not None:
        value = result.structured if texts else {"structured": result.structured, "parts": _listed(result.parts)}
        return _json(value)
    if not result.parts:
        return _Body(media_type=TEXT, raw=b"", value="")
    if len(result.parts) == 1:
        return _single(result.parts[0])
    if not texts:
        return _json(_listed(result.parts))
    inner = [_single(part) for part in result.parts]
    if all(is_json(one.media_type) for one in inner):
        return _json([one.value for one in inner])
    return _text("\n".join(_decoded(part.body) for part in result.parts), TEXT)


def _single(part: Part) -> _Body:
    if not is_text(part.media_type):
        return _Body(media_type=plain(part.media_type) or _BINARY, raw=part.body)
    if is_json(part.media_type) or part.body.lstrip()[:1] in {b"{", b"["}:
        try:
            return _Body(media_type=JSON, raw=part.body, value=orjson.loads(part.body))
        except orjson.JSONDecodeError:
            pass
    kind = plain(part.media_type)
    return _text(_decoded(part.body), TEXT if is_json(kind) else kind)


def _listed(parts: Sequence[Part]) -> list[dict[str, str]]:
    return [
        {"media_type": part.media_type, "text": _decoded(part.body)}
        if is_text(part.media_type)
        else {"media_type": part.media_type, "base64": base64.b64encode(part.body).decode("ascii")}
        for part in parts
    ]


def _json(value: Any) -> _Body:
    raw = compact(value).encode("utf-8", "replace")
    return _Body(media_type=JSON, raw=raw, value=value)


def _text(text: str, media_type: str) -> _Body:
    return _Body(media_type=media_type, raw=text.encode("utf-8", "replace"), value=text)


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _redacted(body: _Body, redact: Callable[[str], str]) -> _Body:
    if not is_text(body.media_type):
        return body
    text = _decoded(body.raw)
    clean = redact(text)
    if clean == text:
        return body
    if is_json(body.media_type):
        try:
            return _Body(media_type=body.media_type, raw=clean.encode(), value=orjson.loads(clean))
        except orjson.JSONDecodeError:
            # The secret was no string of its own, but digits: what is left is no JSON any more.
            return _text(clean, TEXT)
    return _text(clean, body.media_type)


def _capped(body: _Body, cap_bytes: int) -> tuple[_Body, bool]:
    if len(body.raw) <= cap_bytes:
        return body, False
    head = body.raw[:cap_bytes]
    if not is_text(body.media_type):
        return _Body(media_type=body.media_type, raw=head), True
    text = head.decode("utf-8", "ignore")
    return _text(text, TEXT if is_json(body.media_type) else body.media_type), True


def _preview(body: _Body, limit: int) -> tuple[str, bool]:
    if is_json(body.media_type):
        if len(body.raw) <= limit:
            return _decoded(body.raw), True
        return shorten(body.value, limit), False
    if is_text(body.media_type):
        return cut(body.value, limit), len(body.value) <= limit
    return f"[{body.media_type}, {len(body.raw):,} bytes]", False
