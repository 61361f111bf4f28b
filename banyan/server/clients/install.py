"""Banyan in an assistant's configuration: put in, taken out, and shown before either is done."""

from __future__ import annotations

import difflib
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from banyan.core.errors import SettingsError
from banyan.server.clients import jsonc
from banyan.server.clients.known import Client
from banyan.server.clients.textfile import TextFile, backup_of, keep_backup, read, replace
from banyan.server.literals import looks_secret

NAME = "banyan"
"""What Banyan is called in an assistant's list of servers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What would be written; nothing is until `apply`."""

    client: Client
    file: TextFile
    after: str | None
    """The new text; None to remove the file, which only Banyan had made."""

    @property
    def needed(self) -> bool:
        """Whether the file would be different."""
        return self.after != self.file.text

    def diff(self) -> str:
        """Return a unified diff, with what looks like a secret of others hidden."""
        before, after = ((text or "").splitlines(keepends=True) for text in (self.file.text, self.after))
        name = str(self.file.path)
        lines = difflib.unified_diff(before, after, name, name, n=2)
        shown = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
        for secret in sorted(_secrets(_values(self.client, self.file.text or "")), key=len, reverse=True):
            shown = shown.replace(secret, "[secret]")
        return shown


def own_command() -> list[str]:
    """Return how this Banyan is started: absolute, since assistants have a search path of their own."""
    folder = Path(sys.executable).parent
    for name in ("banyan", "banyan.exe"):
        if (folder / name).is_file():
            return [str(folder / name)]
    return [sys.executable, "-m", "banyan.server.cli"]


def installation(client: Client, path: Path, command: Sequence[str]) -> Change:
    """Return the change that makes `client` start Banyan by `command`.

    What the user added to Banyan's own entry, as an environment, is kept.

    Raises:
        SettingsError: the file cannot be read, or is malformed; it is left untouched.
    """
    file = read(path)
    text = file.text or ""
    values = _parsed(client, path, text)
    section = values.get(client.section)
    old = section.get(NAME) if isinstance(section, Mapping) else None
    entry = {**(old if isinstance(old, Mapping) else {}), **client.marks, "command": command[0], "args": [*command[1:]]}
    if entry == old:
        return Change(client=client, file=file, after=file.text)
    after = _edited(client, path, text, entry)
    _verify(client, path, after, values | {client.section: {**(section or {}), NAME: entry}})
    return Change(client=client, file=file, after=after)


def removal(client: Client, path: Path) -> Change:
    """Return the change that takes Banyan out.

    Where nothing else was changed since the installation, the file will be byte for byte what it was before.

    Raises:
        SettingsError: the file cannot be read, or is malformed; it is left untouched.
    """
    file = read(path)
    text = file.text or ""
    values = _parsed(client, path, text)
    section = values.get(client.section)
    if not isinstance(section, Mapping) or NAME not in section:
        return Change(client=client, file=file, after=file.text)
    entry = section[NAME]
    backup = read(backup_of(file)).text
    if _edited(client, path, backup or "", entry) == text:
        return Change(client=client, file=file, after=backup)
    after = _edited(client, path, text, None)
    left = {key: value for key, value in section.items() if key != NAME}
    _verify(client, path, after, values | {client.section: left})
    return Change(client=client, file=file, after=after)


def apply(change: Change) -> None:
    """Write `change`; before Banyan is first put in, what was there is kept in a backup beside the file.

    Raises:
        Conflict: the file changed since the change was worked out.
        SettingsError: it cannot be written.
        StorageFull: the disk is full; the file is as it was.
    """
    if not change.needed:
        return
    present = NAME in _section(change.client, change.file.text or "")
    if not present and change.file.text is not None:
        keep_backup(change.file)
    replace(change.file, change.after)
    if present and NAME not in _section(change.client, change.after or ""):
        backup_of(change.file).unlink(missing_ok=True)


def _section(client: Client, text: str) -> Mapping[str, Any]:
    found = _values(client, text).get(client.section)
    return found if isinstance(found, Mapping) else {}


def _values(client: Client, text: str) -> dict[str, Any]:
    """Return what `text` says.  Raises `ValueError`."""
    if client.toml:
        return tomllib.loads(text)
    root = jsonc.parse(text)
    found = {} if root is None else root.value
    if not isinstance(found, dict):
        raise jsonc.JsoncError("the whole is no object")
    return found


def _parsed(client: Client, path: Path, text: str) -> dict[str, Any]:
    try:
        found = _values(client, text)
    except ValueError as error:
        kind = "TOML" if client.toml else "JSON"
        raise SettingsError(f"`{path}` is malformed {kind}, and was left untouched: {error}") from None
    if not isinstance(found.get(client.section, {}), dict):
        raise SettingsError(f"`{path}` is malformed, and was left untouched: `{client.section}` is no object")
    return found


def _edited(client: Client, path: Path, text: str, entry: Mapping[str, Any] | None) -> str:
    """Return `text` with `entry` as Banyan's, or without one."""
    try:
        if client.toml:
            from banyan.server.clients import toml

            return toml.put(text, client.section, NAME, entry)
        where = (client.section, NAME)
        return jsonc.remove(text, where) if entry is None else jsonc.put(text, where, entry)
    except ValueError as error:
        raise SettingsError(f"`{path}` cannot be edited, and was left untouched: {error}") from None


def _verify(client: Client, path: Path, after: str, wanted: Mapping[str, Any]) -> None:
    """Refuse an edit that says anything else than it should: the file is not ours."""
    try:
        found = _values(client, after)
    except ValueError:
        found = {}
    if found != wanted:
        raise SettingsError(f"`{path}` has a form that cannot be edited safely, and was left untouched")


def _secrets(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if looks_secret(key, value):
            yield value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _secrets(one, name)
    elif isinstance(value, list):
        previous = ""
        for one in value:
            yield from _secrets(one, previous)
            previous = one if isinstance(one, str) else ""
