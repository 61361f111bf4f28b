"""The request that a call of an operation is: a pure function of binding, arguments and address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.openapi.binding import Binding, ParameterBinding, Place
from banyan.tools.openapi.content import content, is_json
from banyan.tools.openapi.styles import (
    NotWritable,
    cookie_pairs,
    header_value,
    json_text,
    path_segment,
    query_string,
    text,
)
from banyan.tools.web.request import WebRequest

_VARIABLE = re.compile(r"\{([^{}]+)\}")
_PATH_SAFE = "/:@!$&'()*+,;=-._~%"
_ACCEPTED = 8
"""Media types named in `Accept`; some operations offer dozens."""

_OF_THE_CONNECTION = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
)
"""Headers that belong to the connection or the body, and are written with these, whatever an argument says."""

_NEEDS_BASE_URL = "have a person give the address: `banyan add openapi … --base-url URL`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What a person said of where an API is."""

    base_url: str = ""
    """Counts before every server of the document; without a path of its own it takes that of a relative server."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Values of the variables in the document's servers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What shows who calls: added to every request as it is, and never to another origin."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)


def build(
    binding: Binding, arguments: Mapping[str, Any], *, address: Address | None = None, proof: Proof | None = None
) -> WebRequest:
    """Return the request that calls an operation with `arguments`.

    Raises:
        CallFailed: an argument is missing or cannot be written where it goes, or nobody knows where the API is.
    """
    proof = proof or Proof()
    base = server(binding, address or Address())
    query = [*_fixed(binding), *_query(binding, arguments), *_plain(proof.query)]
    url = base.rstrip("/") + _path(binding, arguments) + (f"?{'&'.join(query)}" if query else "")
    body = _body(binding, arguments)
    headers = _headers(binding, arguments)
    if body is not None:
        headers["content-type"] = ("Content-Type", body.media_type)
    headers |= {name.lower(): (name, value) for name, value in proof.headers.items()}
    cookies = [*_cookies(binding, arguments), *(f"{name}={value}" for name, value in proof.cookies.items())]
    if cookies:
        headers["cookie"] = ("Cookie", "; ".join(cookies))
    return WebRequest(
        method=binding.method,
        url=url,
        headers=tuple(headers.values()),
        body=body.raw if body is not None else None,
        credentials=frozenset({name.lower() for name in proof.headers} | ({"cookie"} if cookies else set())),
        credential_query=frozenset(proof.query),
    )


def server(binding: Binding, address: Address) -> str:
    """Return the absolute address that the operation's path is appended to.

    Raises:
        CallFailed: neither the document nor a person says it, or a variable in it has no value.
    """
    url = _filled(binding, address)
    if address.base_url:
        base = urlsplit(address.base_url)
        own = url if not base.path.strip("/") and url.startswith("/") and not url.startswith("//") else base.path
        return urlunsplit((base.scheme, base.netloc, own, "", ""))
    if not re.match(r"https?://[^/]", url, re.IGNORECASE):
        raise CallFailed(
            Category.TRANSPORT,
            "the document does not say at which address the API is",
            fix=_NEEDS_BASE_URL,
            sent=False,
        )
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _filled(binding: Binding, address: Address) -> str:
    """Return the first server, with its variables filled in; where it is also there by https, that."""
    urls = []
    for one in binding.servers:
        values = {**one.variables, **address.variables}
        urls.append((one.url, values))
    if not urls:
        return ""
    url, values = urls[0]
    if url.startswith("http://"):
        safer = url.replace("http://", "https://", 1)
        url, values = next((one for one in urls if one[0] == safer), urls[0])
    missing = [name for name in _VARIABLE.findall(url) if name not in values]
    if missing and not address.base_url:
        told = ", ".join(f"`{name}`" for name in missing)
        fix = f"have a person give it: `banyan add openapi … --server-variable {missing[0]}=VALUE`, or `--base-url URL`"
        raise CallFailed(Category.TRANSPORT, f"the API's address needs a value for {told}", fix=fix, sent=False)
    return _VARIABLE.sub(lambda match: str(values.get(match[1], match[0])), url)


def _path(binding: Binding, arguments: Mapping[str, Any]) -> str:
    known = {one.name: one for one in binding.parameters if one.place is Place.PATH}
    pieces = _VARIABLE.split(binding.path)
    written = []
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            written.append(quote(piece, safe=_PATH_SAFE))
            continue
        parameter = known.get(piece)
        if parameter is None or parameter.argument not in arguments:
            named = piece if parameter is None else parameter.argument
            raise CallFailed(Category.MISSING_ARGUMENT, f"`{named}` is part of the path, and needed", sent=False)
        written.append(_segment(parameter, arguments[parameter.argument]))
    path = "".join(written)
    if any(step in (".", "..") for step in path.split("/")):
        raise CallFailed(Category.BAD_VALUE, "the arguments together make a path that leads elsewhere", sent=False)
    return path if path.startswith("/") else f"/{path}"


def _segment(parameter: ParameterBinding, value: Any) -> str:
    with _told(parameter.argument):
        if parameter.media_type:
            value = _whole(parameter, value)
        return path_segment(parameter.name, value, style=parameter.style, explode=parameter.explode)


def _fixed(binding: Binding) -> Iterator[str]:
    for name, value in binding.query:
        yield f"{quote(name, safe='')}={quote(value, safe='')}"


def _plain(pairs: Mapping[str, str]) -> Iterator[str]:
    for name, value in pairs.items():
        yield f"{quote(name, safe='')}={quote(value, safe='')}"


def _query(binding: Binding, arguments: Mapping[str, Any]) -> Iterator[str]:
    for one, value in _given(binding, arguments, Place.QUERY):
        with _told(one.argument):
            written = _whole(one, value) if one.media_type else value
            yield from query_string(
                one.name, written, style=one.style, explode=one.explode, allow_reserved=one.allow_reserved
            )


def _headers(binding: Binding, arguments: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the headers by lower-case name: a later one of the same name takes the place of an earlier."""
    accept = ", ".join(binding.accept[:_ACCEPTED]) or "application/json, */*;q=0.8"
    headers = {"accept": ("Accept", accept)}
    for one, value in _given(binding, arguments, Place.HEADER):
        if one.name.lower() in _OF_THE_CONNECTION:
            continue
        with _told(one.argument):
            written = header_value(_whole(one, value) if one.media_type else value, explode=one.explode)
            headers[one.name.lower()] = (one.name, written)
    return headers


