"""Following a redirect: what is asked next, and what is left behind."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.web.place import BadUrl, Place, parsed_url, place_of
from banyan.tools.web.request import ALWAYS_CREDENTIALS, WebRequest

_MAX_CHARS = 8_192
_STATUSES = frozenset({301, 302, 303, 307, 308})
_ABOUT_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location", "content-md5"})
_LIKE_CREDENTIAL = re.compile(r"auth|token|secret|passw|session|signature|api-?key|access-?key")


def redirects(status: int, location: str | None) -> bool:
    """Return whether a response asks for another request."""
    return status in _STATUSES and location is not None


def next_request(request: WebRequest, place: Place, status: int, location: str) -> WebRequest:
    """Return what a redirect asks for.

    On another origin it carries no credentials: not those that are named, and no header that is called like one.

    Raises:
        CallFailed: it must not be followed: from https to http, with a body to another host, to what is no URL.
    """
    url = _joined(request.url, status, location)
    try:
        target = place_of(url)
    except BadUrl as error:
        raise _refused(status, f"to {error}") from None
    if place.scheme == "https" and target.scheme == "http":
        raise _refused(status, f"from https to http, to `{target.shown}`")
    followed = replace(_method(request, status), url=url)
    if target.origin == place.origin:
        return followed
    if followed.body is not None and target.host != place.host:
        raise _refused(status, f"with all that was sent to another host, `{target.shown}`")
    return _stripped(followed)


def without_credentials(request: WebRequest, url: str) -> str:
    """Return `url` without the query parameters that are credentials of `request`, and without its fragment."""
    if "#" not in url and not request.credential_query:
        return url
    found = httpx.URL(url).copy_with(fragment=None)
    if not request.credential_query or not found.query:
        return str(found)
    # The other parameters stay as they are spelt: a signature may depend on it.
    kept = [
        pair
        for pair in found.query.decode("ascii").split("&")
        if not request.credential_query & httpx.QueryParams(pair).keys()
    ]
    return str(found.copy_with(query="&".join(kept).encode("ascii") or None))


def _joined(url: str, status: int, location: str) -> str:
    if len(location) > _MAX_CHARS:
        raise _refused(status, "to a URL without end")
    try:
        # Checked before it is joined as well: joining normalises what should be seen as it came.
        if re.match(r"(?i)[a-z][a-z0-9+.-]*:", location):
            parsed_url(location)
        return str(httpx.URL(url).join(location).copy_with(fragment=None))
    except BadUrl as error:
        raise _refused(status, f"to {error}") from None
    except (httpx.InvalidURL, ValueError):
        raise _refused(status, "to a malformed URL") from None


def _method(request: WebRequest, status: int) -> WebRequest:
    """Return the request as RFC 9110 and browsers repeat it after `status`."""
    to_get = (status == 303 and request.method not in ("GET", "HEAD")) or (
        status in (301, 302) and request.method == "POST"
    )
    if not to_get:
        return request
    headers = tuple((name, value) for name, value in request.headers if name.lower() not in _ABOUT_BODY)
    return replace(request, method="GET", body=None, headers=headers)


def _stripped(request: WebRequest) -> WebRequest:
    """Return the request without credentials."""
    secret = ALWAYS_CREDENTIALS | request.credentials
    headers = tuple(
        (name, value)
        for name, value in request.headers
        if name.lower() not in secret and not _LIKE_CREDENTIAL.search(name.lower())
    )
    return replace(request, headers=headers, url=without_credentials(request, request.url))


def _refused(status: int, how: str) -> CallFailed:
    return CallFailed(
        Category.DENIED,
        f"the server answered with a redirect ({status}) {how}, which is not followed",
        fix="if the API has moved, have a person give its new URL",
        sent=True,
    )
