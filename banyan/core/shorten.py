"""Showing a value in few characters: what is cut is marked, and never silently."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

MARK = "…"
_MIN_SHARE = 40
_TRAILER = 28
_MAX_DEPTH = 8


def compact(value: Any) -> str:
    """Return `value` as JSON in one line without spaces; what is no JSON shows as its text."""
    try:
        return orjson.dumps(value, default=str).decode()
    except (orjson.JSONEncodeError, RecursionError):
        pass
    try:
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str, skipkeys=True)
    except (ValueError, RecursionError):
        return f'"{MARK}"'


def cut(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, cut at the end of a line or word where one is near."""
    if len(text) <= limit:
        return text
    kept = text[: max(0, limit - len(MARK))]
    near = len(kept) - max(20, limit // 8)
    edge = max(kept.rfind("\n"), kept.rfind(" "))
    if edge > max(0, near):
        kept = kept[:edge]
    return (kept + MARK)[:limit]


def shorten(value: Any, limit: int) -> str:
    """Return `value` as compact JSON of at most `limit` characters, cut between members, with what is left out told."""
    return _shorten(value, limit, _MAX_DEPTH)[:limit]


def _shorten(value: Any, limit: int, depth: int) -> str:
    if isinstance(value, str):
        return _string(value, limit)
    whole = compact(value) if depth > 0 else ""
    if whole and len(whole) <= limit:
        return whole
    if depth > 0 and limit > _MIN_SHARE:
        if isinstance(value, Mapping):
            return _object(value, limit, depth)
        if isinstance(value, Sequence):
            return _array(value, limit, depth)
    return _stub(value)


def _string(text: str, limit: int) -> str:
    quoted = compact(text[: limit + 1])
    if len(text) <= limit and len(quoted) <= limit:
        return quoted
    room = max(0, limit - len(MARK) - 2)
    while room and len(compact(text[:room])) > limit - len(MARK):
        room = room * 3 // 4
    return compact(text[:room])[:-1] + MARK + '"'


def _array(items: Sequence[Any], limit: int, depth: int) -> str:
    parts: list[str] = []
    room = limit - _TRAILER - 2
    for item in items:
        share = room if not parts else min(room, max(room // 2, _MIN_SHARE))
        part = _shorten(item, share, depth - 1)
        if len(part) + 1 > room:
            break
        parts.append(part)
        room -= len(part) + 1
    left = len(items) - len(parts)
    tail = [f"{MARK} {left} more of {len(items)}"] if left else []
    return "[" + ",".join(parts + tail) + "]"


def _object(members: Mapping[str, Any], limit: int, depth: int) -> str:
    parts: list[str] = []
    room = limit - _TRAILER - 2
    left = len(members)
    for key, item in members.items():
        name = _string(str(key), max(_MIN_SHARE, limit // 8))
        share = max(room // left, min(_MIN_SHARE, room)) - len(name) - 2
        part = f"{name}:{_shorten(item, max(share, 8), depth - 1)}"
        if len(part) + 1 > room:
            break
        parts.append(part)
        room -= len(part) + 1
        left -= 1
    tail = [f"{MARK} {left} more of {len(members)}"] if left else []
    return "{" + ",".join(parts + tail) + "}"


def _stub(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{MARK}{len(value)}}}" if value else "{}"
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return f"[{MARK}{len(value)}]" if value else "[]"
    return cut(compact(value), 24)
