"""An HTTP request that a tool makes, and the response to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ALWAYS_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers that are credentials whatever a source says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRequest:
    """What is sent.  Its text form shows the method alone: URL, headers and body may hold what is private."""

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    credentials: frozenset[str] = frozenset()
    """Names of headers, lower case, that are credentials: not sent to another origin than that of `url`."""
    credential_query: frozenset[str] = frozenset()
    """Names of query parameters that are credentials: not carried to another origin, and not part of what is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebResponse:
    """What came back, whole and decompressed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By lower-case name; the values of one that came several times are joined by commas."""
    body: bytes = field(default=b"", repr=False)
    media_type: str = ""
    """Lower case and without parameters; empty where the server gave none."""
    url: str = field(default="", repr=False)
    """Where it came from after all redirects, without credentials and fragment."""
