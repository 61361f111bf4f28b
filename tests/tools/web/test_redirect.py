from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.web import WebClient, WebRequest
from banyan.tools.web.place import place_of
from banyan.tools.web.redirect import next_request, without_credentials
from tests.servers.web_hostile import HostileServer
from tests.tools.web.conftest import Client, Names

START = "https://api.example/v1/a?key=canary&x=1"


def asked(**about: Any) -> WebRequest:
    return WebRequest(**{"method": "GET", "url": START} | about)


def follow(request: WebRequest, status: int, location: str) -> WebRequest:
    return next_request(request, place_of(request.url), status, location)


METHODS = [
    (301, "GET", "GET"), (301, "POST", "GET"), (301, "PUT", "PUT"), (301, "HEAD", "HEAD"),
    (302, "POST", "GET"), (302, "DELETE", "DELETE"), (302, "HEAD", "HEAD"),
    (303, "POST", "GET"), (303, "PUT", "GET"), (303, "DELETE", "GET"), (303, "HEAD", "HEAD"), (303, "GET", "GET"),
    (307, "POST", "POST"), (307, "GET", "GET"), (308, "POST", "POST"), (308, "PUT", "PUT"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "before", "after"), METHODS)
def test_the_method_after_a_redirect_is_the_one_of_rfc_9110(status: int, before: str, after: str) -> None:
    body = b"{}" if before in ("POST", "PUT") else None
    request = asked(method=before, body=body, headers=(("Content-Type", "application/json"), ("X-Other", "1")))
    found = follow(request, status, "/v2/b")
    assert (found.method, found.url) == (after, "https://api.example/v2/b")
    kept = before == after
    assert found.body == (body if kept else None)
    assert ("Content-Type" in dict(found.headers)) is kept
    assert "X-Other" in dict(found.headers)


@pytest.mark.parametrize(
    ("location", "url"),
    [("b", "https://api.example/v1/b"), ("?y=2", "https://api.example/v1/a?y=2"), ("//api.example/c", "https://api.example/c"),
     ("HTTPS://api.example:443/d#e", "https://api.example/d"), ("../../../x", "https://api.example/x"),
     ("/a?u=http://x/", "https://api.example/a?u=http://x/")],
)  # fmt: skip
def test_a_relative_redirect_is_resolved_where_it_came_from(location: str, url: str) -> None:
    assert follow(asked(), 302, location).url == url


SECRETS = (
    ("Authorization", "canary"), ("Cookie", "canary"), ("X-Custom", "canary"), ("X-Api-Key", "canary"),
    ("X-Auth-Token", "canary"), ("X-Amz-Security-Token", "canary"), ("Accept", "text/plain"),
)  # fmt: skip


@pytest.mark.parametrize(
    "location",
    ["https://other.example/", "https://api.example:444/", "https://sub.api.example/", "https://api.example.evil.example/",
     "https://other.example/?key=canary&y=1", "//other.example/?k%65y=canary&y=1"],
)  # fmt: skip
def test_credentials_stay_with_their_origin(location: str) -> None:
    request = asked(headers=SECRETS, credentials=frozenset({"x-custom"}), credential_query=frozenset({"key"}))
    found = follow(request, 302, location)
    assert dict(found.headers) == {"Accept": "text/plain"}
    assert "canary" not in found.url


def test_credentials_go_along_within_their_origin() -> None:
    request = asked(headers=SECRETS, credentials=frozenset({"x-custom"}), credential_query=frozenset({"key"}))
    found = follow(request, 302, "https://API.example:443/b?key=canary")
    assert found.headers == SECRETS
    assert found.url == "https://api.example/b?key=canary"


def test_a_body_moves_to_another_port_of_its_host_but_to_no_other_host() -> None:
    request = asked(url="http://api.example/token", method="POST", body=b"client_secret=canary")
    assert follow(request, 308, "https://api.example/token").body == request.body
    with pytest.raises(CallFailed) as raised:
        follow(request, 307, "https://other.example/token")
    assert raised.value.category is Category.DENIED


@pytest.mark.parametrize(
    "location",
    ["http://api.example/", "http://127.0.0.1/", "ftp://api.example/", "file:///etc/passwd", "javascript:canary",
     "https://user:canary@api.example/", "//user:canary@api.example/", "https://0x7f.1/", "https://[::1%25lo]/",
     "https://\\canary/", "https:///canary", "data:text/html,canary", "https://exa mple/canary", "/x" * 5_000],
)  # fmt: skip
def test_a_redirect_that_must_not_be_followed_is_refused_without_quoting_it(location: str) -> None:
    with pytest.raises(CallFailed) as raised:
        follow(asked(), 302, location)
    assert (raised.value.category, raised.value.sent) == (Category.DENIED, True)
    assert "canary" not in raised.value.message
    assert len(raised.value.message) < 300


