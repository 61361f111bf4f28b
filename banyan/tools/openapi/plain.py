"""What a document says in words and values, made fit to keep: without markup, cut, of bounded size."""

from __future__ import annotations

import html
import re
from typing import Any

from banyan.tools.openapi.notes import shown

_TAG = re.compile(
    r"</?(?:a|b|br|code|div|em|h[1-6]|hr|i|img|li|ol|p|pre|span|strong|table|tbody|td|th|thead|tr|u|ul)\b[^<>]{0,500}/?>",
    re.I,
)
_BLOCK = re.compile(r"<(?:br|li|p|div|tr|h[1-6]|/p|/div|/ul|/ol)\b[^<>]{0,500}/?>", re.I)
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_GAPS = re.compile(r"[ \t]{2,}")
_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


def prose(text: object, limit: int) -> str:
    """Return a description without markup and hidden characters; where it was cut, it ends in `…`."""
    if not isinstance(text, str):
        return "" if text is None or isinstance(text, dict | list) else shown(text, limit)
    # Cut before it is cleaned, as nobody knows how much there is; what markup takes is allowed for.
    clean = text[: limit * 4 + 1000]
    if "<" in clean:
        clean = _without_comments(clean)
        found = _TAG.search(clean)
        if found:
            clean = html.unescape(_TAG.sub("", _BLOCK.sub("\n", clean)))
    clean = _HIDDEN.sub("", clean.replace("\r\n", "\n"))
    clean = _LINES.sub("\n\n", _GAPS.sub(" ", clean)).strip()
    return clean if len(clean) <= limit else clean[: limit - 1].rstrip() + "…"


def _without_comments(text: str) -> str:
    first, *rest = text.split("<!--")
    return first + "".join(one.partition("-->")[2] for one in rest)


def line(text: object, limit: int) -> str:
    """Return a description as one line."""
    return shown(" ".join(prose(text, limit * 2).split()), limit)


def within(value: Any, most_chars: int) -> bool:
    """Return whether a JSON value has about `most_chars` characters or fewer; looks at no more than that."""
    left = most_chars
    waiting = [value]
    while waiting:
        one = waiting.pop()
        left -= len(one) + 2 if isinstance(one, str) else 5
        if isinstance(one, dict):
            left -= sum(len(key) + 4 for key in one)
            waiting.extend(one.values())
        elif isinstance(one, list):
            left -= len(one)
            waiting.extend(one)
        if left < 0:
            return False
    return True
