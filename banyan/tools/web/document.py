"""Reading the description of an API from where a person says that it is."""

from __future__ import annotations

import ssl

from banyan.tools.web.allowed import Allowed
from banyan.tools.web.client import WebClient
from banyan.tools.web.failure import failure_of
from banyan.tools.web.limits import DOCUMENT_LIMITS, WebLimits
from banyan.tools.web.network import Resolve, resolve
from banyan.tools.web.request import WebRequest


async def fetch_document(
    request: WebRequest | str,
    *,
    source: str,
    timeout_s: float = 60.0,
    allowed: Allowed | None = None,
    limits: WebLimits = DOCUMENT_LIMITS,
    resolve: Resolve = resolve,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Return what a URL, or a request with its credentials, answers.

    Raises:
        CallFailed: it may not be read, does not answer in time, is larger than the cap, or is refused.
    """
    asked = WebRequest(method="GET", url=request) if isinstance(request, str) else request
    client = WebClient(limits, allowed, resolve, tls)
    try:
        response = await client.send(asked, timeout_s=timeout_s)
    finally:
        await client.aclose()
    failure = failure_of(response, source=source)
    if failure is not None:
        raise failure
    return response.body