@given(st.text(max_size=80))
def test_every_location_leads_to_an_encrypted_place_or_is_refused(location: str) -> None:
    request = asked(headers=SECRETS, credentials=frozenset({"x-custom"}), credential_query=frozenset({"key"}))
    try:
        found = follow(request, 302, location)
    except CallFailed as refused:
        assert refused.category is Category.DENIED
        return
    place = place_of(found.url)
    assert place.scheme == "https"
    if place.host != "api.example":
        assert len(found.headers) == 1


_NAMES = st.text(st.sampled_from("abkey%65_[]"), min_size=1, max_size=5)


@given(st.lists(st.tuples(_NAMES, st.text(st.sampled_from("ab%20+="), max_size=4)), max_size=6))
def test_taking_credentials_out_of_a_url_leaves_the_rest_as_it_was(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{name}={value}" for name, value in pairs)
    request = asked(credential_query=frozenset({"key"}))
    url = without_credentials(request, f"https://api.example/a?{query}&key=canary#f")
    assert "canary" not in url
    assert "#" not in url
    if "key" not in query and "%" not in query and "[" not in query and "]" not in query and pairs:
        assert url == f"https://api.example/a?{query}"


# With real servers.


async def test_a_redirect_is_followed_and_told_where_it_led(client: WebClient, server: HostileServer) -> None:
    base = f"http://127.0.0.1:{server.port}"
    response = await client.send(WebRequest(method="GET", url=f"{base}/redirect?to=/echo?a=1"), timeout_s=20)
    assert response.status == 200
    assert response.url == f"{base}/echo?a=1"
    assert [seen.target for seen in server.seen] == ["/redirect?to=/echo?a=1", "/echo?a=1"]


async def test_another_server_sees_no_credentials(
    client: WebClient, server: HostileServer, other_server: HostileServer
) -> None:
    target = f"http://127.0.0.1:{other_server.port}/echo%3Fkey=canary%26y=1"
    request = WebRequest(
        method="GET",
        url=f"http://127.0.0.1:{server.port}/redirect?key=canary&to={target}",
        headers=SECRETS,
        credentials=frozenset({"x-custom"}),
        credential_query=frozenset({"key"}),
    )
    response = await client.send(request, timeout_s=20)
    assert "canary" in server.seen[0].headers["authorization"]
    about = json.loads(response.body)
    assert about["target"] == "/echo?y=1"
    assert "canary" not in response.body.decode()
    assert "canary" not in response.url


@pytest.mark.parametrize(
    "target",
    ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/",
     "http://metadata.google.internal/", "http://mixed.example/", "http://inside.example/"],
)  # fmt: skip
async def test_a_redirect_to_where_no_call_may_go_is_refused(
    new_client: Client, server: HostileServer, target: str
) -> None:
    names = Names(mixed_example=[["93.184.215.14", "10.0.0.1"]], inside_example=[["192.168.0.1"]])
    client = await new_client(resolve=names)
    request = WebRequest(method="GET", url=f"http://127.0.0.1:{server.port}/redirect?to={target}")
    with pytest.raises(CallFailed) as raised:
        await client.send(request, timeout_s=20)
    assert (raised.value.category, raised.value.sent) == (Category.DENIED, True)
    assert "after a redirect" in raised.value.message


async def test_an_allowed_port_is_no_leave_for_another(
    new_client: Client, server: HostileServer, other_server: HostileServer
) -> None:
    client = await new_client(allow=[f"127.0.0.1:{server.port}"])
    target = f"http://127.0.0.1:{other_server.port}/echo"
    request = WebRequest(method="GET", url=f"http://127.0.0.1:{server.port}/redirect?to={target}")
    with pytest.raises(CallFailed) as raised:
        await client.send(request, timeout_s=20)
    assert raised.value.category is Category.DENIED
    assert other_server.connections == 0


async def test_redirects_without_end_end(client: WebClient, server: HostileServer) -> None:
    with pytest.raises(CallFailed) as raised:
        await client.send(WebRequest(method="GET", url=f"http://127.0.0.1:{server.port}/loop"), timeout_s=20)
    assert (raised.value.category, raised.value.sent) == (Category.UPSTREAM, True)
    assert len(server.seen) == 6


async def test_a_redirect_without_a_location_is_a_response(client: WebClient, server: HostileServer) -> None:
    url = f"http://127.0.0.1:{server.port}/status?status=302"
    assert (await client.send(WebRequest(method="GET", url=url), timeout_s=20)).status == 302
