"""What every request passes before anything of it is believed."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from banyan.server.http.address import Names

_OPEN_PATHS = frozenset({"/healthz"})
"""Paths that need no token: a supervisor asks them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    status: int
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


_TOO_LARGE = _Refusal(status=413, message="the body is too large", headers=((b"connection", b"close"),))


class Guard:
    """Refuses requests for other hosts, from other pages, without the token, of another kind, or too large."""

    def __init__(self, app: ASGIApp, *, names: Names, token: str | None, max_body_bytes: int) -> None:
        self._app = app
        self._names = names
        self._token = token
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through with its whole body, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._of_head(scope)
        if refusal is not None:
            await _answer(refusal, send)
            return
        if scope["method"] in ("GET", "HEAD", "DELETE") and not _has_body(scope):
            await self._app(scope, receive, send)
            return
        body = await self._body(receive)
        if body is None:
            return
        if len(body) > self._max_body_bytes:
            await _answer(_TOO_LARGE, send)
            return
        read = False

        async def replay() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    def _of_head(self, scope: Scope) -> _Refusal | None:
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        if len(hosts) != 1 or not self._names.host(hosts[0]):
            return _Refusal(status=421, message="this server does not answer to that Host")
        if len(origins) > 1 or not all(self._names.origin(one) for one in origins):
            return _Refusal(status=403, message="pages of that Origin may not call this server")
        if self._token is not None and scope["path"] not in _OPEN_PATHS and not self._has_token(scope):
            challenge = ((b"www-authenticate", b'Bearer realm="banyan"'),)
            return _Refusal(status=401, message="a token is needed: Authorization: Bearer …", headers=challenge)
        if scope["method"] == "POST" and not _is_json(scope):
            return _Refusal(status=415, message="the body must be application/json")
        if any(not one.isdigit() or int(one) > self._max_body_bytes for one in _values(scope, b"content-length")):
            return _TOO_LARGE
        return None

    def _has_token(self, scope: Scope) -> bool:
        given = _values(scope, b"authorization")
        scheme, _, value = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        right = hmac.compare_digest(value.strip().encode(), (self._token or "").encode())
        return scheme.lower() == "bearer" and right

    async def _body(self, receive: Receive) -> bytes | None:
        """Return the body, or as much of it as shows that it is too large; None when the client went away."""
        body = bytearray()
        while len(body) <= self._max_body_bytes:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return bytes(body)


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key == name]


def _has_body(scope: Scope) -> bool:
    return any(key in (b"content-length", b"transfer-encoding") for key, _ in scope["headers"])


def _is_json(scope: Scope) -> bool:
    kinds = _values(scope, b"content-type")
    return len(kinds) == 1 and kinds[0].partition(";")[0].strip().lower() == "application/json"


async def _answer(refusal: _Refusal, send: Send) -> None:
    body = json.dumps({"error": refusal.message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *refusal.headers,
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
