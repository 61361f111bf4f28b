"""An API as a source: its operations as tools, and calls of them over the guarded HTTP client."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from banyan.core.call import Category, RawResult
from banyan.core.errors import BadFile, CallFailed, SourceUnavailable
from banyan.core.source import Listing, Source
from banyan.core.template import references
from banyan.tools.openapi.binding import Binding
from banyan.tools.openapi.needs import address_of
from banyan.tools.openapi.oauth import Tokens
from banyan.tools.openapi.proof import Chosen, Client, choose
from banyan.tools.openapi.request import Address, Proof, build
from banyan.tools.openapi.response import result
from banyan.tools.web import Allowed, WebClient, WebLimits, WebRequest, WebResponse, failure_of
from banyan.tools.web.address import contains
from banyan.tools.web.place import place_of

if TYPE_CHECKING:
    from banyan.core.ports import Caller, Secrets
    from banyan.core.tool import Tool

_BINDINGS = 512
"""Bindings that are kept read, of the tools that were called last."""
_SECRETS_S = 30.0
"""Seconds that secrets are kept after they were looked up: a keyring takes longer than a call."""
_IN_THREAD_BYTES = 256 * 1024


class OpenApiBackend:
    """One API, described by an OpenAPI document."""

    def __init__(self, source: Source, *, secrets: Secrets, limits: WebLimits | None = None) -> None:
        self._source = source
        self._secrets = secrets
        self._limits = limits
        self._web: WebClient | None = None
        self._tokens: Tokens | None = None
        self._bindings: OrderedDict[str, Binding] = OrderedDict()
        self._known: dict[str, str | None] = {}
        self._known_until_s = 0.0
        self._calls = 0
        self._last_error: str | None = None

    async def listing(self) -> Listing:
        """Return the operations of the document as it is now.

        Raises:
            SourceUnavailable: the document cannot be read, or is none.
        """
        # Imported here: a call needs no document, and none of what reads it.
        from banyan.tools.openapi import source

        name, config = self._source.name, self._source.config
        try:
            data = await source.fetch(name, config)
            return (await anyio.to_thread.run_sync(source.read, name, config, data)).listing()
        except CallFailed as failure:
            raise SourceUnavailable(self._source.name, failure.message, category=failure.category) from failure
        except BadFile as error:
            raise SourceUnavailable(self._source.name, str(error)) from error

    async def call(self, tool: Tool, arguments: Mapping[str, Any], *, timeout_s: float, caller: Caller) -> RawResult:
        """Send the request that the arguments make, and return what is answered.

        Raises:
            CallFailed: it cannot be sent, is not answered in time, or is refused.
        """
        until_s = time.monotonic() + timeout_s
        binding = self._binding(tool)
        chosen = await self._chosen(binding)
        self._calls += 1
        try:
            response = await self._send(binding, arguments, chosen, until_s)
        except CallFailed as failure:
            self._last_error = failure.message
            raise
        failure_found = failure_of(response, source=self._source.name)
        if failure_found is not None:
            self._last_error = failure_found.message
            raise failure_found
        read = partial(result, response, binding, arguments)
        return read() if len(response.body) < _IN_THREAD_BYTES else await anyio.to_thread.run_sync(read)

    def status(self) -> Mapping[str, Any]:
        """Return what `doctor` shows."""
        return {"calls": self._calls, "last_error": self._last_error}

    async def aclose(self) -> None:
        """End all connections; idempotent."""
        web, self._web, self._tokens = self._web, None, None
        if web is not None:
            await web.aclose()

    def _binding(self, tool: Tool) -> Binding:
        known = self._bindings.get(tool.digest)
        if known is None:
            known = self._bindings[tool.digest] = Binding.from_json(tool.spec.binding)
            if len(self._bindings) > _BINDINGS:
                self._bindings.popitem(last=False)
        self._bindings.move_to_end(tool.digest)
        return known

    async def _chosen(self, binding: Binding) -> Chosen:
        """Return what shows who calls.  Raises `CallFailed` where a credential is missing."""
        config = self._source.config
        names = set(references({"credentials": config.get("credentials"), "headers": config.get("headers")}))
        now_s = time.monotonic()
        if names and (now_s >= self._known_until_s or None in self._known.values()):
            self._known = await anyio.to_thread.run_sync(lambda: {name: self._secrets.get(name) for name in names})
            self._known_until_s = now_s + _SECRETS_S
        return choose(binding, config, self._known.get, source=self._source.name)

    async def _send(
        self, binding: Binding, arguments: Mapping[str, Any], chosen: Chosen, until_s: float
    ) -> WebResponse:
        address = address_of(self._source.config)
        request = await self._request(binding, arguments, chosen, address, until_s)
        response = await self._sent(request, _left_s(until_s))
        if response.status != 401:
            return response
        # Whatever was refused has had no effect, and can be sent again with what is known by then.
        self._known_until_s = 0.0
        if chosen.client is None or self._tokens is None:
            return response
        self._tokens.reject(chosen.client, _token(request))
        request = await self._request(binding, arguments, chosen, address, until_s)
        return await self._sent(request, _left_s(until_s))

    async def _sent(self, request: WebRequest, timeout_s: float) -> WebResponse:
        base_url = address_of(self._source.config).base_url
        if self._web is None:
            self._web = WebClient(self._limits, allowed(self._source.config, base_url))
        _check_encrypted(request, allowed(self._source.config, base_url))
        return await self._web.send(request, timeout_s=timeout_s)

    async def _request(
        self, binding: Binding, arguments: Mapping[str, Any], chosen: Chosen, address: Address, until_s: float
    ) -> WebRequest:
        proof = chosen.proof
        # Built before a token is asked for: arguments that cannot be sent need none.
        request = build(binding, arguments, address=address, proof=proof)
        if chosen.client is None:
            return request
        token = await self._token(chosen.client, until_s)
        headers = {**proof.headers, "Authorization": f"Bearer {token}"}
        proof = Proof(headers=headers, query=proof.query, cookies=proof.cookies)
        return build(binding, arguments, address=address, proof=proof)

    async def _token(self, client: Client, until_s: float) -> str:
        if self._tokens is None:
            self._tokens = Tokens(self._sent, self._secrets.learn)
        return await self._tokens.get(client, timeout_s=_left_s(until_s))


def allowed(config: Mapping[str, Any], *urls: str) -> Allowed:
    """Return where a source may call: what its configuration allows, and the addresses that a person gave."""
    found = Allowed.of(config)
    for url in urls:
        if url:
            found = found.with_url(url)
    return found


def _check_encrypted(request: WebRequest, given: Allowed) -> None:
    """Return if no credential would cross the network in the clear, unless a person named the place.

    Raises:
        CallFailed: one would.
    """
    if not request.url.lower().startswith("http://") or not (request.credentials or request.credential_query):
        return
    place = place_of(request.url)
    if given.names(place) or (place.address is not None and contains(given.networks, place.address)):
        return
    raise CallFailed(
        Category.DENIED,
        f"`{place.shown}` is reached without encryption, and would be sent a credential",
        fix="have a person give an address with https by `--base-url`, or name the host by `--allow-host`",
        sent=False,
    )


def _left_s(until_s: float) -> float:
    return max(0.001, until_s - time.monotonic())


def _token(request: WebRequest) -> str:
    found = next((value for name, value in request.headers if name == "Authorization"), "")
    return found.removeprefix("Bearer ")
