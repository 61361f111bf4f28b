"""The HTTP transports: the SDK's, over a client that bounds answers and turns every failure into one request's answer.

The SDK ends the whole connection, and with it every call in flight, when one POST cannot be sent; it keeps no status
code; and it takes answers of any size. What it is handed here is always small and well-formed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import orjson
from mcp.client.sse import sse_client
from mcp.client.streamable_http import MCP_SESSION_ID, streamable_http_client
from mcp_types import ErrorData

from banyan.core.call import Category
from banyan.tools.mcp.endpoint import Address
from banyan.tools.mcp.events import EventStream, error_message, readable
from banyan.tools.mcp.failures import local_error, status_error

CONNECT_S = 10
NOTICE_S = 2
"""For a message that has no answer: a server that does not even take it must not hold up the next one, or the end."""

_SSE_EVENT_BYTES = 2**20 - 2**12
"""The SDK's reader of the older transport ends the connection at 1 MiB."""

_ERROR_BODY_BYTES = 2**16
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


@asynccontextmanager
async def http_transport(where: Address, *, cap_bytes: int) -> AsyncIterator[tuple[Any, Any]]:
    """Yield the streams of a conversation over HTTP, in which no message is larger than `cap_bytes`."""
    headers = {"accept-encoding": "identity", **where.headers}
    if where.sse:

        def client(
            headers: dict[str, str] | None = None,
            timeout: httpx2.Timeout | None = None,
            auth: httpx2.Auth | None = None,
        ) -> httpx2.AsyncClient:
            return BoundedClient(min(cap_bytes, _SSE_EVENT_BYTES), headers=headers, timeout=_timeout(), auth=auth)

        async with sse_client(where.url, headers=headers, httpx_client_factory=client) as streams:
            yield streams
        return
    async with (
        BoundedClient(cap_bytes, headers=headers, timeout=_timeout()) as http,
        streamable_http_client(where.url, http_client=http, max_sse_event_size=None) as streams,
    ):
        yield streams


def _timeout() -> httpx2.Timeout:
    # How long an answer may take is up to each call.
    return httpx2.Timeout(CONNECT_S, read=None)


class BoundedClient(httpx2.AsyncClient):
    """An HTTP client whose answers are small and well-formed, and that raises nothing for a failed POST."""

    def __init__(self, cap_bytes: int, **options: Any) -> None:
        super().__init__(**options)
        self._cap = cap_bytes

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request, and return its answer, or one in the server's place that says what went wrong."""
        if request.method == "POST" and _has_answer(request):
            return await self._post(request, options)
        if request.method == "GET":
            return await self._bounded(await super().send(request, **options), request)
        with anyio.move_on_after(NOTICE_S):
            try:
                return await super().send(request, **options)
            except httpx2.TransportError as error:
                return _answer(request, _transport_error(error))
        return httpx2.Response(202, request=request)

    async def _post(self, request: httpx2.Request, options: dict[str, Any]) -> httpx2.Response:
        try:
            response = await super().send(request, **options)
            return await self._bounded(response, request)
        except httpx2.TransportError as error:
            return _answer(request, _transport_error(error))

    async def _bounded(self, response: httpx2.Response, request: httpx2.Request) -> httpx2.Response:
        if response.status_code >= 400 and request.method == "POST":
            return await self._refusal(response, request)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not response.is_success or kind not in ("application/json", "text/event-stream"):
            return response
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            return _answer(request, _odd("the server compressed its answer, which it was not asked to"))
        if kind == "text/event-stream":
            events = EventStream(response, self._cap)
            return httpx2.Response(response.status_code, headers=response.headers, stream=events, request=request)
        body = await _body(response, self._cap)
        if body is None:
            return _answer(request, _odd(f"the server answered with more than {self._cap:,} bytes"))
        headers = {name: value for name, value in response.headers.items() if name == MCP_SESSION_ID}
        headers["content-type"] = "application/json"
        content = await readable(body)
        if isinstance(content, ErrorData):
            return _answer(request, content)
        return httpx2.Response(response.status_code, headers=headers, content=content, request=request)

    async def _refusal(self, response: httpx2.Response, request: httpx2.Request) -> httpx2.Response:
        """Return the error that the server states in its own words, or one made from the status."""
        status = response.status_code
        if status == 404 and MCP_SESSION_ID in request.headers:
            await response.aclose()
            return _answer(
                request, local_error(Category.TRANSPORT, "the server forgot this session", sent=False, over=True)
            )
        body = await _body(response, _ERROR_BODY_BYTES)
        if body and status not in (401, 403, 429) and _is_error(body):
            return httpx2.Response(status, headers={"content-type": "application/json"}, content=body, request=request)
        return _answer(request, status_error(status, response.headers.get("retry-after")))


def _transport_error(error: httpx2.TransportError) -> ErrorData:
    sent = not isinstance(error, _NOT_SENT)
    problem = "the connection broke" if sent else "the server cannot be reached"
    return local_error(Category.TRANSPORT, f"{problem}: {str(error) or type(error).__name__}", sent=sent)


def _odd(problem: str) -> ErrorData:
    return local_error(Category.UPSTREAM, problem, sent=True)


def _answer(request: httpx2.Request, error: ErrorData) -> httpx2.Response:
    """Return what the SDK passes on as the answer to one request, whichever id it has."""
    headers = {"content-type": "application/json"}
    return httpx2.Response(400, headers=headers, content=error_message(error), request=request)


def _has_answer(request: httpx2.Request) -> bool:
    try:
        message = orjson.loads(request.content)
    except (orjson.JSONDecodeError, httpx2.RequestNotRead):
        return True
    return isinstance(message, dict) and "id" in message and "method" in message


def _is_error(body: bytes) -> bool:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(message, dict) and isinstance(message.get("error"), dict)


async def _body(response: httpx2.Response, cap_bytes: int) -> bytes | None:
    """Return the body; None where it is larger than the cap, in which case the rest is not read."""
    pieces: list[bytes] = []
    size_bytes = 0
    try:
        async for piece in response.aiter_raw():
            size_bytes += len(piece)
            if size_bytes > cap_bytes:
                return None
            pieces.append(piece)
    finally:
        with anyio.CancelScope(shield=True):
            await response.aclose()
    return b"".join(pieces)
