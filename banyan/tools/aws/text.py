"""AWS's documentation, which is HTML, as plain text."""

from __future__ import annotations

import html
import re

from banyan.core.shorten import cut

_INLINE = re.compile(r"</?(?:code|i|b|a|em|strong|sup|sub|u)\b[^>]*>", re.IGNORECASE)
_ITEM = re.compile(r"<li\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*(?:>|$)")
_NOTICE = re.compile(r"<(important|note|warning)>.*?</\1>", re.IGNORECASE | re.DOTALL)
_RAW_PER_CHAR = 6
"""Characters of HTML looked at for each that is kept: more would be cut off in any case."""


def plain_text(source: str, limit: int) -> str:
    """Return `source` as one line of text of at most `limit` characters; "" where `limit` is 0."""
    if limit <= 0 or not source:
        return ""
    raw = source[: limit * _RAW_PER_CHAR + 200]
    if "<" in raw:
        raw = _TAG.sub(" ", _ITEM.sub(" - ", _INLINE.sub("", raw)))
    if "&" in raw:
        raw = html.unescape(raw)
    return cut(" ".join(raw.split()), limit)


def without_notices(source: str) -> str:
    """Return `source` without its boxed notices, which often stand before what matters; as it is if all is notice."""
    left = _NOTICE.sub("", source)
    return left if plain_text(left, 40) else source
