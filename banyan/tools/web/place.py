"""Where a URL points: scheme, host, port and target, in the one spelling in which they are checked and used."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

import httpx

from banyan.tools.web.address import Address

PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?i)(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#]*)")
_NEVER = re.compile(r"[\x00-\x20\x7f\\]")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_CHARS = 32_768


class BadUrl(ValueError):
    """A URL that is not sent to; the text says why, and holds nothing of the URL but its host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request goes."""

    scheme: str
    host: str
    """Lower case, ASCII, without a final dot; of an IPv6 address without brackets."""
    port: int
    target: bytes = field(default=b"/", repr=False)
    """Path and query as they are sent."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """What credentials are bound to."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def shown(self) -> str:
        """What a person reads: the host, with its port if it is not the usual one."""
        return bracketed(self.host) if PORTS.get(self.scheme) == self.port else self.authority

    @property
    def address(self) -> Address | None:
        """The address that the host is, if it is not a name."""
        return address_of(self.host)


def bracketed(host: str) -> str:
    """Return `host` as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def address_of(host: str) -> Address | None:
    """Return the address that a host in its canonical spelling is; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def place_of(url: str) -> Place:
    """Return where `url` points.

    Raises:
        BadUrl: it is no absolute HTTP URL, holds credentials, or is spelt so that programs differ on what it means.
    """
    parsed = parsed_url(url)
    port = parsed.port or PORTS[parsed.scheme]
    return Place(scheme=parsed.scheme, host=host_of(parsed), port=port, target=parsed.raw_path)


def parsed_url(url: str) -> httpx.URL:
    """Return `url` parsed.  Raises `BadUrl` as `place_of` does."""
    if len(url) > _MAX_CHARS:
        raise BadUrl(f"a URL of more than {_MAX_CHARS} characters")
    if _NEVER.search(url):
        raise BadUrl("a URL with spaces, control characters or backslashes")
    found = _URL.match(url)
    if found is None:
        raise BadUrl("not an absolute URL")
    if found["scheme"].lower() not in PORTS:
        raise BadUrl(f"a URL of scheme `{found['scheme'][:20].lower()}`; only http and https are called")
    authority = found["authority"]
    if "@" in authority:
        raise BadUrl("a URL with a user name or password in it; give them as credentials of the source")
    if not authority or "%" in authority:
        raise BadUrl("a URL without a proper host")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        # Its text quotes the URL.
        raise BadUrl("a malformed URL") from None
    if parsed.port is not None and not 0 < parsed.port < 65_536:
        raise BadUrl("a URL with a port that there is not")
    if not authority.isascii() and _NUMBER.fullmatch(parsed.raw_host.decode("ascii").rpartition(".")[2]):
        raise BadUrl("an address in an odd spelling; write it in plain digits")
    return parsed


def host_of(url: httpx.URL) -> str:
    """Return the canonical spelling of a URL's host.  Raises `BadUrl`."""
    raw = url.raw_host.decode("ascii").lower()
    if ":" in raw:
        try:
            return str(IPv6Address(raw))
        except AddressValueError:
            raise BadUrl("a malformed IPv6 address") from None
    host = raw.removesuffix(".")
    if not _NAME.fullmatch(host):
        raise BadUrl("a host that is no proper name")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            return str(IPv4Address(host))
        except AddressValueError:
            raise BadUrl("an address in an odd spelling; write it as four decimal numbers") from None
    return host
