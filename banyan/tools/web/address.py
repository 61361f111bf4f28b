"""Whose an address is: the world's, or this machine's, its network's, its cloud's."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


class Reach(StrEnum):
    """Who can be reached at an address; the later, the closer to what must not be touched by accident."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    RESERVED = "reserved"
    METADATA = "metadata"


LOOPBACK_NETWORKS: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
PRIVATE_NETWORKS: tuple[Network, ...] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"),
    IPv6Network("fc00::/7"),
)
"""Networks that are somebody's own, with those that carriers share among their customers."""
_LINK_LOCAL: tuple[Network, ...] = (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"))
_METADATA = frozenset[Address](
    (
        IPv4Address("169.254.169.254"),
        IPv4Address("169.254.169.253"),
        IPv4Address("169.254.170.2"),
        IPv4Address("169.254.170.23"),
        IPv4Address("169.254.0.23"),
        IPv4Address("100.100.100.200"),
        IPv4Address("168.63.129.16"),
        IPv4Address("192.0.0.192"),
        IPv6Address("fd00:ec2::254"),
        IPv6Address("fd00:ec2::253"),
        IPv6Address("fd00:ec2::23"),
        IPv6Address("fd20:ce::254"),
        IPv6Address("fe80::a9fe:a9fe"),
    )
)
"""Where clouds tell a machine its credentials: AWS, Google, Azure, Alibaba, Oracle, Tencent, OpenStack."""
METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.azure.internal",
        "metadata.tencentyun.com",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
"""Names under which such places are known within their clouds."""
_NOT_GLOBAL: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("198.18.0.0/15"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("240.0.0.0/4"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("3fff::/20"),
)
"""Reserved by IANA's registries of special-purpose addresses; Python versions differ on some of them."""
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_ORDER = tuple(Reach)


def reach_of(address: Address) -> Reach:
    """Return whose `address` is; of one that carries another within itself, the closer of the two."""
    return max((_plain_reach(one) for one in _within(address)), key=_ORDER.index)


def _within(address: Address) -> Iterator[Address]:
    """Yield the address that traffic goes to, or all of those that it may go to."""
    if isinstance(address, IPv4Address):
        yield address
        return
    bare = IPv6Address(int(address))  # without a zone
    embedded = [one for one in (bare.ipv4_mapped, bare.sixtofour, *(bare.teredo or ())) if one is not None]
    if bare in _NAT64 or (bare in _COMPATIBLE and int(bare) > 1):
        embedded.append(IPv4Address(int(bare) & 0xFFFF_FFFF))
    if not (bare.ipv4_mapped or bare in _NAT64):
        yield bare
    yield from embedded


def unmapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one merely spells differently, or the address itself."""
    return address if isinstance(address, IPv4Address) else address.ipv4_mapped or IPv6Address(int(address))


def _plain_reach(address: Address) -> Reach:
    if address in _METADATA:
        return Reach.METADATA
    if contains(LOOPBACK_NETWORKS, address):
        return Reach.LOOPBACK
    if contains(PRIVATE_NETWORKS, address):
        return Reach.PRIVATE
    if contains(_LINK_LOCAL, address):
        return Reach.LINK_LOCAL
    if not address.is_global or contains(_NOT_GLOBAL, address):
        return Reach.RESERVED
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return Reach.RESERVED
    return Reach.PUBLIC


def contains(networks: tuple[Network, ...], address: Address) -> bool:
    """Return whether one of `networks` holds `address`."""
    return any(network.version == address.version and address in network for network in networks)
