"""Tool servers in assistants' configurations, read as sources of Banyan."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from banyan.core.errors import SettingsError
from banyan.server.clients import jsonc
from banyan.server.clients.known import CLIENTS, Client, Places
from banyan.server.clients.textfile import read
from banyan.server.literals import secret_name

SECTIONS = ("mcpServers", "servers", "context_servers", "mcp_servers")
"""The members that a file of unknown origin may keep its servers under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One server as an assistant has it."""

    name: str
    origin: str
    """The assistant's title, or the file."""
    file: Path
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """As `Source.config` is, but for literal secrets, which still stand in it; empty where `skipped`."""
    skipped: str | None = None
    """Why it cannot be a source."""


class _Skip(ValueError):
    """An entry is no source; the text says why."""


def of_machine(places: Places) -> tuple[list[Entry], list[str]]:
    """Return the servers of every assistant on this machine, and a sentence for each file that cannot be read."""
    entries: list[Entry] = []
    problems: list[str] = []
    for client in CLIENTS:
        try:
            entries.extend(of_client(client, places))
        except SettingsError as error:
            problems.append(str(error))
    return entries, problems


def of_client(client: Client, places: Places) -> list[Entry]:
    """Return the servers of one assistant; none where it has no file.  Raises `SettingsError`."""
    return [entry for path in client.files(places) for entry in _of(path, client, places)]


def of_file(path: Path, places: Places) -> list[Entry]:
    """Return the servers in a file of any known shape.

    Raises:
        SettingsError: there is no such file, or it is malformed.
    """
    known = next((client for client in CLIENTS if path.absolute() in client.files(places)), None)
    return list(_of(path, known, places))


def _of(path: Path, client: Client | None, places: Places) -> Iterator[Entry]:
    text = read(path).text
    if text is None:
        raise SettingsError(f"there is no file `{path}`")
    values = _values(path, text)
    origin = client.title if client else path.name
    variables = _Variables(path, places)
    seen: set[str] = set()
    for section in _sections(values, client, places):
        for name, raw in section.items():
            if name in seen:
                continue
            seen.add(name)
            try:
                config = _config(name, raw, client)
                yield Entry(name=name, origin=origin, file=path, config=variables.mend(name, config))
            except _Skip as reason:
                yield Entry(name=name, origin=origin, file=path, skipped=str(reason))


def _values(path: Path, text: str) -> Mapping[str, Any]:
    try:
        if path.suffix == ".toml":
            return tomllib.loads(text)
        root = jsonc.parse(text)
    except ValueError as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise SettingsError(f"`{path}` is malformed {kind}: {error}") from None
    if root is not None and not isinstance(root.value, dict):
        raise SettingsError(f"`{path}` is malformed: the whole is no object")
    return root.value if root else {}


def _sections(values: Mapping[str, Any], client: Client | None, places: Places) -> Iterator[Mapping[str, Any]]:
    names = (client.section,) if client else SECTIONS
    found = [values.get(name) for name in names]
    if client is not None and client.key == "claude-code":
        projects = values.get("projects")
        project = projects.get(str(places.project)) if isinstance(projects, Mapping) else None
        found.append(project.get(client.section) if isinstance(project, Mapping) else None)
    for section in found:
        if isinstance(section, Mapping):
            yield section


def _config(name: str, raw: Any, client: Client | None) -> dict[str, Any]:
    """Return the source's configuration of one entry."""
    if not isinstance(raw, Mapping):
        raise _Skip("it is no object")
    if raw.get("disabled") is True or raw.get("enabled") is False:
        raise _Skip("it is switched off there")
    raw = _flattened(raw)
    if _is_banyan(name, raw):
        raise _Skip("it is Banyan itself")
    if raw.get("command"):
        config = _stdio(raw)
    elif any(raw.get(key) for key in ("url", "serverUrl", "httpUrl")):
        config = _remote(raw, client)
    else:
        raise _Skip("it has neither a command nor a URL")
    return config | _timeouts(raw, client)


