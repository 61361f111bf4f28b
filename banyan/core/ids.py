"""Identifiers: typed names for strings, and time-ordered unique ids."""

from __future__ import annotations

import base64
import re
import secrets
import time
from typing import Final, NewType

ToolName = NewType("ToolName", str)
"""Name of a tool on the wire: unique without regard to case, at most 48 of `A-Z a-z 0-9 _ -`."""
SourceName = NewType("SourceName", str)
"""Name of a source, as given to `banyan add`."""
CallId = NewType("CallId", str)
Handle = NewType("Handle", str)
"""Handle of a stored result: `r_` and 16 random base32 characters (80 bits)."""
ApprovalId = NewType("ApprovalId", str)


HANDLE: Final = re.compile(rb"(?<![a-z0-9_])r_[a-z2-7]{16}(?![a-z0-9_])")
"""Handles in a text, in bytes: `new_handle` makes them so."""


def uuid7() -> str:
    """Return a new UUID version 7 (RFC 9562 section 5.7): 60 bits of time, then 62 random bits.

    The 12 bits after the milliseconds are their fraction (section 6.2, method 3), so that ids made one after the
    other within a millisecond are in order too.
    """
    now_ms, rest_ns = divmod(time.time_ns(), 1_000_000)
    value = now_ms << 80 | (rest_ns * 4096 // 1_000_000) << 64 | secrets.randbits(64)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_handle() -> Handle:
    """Return a handle that cannot be guessed: knowing one is no licence to read another."""
    return Handle("r_" + _token(10))


def new_approval_id() -> ApprovalId:
    """Return an id that a person can type: `a_` and 8 random base32 characters."""
    return ApprovalId("a_" + _token(5))


def _token(size_bytes: int) -> str:
    return base64.b32encode(secrets.token_bytes(size_bytes)).decode("ascii").rstrip("=").lower()
