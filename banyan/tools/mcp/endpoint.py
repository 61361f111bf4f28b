"""Where a server is: a command to run, or a URL, with its secrets filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from banyan.core.errors import SourceUnavailable
from banyan.core.ports import Secrets
from banyan.core.source import Source
from banyan.core.template import expand

_INHERITED = re.compile(
    "HOME|PATH|LANG|LANGUAGE|LC_[A-Z]+|TERM|USER|LOGNAME|SHELL|TMPDIR|TMP|TEMP|TZ"
    "|XDG_(CACHE|CONFIG|DATA|STATE)_HOME|XDG_RUNTIME_DIR"
    "|(HTTP|HTTPS|ALL|NO)_PROXY"
    "|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
    r"|APPDATA|LOCALAPPDATA|HOMEDRIVE|HOMEPATH|PATHEXT|COMSPEC|PROCESSOR_ARCHITECTURE|PROGRAMDATA|PROGRAMFILES(\(X86\))?"
    "|SYSTEMDRIVE|SYSTEMROOT|USERNAME|USERPROFILE|WINDIR",
    re.IGNORECASE,
)
"""What a server needs to run at all; everything else in our environment is none of its business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A server that is a program of ours."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server that is reached over HTTP."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    sse: bool = False
    """It speaks the older transport of two endpoints."""


Endpoint = Command | Address


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of `environment` that a server is given."""
    return {
        name: value
        for name, value in environment.items()
        # A value that starts so is a shell function, which an old bash would run.
        if _INHERITED.fullmatch(name) and not value.startswith("()")
    }


def endpoint(source: Source, secrets: Secrets, environment: Mapping[str, str]) -> Endpoint:
    """Return where `source` is.  May block, for the secrets.

    Raises:
        SecretMissing: it refers to a secret that is not there.
        SourceUnavailable: its configuration is none of an MCP server.
    """
    config = source.config

    def filled(value: Any) -> str:
        return expand(str(value), secrets.get, source=source.name)

    if command := config.get("command"):
        argv = [command] if isinstance(command, str) else list(command)
        argv += config.get("args", ())
        given = {str(name): filled(value) for name, value in (config.get("env") or {}).items()}
        folder = config.get("cwd")
        return Command(
            argv=tuple(filled(one) for one in argv),
            environment={**inherited(environment), **given},
            folder=filled(folder) if folder else None,
        )
    if url := config.get("url"):
        headers = {str(name): filled(value) for name, value in (config.get("headers") or {}).items()}
        return Address(url=filled(url), headers=headers, sse=config.get("transport") == "sse")
    raise SourceUnavailable(source.name, "its configuration has neither `command` nor `url`")
