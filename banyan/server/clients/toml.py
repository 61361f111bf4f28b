"""One table within a TOML document, edited in place: comments and layout of the rest stay."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import tomlkit
import tomlkit.exceptions
import tomlkit.items


class TomlError(ValueError):
    """A text is no TOML, or has another shape than it must."""


def put(text: str, section: str, name: str, entry: Mapping[str, Any] | None) -> str:
    """Return `text` with the table `[section.name]` holding `entry`, or without it where `entry` is None.

    Raises:
        TomlError: `text` is no TOML, or `section` is no table in it.
    """
    try:
        document = tomlkit.parse(text)
        holder = document.get(section)
        if entry is None:
            if isinstance(holder, MutableMapping):
                holder.pop(name, None)
            return tomlkit.dumps(document)
        if holder is None:
            holder = tomlkit.table(is_super_table=True)
            if text and not text.endswith("\n"):
                document.add(tomlkit.nl())
            document.append(section, holder)
            holder = document[section]
        if not isinstance(holder, MutableMapping):
            raise TomlError(f"`{section}` is no table")
        new = name not in holder
        holder[name] = _merged(holder.get(name), entry)
        if new and list(document)[-1] != section:
            holder[name].add(tomlkit.nl())  # a blank line before the table that follows
        return tomlkit.dumps(document)
    except tomlkit.exceptions.TOMLKitError as error:
        raise TomlError(str(error)) from error


def _merged(old: Any, entry: Mapping[str, Any]) -> Any:
    """Return the old table with its values brought to `entry`, so that its comments stay; a new one else."""
    table = old if isinstance(old, tomlkit.items.Table) else tomlkit.table()
    for key in [key for key in table if key not in entry]:
        del table[key]
    for key, value in entry.items():
        if table.get(key) != value:
            table[key] = value
    return table
