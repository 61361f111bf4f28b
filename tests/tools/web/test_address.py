from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.tools.web.address import Reach, reach_of

CASES = {
    Reach.PUBLIC: [
        "93.184.215.14", "8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.0",
        "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
    ],
    Reach.PRIVATE: [
        "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "fc00::1",
        "fdff::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2002:c0a8:101::1",
    ],
    Reach.LOOPBACK: [
        "127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "64:ff9b::7f00:1",
        "2002:7f00:1::1",
    ],
    Reach.LINK_LOCAL: ["169.254.1.1", "fe80::1", "::ffff:169.254.1.1", "fe80::1%eth0", "febf::1"],
    Reach.RESERVED: [
        "0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.2.1",
        "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.88.99.1", "ff02::1", "fec0::1", "2001:db8::1", "3fff::1",
        "5f00::1", "100::1", "64:ff9b:1::7f00:1", "4000::1", "::ffff:0.0.0.0", "64:ff9b::", "::2",
        "::10.0.0.1", "2001:0:a00:1::f5ff:fffe",
    ],
    Reach.METADATA: [
        "169.254.169.254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::",
        "169.254.170.2", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "::169.254.169.254",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("address", "reach"), [(one, reach) for reach, all_ in CASES.items() for one in all_])
def test_every_special_address_is_known_for_what_it_is(address: str, reach: Reach) -> None:
    assert reach_of(ip_address(address)) is reach


@given(st.ip_addresses(v=4))
def test_an_address_within_another_is_never_further_away_than_by_itself(address: IPv4Address) -> None:
    order = list(Reach)
    bare = order.index(reach_of(address))
    inside = int(address)
    spellings = [
        IPv6Address((0xFFFF << 32) | inside),
        IPv6Address((0x64FF9B << 96) | inside),
        IPv6Address((0x2002 << 112) | (inside << 80) | 1),
        IPv6Address((0x20010000 << 96) | (inside << 64)),
        IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (inside ^ 0xFFFFFFFF)),
    ]
    assert all(order.index(reach_of(spelling)) >= bare for spelling in spellings)


@given(st.ip_addresses())
def test_what_python_calls_not_global_is_public_only_where_it_carries_a_public_address(
    address: IPv4Address | IPv6Address,
) -> None:
    if reach_of(address) is Reach.PUBLIC and isinstance(address, IPv4Address):
        assert address.is_global
        assert not address.is_multicast
    if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
        assert reach_of(address) is not Reach.PUBLIC
