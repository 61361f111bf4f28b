"""What bounds the traffic with one source."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class WebLimits:
    """How much one source may cost, in bytes, seconds and connections."""

    response_bytes: int = 16 * _MIB
    """Bytes of one response, counted as they arrive and again as they are decompressed."""
    head_bytes: int = 256 * 1024
    """Bytes until a response's head is whole, those of interim responses too."""
    connect_s: float = 10.0
    """Seconds to look up a name, connect and agree on encryption, for each of these steps."""
    redirects: int = 5
    """Redirects that one request may follow."""
    connections: int = 32
    """Connections at once; further requests wait within their own deadline."""
    idle_s: float = 20.0
    """Seconds that a connection without a request is kept."""


DOCUMENT_LIMITS = WebLimits(response_bytes=64 * _MIB, connections=4)
"""For reading the description of an API."""
