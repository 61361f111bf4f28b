"""Which places a source may call, beyond the public ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from banyan.core.errors import InvalidArgument
from banyan.tools.web.address import (
    LOOPBACK_NETWORKS,
    METADATA_NAMES,
    PRIVATE_NETWORKS,
    Address,
    Network,
    Reach,
    contains,
    reach_of,
    unmapped,
)
from banyan.tools.web.place import BadUrl, Place, bracketed, place_of

_WORDS: Mapping[str, tuple[Network, ...]] = {"loopback": LOOPBACK_NETWORKS, "private": PRIVATE_NETWORKS}
_KEY = "allow_hosts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a person allowed a source to call that is not public.

    A host that is named may be this machine's or the network's own. Where clouds keep credentials is reached
    only by its own address, never as part of a network or behind a name.
    """

    hosts: frozenset[str] = frozenset()
    """`host`, for each of its ports, or `host:port`; IPv6 addresses in brackets."""
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Allowed:
        """Return what a source's `allow_hosts` says: hosts, addresses, networks, `loopback` and `private`.

        Raises:
            InvalidArgument: an entry is none of these.
        """
        entries = config.get(_KEY, ())
        if not isinstance(entries, list | tuple) or not all(isinstance(entry, str) for entry in entries):
            raise InvalidArgument(_KEY, "must be a list of hosts")
        hosts, networks = set[str](), list[Network]()
        for entry in entries:
            found = _networks(entry)
            networks += found
            if not found:
                hosts.add(_host(entry))
        return cls(hosts=frozenset(hosts), networks=tuple(networks))

    def with_url(self, url: str) -> Allowed:
        """Return this with the host and port of `url` too, as where a person gave it.  Raises `InvalidArgument`."""
        try:
            place = place_of(url)
        except BadUrl as error:
            raise InvalidArgument("url", str(error)) from None
        return Allowed(hosts=self.hosts | {place.authority}, networks=self.networks)

    def names(self, place: Place) -> bool:
        """Return whether `place` is allowed by its name."""
        return place.authority in self.hosts or bracketed(place.host) in self.hosts

    def refusal(self, place: Place, address: Address) -> Reach | None:
        """Return why `address` must not be connected to for `place`; None if it may."""
        address = unmapped(address)
        reach = reach_of(address)
        if reach is Reach.PUBLIC or (self.names(place) and _is(place, address)):
            return None
        if reach is Reach.METADATA:
            exactly = tuple(network for network in self.networks if network.num_addresses == 1)
            return None if contains(exactly, address) else reach
        if contains(self.networks, address) or (self.names(place) and reach in (Reach.LOOPBACK, Reach.PRIVATE)):
            return None
        return reach

    def refused_name(self, place: Place) -> bool:
        """Return whether `place` is refused by its name alone, whatever it resolves to."""
        return place.host in METADATA_NAMES and not self.names(place)


def _is(place: Place, address: Address) -> bool:
    return place.address is not None and unmapped(place.address) == address


def _networks(entry: str) -> tuple[Network, ...]:
    if entry in _WORDS:
        return _WORDS[entry]
    try:
        return (ip_network(entry.strip("[]")),)
    except ValueError:
        return ()


def _host(entry: str) -> str:
    try:
        # A slash would be a network that is none, or a path.
        place = place_of("" if "/" in entry else f"http://{entry}")
    except BadUrl as error:
        raise InvalidArgument(_KEY, f"`{entry[:80]}` is neither a host nor a network: {error}") from None
    with_port = entry.rpartition(":")[2].isdecimal() and not entry.endswith("]")
    return place.authority if with_port else bracketed(place.host)