def _cookies(binding: Binding, arguments: Mapping[str, Any]) -> Iterator[str]:
    for one, value in _given(binding, arguments, Place.COOKIE):
        with _told(one.argument):
            written = _whole(one, value) if one.media_type else value
            yield from cookie_pairs(one.name, written, style=one.style, explode=one.explode)


def _given(binding: Binding, arguments: Mapping[str, Any], place: Place) -> Iterator[tuple[ParameterBinding, Any]]:
    for one in binding.parameters:
        if one.place is place and arguments.get(one.argument) is not None:
            yield one, arguments[one.argument]


def _whole(parameter: ParameterBinding, value: Any) -> str:
    """Return a value written as a whole in the parameter's media type."""
    return json_text(value) if is_json(parameter.media_type) else text(value)


def _body(binding: Binding, arguments: Mapping[str, Any]) -> Any:
    if binding.body is None:
        return None
    with _told(binding.body.argument or "the body"):
        return content(binding.body, arguments)


@contextmanager
def _told(argument: str) -> Iterator[None]:
    """Turn what cannot be written into a failed call that names the argument."""
    try:
        yield
    except NotWritable as error:
        raise CallFailed(Category.BAD_VALUE, f"`{argument}` {error}", sent=False) from error
    except UnicodeEncodeError as error:
        message = f"`{argument}` holds half of a character, which no request can carry"
        raise CallFailed(Category.BAD_VALUE, message, sent=False) from error
