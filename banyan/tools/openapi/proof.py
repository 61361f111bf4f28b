"""Showing who calls: which of an operation's alternatives, and what it adds to the request."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from banyan.core.call import Category
from banyan.core.errors import CallFailed, InvalidArgument
from banyan.core.template import expand, references
from banyan.tools.openapi.binding import Binding, Place, SchemeBinding, SchemeKind
from banyan.tools.openapi.request import Proof

_TOKEN_KINDS = frozenset({SchemeKind.BEARER, SchemeKind.OAUTH2, SchemeKind.OPENID})
BEARER = "bearer"
"""Name under which a configuration gives one token for every scheme that takes one."""

_CLIENT_KEYS = frozenset({"client_id", "client_secret", "token_url", "scopes"})
SECRET_PARTS = ("", "client_secret", "password")
"""Parts of a credential that are secret; the empty one is a credential that is one text."""

_MAX_SECRET_CHARS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What a token is asked for with: OAuth 2.0 client credentials."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    more: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further fields that some providers ask for, as `audience`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What one call is shown with: proof that is there, and clients whose token has to be asked for first."""

    proof: Proof
    client: Client | None = None


def choose(binding: Binding, config: Mapping[str, Any], secret: Callable[[str], str | None], *, source: str) -> Chosen:
    """Return what shows who calls, by the first of the operation's alternatives whose credentials are all there.

    An alternative without any scheme counts last: what a person gave is used. May block, for the secrets.

    Raises:
        CallFailed: credentials are needed, and not there; it says which.
    """
    given = _Given(config, secret, source)
    headers = given.headers()
    wanted = [one for one in binding.security if one]
    for alternative in wanted:
        if all(given.ready(name, binding.schemes.get(name)) for name in alternative):
            return _with(alternative, binding, given, headers)
    if len(wanted) < len(binding.security) or not wanted or _carried(headers, binding):
        return Chosen(proof=Proof(headers=headers))
    raise _missing(wanted, binding, given)


def check(credentials: object) -> None:
    """Return if a configuration's credentials are well formed, and hold references alone.  Raises `InvalidArgument`."""
    if not isinstance(credentials, Mapping):
        raise InvalidArgument("credentials", "give an object of scheme names and references")
    for name, one in credentials.items():
        parts = dict(one) if isinstance(one, Mapping) else {"": one}
        if not all(isinstance(value, str | list | tuple) for value in parts.values()):
            raise InvalidArgument("credentials", f"`{name}` should be text or an object of texts")
        if "" not in parts and "client_id" not in parts and "username" not in parts:
            raise InvalidArgument("credentials", f"`{name}` needs `client_id` and `client_secret`, or `username`")
        literal = [key for key in SECRET_PARTS if parts.get(key) and not any(references(parts[key]))]
        if literal:
            raise InvalidArgument("credentials", f"`{name}`: give a reference to a secret, as `${{NAME}}`")


class _Given:
    """What a source's configuration gives, with references looked up once they are needed."""

    def __init__(self, config: Mapping[str, Any], secret: Callable[[str], str | None], source: str) -> None:
        self._credentials: Mapping[str, Any] = config.get("credentials") or {}
        self._headers: Mapping[str, str] = config.get("headers") or {}
        self._secret = secret
        self._source = source

    def headers(self) -> dict[str, str]:
        """Return the headers that are sent with every request.  Raises `SecretMissing`."""
        return {str(name): self.filled(value) for name, value in self._headers.items()}

    def of(self, name: str, scheme: SchemeBinding | None) -> Any:
        """Return the credential for a scheme as it is configured; None where there is none."""
        if name in self._credentials:
            return self._credentials[name]
        return self._credentials.get(BEARER) if scheme is not None and scheme.kind in _TOKEN_KINDS else None

    def ready(self, name: str, scheme: SchemeBinding | None) -> bool:
        """Whether the credential for a scheme is configured, of a kind that can be sent, and its secrets are set."""
        given = self.of(name, scheme)
        if given is None or scheme is None or scheme.kind is SchemeKind.MUTUAL_TLS:
            return False
        return not self.unset(name, scheme)

    def unset(self, name: str, scheme: SchemeBinding | None) -> list[str]:
        """Return the secrets that the credential for a scheme refers to and nobody knows."""
        given = self.of(name, scheme)
        plain = dict(given) if isinstance(given, Mapping) else given
        return [one for one in dict.fromkeys(references(plain)) if self._secret(one) is None]

    def filled(self, value: Any) -> str:
        """Return a configured text with its references replaced, fit for a header.  Raises `SecretMissing`."""
        found = expand(str(value), self._secret, source=self._source).strip()
        if len(found) > _MAX_SECRET_CHARS or any(ord(sign) < 0x20 or ord(sign) == 0x7F for sign in found):
            raise CallFailed(Category.AUTH, "a credential holds a line break, or is too long for a header", sent=False)
        return found


