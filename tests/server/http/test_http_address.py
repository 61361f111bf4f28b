from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.server.http.address import HostPort, Names, is_loopback, parse

LOCAL = Names("127.0.0.1", 8080)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080", "localhost.:8080"]
)
def test_a_loopback_server_answers_to_its_names(host: str) -> None:
    assert LOCAL.host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1:8080.evil.com",
        "127.0.0.1:80.evil.com",
        "127.0.0.1:8080:8080",
        "127.0.0.1.evil.com:8080",
        "evil.com:8080",
        "evil.com",
        "localhost:",
        "localhost:8080/",
        "localhost :8080",
        "user@localhost:8080",
        "0x7f.1:8080",
        "2130706433:8080",
        "[::1:8080",
        "[::1]8080",
        "[::ffff:127.0.0.1]:8080",
        "localhost:08080x",
        "localhost:99999999",
        "loc\u0430lhost:8080",
    ],
)
def test_it_answers_to_no_other(host: str) -> None:
    assert not LOCAL.host(host)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost:8080", "https://[::1]:8080"])
def test_its_own_pages_may_call_it(origin: str) -> None:
    assert LOCAL.origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.com",
        "http://localhost:8080.evil.com",
        "http://localhost",
        "http://localhost:8080/",
        "http://localhost:8080@evil.com",
        "http://evil.com#http://localhost:8080",
        "file://localhost:8080",
        "localhost:8080",
        "http://localhost:8080 http://evil.com",
    ],
)
def test_no_other_page_may(origin: str) -> None:
    assert not LOCAL.origin(origin)


def test_port_80_may_be_left_out_where_it_is_the_port() -> None:
    names = Names("127.0.0.1", 80)
    assert names.host("localhost")
    assert names.origin("http://localhost")


def test_a_server_on_every_address_answers_to_addresses_but_to_no_name_it_was_not_given() -> None:
    names = Names("0.0.0.0", 8080, also=("tools.example.org", "proxy.example.org:443"))
    assert names.host("192.0.2.7:8080")
    assert names.host("[2001:db8::1]:8080")
    assert names.host("tools.example.org:8080")
    assert names.host("proxy.example.org:443")
    assert names.origin("https://proxy.example.org")
    assert not names.host("192.0.2.7:9090")
    assert not names.host("rebound.example.com:8080")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost"])
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "example.org", "127.0.0.1.example.org"])
def test_what_is_not_loopback_is_known(host: str) -> None:
    assert not is_loopback(host)


@given(st.text(max_size=40))
def test_whatever_is_parsed_reads_back_the_same(text: str) -> None:
    found = parse(text, default_port=80)
    assert found is None or parse(str(found), default_port=1) == found
    assert found is None or isinstance(found, HostPort)
