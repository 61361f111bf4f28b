from __future__ import annotations

import json
import logging
import socket
import ssl
import traceback
import tracemalloc
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import trustme

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.web import WebClient, WebLimits, WebRequest, WebResponse
from tests.servers.web_hostile import HostileServer
from tests.tools.web.conftest import Client, Names

PUBLIC = "93.184.215.14"


def get(server: HostileServer, path: str, **about: Any) -> WebRequest:
    return WebRequest(method="GET", url=f"http://127.0.0.1:{server.port}{path}", **about)


async def send(client: WebClient, request: WebRequest, timeout_s: float = 20) -> WebResponse:
    return await client.send(request, timeout_s=timeout_s)


async def failure(client: WebClient, request: WebRequest, timeout_s: float = 20) -> CallFailed:
    with pytest.raises(CallFailed) as raised:
        await client.send(request, timeout_s=timeout_s)
    return raised.value


# What is sent and what comes back.


async def test_a_request_arrives_as_it_was_given_and_its_response_comes_back(
    client: WebClient, server: HostileServer
) -> None:
    request = WebRequest(
        method="post",
        url=f"http://127.0.0.1:{server.port}/echo/a%2Fb?x=%26&y=a+b#part",
        headers=(("X-One", "1"), ("X-One", "2"), ("Content-Type", "text/plain"), ("X-Text", " grün ")),
        body=b"hello",
    )
    response = await send(client, request)
    assert (response.status, response.media_type) == (200, "application/json")
    assert response.url == f"http://127.0.0.1:{server.port}/echo/a%2Fb?x=%26&y=a+b"
    [seen] = server.seen
    assert (seen.method, seen.target, seen.body) == ("POST", "/echo/a%2Fb?x=%26&y=a+b", b"hello")
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"
    assert seen.headers["content-length"] == "5"
    assert seen.headers["x-one"] == "2"
    assert seen.headers["x-text"] == "grün"
    assert seen.headers["user-agent"].startswith("banyan/")
    assert seen.headers["accept-encoding"] == "gzip, deflate, zstd"


async def test_a_media_type_is_told_without_its_parameters_and_headers_by_lower_case_name(
    client: WebClient, server: HostileServer
) -> None:
    response = await send(client, get(server, "/plain"))
    assert response.media_type == "text/plain"
    assert response.headers["content-type"] == "Text/Plain; charset=utf-8"
    assert response.body == b"x" * 1024


async def test_requests_share_a_connection_and_no_cookies(client: WebClient, server: HostileServer) -> None:
    for _ in range(3):
        await send(client, get(server, "/plain"))
    assert server.connections == 1
    assert all("cookie" not in seen.headers for seen in server.seen)


async def test_a_connection_that_the_server_ended_meanwhile_is_replaced(
    client: WebClient, server: HostileServer
) -> None:
    for _ in range(3):
        response = await send(client, get(server, "/hangs_up_later"))
        assert response.body == b"ok"
        await anyio.to_thread.run_sync(server.ended.acquire)
    assert server.connections == 3


async def test_a_post_without_a_body_says_so_and_a_head_has_none(client: WebClient, server: HostileServer) -> None:
    await send(client, WebRequest(method="POST", url=f"http://127.0.0.1:{server.port}/echo"))
    response = await send(client, WebRequest(method="HEAD", url=f"http://127.0.0.1:{server.port}/echo"))
    assert response.body == b""
    assert [seen.headers.get("content-length") for seen in server.seen] == ["0", None]


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "Deflate", "zstd", "identity"])
async def test_what_is_compressed_comes_back_as_it_was(
    new_client: Client, server: HostileServer, encoding: str
) -> None:
    client = await new_client(limits=WebLimits(response_bytes=4 * 2**20))
    response = await send(client, get(server, f"/encoded?as={encoding}"))
    assert response.body == b"a text that is compressed " * 100_000