def _flattened(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entry of the older shape, `command: {path, args, env}`, in today's."""
    command = raw.get("command")
    if not isinstance(command, Mapping):
        return raw
    return {**raw, **{key: value for key, value in command.items() if key != "path"}, "command": command.get("path")}


def _is_banyan(name: str, raw: Mapping[str, Any]) -> bool:
    words = [str(raw.get("command") or ""), *(str(word) for word in _list(raw, "args"))]
    ours = PurePath(words[0].replace("\\", "/")).stem == "banyan" or "banyan.server.cli" in words
    return ours or (name == "banyan" and "serve" in words)


def _stdio(raw: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(raw["command"], str):
        raise _Skip("its command is no text")
    config: dict[str, Any] = {"command": [raw["command"], *(_text(word) for word in _list(raw, "args"))]}
    env = {key: _text(value) for key, value in _object(raw, "env").items() if value is not None}
    env |= {name: f"${{{name}}}" for name in _list(raw, "env_vars") if isinstance(name, str)}
    if env:
        config["env"] = env
    if isinstance(raw.get("cwd"), str):
        config["cwd"] = raw["cwd"]
    return config


def _remote(raw: Mapping[str, Any], client: Client | None) -> dict[str, Any]:
    kind = str(raw.get("type") or raw.get("transport") or "").casefold().replace("_", "-").replace("-", "")
    if kind not in {"", "http", "streamablehttp", "sse", "remote"}:
        raise _Skip(f"its transport `{raw.get('type') or raw.get('transport')}` is unknown")
    url = raw.get("httpUrl") or raw.get("serverUrl") or raw.get("url")
    bare = not kind and not raw.get("httpUrl") and client is not None and client.url_is_sse
    config: dict[str, Any] = {"url": _text(url), "transport": "sse" if kind == "sse" or bare else "http"}
    headers = {key: _text(value) for part in ("headers", "http_headers") for key, value in _object(raw, part).items()}
    headers |= {key: f"${{{name}}}" for key, name in _object(raw, "env_http_headers").items()}
    if isinstance(raw.get("bearer_token_env_var"), str):
        headers["Authorization"] = f"Bearer ${{{raw['bearer_token_env_var']}}}"
    if headers:
        config["headers"] = headers
    return config


def _timeouts(raw: Mapping[str, Any], client: Client | None) -> dict[str, float]:
    milliseconds = 1_000 if client is not None and client.key == "gemini" else None
    found = {
        "timeout_s": _number(raw, "tool_timeout_sec") or (_number(raw, "timeout", milliseconds) if milliseconds else 0),
        "start_timeout_s": _number(raw, "startup_timeout_sec") or _number(raw, "startup_timeout_ms", 1_000),
    }
    return {key: value for key, value in found.items() if value > 0}


def _number(raw: Mapping[str, Any], key: str, parts: int = 1) -> float:
    value = raw.get(key)
    return value / parts if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _list(raw: Mapping[str, Any], key: str) -> list[Any]:
    value = raw.get(key)
    return value if isinstance(value, list) else []


def _object(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise _Skip("a value in it is no text")


_BARE = re.compile(r"\$(?P<name>[A-Za-z_]\w*)")
_OWN = re.compile(r"\$\{(?P<name>input:[^}]+|userHome|workspaceFolder|workspaceFolderBasename|pathSeparator|/)\}")


class _Variables:
    """The assistants' own variables, brought to values or to references of ours."""

    def __init__(self, file: Path, places: Places) -> None:
        folder = file.absolute().parent
        # A project's file lies in the project, or in a folder such as `.vscode` within it.
        self._project = folder.parent if folder.name.startswith(".") else folder
        self._of_project = self._project == places.project
        self._home = places.home
        self._bare = file.parent.name == ".gemini"

    def mend(self, source: str, value: Any) -> Any:
        """Return a JSON value in which every text is mended."""
        if isinstance(value, str):
            return self._text(source, value)
        if isinstance(value, Mapping):
            return {key: self.mend(source, one) for key, one in value.items()}
        return [self.mend(source, one) for one in value] if isinstance(value, list) else value

    def _text(self, source: str, text: str) -> str:
        text = _OWN.sub(lambda match: self._own(source, match["name"]), text)
        return _BARE.sub(r"${\g<name>}", text) if self._bare else text

    def _own(self, source: str, name: str) -> str:
        if name.startswith("input:"):
            return f"${{{secret_name(source, name.removeprefix('input:'))}}}"
        if name.startswith("workspaceFolder"):
            if not self._of_project:
                raise _Skip(f"`${{{name}}}` has no meaning outside a project")
            return self._project.name if name.endswith("Basename") else str(self._project)
        return str(self._home) if name == "userHome" else "/"