def _with(
    alternative: Mapping[str, tuple[str, ...]], binding: Binding, given: _Given, headers: dict[str, str]
) -> Chosen:
    query: dict[str, str] = {}
    cookies: dict[str, str] = {}
    client = None
    for name, scopes in alternative.items():
        scheme = binding.schemes[name]
        credential = given.of(name, scheme)
        if isinstance(credential, Mapping) and "client_id" in credential:
            client = _client(credential, scheme, scopes, given)
        elif scheme.kind is SchemeKind.API_KEY:
            into = {Place.QUERY: query, Place.COOKIE: cookies}.get(scheme.place or Place.HEADER, headers)
            into[scheme.name] = given.filled(credential)
        else:
            headers["Authorization"] = _authorization(scheme, credential, given)
    return Chosen(proof=Proof(headers=headers, query=query, cookies=cookies), client=client)


def _authorization(scheme: SchemeBinding, credential: Any, given: _Given) -> str:
    if scheme.kind is SchemeKind.BASIC:
        if isinstance(credential, Mapping):
            pair = f"{given.filled(credential['username'])}:{given.filled(credential.get('password', ''))}"
        else:
            pair = given.filled(credential)
            # A key alone is a user without a password, as many APIs have it.
            pair = pair if ":" in pair else f"{pair}:"
        return f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
    token = given.filled(credential)
    word = "Bearer" if scheme.kind in _TOKEN_KINDS else scheme.name or "Bearer"
    return token if token.lower().startswith(f"{word.lower()} ") else f"{word} {token}"


def _client(credential: Mapping[str, Any], scheme: SchemeBinding, scopes: tuple[str, ...], given: _Given) -> Client:
    token_url = given.filled(credential.get("token_url") or scheme.token_url)
    if not token_url:
        raise CallFailed(
            Category.AUTH,
            "the document does not say where a token is asked for",
            fix="have a person add `token_url` to the credential",
            sent=False,
        )
    asked = credential.get("scopes", scopes)
    return Client(
        token_url=token_url,
        client_id=given.filled(credential["client_id"]),
        client_secret=given.filled(credential.get("client_secret", "")),
        scopes=tuple(asked.split() if isinstance(asked, str) else asked),
        more=tuple((key, given.filled(value)) for key, value in credential.items() if key not in _CLIENT_KEYS),
    )


def _carried(headers: Mapping[str, str], binding: Binding) -> bool:
    """Whether the headers that a person gave carry what a scheme asks for."""
    there = {name.lower() for name in headers}
    return "authorization" in there or any(
        scheme.kind is SchemeKind.API_KEY and scheme.name.lower() in there for scheme in binding.schemes.values()
    )


def _missing(wanted: list[Mapping[str, tuple[str, ...]]], binding: Binding, given: _Given) -> CallFailed:
    told = " or ".join(" and ".join(_told(name, binding.schemes.get(name)) for name in one) for one in wanted)
    unset = list(dict.fromkeys(name for one in wanted for name in _unset(one, binding, given)))
    if unset:
        fix = "have a person run " + ", ".join(f"`banyan secret set {name}`" for name in unset)
    else:
        name = next(iter(wanted[0]))
        fix = f"have a person add the source again with `--credential {name}='${{NAME}}'`, and set that secret"
    return CallFailed(Category.AUTH, f"the operation needs a credential: {told}", fix=fix, sent=False)


def _unset(alternative: Mapping[str, tuple[str, ...]], binding: Binding, given: _Given) -> Iterator[str]:
    for name in alternative:
        yield from given.unset(name, binding.schemes.get(name))


def _told(name: str, scheme: SchemeBinding | None) -> str:
    return f"`{name}`" if scheme is None else f"`{name}` ({scheme.kind.value})"
