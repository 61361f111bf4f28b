from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from banyan.core.errors import InvalidArgument
from banyan.tools.web.allowed import Allowed
from banyan.tools.web.place import place_of

METADATA = "169.254.169.254"

RULES = [
    # allowed, URL, its address, may it be called
    ([], "http://example.com/", "93.184.215.14", True),
    ([], "http://example.com/", "127.0.0.1", False),
    ([], "http://10.0.0.1/", "10.0.0.1", False),
    (["loopback"], "http://localhost:9/", "127.0.0.1", True),
    (["loopback"], "http://localhost:9/", "::1", True),
    (["loopback"], "http://example.com/", "::ffff:127.0.0.1", True),
    (["loopback"], "http://example.com/", "10.0.0.1", False),
    (["private"], "http://nas.example/", "192.168.1.5", True),
    (["private"], "http://nas.example/", "fd12::5", True),
    (["private"], "http://nas.example/", "100.64.0.1", True),
    (["private"], "http://nas.example/", "127.0.0.1", False),
    (["private"], "http://nas.example/", "169.254.0.1", False),
    (["private"], "http://nas.example/", "fd00:ec2::254", False),
    (["private"], "http://nas.example/", "100.100.100.200", False),
    (["intranet.example"], "http://intranet.example:81/", "10.0.0.1", True),
    (["INTRANET.example."], "http://intranet.example/", "10.0.0.1", True),
    (["intranet.example:81"], "http://intranet.example:81/", "10.0.0.1", True),
    (["intranet.example:81"], "http://intranet.example:82/", "10.0.0.1", False),
    (["intranet.example:80"], "http://intranet.example/", "10.0.0.1", True),
    (["intranet.example"], "http://sub.intranet.example/", "10.0.0.1", False),
    (["intranet.example"], "http://intranet.example/", METADATA, False),
    (["intranet.example"], "http://intranet.example/", "169.254.7.7", False),
    (["intranet.example"], "http://intranet.example/", "0.0.0.0", False),
    (["127.0.0.1:8000"], "http://127.0.0.1:8000/", "127.0.0.1", True),
    (["127.0.0.1:8000"], "http://127.0.0.1:8001/", "127.0.0.1", False),
    (["127.0.0.1:8000"], "http://localhost:8000/", "127.0.0.1", False),
    (["[::1]:8000"], "http://[::1]:8000/", "::1", True),
    (["[::1]"], "http://[::1]:8001/", "::1", True),
    (["::1"], "http://[::1]:8001/", "::1", True),
    (["10.1.0.0/16"], "http://a.example/", "10.1.2.3", True),
    (["10.1.0.0/16"], "http://a.example/", "10.2.2.3", False),
    (["10.1.2.3"], "http://a.example/", "::ffff:10.1.2.3", True),
    (["169.254.0.0/16"], "http://a.example/", "169.254.7.7", True),
    (["169.254.0.0/16"], f"http://{METADATA}/", METADATA, False),
    (["0.0.0.0/0"], f"http://{METADATA}/", METADATA, False),
    ([METADATA], f"http://{METADATA}/", METADATA, True),
    ([f"{METADATA}:80"], f"http://{METADATA}/", METADATA, True),
    ([f"{METADATA}:80"], f"http://[::ffff:{METADATA}]/", METADATA, False),
]


@pytest.mark.parametrize(("entries", "url", "address", "may"), RULES)
def test_only_what_a_person_allowed_is_called_besides_the_public(
    entries: list[str], url: str, address: str, may: bool
) -> None:
    refusal = Allowed.of({"allow_hosts": entries}).refusal(place_of(url), ip_address(address))
    assert (refusal is None) is may


def test_a_base_url_that_a_person_gave_is_allowed_for_its_host_and_port_alone() -> None:
    allowed = Allowed().with_url("http://127.0.0.1:8000/v1?key=x")
    assert allowed.refusal(place_of("http://127.0.0.1:8000/other"), ip_address("127.0.0.1")) is None
    assert allowed.refusal(place_of("http://127.0.0.1:9000/"), ip_address("127.0.0.1")) is not None


def test_names_of_metadata_services_are_refused_whatever_they_resolve_to() -> None:
    place = place_of("http://Metadata.Google.Internal./")
    assert Allowed().refused_name(place)
    assert not Allowed.of({"allow_hosts": ["metadata.google.internal"]}).refused_name(place)


BAD: list[Any] = ["loopback", [5], ["http://a.example"], ["a b"], [""], ["10.0.0.1/8"], ["*"], ["a/b"], ["0x7f.1"],
                  ["user@host"], [None], {"a": 1}]  # fmt: skip


@pytest.mark.parametrize("entries", BAD)
def test_what_is_no_host_and_no_network_is_refused_by_name(entries: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Allowed.of({"allow_hosts": entries})
    assert raised.value.name == "allow_hosts"
