"""Sending a request to where it may go, and taking in no more than was bargained for."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import certifi
import httpcore

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.web.allowed import Allowed
from banyan.tools.web.decode import ACCEPTED, Undecodable, decoder_of
from banyan.tools.web.limits import WebLimits
from banyan.tools.web.network import GuardedNetwork, MeteredStream, Resolve, resolve
from banyan.tools.web.place import PORTS, BadUrl, Place, bracketed, place_of
from banyan.tools.web.redirect import next_request, redirects, without_credentials
from banyan.tools.web.request import WebRequest, WebResponse

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect"}
)
"""What belongs to the connection, and is no part of a request that a tool describes."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_TURN_BYTES = 1024 * 1024
_TURN_PIECES = 64
"""After so much of a body, in bytes or in pieces, others get their turn."""


class WebClient:
    """Sends requests of one source, over connections that it keeps: no cookies, no proxy, nothing read from outside."""

    def __init__(
        self,
        limits: WebLimits | None = None,
        allowed: Allowed | None = None,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits or WebLimits()
        self._network = GuardedNetwork(allowed or Allowed(), self._limits, resolve)
        self._tls = tls
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}
        self._defaults = (
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", ACCEPTED),
            (b"User-Agent", f"banyan/{version('banyan-agents')}".encode()),
        )

    async def send(self, request: WebRequest, *, timeout_s: float) -> WebResponse:
        """Return the response, whatever its status, after at most as many redirects as the limits say.

        Raises:
            CallFailed: it may not be sent, there is no whole answer within `timeout_s`, or it is larger than the cap.
        """
        sent = _Sent()
        try:
            with anyio.fail_after(timeout_s):
                return await self._follow(request, sent)
        except TimeoutError:
            message = f"`{sent.host}` did not answer within {timeout_s:g} s"
            raise CallFailed(Category.TIMEOUT, message, sent=sent.any) from None

    async def aclose(self) -> None:
        """End all connections; idempotent."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()

    async def _follow(self, request: WebRequest, sent: _Sent) -> WebResponse:
        for _ in range(self._limits.redirects + 1):
            place = _place(request)
            sent.host = place.shown
            try:
                self._network.check(place)
                response = await self._once(request, place, sent)
            except CallFailed as failure:
                raise _after(failure, sent) from None
            location = response.headers.get("location")
            if location is None or not redirects(response.status, location):
                return replace(response, url=without_credentials(request, request.url))
            request = next_request(request, place, response.status, location)
        message = f"`{sent.host}` redirects without end"
        raise CallFailed(Category.UPSTREAM, message, sent=True)

    async def _once(self, request: WebRequest, place: Place, sent: _Sent) -> WebResponse:
        wire = httpcore.Request(
            method=_method(request),
            url=httpcore.URL(scheme=place.scheme, host=place.host, port=place.port, target=place.target),
            headers=self._headers(request, place),
            content=request.body,
            extensions={"trace": sent.trace, "timeout": {"connect": self._limits.connect_s}},
        )
        pool = await self._pool(place.scheme)
        try:
            response = await pool.handle_async_request(wire)
            try:
                return await self._taken_in(response, request, place)
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
        except _TRANSPORT as error:
            # Not chained: the texts of these errors quote what was sent and received.
            raise _broken(error, place, sent) from None

    async def _taken_in(self, response: httpcore.Response, request: WebRequest, place: Place) -> WebResponse:
        stream = response.extensions.get("network_stream")
        if isinstance(stream, MeteredStream):
            stream.head_is_whole()
        headers = _headers_of(response)
        answered = f"`{place.shown}` answered {response.status}"
        if request.method != "HEAD" and int(headers.get("content-length", "0")) > self._limits.response_bytes:
            raise self._too_large(answered)
        try:
            body = await self._body(response, headers, answered)
        except Undecodable as error:
            raise CallFailed(Category.UPSTREAM, f"{answered}, and cannot be read: {error}", sent=True) from None
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        return WebResponse(status=response.status, headers=headers, body=body, media_type=media_type)

    async def _body(self, response: httpcore.Response, headers: Mapping[str, str], answered: str) -> bytes:
        cap_bytes = self._limits.response_bytes
        body = bytearray()
        decoder = None
        received_bytes = turn_bytes = pieces = 0
        async for received in response.aiter_stream():
            received_bytes += len(received)
            decoder = decoder or decoder_of(headers.get("content-encoding", ""))
            for piece in decoder.feed(received):
                body += piece
                if max(len(body), received_bytes) > cap_bytes:
                    raise self._too_large(answered)
                pieces += 1
                if pieces >= _TURN_PIECES or len(body) - turn_bytes >= _TURN_BYTES:
                    pieces, turn_bytes = 0, len(body)
                    await anyio.lowlevel.checkpoint()
        if decoder is not None:
            decoder.finish()
        return bytes(body)

    def _too_large(self, answered: str) -> CallFailed:
        message = f"{answered} with more than {self._limits.response_bytes / 2**20:g} MiB, which were not kept"
        return CallFailed(Category.UPSTREAM, message, fix="ask for less: filter, or take a smaller page", sent=True)

    def _headers(self, request: WebRequest, place: Place) -> list[tuple[bytes, bytes]]:
        """Return the headers as they are sent.  Raises `CallFailed`."""
        host = bracketed(place.host) if place.port == PORTS[place.scheme] else place.authority
        headers = [(b"Host", host.encode("ascii"))]
        given = {name.lower() for name, _ in request.headers}
        headers += [pair for pair in self._defaults if pair[0].lower().decode() not in given]
        for name, value in request.headers:
            if not _TOKEN.fullmatch(name) or name.lower() in _OWN_HEADERS:
                raise _bad(f"the header `{name[:80]!a}` cannot be set")
            if _BAD_VALUE.search(value):
                raise _bad(f"the value of the header `{name[:80]}` has characters that no header can have")
            headers.append((name.encode("ascii"), value.strip(" \t").encode()))
        if request.body is not None or request.method.upper() in _WITH_BODY:
            headers.append((b"Content-Length", b"%d" % len(request.body or b"")))
        return headers

    async def _pool(self, scheme: str) -> httpcore.AsyncConnectionPool:
        if scheme not in self._pools:
            tls = None
            if scheme == "https":
                tls = self._tls = self._tls or await anyio.to_thread.run_sync(_system_tls)
            pool = httpcore.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=self._limits.connections,
                keepalive_expiry=self._limits.idle_s,
                network_backend=self._network,
            )
            self._pools.setdefault(scheme, pool)
        return self._pools[scheme]


@dataclass(slots=True)
class _Sent:
    """How far a request got."""

    host: str = ""
    any: bool = False
    """A server may have seen it, or one that came before it."""

    async def trace(self, event: str, _: Mapping[str, Any]) -> None:
        """Note when the first byte is on its way."""
        if event == "http11.send_request_headers.started":
            self.any = True


def _system_tls() -> ssl.SSLContext:
    """Return the certificates that the system trusts, and those that browsers do."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.set_default_verify_paths()
    return context


