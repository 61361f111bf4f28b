"""Reading stored results on: by JSON Pointer, in pages of bounded size."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import orjson

from banyan.core.call import Page
from banyan.core.canonical import digest
from banyan.core.errors import InvalidArgument
from banyan.core.shorten import MARK, compact
from banyan.tools import pointer
from banyan.tools.keep import is_json, is_text

if TYPE_CHECKING:
    from banyan.core.ports import ArtifactStore, StoredResult

CUT = "$cut"
"""Key of the object that stands for an item too large for any page: it says by which `path` to read it."""

_IN_THREAD_BYTES = 256 * 1024
_KEY_CHARS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """How much one page holds."""

    page_chars: int = 7_000
    """Characters of a page's content as JSON."""
    cached_bytes: int = 16 * 1024 * 1024
    """Bytes of parsed results kept in memory, for the next page."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """What a page is cut from."""

    stored: StoredResult
    path: tuple[str, ...]
    value: Any


class Reader:
    """Pages and slices of stored results."""

    def __init__(self, artifacts: ArtifactStore, limits: ReadLimits | None = None) -> None:
        self._artifacts = artifacts
        self._limits = limits or ReadLimits()
        self._parsed: OrderedDict[str, tuple[StoredResult, Any]] = OrderedDict()

    async def read(self, handle: str, *, path: str = "", offset: int = 0, limit: int | None = None) -> Page:
        """Return one page of a result: of arrays and objects items, of text characters, of anything else bytes.

        The page ends where `limit` is reached or no more fits; `next_offset` says where the next one starts. Pages
        read one after the other are the whole. An item that fits no page is replaced by `{"$cut": {..}}` with the
        path by which it can be read.

        Raises:
            UnknownHandle: no result has this handle.
            InvalidArgument: `path` leads nowhere, or `offset` or `limit` is out of range.
        """
        if limit is not None and limit < 1:
            raise InvalidArgument("limit", f"{limit} should be at least 1")
        stored, value = await self._load(handle)
        part = _Slice(stored, *_find(value, path))
        total = len(part.value)
        if not 0 <= offset <= total:
            raise InvalidArgument("offset", f"{offset} should be between 0 and {total}")
        wanted = total - offset if limit is None else min(limit, total - offset)
        return _page(part, offset, wanted, self._limits.page_chars)

    async def _load(self, handle: str) -> tuple[StoredResult, Any]:
        known = self._parsed.get(handle)
        if known is None:
            stored = await self._artifacts.get(handle)
            size = len(stored.body)
            value = await anyio.to_thread.run_sync(_value, stored) if size > _IN_THREAD_BYTES else _value(stored)
            known = self._parsed[handle] = (stored, value)
        self._parsed.move_to_end(handle)
        while len(self._parsed) > 1 and self._held_bytes() > self._limits.cached_bytes:
            self._parsed.popitem(last=False)
        return known

    def _held_bytes(self) -> int:
        return sum(len(stored.body) for stored, _ in self._parsed.values())


def _value(stored: StoredResult) -> Any:
    """Return the body as what it is paged as: a JSON value, text, or bytes."""
    kind = stored.artifact.media_type
    if is_json(kind):
        try:
            return orjson.loads(stored.body)
        except orjson.JSONDecodeError:
            pass
    if is_text(kind):
        try:
            return stored.body.decode()
        except UnicodeDecodeError:
            pass
    return stored.body


def _find(value: Any, path: str) -> tuple[tuple[str, ...], Any]:
    """Return the segments of `path` and what they lead to, in a form that has a length."""
    try:
        segments = pointer.parse(path)
        found = pointer.follow(value, segments)
    except pointer.PointerError as error:
        raise InvalidArgument("path", str(error)) from error
    return segments, found if isinstance(found, str | bytes | list | dict) else compact(found)


def _page(part: _Slice, offset: int, wanted: int, room: int) -> Page:
    value = part.value
    unit, cut = _UNITS[type(value)]
    content, count = cut(part, offset, wanted, room)
    return Page(
        handle=part.stored.artifact.handle,
        media_type=part.stored.artifact.media_type,
        path=pointer.build(part.path),
        unit=unit,
        offset=offset,
        limit=count,
        total=len(value),
        content=content,
    )


def _characters(part: _Slice, offset: int, wanted: int, room: int) -> tuple[Any, int]:
    text = part.value[offset : offset + min(wanted, room)]
    while len(compact(text)) - 2 > room:
        # Quotes and control characters take more room as JSON than they are long.
        text = text[: max(1, len(text) * room // len(compact(text)))]
    if len(text) < wanted:
        edge = text.rfind("\n", len(text) * 4 // 5)
        text = text[: edge + 1] if edge > 0 else text
    return text, len(text)


def _bytes(part: _Slice, offset: int, wanted: int, room: int) -> tuple[Any, int]:
    raw = part.value[offset : offset + min(wanted, max(3, room // 4 * 3))]
    return base64.b64encode(raw).decode("ascii"), len(raw)


def _elements(part: _Slice, offset: int, wanted: int, room: int) -> tuple[Any, int]:
    keys = range(offset, offset + wanted)
    shown = _items(part, [(str(key), part.value[key]) for key in keys[:room]], room)
    return [item for _, item in shown], len(shown)


def _members(part: _Slice, offset: int, wanted: int, room: int) -> tuple[Any, int]:
    keys = list(part.value)[offset : offset + min(wanted, room)]
    shown = _items(part, [(key, part.value[key]) for key in keys], room)
    return {_key(key): item for key, item in shown}, len(shown)


def _items(part: _Slice, items: Sequence[tuple[str, Any]], room: int) -> list[tuple[str, Any]]:
    """Return as many of `items` as fit, at least one; each that fits no page stands as a mark of where it is."""
    shown: list[tuple[str, Any]] = []
    named = isinstance(part.value, dict)
    left = room - 2
    for key, item in items:
        overhead = len(compact(_key(key))) + 2 if named else 1
        size = len(compact(item))
        kept = item
        if size + overhead > room - 2:
            kept = _mark(pointer.build((*part.path, key)), item, size)
            size = len(compact(kept))
        if shown and size + overhead > left:
            break
        shown.append((key, kept))
        left -= size + overhead
    return shown


def _mark(path: str, item: Any, size_chars: int) -> dict[str, Any]:
    about: dict[str, Any] = {"path": path[: 3 * _KEY_CHARS], "size_chars": size_chars}
    if isinstance(item, list | dict):
        about["items"] = len(item)
    return {CUT: about}


def _key(key: str) -> str:
    if len(key) <= _KEY_CHARS:
        return key
    return f"{key[:_KEY_CHARS]}{MARK}{digest(key)[:8]}"


_UNITS: Mapping[type, tuple[str, Callable[[_Slice, int, int, int], tuple[Any, int]]]] = {
    str: ("characters", _characters),
    bytes: ("bytes", _bytes),
    list: ("items", _elements),
    dict: ("items", _members),
}
