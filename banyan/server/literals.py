"""Literal secrets in a source's configuration: found, and replaced by references."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from banyan.core.template import references

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_SECRET_WORD = re.compile(
    "token|secret|password|passwd|pwd|passphrase|pass|apikey|apitoken|accesstoken|authtoken|credentials?"
    "|authorization|cookie|pat|bearer|auth|jwt|signature|dsn"
)
_SECRET_PAIRS = frozenset({("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("auth", "key")})
_PLAIN_ENDING = re.compile(
    "file|path|dir|url|uri|host|name|id|type|mode|method|endpoint|ttl|limit|max|min|count|enabled|timeout|expiry"
    "|scheme|provider|header|prefix"
)
"""A key that ends so tells about a secret, and is none: `TOKEN_FILE`, `AUTH_MODE`."""

_SECRET_VALUE = re.compile(
    r"(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abeprs]-[\w-]{10,}|A[KS]IA[0-9A-Z]{16}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|npm_[A-Za-z0-9]{30,}"
    r"|hf_[A-Za-z0-9]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|(?:lin_api|shpat|dop_v1|ntn|tvly|secret)[-_][\w-]{16,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*|(?:Bearer|Basic|Token) +\S{8,}"
)
"""Forms that vendors give to their keys, as their documentation shows them."""

_SECRET_PARTS = frozenset({"client_secret", "password", "secret_access_key", "session_token"})
"""Parts of a credential that are secret whatever they look like."""

_USERINFO = re.compile(r"(?<=://)(?P<user>[^/\s:@]*):(?P<password>[^/\s@]+)@")
_SCHEME = re.compile(r"(?P<scheme>(?:Bearer|Basic|Token) +)?(?P<rest>[\s\S]+)")


def looks_secret(key: str, value: str) -> bool:
    """Return whether `value`, found under `key`, is likely a secret: by what the key says, or by its own form.

    References, flags, numbers and paths never are.
    """
    text = value.strip()
    if not text or any(True for _ in references(text)) or _is_plain(text):
        return False
    return _key_says_so(key) or _SECRET_VALUE.fullmatch(text) is not None or _USERINFO.search(text) is not None


def _is_plain(text: str) -> bool:
    if text.casefold() in {"true", "false", "yes", "no", "on", "off", "none", "null"}:
        return True
    return re.fullmatch(r"[-+]?\d{1,5}(\.\d+)?|(?:[A-Za-z]:\\|~?/|\.{1,2}/)[^\0]*", text) is not None


def _key_says_so(key: str) -> bool:
    words = [word.casefold() for word in _WORD.findall(key)]
    if not words or _PLAIN_ENDING.fullmatch(words[-1]):
        return False
    return any(map(_SECRET_WORD.fullmatch, words)) or not _SECRET_PAIRS.isdisjoint(pairwise(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A configuration without literal secrets, and what stood in it."""

    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What must be kept, by the name that the configuration now refers to."""


def without_secrets(source: str, config: Mapping[str, Any]) -> Cleaned:
    """Return `config` with each literal secret replaced by a reference, `${SOURCE__KEY}`.

    Looked at are environment, headers, API key, arguments of the command, and user, password and query of a URL.
    Names carry the source, so that two sources with different keys do not share one.
    """
    sweep = _Sweep(source)
    cleaned = dict(config)
    for part in ("env", "headers"):
        if config.get(part):
            cleaned[part] = {key: sweep.value(key, value) for key, value in config[part].items()}
    if config.get("command"):
        cleaned["command"] = sweep.arguments(config["command"])
    if config.get("api_key"):
        cleaned["api_key"] = sweep.value("api_key", config["api_key"])
    if config.get("url"):
        cleaned["url"] = sweep.url(config["url"])
    if config.get("credentials"):
        cleaned["credentials"] = {key: sweep.credential(key, value) for key, value in config["credentials"].items()}
    if config.get("presets"):
        cleaned["presets"] = [
            {**one, "value": sweep.value(str(one.get("argument")), one.get("value"))} for one in config["presets"]
        ]
    return Cleaned(config=cleaned, secrets=sweep.found)


def secret_name(source: str, key: str) -> str:
    """Return the name of a secret that one source alone uses: `SOURCE__KEY`."""
    parts = (re.sub(r"[^A-Za-z0-9]+", "_", part).strip("_").upper() for part in (source, key))
    name = "__".join(part or "SECRET" for part in parts)
    return f"_{name}" if name[0].isdigit() else name


class _Sweep:
    """One pass over one configuration."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.found: dict[str, str] = {}

    def value(self, key: str, value: Any) -> Any:
        """Return `value`, or a reference in its place; `Bearer` before it stays readable."""
        if not isinstance(value, str) or not looks_secret(key, value):
            return value
        if _USERINFO.search(value):
            return self.url(value)
        parts = _SCHEME.fullmatch(value)
        if parts is None:  # only an empty text does not match, and that is no secret
            return value
        return (parts["scheme"] or "") + self._keep(key, parts["rest"])

    def credential(self, scheme: str, value: Any) -> Any:
        """Return a credential, or of an object its secret parts, with a reference in place of what is none."""
        if isinstance(value, Mapping):
            return {
                part: self.credential(f"{scheme}_{part}", one) if part in _SECRET_PARTS else one
                for part, one in value.items()
            }
        if not isinstance(value, str) or not value or any(True for _ in references(value)):
            return value
        return self._keep(scheme, value)

    def arguments(self, command: Any) -> list[str]:
        """Return a command line with the values of secret-looking options replaced."""
        cleaned: list[str] = []
        option = ""
        for word in command:
            name, equals, value = word.partition("=")
            if equals and name.startswith("-"):
                cleaned.append(f"{name}={self.value(name, value)}")
            elif word.startswith("-") or not cleaned:
                cleaned.append(word)
            else:
                cleaned.append(self.value(option, word))
            option = word if word.startswith("-") and not equals else ""
        return cleaned

    def url(self, url: str) -> str:
        """Return a URL with password and secret-looking query values replaced."""

        def password(match: re.Match[str]) -> str:
            return f"{match['user']}:{self._keep('password', match['password'])}@"

        url = _USERINFO.sub(password, url)
        for key, value in parse_qsl(urlsplit(url).query):
            if looks_secret(key, value):
                reference = self._keep(key, value)
                for spelled in (value, quote(value, safe="")):
                    url = url.replace(f"{key}={spelled}", f"{key}={reference}")
        return url

    def _keep(self, key: str, value: str) -> str:
        stem = secret_name(self._source, key)
        name, count = stem, 1
        while self.found.get(name, value) != value:
            count += 1
            name = f"{stem}_{count}"
        self.found[name] = value
        return f"${{{name}}}"
