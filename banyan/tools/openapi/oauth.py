"""Access tokens by OAuth 2.0 client credentials: asked for once, kept until they expire."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote_plus, urlencode

import anyio
import orjson

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.openapi.proof import Client
from banyan.tools.web.request import WebRequest, WebResponse

logger = logging.getLogger(__name__)

Send: TypeAlias = Callable[[WebRequest, float], Awaitable[WebResponse]]
"""Sends a request, and returns its answer within so many seconds.  Raises `CallFailed`."""

_EARLY_S = 30.0
"""Seconds before its end at which a token is taken as expired: a call takes a while to arrive."""
_USUAL_S = 300.0
"""Seconds that a token is kept whose life the provider does not tell."""
_BAD_CLIENT = frozenset({400, 401})


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    until_s: float


class Tokens:
    """The tokens of one source."""

    def __init__(self, send: Send, learn: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._learn = learn
        self._clock = clock
        self._known: dict[Client, _Token] = {}
        self._asking = anyio.Lock()

    async def get(self, client: Client, *, timeout_s: float) -> str:
        """Return a token that is good for now; many calls at once ask for one.

        Raises:
            CallFailed: the provider gives none; nothing of the call itself was sent.
        """
        async with self._asking:
            known = self._known.get(client)
            if known is None or known.until_s <= self._clock():
                known = self._known[client] = await self._ask(client, timeout_s)
            return known.value

    def reject(self, client: Client, token: str) -> None:
        """Forget a token that was not accepted, unless another one is known by now."""
        known = self._known.get(client)
        if known is not None and known.value == token:
            del self._known[client]

    async def _ask(self, client: Client, timeout_s: float) -> _Token:
        try:
            response = await self._send(_request(client, in_header=True), timeout_s)
            if response.status in _BAD_CLIENT:
                # Some providers take the client's proof in the body alone.
                response = await self._send(_request(client, in_header=False), timeout_s)
        except CallFailed as failure:
            message = f"no token could be asked for: {failure.message}"
            raise CallFailed(failure.category, message, fix=failure.fix, sent=False) from failure
        return self._read(response)

    def _read(self, response: WebResponse) -> _Token:
        try:
            answer: Any = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            answer = None
        answer = answer if isinstance(answer, dict) else {}
        value = answer.get("access_token")
        if response.status != 200 or not isinstance(value, str) or not value.isprintable():
            error = answer.get("error")
            told = f" ({error})" if isinstance(error, str) and len(error) < 80 and error.isprintable() else ""
            message = f"the provider gave no token: status {response.status}{told}"
            raise CallFailed(Category.AUTH, message, fix="have a person check the client's id and secret", sent=False)
        self._learn(value)
        life_s = answer.get("expires_in")
        seconds = float(life_s) if isinstance(life_s, int | float) or _is_number(life_s) else _USUAL_S
        return _Token(value, self._clock() + max(seconds - _EARLY_S, seconds / 2, 0.0))


def _is_number(value: object) -> bool:
    return isinstance(value, str) and value.isdecimal() and len(value) < 12


def _request(client: Client, *, in_header: bool) -> WebRequest:
    form = [("grant_type", "client_credentials"), *client.more]
    if client.scopes:
        form.append(("scope", " ".join(client.scopes)))
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
    if in_header:
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
        headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"))
    else:
        form += [("client_id", client.client_id), ("client_secret", client.client_secret)]
    return WebRequest(
        method="POST",
        url=client.token_url,
        headers=tuple(headers),
        body=urlencode(form).encode(),
        credentials=frozenset({"authorization"}),
    )
