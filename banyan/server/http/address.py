"""Whom a request says that it is for, and where it comes from: `Host` and `Origin`, read exactly."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")
_PORT = re.compile(r"[0-9]{1,5}")
_SCHEME_PORTS = {"http": 80, "https": 443}

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class HostPort:
    """A host in lower case, an IPv6 address in brackets, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse(text: str, *, default_port: int) -> HostPort | None:
    """Return the host and port that `text` is, all of it; None where it is anything else."""
    if text.startswith("["):
        inside, closed, after = text[1:].partition("]")
        address = _ip(inside)
        if not closed or not isinstance(address, IPv6Address):
            return None
        host = f"[{address.compressed}]"
    else:
        name, colon, port = text.partition(":")
        after = colon + port
        if not _NAME.fullmatch(name):
            return None
        host = name.lower().rstrip(".")
    if not after:
        return HostPort(host, default_port)
    if not after.startswith(":") or not _PORT.fullmatch(after[1:]) or not 0 < int(after[1:]) < 65536:
        return None
    return HostPort(host, int(after[1:]))


def is_loopback(host: str) -> bool:
    """Return whether `host`, as it is bound, is this machine alone."""
    address = _ip(host.strip("[]"))
    return host.lower() == "localhost" if address is None else address.is_loopback


def url_host(host: str) -> str:
    """Return `host` as it stands in a URL."""
    return f"[{host}]" if isinstance(_ip(host), IPv6Address) else host


class Names:
    """The names that one server answers to."""

    def __init__(self, host: str, port: int, *, also: tuple[str, ...] = ()) -> None:
        """Collect the names of a bound address.

        Args:
            host: the address that is bound.
            port: the port that is bound.
            also: further `host` or `host:port`, for a server behind a proxy or a port mapping.
        """
        bare = host.strip("[]")
        own = set(LOOPBACK_NAMES) if is_loopback(host) or _is_any(bare) else set()
        own.add(url_host(bare))
        if _is_any(bare):
            own.add(socket.gethostname())
        parsed = [parse(name, default_port=port) for name in (*own, *also)]
        self._known = frozenset(one for one in parsed if one is not None)
        self._any_address = _is_any(bare)
        self._port = port

    def host(self, header: str) -> bool:
        """Return whether a `Host` header names this server."""
        found = parse(header, default_port=80)
        return found is not None and self._is_ours(found)

    def origin(self, header: str) -> bool:
        """Return whether an `Origin` header names a page of this server."""
        parts = urlsplit(header)
        if parts.scheme not in _SCHEME_PORTS or header != f"{parts.scheme}://{parts.netloc}":
            return False
        found = parse(parts.netloc, default_port=_SCHEME_PORTS[parts.scheme])
        return found is not None and self._is_ours(found)

    def _is_ours(self, found: HostPort) -> bool:
        if found in self._known:
            return True
        # Bound to every address of the machine, so any of them may be meant. A name that an attacker made point
        # here is no address, and is refused.
        return self._any_address and found.port == self._port and _ip(found.host.strip("[]")) is not None


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_any(host: str) -> bool:
    address = _ip(host)
    return host == "" or (address is not None and address.is_unspecified)
