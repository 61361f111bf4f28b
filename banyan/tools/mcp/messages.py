"""Messages out of bytes: what other JSON readers choke on is mended, what no one can read is counted."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any

import orjson
from mcp_types import (
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from pydantic import ValidationError

CUT = "[cut: nested too deep]"
"""Stands where something was nested deeper than `CUT_LEVELS`."""

CUT_LEVELS = 180
"""Levels that are left of a message that had more than its reader can take; pydantic's stops at 200."""

MAX_CONTAINERS = 500_000
"""Objects and arrays of one message: more than these take the event loop a tenth of a second to make."""

IN_THREAD_BYTES = 2**18
"""A larger message is read in a worker thread."""

WANTED = frozenset(
    {
        "notifications/progress",
        "notifications/cancelled",
        "notifications/tools/list_changed",
        "notifications/subscriptions/acknowledged",
    }
)
"""Notifications that anybody here listens to; the rest need not be made into objects."""

_INTEGER_CHARS = 20
"""Digits, and a sign, of the largest integers of 64 bits."""

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]', re.DOTALL)
_LONE_HIGH = re.compile(rb"(?<!\\)((?:\\\\)*)\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
_LONE_LOW = re.compile(
    rb"(?<!\\u[dD][89abAB][0-9a-fA-F]{2})(?<!\\)((?:\\\\)*)\\u[dD][c-fC-F][0-9a-fA-F]{2}",
)


class Unreadable(ValueError):
    """These bytes are no message; what they are is not repeated here, since it may be private."""


def read_messages(line: bytes) -> list[JSONRPCMessage]:
    """Return the messages of one line: one, those of a batch, or none where nobody here wants it.

    Raises:
        Unreadable: the line is no JSON, no JSON-RPC, or holds too many values.
    """
    value = read_json(line)
    found = [_message(one) for one in value] if isinstance(value, list) else [_message(value)]
    return [one for one in found if one is not None]


def read_json(data: bytes) -> Any:
    """Return the JSON value that `data` is.  Raises `Unreadable`.

    Not a number (`NaN`) becomes null, a lone surrogate the replacement character, an integer of more than 64 bits a
    fraction, and what is nested deeper than the reader can take becomes `CUT`.
    """
    if data.count(b"[") + data.count(b"{") > MAX_CONTAINERS:
        raise Unreadable(f"more than {MAX_CONTAINERS:,} objects and arrays in one message")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    mended = mend(data)
    try:
        return json.loads(mended, parse_constant=lambda _name: None, parse_int=_integer)
    except (ValueError, RecursionError):
        raise Unreadable("a message that is no JSON") from None


def _integer(text: str) -> int | float | None:
    """Read a whole number as the first reader does: what it cannot hold is a fraction, or nothing."""
    if len(text) <= _INTEGER_CHARS and -(2**63) <= (value := int(text)) < 2**64:
        return value
    fraction = float(text)
    return fraction if isfinite(fraction) else None


def mend(data: bytes) -> bytes:
    """Return `data` as valid UTF-8, without lone surrogates, and cut where it is nested deeper than `CUT_LEVELS`."""
    data = data.decode("utf-8", "replace").encode()
    data = _LONE_LOW.sub(rb"\1\\ufffd", _LONE_HIGH.sub(rb"\1\\ufffd", data))
    return cut_deep(data)


def cut_deep(data: bytes, levels: int = CUT_LEVELS) -> bytes:
    """Return JSON `data` with `CUT` in place of every object and array at more than `levels` levels."""
    kept: list[bytes] = []
    depth, copied, hidden_from = 0, 0, -1
    for token in _TOKEN.finditer(data):
        first = data[token.start()]
        if first in b"[{":
            depth += 1
            if depth == levels + 1:
                hidden_from = token.start()
        elif first in b"]}":
            if depth == levels + 1:
                kept += [data[copied:hidden_from], b'"', CUT.encode(), b'"']
                copied = token.end()
            depth -= 1
    kept.append(data[copied:])
    return b"".join(kept)


def _message(value: Any) -> JSONRPCMessage | None:
    if not isinstance(value, dict):
        raise Unreadable("a message that is no JSON object")
    try:
        if "method" not in value:
            return JSONRPCError(**value) if "error" in value else JSONRPCResponse(**value)
        if "id" in value:
            return JSONRPCRequest(**value)
        return JSONRPCNotification(**value) if value["method"] in WANTED else None
    except (ValidationError, TypeError):
        raise Unreadable("a message that is no JSON-RPC") from None