@pytest.mark.parametrize(
    ("name", "value"),
    [("Host", "other"), ("Content-Length", "5"), ("transfer-encoding", "chunked"), ("Connection", "upgrade"),
     ("X Y", "1"), ("", "1"), ("X:", "1"), ("X\r\nY", "1"), ("X", "canary\r\nY: 1"), ("X", "canary\x00"), ("Ü", "1")],
)  # fmt: skip
async def test_a_header_that_would_change_the_request_around_it_is_refused_before_anything_is_sent(
    client: WebClient, server: HostileServer, name: str, value: str
) -> None:
    failed = await failure(client, get(server, "/echo", headers=((name, value),)))
    assert (failed.category, failed.sent) == (Category.BAD_VALUE, False)
    assert "canary" not in failed.message
    assert server.connections == 0


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "CONNECT"])
async def test_a_method_that_is_none_is_refused(client: WebClient, server: HostileServer, method: str) -> None:
    failed = await failure(client, WebRequest(method=method, url=f"http://127.0.0.1:{server.port}/echo"))
    assert (failed.category, failed.sent) == (Category.BAD_VALUE, False)
    assert server.connections == 0


# Where a call may go.


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
     "0.0.0.0", "10.0.0.1", "169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal", "[fe80::1]"],
)  # fmt: skip
async def test_an_address_that_is_not_public_is_not_connected_to(
    new_client: Client, server: HostileServer, host: str
) -> None:
    client = await new_client(allow=())
    failed = await failure(client, WebRequest(method="GET", url=f"http://{host}:{server.port}/echo?key=canary"))
    assert (failed.category, failed.sent) == (Category.DENIED, False)
    assert "--allow-host" in (failed.fix or "")
    assert "canary" not in f"{failed.message} {failed.fix}"
    assert server.connections == 0


@pytest.mark.parametrize("url", ["http://2130706433/", "http://0x7f.1/", "http://user:canary@127.0.0.1/", "file:///x"])
async def test_a_url_in_an_odd_spelling_is_a_bad_value(client: WebClient, url: str) -> None:
    failed = await failure(client, WebRequest(method="GET", url=url))
    assert (failed.category, failed.sent) == (Category.BAD_VALUE, False)
    assert "canary" not in failed.message


@pytest.mark.parametrize("addresses", [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::1"], ["169.254.169.254"]])
async def test_a_name_with_any_address_that_is_not_public_is_refused_as_a_whole(
    new_client: Client, server: HostileServer, addresses: list[str]
) -> None:
    client = await new_client(allow=(), resolve=Names(api_example=[addresses]))
    failed = await failure(client, WebRequest(method="GET", url=f"http://api.example:{server.port}/echo"))
    assert (failed.category, failed.sent) == (Category.DENIED, False)
    assert server.connections == 0


async def test_the_connection_goes_to_the_address_that_was_checked_though_the_name_moves_on(
    new_client: Client, server: HostileServer, other_server: HostileServer
) -> None:
    names = Names(api_example=[["127.0.0.1"], ["10.255.255.1"]])
    client = await new_client(resolve=names)
    request = WebRequest(method="GET", url=f"http://api.example:{server.port}/echo")
    first = await send(client, request)
    assert json.loads(first.body)["headers"]["host"] == f"api.example:{server.port}"
    assert (await send(client, request)).status == 200
    assert names.asked == ["api.example"]
    moved = WebRequest(method="GET", url=f"http://api.example:{other_server.port}/echo")
    assert (await failure(client, moved)).category is Category.DENIED
    assert names.asked == ["api.example", "api.example"]


async def test_the_next_address_of_a_name_is_tried_where_one_does_not_accept(
    new_client: Client, server: HostileServer
) -> None:
    client = await new_client(resolve=Names(api_example=[["127.0.0.9", "::1", "127.0.0.1"]]))
    response = await send(client, WebRequest(method="GET", url=f"http://api.example:{server.port}/plain"))
    assert response.status == 200


async def test_a_name_without_an_address_was_not_sent_to(new_client: Client) -> None:
    client = await new_client(resolve=Names(empty_example=[[]]))
    for name in ("nowhere.example", "empty.example"):
        failed = await failure(client, WebRequest(method="GET", url=f"http://{name}/"))
        assert (failed.category, failed.sent) == (Category.TRANSPORT, False)


async def test_the_system_resolves_localhost_to_this_machine(new_client: Client, server: HostileServer) -> None:
    client = await new_client(allow=("localhost",))
    response = await send(client, WebRequest(method="GET", url=f"http://localhost:{server.port}/plain"))
    assert response.status == 200


async def test_a_look_up_that_hangs_ends_with_its_deadline(new_client: Client) -> None:
    async def hang(_: str) -> list[str]:
        await anyio.sleep_forever()
        return []

    client = await new_client(resolve=hang, limits=WebLimits(connect_s=0.05))
    failed = await failure(client, WebRequest(method="GET", url="http://api.example/"))
    assert (failed.category, failed.sent) == (Category.TIMEOUT, False)


async def test_nothing_is_read_from_the_environment(
    client: WebClient, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await send(client, get(server, "/plain"))).status == 200


# Servers that misbehave.


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("/flood", Category.UPSTREAM),
        ("/flood?length=1", Category.UPSTREAM),
        ("/bomb?as=gzip", Category.UPSTREAM),
        ("/bomb?as=deflate", Category.UPSTREAM),
        ("/bomb?as=zstd", Category.UPSTREAM),
        ("/damaged?as=gzip", Category.UPSTREAM),
        ("/damaged?as=x-gzip&short=1", Category.UPSTREAM),
        ("/damaged?as=zstd", Category.UPSTREAM),
        ("/damaged?as=zstd&short=1", Category.UPSTREAM),
        ("/damaged?as=deflate&short=1", Category.UPSTREAM),
        ("/other_encoding?as=br", Category.UPSTREAM),
        ("/other_encoding?as=gzip,%20gzip", Category.UPSTREAM),
        ("/huge_head", Category.TRANSPORT),
        ("/interim", Category.TRANSPORT),
        ("/dies", Category.TRANSPORT),
        ("/dies_in_chunk", Category.TRANSPORT),
        ("/closes", Category.TRANSPORT),
        ("/garbage", Category.TRANSPORT),
        ("/two_lengths", Category.TRANSPORT),
        ("/switch", Category.TRANSPORT),
    ],
)
async def test_a_server_that_misbehaves_fails_its_own_call_alone(
    client: WebClient, server: HostileServer, path: str, category: Category
) -> None:
    failed = await failure(client, get(server, path))
    assert (failed.category, failed.sent) == (category, True)
    assert len(failed.message) < 300
    assert "canary" not in failed.message
    assert (await send(client, get(server, "/plain"))).status == 200


