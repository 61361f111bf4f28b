"""How a source is configured: the keys of each kind, and the source that is made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from banyan.core.errors import InvalidArgument
from banyan.core.ids import SourceName
from banyan.core.preset import presets
from banyan.core.source import Source, SourceKind
from banyan.core.template import references

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_MCP = frozenset({"command", "env", "cwd", "url", "headers", "transport", "timeout_s", "start_timeout_s"})
_PYTHON = frozenset({"python", "cwd", "timeout_s"})
_OPENAPI = frozenset(
    {
        "openapi",
        "base_url",
        "server_variables",
        "credentials",
        "headers",
        "allow_hosts",
        "allow_refs",
        "include",
        "timeout_s",
    }
)


_GOOGLE = frozenset({"google", "all_versions", "base_url", "api_key", "credentials_file", "allow_hosts", "timeout_s"})
_AWS = frozenset({"aws", "region", "profile", "endpoint_url", "credentials", "instance_metadata", "timeout_s"})
_MAY_BE_EMPTY = frozenset({"aws", "google"})
"""Keys of which an empty list means everything."""


class SourceConfig(TypedDict, total=False):
    """How a source is reached; see `banyan.core.source.Source`."""

    command: Sequence[str]
    """Program and arguments of an MCP server over stdio."""
    env: Mapping[str, str]
    """Environment of the program; a secret stands as `${NAME}`."""
    cwd: str
    """The folder in which the program runs; for Python, where the module is looked for, too."""
    url: str
    """Address of an MCP server over HTTP."""
    headers: Mapping[str, str]
    """Headers sent to it; a secret stands as `${NAME}`."""
    transport: str
    """`http` (the default) or `sse`."""
    python: str
    """`module` or `module:function` of Python tools."""
    openapi: str
    """File or address of an OpenAPI document."""
    base_url: str
    """Address under which the API's paths are, instead of the one in its document; calls to it are allowed."""
    server_variables: Mapping[str, str]
    """Values of the variables in the document's server addresses."""
    credentials: Mapping[str, str | Mapping[str, Any]]
    """For each security scheme of the document a reference to a secret, `${NAME}`, or for OAuth2 an object with
    `client_id`, `client_secret` and maybe `token_url` and `scopes`; for basic `username` and `password`. For AWS
    references for `access_key_id`, `secret_access_key` and maybe `session_token`, instead of its own chain."""
    allow_hosts: Sequence[str]
    """Hosts, networks, `loopback` or `private` that calls may go to although they are not public."""
    allow_refs: Sequence[str]
    """Files and addresses that references in the document may lead to."""
    include: Sequence[str]
    """Globs over names, paths and tags of operations: the others are left out."""
    google: Sequence[str]
    """Google's APIs, as `gmail` or `drive.v2`; empty means all of them."""
    all_versions: bool
    """Take every version of an API for itself, and not only what is stable."""
    api_key: str
    """Reference to a secret, `${NAME}`, that is sent as the API key."""
    credentials_file: str
    """File of credentials, instead of the default ones."""
    aws: Sequence[str]
    """Services of AWS, as `s3`, or globs over them; empty means all of them."""
    region: str
    """Region in which AWS is called, where a call names none."""
    profile: str
    """Profile of the AWS configuration, instead of the default one."""
    endpoint_url: str
    """Address of all of AWS's services, as of an emulator."""
    instance_metadata: bool
    """Let AWS credentials come from the metadata service of the machine."""
    presets: Sequence[Mapping[str, Any]]
    """Arguments that are filled in; see `banyan.core.preset.Preset`."""
    timeout_s: float
    start_timeout_s: float


def source_of(name: str, config: SourceConfig) -> Source:
    """Return the source that is called `name` and reached as `config` says.

    Raises:
        InvalidArgument: the name or the configuration is wrong.
    """
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            "name", f"`{name}` is not 1 to 40 letters, digits, `.`, `_` or `-`, starting with no sign"
        )
    ways = [way for way in WAYS if config.get(way) or (way in _MAY_BE_EMPTY and config.get(way) is not None)]
    if len(ways) != 1:
        *most, last = (f"`{way}`" for way in WAYS)
        raise InvalidArgument("config", f"give one of {', '.join(most)} and {last}")
    plain = {key: value for key, value in config.items() if value is not None}
    given = presets({"presets": plain.pop("presets", ())})
    kind, made = WAYS[ways[0]](plain)
    if given:
        made["presets"] = [one.to_json() for one in given]
    return Source(name=SourceName(name), kind=kind, config=made)


def known_keys(config: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    """Return if `config` has no other keys than `known`.  Raises `InvalidArgument`."""
    if foreign := config.keys() - known:
        raise InvalidArgument("config", f"{what} has no {', '.join(f'`{key}`' for key in sorted(foreign))}")


def _mcp(config: dict[str, Any]) -> tuple[SourceKind, dict[str, Any]]:
    known_keys(config, _MCP, "an MCP server")
    return SourceKind.MCP, config | ({"command": list(config["command"])} if "command" in config else {})


def _python(config: dict[str, Any]) -> tuple[SourceKind, dict[str, Any]]:
    known_keys(config, _PYTHON, "a Python source")
    made = {"target": config["python"]}
    made |= {"path": config["cwd"]} if config.get("cwd") else {}
    return SourceKind.PYTHON, made | ({"timeout_s": config["timeout_s"]} if "timeout_s" in config else {})


def _openapi(config: dict[str, Any]) -> tuple[SourceKind, dict[str, Any]]:
    known_keys(config, _OPENAPI, "an OpenAPI source")
    # Imported here: it is needed when a source is added, and this module at every start.
    from banyan.tools.openapi.backend import allowed
    from banyan.tools.openapi.proof import check

    made: dict[str, Any] = {key: value for key, value in config.items() if key != "openapi"}
    for key in sorted(_LISTS & made.keys()):
        if isinstance(made[key], str):
            raise InvalidArgument(key, "give a list of texts")
        made[key] = list(made[key])
    document = str(config["openapi"])
    if not re.match("https?://", document, re.IGNORECASE):
        # A later sync may run in another folder.
        document = str(Path(document).expanduser().absolute())
    check(made.get("credentials") or {})
    allowed(made, made.get("base_url") or "")
    return SourceKind.OPENAPI, {"document": document, **made}


def _google(config: dict[str, Any]) -> tuple[SourceKind, dict[str, Any]]:
    known_keys(config, _GOOGLE, "a Google source")
    if (key := config.get("api_key")) and not any(references(key)):
        raise InvalidArgument("api_key", "give a reference to a secret, as `${NAME}`")
    made = {name: list(value) if name in _LISTS else value for name, value in config.items() if name != "google"}
    return SourceKind.GOOGLE, {"apis": list(config["google"]), **made}


def _aws(config: dict[str, Any]) -> tuple[SourceKind, dict[str, Any]]:
    known_keys(config, _AWS, "an AWS source")
    if not all(any(references(value)) for value in config.get("credentials", {}).values()):
        raise InvalidArgument("credentials", "give references to secrets, as `${NAME}`")
    made = {name: value for name, value in config.items() if name != "aws"}
    return SourceKind.AWS, {"services": list(config["aws"]), **made}


_LISTS = frozenset({"allow_hosts", "allow_refs", "include"})

WAYS: Mapping[str, Callable[[dict[str, Any]], tuple[SourceKind, dict[str, Any]]]] = {
    "command": _mcp,
    "url": _mcp,
    "python": _python,
    "openapi": _openapi,
    "aws": _aws,
    "google": _google,
}
"""The key that says what kind of source a configuration is, and how it becomes what the catalogue keeps."""
