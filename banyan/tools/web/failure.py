"""What a response's status means for the call that got it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from types import MappingProxyType
from typing import Any

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.web.request import WebResponse

_MESSAGE_CHARS = 600
_READ_BYTES = 64 * 1024
_DEPTH = 4
_ENTRIES = 5
_ABOUT = (
    "message",
    "Message",
    "detail",
    "title",
    "error_description",
    "error",
    "errors",
    "reason",
    "description",
    "msg",
)
"""Where APIs say what went wrong, in the order in which it is looked for (RFC 9457, RFC 6749 and usage)."""

_CATEGORIES: Mapping[int, Category] = MappingProxyType(
    {
        400: Category.BAD_VALUE,
        401: Category.AUTH,
        403: Category.AUTH,
        404: Category.NOT_FOUND,
        407: Category.AUTH,
        408: Category.TIMEOUT,
        410: Category.NOT_FOUND,
        413: Category.BAD_VALUE,
        414: Category.BAD_VALUE,
        422: Category.BAD_VALUE,
        429: Category.RATE_LIMITED,
        431: Category.BAD_VALUE,
        # A gateway gave up: what stands behind it may have done the work.
        504: Category.TIMEOUT,
    }
)
_FIXES: Mapping[int, str] = MappingProxyType(
    {
        401: "the credentials are missing, wrong or expired: have a person set them; `banyan doctor` says how",
        403: "the credentials do not allow this: have a person give more rights, or call something else",
        404: "check the identifiers: what they name is not there, or not to be seen with these credentials",
        405: "the API does not know this operation: have a person sync the source",
        409: "it clashes with what is there now: read the current state and decide again",
        410: "it is gone: search for another",
        412: "it was changed meanwhile: read the current state and decide again",
        413: "send less",
        428: "read the current state first, and send its version along",
    }
)


def failure_of(response: WebResponse, *, source: str) -> CallFailed | None:
    """Return how a call failed that was answered so; None where it did not.

    The message has the status, and what the server says went wrong, in one line of bounded length.
    """
    status = response.status
    if 200 <= status < 300 or status == 304:
        return None
    said = said_by(response)
    message = f"`{source}` answered {status}{_meaning(status)}"
    if said:
        message = f"{message}: {said}"
    wait_s = retry_after_s(response) if status == 429 or status >= 500 else None
    category = _CATEGORIES.get(status, Category.UPSTREAM)
    return CallFailed(category, message, fix=_fix(status, wait_s), sent=True, retry_after_s=wait_s)


def retry_after_s(response: WebResponse) -> float | None:
    """Return after how many seconds a response says to come back, if it does."""
    given = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,6})?", given):
        return float(given)
    try:
        at = parsedate_to_datetime(given)
    except (ValueError, TypeError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def said_by(response: WebResponse) -> str:
    """Return what a server says went wrong, as one line of bounded length; empty where it says nothing."""
    head = response.body[:_READ_BYTES]
    if response.media_type.endswith("json") or head.lstrip()[:1] in (b"{", b"["):
        try:
            found = list(islice(_texts(json.loads(head), _DEPTH), _ENTRIES))
        except (ValueError, RecursionError):
            found = []
        if found:
            return _line("; ".join(dict.fromkeys(found)))
    text = head.decode("utf-8", errors="replace")
    if "html" in response.media_type or text.lstrip()[:1] == "<":
        title = re.search(r"(?is)<(title|message|code)>([^<]{1,2000})", text)
        return _line(title[2]) if title else ""
    printable = response.media_type.startswith("text/") or "json" in response.media_type
    return _line(text) if printable else ""


def _texts(value: Any, depth: int) -> Iterable[str]:
    """Yield the sentences in an error's body."""
    if isinstance(value, str):
        yield value
    elif depth > 0 and isinstance(value, list):
        for one in value[:_ENTRIES]:
            yield from _texts(one, depth - 1)
    elif depth > 0 and isinstance(value, dict):
        for key in _ABOUT:
            if key in value:
                yield from _texts(value[key], depth - 1)
        where = value.get("loc") or value.get("field") or value.get("path") or value.get("pointer")
        if isinstance(where, list):
            where = ".".join(str(part) for part in where[:10])
        if isinstance(where, str):
            yield f"at `{where}`"


def _line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 8 * _MESSAGE_CHARS]).split())
    return line if len(line) <= _MESSAGE_CHARS else f"{line[: _MESSAGE_CHARS - 1]}…"


def _meaning(status: int) -> str:
    from http import HTTPStatus

    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""


def _fix(status: int, wait_s: float | None) -> str | None:
    if wait_s is not None:
        return f"wait {wait_s:.0f} s, as the server asks, and call again"
    if status == 429:
        return "wait before calling again, and call less often"
    if status >= 500:
        return "the server is at fault; try again later"
    return _FIXES.get(status)
