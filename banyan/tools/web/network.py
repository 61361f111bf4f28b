"""Connections that are made to addresses that were checked, and to no others."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any, TypeAlias

import anyio
import anyio.to_thread
import httpcore

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.web.address import Address
from banyan.tools.web.allowed import Allowed
from banyan.tools.web.limits import WebLimits
from banyan.tools.web.place import Place, address_of

Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a host.  Raises `OSError` where it has none."""
_ONE_OF_SEVERAL_S = 2.0
"""Seconds for an address that is not the last of its host, as RFC 8305 advises not to wait long for one."""
_READ_BYTES = 16 * 1024
"""Read at once: so much is parsed before others get their turn."""


async def resolve(host: str) -> Sequence[str]:
    """Return the addresses of `host` as the system knows them, best first."""
    found = await anyio.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Looks a name up, checks every address it has, and connects to one of those checked.

    The name is not looked up again for the connection, so an answer that changes in between changes nothing.
    """

    def __init__(self, allowed: Allowed, limits: WebLimits, resolve: Resolve = resolve) -> None:
        self._allowed = allowed
        self._limits = limits
        self._resolve = resolve
        self._plain = httpcore.AnyIOBackend()

    def check(self, place: Place) -> None:
        """Raise `CallFailed` where `place` is refused without a look at what its name resolves to."""
        if self._allowed.refused_name(place):
            raise _refused(place, "metadata")
        if place.address is not None:
            self._check_address(place, place.address)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to an address of `host` that may be called.

        Raises:
            CallFailed: the host has none, or an address that is refused, were it one among many.
            httpcore.ConnectError: none of the addresses accepts.
            httpcore.ConnectTimeout: none of them answers.
        """
        place = Place(scheme="", host=host, port=port)
        addresses = await self._addresses(place)
        for address in addresses:
            self._check_address(place, address)
        for address in addresses[:-1]:
            try:
                stream = await self._plain.connect_tcp(str(address), port, _ONE_OF_SEVERAL_S, None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
            return MeteredStream(stream, self._limits.head_bytes)
        stream = await self._plain.connect_tcp(str(addresses[-1]), port, timeout, None, socket_options)
        return MeteredStream(stream, self._limits.head_bytes)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Raise: no API is called so."""
        raise httpcore.UnsupportedProtocol("no sockets of the file system")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    async def _addresses(self, place: Place) -> list[Address]:
        literal = address_of(place.host)
        if literal is not None:
            return [literal]
        try:
            with anyio.fail_after(self._limits.connect_s):
                found = [ip_address(one) for one in await self._resolve(place.host)]
        except TimeoutError:
            raise CallFailed(
                Category.TIMEOUT, f"the name `{place.host}` was not resolved in time", sent=False
            ) from None
        except (OSError, ValueError):
            found = []
        if not found:
            fix = "check the name, and this machine's network"
            raise CallFailed(Category.TRANSPORT, f"the name `{place.host}` has no address", fix=fix, sent=False)
        return found

    def _check_address(self, place: Place, address: Address) -> None:
        reach = self._allowed.refusal(place, address)
        if reach is not None:
            raise _refused(place, reach.value)


def _refused(place: Place, reach: str) -> CallFailed:
    return CallFailed(
        Category.DENIED,
        f"`{place.shown}` has a {reach} address, which this source may not call",
        fix=f"if that is meant, have a person allow it: `--allow-host {place.shown}`",
        sent=False,
    )


class MeteredStream(httpcore.AsyncNetworkStream):
    """A connection that counts what comes back until the head of a response is whole."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, head_bytes: int) -> None:
        self._stream = stream
        self._head_bytes = head_bytes
        self._left_bytes: int | None = head_bytes

    def head_is_whole(self) -> None:
        """Count no further: the body is counted by who reads it.

        Raises:
            httpcore.RemoteProtocolError: nothing has arrived since the request was sent, so that the head was left
                over from a response that was longer than it said.
        """
        if self._left_bytes == self._head_bytes:
            raise httpcore.RemoteProtocolError("a response that nothing had asked for")
        self._left_bytes = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has arrived, at most 16 KiB of it.

        Raises:
            httpcore.RemoteProtocolError: more than a head may have arrived, and it is not whole.
        """
        found = await self._stream.read(min(max_bytes, _READ_BYTES), timeout)
        if self._left_bytes is not None:
            self._left_bytes -= len(found)
            if self._left_bytes < 0:
                raise httpcore.RemoteProtocolError("a head without end")
        return found

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; what arrives after this is the head of a response."""
        self._left_bytes = self._head_bytes
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """End the connection."""
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Return this connection encrypted, its other end known as `server_hostname`."""
        return MeteredStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._head_bytes)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection below knows of itself."""
        return self._stream.get_extra_info(info)