def _place(request: WebRequest) -> Place:
    try:
        return place_of(request.url)
    except BadUrl as error:
        raise _bad(str(error)) from None


def _method(request: WebRequest) -> str:
    method = request.method.upper()
    if not _TOKEN.fullmatch(method) or method == "CONNECT":
        raise _bad(f"the method `{method[:20]!a}` is not one that is called")
    return method


def _headers_of(response: httpcore.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _bad(problem: str) -> CallFailed:
    return CallFailed(Category.BAD_VALUE, problem, sent=False)


def _after(failure: CallFailed, sent: _Sent) -> CallFailed:
    """Return `failure` as one of the whole request, of which parts may have been sent before."""
    if failure.sent or not sent.any:
        return failure
    return CallFailed(failure.category, f"after a redirect: {failure.message}", fix=failure.fix, sent=True)


_TRANSPORT = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    OSError,
)


def _broken(error: Exception, place: Place, sent: _Sent) -> CallFailed:
    """Return what a failure below HTTP means.  Of its text nothing is told: it may quote headers."""
    where = f"`{place.shown}`"
    cause = error if isinstance(error, ssl.SSLError) else next(iter(error.args), None)
    if isinstance(cause, ssl.SSLError):
        reason = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else cause.reason
        return CallFailed(
            Category.TRANSPORT, f"no trusted encrypted connection to {where}: {reason or 'it broke'}", sent=sent.any
        )
    if isinstance(error, httpcore.ConnectTimeout):
        return CallFailed(Category.TIMEOUT, f"{where} does not accept connections in time", sent=sent.any)
    if isinstance(error, httpcore.ConnectError):
        fix = "check that it runs, and its address"
        return CallFailed(Category.TRANSPORT, f"{where} does not accept connections", fix=fix, sent=sent.any)
    if isinstance(error, httpcore.LocalProtocolError | httpcore.UnsupportedProtocol):
        return _bad(f"the request to {where} is not proper HTTP")
    if isinstance(error, httpcore.RemoteProtocolError):
        message = f"{where} broke off, or answered what is not proper HTTP"
        return CallFailed(Category.TRANSPORT, message, sent=sent.any)
    return CallFailed(Category.TRANSPORT, f"the connection to {where} broke", sent=sent.any)