@pytest.mark.parametrize("path", ["/bomb?as=gzip", "/bomb?as=zstd", "/flood", "/specks"])
async def test_others_get_their_turns_while_a_large_body_comes_in(
    new_client: Client, server: HostileServer, path: str
) -> None:
    client = await new_client(limits=WebLimits(response_bytes=32 * 2**20))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        try:
            response = await send(client, get(server, path))
        except CallFailed as failed:
            assert "32 MiB" in failed.message
        else:
            assert response.body == b"x" * 20_000
        group.cancel_scope.cancel()
    # At most 4 MiB are taken in at a turn: 128 bytes of zstd can stand for as much.
    assert turns >= 8


@pytest.mark.parametrize("path", ["/bomb?as=gzip", "/bomb?as=zstd", "/flood", "/flood?length=1", "/huge_head"])
async def test_half_a_gigabyte_takes_no_more_memory_than_the_cap_and_a_little(
    client: WebClient, server: HostileServer, path: str
) -> None:
    tracemalloc.start()
    try:
        await failure(client, get(server, path))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 20 * 2**20


@pytest.mark.parametrize("path", ["/never", "/drip", "/drip?body=1"])
async def test_a_server_that_takes_forever_is_left_at_the_deadline(
    client: WebClient, server: HostileServer, path: str
) -> None:
    with anyio.fail_after(5):
        failed = await failure(client, get(server, path), timeout_s=0.3)
    assert (failed.category, failed.sent) == (Category.TIMEOUT, True)
    assert "0.3 s" in failed.message
    assert (await send(client, get(server, "/plain"))).status == 200


async def test_nobody_is_there_to_connect_to(client: WebClient, server: HostileServer) -> None:
    server.close()
    failed = await failure(client, get(server, "/plain"))
    assert (failed.category, failed.sent) == (Category.TRANSPORT, False)


async def test_waiting_for_a_connection_counts_as_not_sent(new_client: Client, server: HostileServer) -> None:
    client = await new_client(limits=WebLimits(connections=1))
    async with anyio.create_task_group() as group:
        scope = anyio.CancelScope()

        async def hold() -> None:
            with scope:
                await client.send(get(server, "/never"), timeout_s=20)

        group.start_soon(hold)
        await anyio.to_thread.run_sync(server.came.acquire)
        failed = await failure(client, get(server, "/plain"), timeout_s=0.1)
        assert (failed.category, failed.sent) == (Category.TIMEOUT, False)
        scope.cancel()
    assert (await send(client, get(server, "/plain"))).status == 200


