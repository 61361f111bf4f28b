"""Servers that misbehave, and a client that may call them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import pytest

from banyan.tools.web import Allowed, WebClient, WebLimits
from tests.servers.web_hostile import HostileServer

MIB = 2**20
Client: TypeAlias = Callable[..., Awaitable[WebClient]]


class Names:
    """A resolver of a few names; each look-up takes the next of the answers, the last one again and again."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("no such name")
        found = self.answers[host]
        return found.pop(0) if len(found) > 1 else found[0]


@pytest.fixture
def server() -> Iterator[HostileServer]:
    server = HostileServer()
    yield server
    server.close()


@pytest.fixture
def other_server() -> Iterator[HostileServer]:
    server = HostileServer()
    yield server
    server.close()


@pytest.fixture
async def new_client() -> AsyncIterator[Client]:
    async with AsyncExitStack() as stack:

        async def make(allow: Sequence[str] = ("loopback",), **options: Any) -> WebClient:
            limits = options.pop("limits", WebLimits(response_bytes=2 * MIB))
            client = WebClient(limits, Allowed.of({"allow_hosts": list(allow)}), **options)
            stack.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
async def client(new_client: Client) -> WebClient:
    return await new_client()
