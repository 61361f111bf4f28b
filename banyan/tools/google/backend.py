"""Google's APIs as a backend: listed from discovery documents, called over the guarded HTTP client."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from banyan.core.call import Category, RawResult
from banyan.core.errors import CallFailed, InvalidArgument, SourceUnavailable
from banyan.core.source import Listing, Need
from banyan.core.template import expand
from banyan.tools.google import library
from banyan.tools.google.credentials import LOG_IN, NO_CREDENTIALS, DefaultCredentials, Proof
from banyan.tools.google.methods import tools
from banyan.tools.google.request import build, host_of
from banyan.tools.google.response import refined, result
from banyan.tools.web import Allowed, WebClient, WebLimits, WebRequest, WebResponse, failure_of

if TYPE_CHECKING:
    from banyan.core.ports import Caller, Secrets
    from banyan.core.source import Source
    from banyan.core.tool import Tool, ToolSpec
    from banyan.tools.google.library import Api

logger = logging.getLogger(__name__)

_GOOGLE = ".googleapis.com"
_METADATA = frozenset({"metadata.google.internal", "169.254.169.254"})
_HIDDEN = b"[secret]"


class GoogleBackend:
    """A source of Google's APIs; nothing is read or connected to until it lists or calls."""

    def __init__(
        self,
        source: Source,
        *,
        secrets: Secrets,
        environment: Mapping[str, str],
        limits: WebLimits | None = None,
    ) -> None:
        config = source.config
        self._source = source
        self._secrets = secrets
        self._base_url = str(config.get("base_url") or "")
        allowed = Allowed.of(config)
        self._client = WebClient(limits, allowed.with_url(self._base_url) if self._base_url else allowed)
        self._credentials_file: str | None = config.get("credentials_file")
        self._credentials = DefaultCredentials(
            self._client,
            environment,
            file=self._credentials_file,
            metadata=bool(_METADATA & {str(one) for one in config.get("allow_hosts", ())}),
        )
        self._calls = 0
        self._error: str | None = None

    async def listing(self) -> Listing:
        """Return every tool at once, which takes the memory of all of them; `listings` does not."""
        found: list[ToolSpec] = []
        notes: list[str] = []
        async for part in self.listings():
            found += part.tools
            notes += part.notes
        return Listing(tools=tuple(found), notes=tuple(notes))

    async def listings(self) -> AsyncIterator[Listing]:
        """Yield the tools of one API after the other.

        Raises:
            SourceUnavailable: the discovery documents are not here, or there is no API of a name that is configured.
        """
        try:
            servers = await anyio.to_thread.run_sync(self._servers)
        except (library.NoDiscoveryDocuments, InvalidArgument) as error:
            raise SourceUnavailable(self._source.name, str(error), category=Category.NOT_FOUND) from error
        for versions in servers:
            listing = await anyio.to_thread.run_sync(_listing, versions)
            if listing.tools or listing.notes:
                yield listing

    async def call(self, tool: Tool, arguments: Mapping[str, Any], *, timeout_s: float, caller: Caller) -> RawResult:
        """Call one method.

        Raises:
            CallFailed: it failed, or may not be sent.
        """
        began_s = time.monotonic()
        request = build(tool.spec.binding, arguments, base_url=self._base_url)
        self._calls += 1
        try:
            request, token = await self._proved(request, tool, timeout_s)
            left_s = max(0.001, timeout_s - (time.monotonic() - began_s))
            response = _without(token, await self._client.send(request, timeout_s=left_s))
            failure = failure_of(response, source=self._source.name)
            if failure is not None:
                raise refined(failure, response)
        except CallFailed as failure:
            self._error = failure.category.value
            raise
        self._error = None
        return result(response)

    async def needs(self) -> list[Need]:
        """Return what is missing before anything can be called."""
        proven = self._source.config.get("api_key") or self._base_url or self._credentials.place()
        return [] if proven else [Need(what=NO_CREDENTIALS, fix=LOG_IN)]

    def status(self) -> Mapping[str, Any]:
        """Return what `doctor` shows."""
        proof = "API key" if self._source.config.get("api_key") else self._credentials.place()
        return {"calls": self._calls, "last_error": self._error, "credentials": str(proof or "none")}

    async def aclose(self) -> None:
        """End all connections; idempotent."""
        await self._client.aclose()

    def _servers(self) -> list[Sequence[Api]]:
        config = self._source.config
        known = library.families(library.folder())
        return library.chosen(known, config.get("apis") or (), all_versions=bool(config.get("all_versions")))

    async def _proved(self, request: WebRequest, tool: Tool, timeout_s: float) -> tuple[WebRequest, str]:
        """Return `request` with what shows who calls, and the secret in that."""
        api_key = self._source.config.get("api_key")
        if api_key:
            token = expand(str(api_key), self._secrets.get, source=self._source.name)
            proof = Proof(headers=(("X-Goog-Api-Key", token),), token=token)
        elif self._is_google(request.url) or self._credentials_file:
            scopes = tool.spec.binding.get("scopes", ())
            proof = await self._credentials.proof(scopes, read_only=tool.effects.read_only, timeout_s=timeout_s)
        else:
            # A person's own credentials are not sent to a server that only stands in for Google's.
            return request, ""
        names = frozenset(name.lower() for name, _ in proof.headers)
        return replace(request, headers=(*request.headers, *proof.headers), credentials=names), proof.token

    @staticmethod
    def _is_google(url: str) -> bool:
        return url.startswith("https://") and host_of(url).endswith(_GOOGLE)


def _listing(versions: Sequence[Api]) -> Listing:
    server = versions[0].server
    documents, notes = [], []
    for one in versions:
        try:
            documents.append(library.load(one.path))
        except library.BadDocument as error:
            logger.warning("%s", error)
            notes.append(str(error))
    return Listing(tools=tuple(tools(documents, server)), servers=frozenset({server}), notes=tuple(notes))


def _without(token: str, response: WebResponse) -> WebResponse:
    """Return `response` without the secret that the call was made with, should the server repeat it."""
    secret = token.encode()
    if not secret or secret not in response.body:
        return response
    return replace(response, body=response.body.replace(secret, _HIDDEN))