async def test_callers_that_go_away_leave_no_connection_behind(new_client: Client, server: HostileServer) -> None:
    client = await new_client(limits=WebLimits(connections=2))
    for turn in range(60):
        with anyio.move_on_after(turn * 0.0005):
            await client.send(get(server, "/never" if turn % 2 else "/plain"), timeout_s=20)
    assert (await send(client, get(server, "/plain"), timeout_s=5)).status == 200


async def test_what_a_server_says_unasked_is_not_taken_for_the_next_answer(
    client: WebClient, server: HostileServer
) -> None:
    assert (await send(client, get(server, "/longer"))).body == b"true"
    failed = await failure(client, get(server, "/plain"))
    assert (failed.category, failed.sent) == (Category.TRANSPORT, True)
    assert (await send(client, get(server, "/plain"))).body == b"x" * 1024


async def test_a_closed_client_has_no_connections_and_closing_again_does_nothing(
    client: WebClient, server: HostileServer
) -> None:
    await send(client, get(server, "/plain"))
    await client.aclose()
    await client.aclose()
    await send(client, get(server, "/plain"))
    assert server.connections == 2


# Encryption.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[HostileServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("api.example", "127.0.0.1").configure_cert(context)
    server = HostileServer(tls=context)
    yield server
    server.close()


def _trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_the_name_is_what_a_certificate_is_checked_for_and_not_the_address(
    new_client: Client, tls_server: HostileServer, authority: trustme.CA
) -> None:
    names = Names(api_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    client = await new_client(tls=_trusting(authority), resolve=names)
    for _ in range(2):
        good = WebRequest(method="GET", url=f"https://api.example:{tls_server.port}/plain")
        assert (await send(client, good)).status == 200
    assert tls_server.connections == 1
    bad = WebRequest(method="GET", url=f"https://other.example:{tls_server.port}/plain")
    failed = await failure(client, bad)
    assert (failed.category, failed.sent) == (Category.TRANSPORT, False)
    assert "other.example" in failed.message


async def test_an_unknown_authority_is_not_trusted(new_client: Client, tls_server: HostileServer) -> None:
    client = await new_client()
    request = WebRequest(method="GET", url=f"https://127.0.0.1:{tls_server.port}/plain?key=canary")
    failed = await failure(client, request)
    assert (failed.category, failed.sent) == (Category.TRANSPORT, False)
    assert "certificate" in failed.message
    assert "canary" not in failed.message


async def test_a_server_that_speaks_plainly_where_it_should_not_is_not_sent_to(
    client: WebClient, server: HostileServer
) -> None:
    failed = await failure(client, WebRequest(method="GET", url=f"https://127.0.0.1:{server.port}/plain"))
    assert (failed.category, failed.sent) == (Category.TRANSPORT, False)


async def test_a_silent_server_ends_a_handshake_with_its_deadline(new_client: Client) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    client = await new_client(limits=WebLimits(connect_s=0.1))
    with listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        failed = await failure(client, WebRequest(method="GET", url=url))
    assert (failed.category, failed.sent) == (Category.TIMEOUT, False)


# What must not be said.


@pytest.mark.parametrize(
    "path",
    ["/garbage", "/closes", "/dies", "/huge_head", "/never", "/flood", "/bomb?as=gzip", "/loop", "/damaged?as=gzip",
     "/redirect?to=http://10.0.0.1/", "/redirect?to=http://canary@x/", "/redirect?to=http://x/canary%20y"],
)  # fmt: skip
async def test_no_failure_and_no_log_tells_what_was_secret_in_the_request(
    client: WebClient, server: HostileServer, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request = WebRequest(
        method="POST",
        url=f"http://127.0.0.1:{server.port}{path}{'&' if '?' in path else '?'}key=canary",
        headers=(("Authorization", "Bearer canary"), ("X-Api-Key", "canary")),
        body=b"canary",
        credentials=frozenset({"x-api-key"}),
        credential_query=frozenset({"key"}),
    )
    failed = await failure(client, request, timeout_s=0.5 if path == "/never" else 20)
    told = "".join(traceback.format_exception(failed)) + f"{failed!r} {failed.fix} {request!r}"
    assert "canary" not in told.replace("canary-from-server", "")
    logged = " ".join(record.getMessage() for record in caplog.records if "location" not in record.getMessage())
    assert "canary" not in logged
