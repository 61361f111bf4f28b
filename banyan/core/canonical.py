"""One spelling of a JSON value, and its digest."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson


def canonical(value: Any) -> bytes:
    """Return `value` as JSON with sorted keys and no spaces, in UTF-8.

    Raises:
        ValueError: `value` is no JSON value: a foreign type, a non-string key, a lone surrogate,
            an integer over 64 bits, or more than about 250 levels deep.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise ValueError(f"not a JSON value: {error}") from error


def digest(value: Any) -> str:
    """Return the sha256 of `canonical(value)`, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()
