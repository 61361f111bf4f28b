from __future__ import annotations

import pytest

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.web import Allowed, WebLimits, WebRequest, fetch_document
from tests.servers.web_hostile import HostileServer

HERE = Allowed.of({"allow_hosts": ["loopback"]})


async def test_a_document_is_read_from_where_a_person_says(server: HostileServer) -> None:
    url = f"http://127.0.0.1:{server.port}/encoded?as=gzip"
    assert (await fetch_document(url, source="shop", allowed=HERE))[:6] == b"a text"
    request = WebRequest(method="GET", url=url, headers=(("Authorization", "Bearer x"),))
    await fetch_document(request, source="shop", allowed=Allowed().with_url(url))
    assert server.seen[1].headers["authorization"] == "Bearer x"


async def test_a_document_is_under_the_same_guard_as_calls(server: HostileServer) -> None:
    with pytest.raises(CallFailed) as raised:
        await fetch_document(f"http://127.0.0.1:{server.port}/plain", source="shop")
    assert raised.value.category is Category.DENIED
    assert server.connections == 0


@pytest.mark.parametrize(
    ("path", "category"),
    [("/status?status=404", Category.NOT_FOUND), ("/flood", Category.UPSTREAM), ("/never", Category.TIMEOUT)],
)
async def test_what_cannot_be_read_says_why(server: HostileServer, path: str, category: Category) -> None:
    url = f"http://127.0.0.1:{server.port}{path}"
    with pytest.raises(CallFailed) as raised:
        await fetch_document(
            url, source="shop", allowed=HERE, timeout_s=0.5 if path == "/never" else 20, limits=WebLimits()
        )
    assert raised.value.category is category
