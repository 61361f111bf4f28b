"""How a parameter's value is written: OpenAPI's styles, after RFC 6570."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from banyan.tools.openapi.binding import Style

RESERVED = ":/?@!$'()*,;"
"""Reserved signs that stay as they are under `allowReserved`: not `&`, `=`, `+`, `#`, `[`, `]` and `%`, since these
would end the value, or be read as something else."""

_DELIMITERS: Mapping[Style, str] = {Style.SPACE: " ", Style.PIPE: "|", Style.TAB: "\t"}
"""What stands between the items of a list; a comma for the other styles."""
_DECODED_TIMES = 3
_HALF = re.compile("[\ud800-\udfff]")
_EXACT = 2**53
"""Up to here a floating point number holds every integer exactly."""


class NotWritable(ValueError):
    """A value that cannot stand where it is meant to; the text says why, without the value."""


def text(value: Any) -> str:
    """Return a scalar as parameters write it: `true`, `3`, `0.5`; of what is no scalar, its JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    return json_text(value)


def json_text(value: Any) -> str:
    """Return `value` as compact JSON."""
    # Imported here: the module is read on every sync, and few parameters are JSON.
    import json

    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if written.isascii() or not _HALF.search(written):
        return written
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def query_pairs(name: str, value: Any, *, style: Style, explode: bool) -> list[tuple[str, str]]:
    """Return the pairs, not yet escaped, that `value` is in a query or a form; null and empty lists give none."""
    if style is Style.DEEP:
        return list(_deep(name, value))
    if isinstance(value, Mapping):
        members = [(str(key), one) for key, one in value.items() if one is not None]
        if explode and style is Style.FORM:
            return [(key, text(one)) for key, one in members]
        return _joined(name, [part for key, one in members for part in (key, text(one))], style)
    if isinstance(value, list | tuple):
        items = [text(one) for one in value if one is not None]
        return [(name, one) for one in items] if explode else _joined(name, items, style)
    return [] if value is None else [(name, text(value))]


def query_string(name: str, value: Any, *, style: Style, explode: bool, allow_reserved: bool) -> list[str]:
    """Return the `name=value` pieces of a query that `value` is, escaped."""
    safe = RESERVED if allow_reserved else ""
    delimiter = _DELIMITERS.get(style, ",")
    pieces = []
    for key, one in query_pairs(name, value, style=style, explode=explode):
        if isinstance(one, _Joined):
            sign = delimiter if delimiter == "," else quote(delimiter, safe="")
            # A delimiter within an item has to be told from one between items.
            written = sign.join(quote(part, safe=safe.replace(delimiter, "")) for part in one.parts)
        else:
            written = quote(one, safe=safe)
        pieces.append(f"{quote(key, safe='')}={written}")
    return pieces


def path_segment(name: str, value: Any, *, style: Style, explode: bool) -> str:
    """Return what stands for `{name}` in a path, escaped.

    Raises:
        NotWritable: `value` is null or empty, or could lead to another path: `..` in any spelling.
    """
    if value is None or value == "":
        raise NotWritable("is part of the path, and cannot be empty")
    if any(_climbs(part) for part in _scalars(value)):
        raise NotWritable("is part of the path, and cannot hold `.` or `..` as a step of its own")
    if style is Style.MATRIX:
        written = _matrix(name, value, explode=explode)
    elif style is Style.LABEL:
        written = "." + _listed(value, explode=explode, between="." if explode else ",", escape=True)
    else:
        written = _listed(value, explode=explode, between=",", escape=True)
    if written in ("", "."):
        raise NotWritable("is part of the path, and cannot be empty")
    return written


def header_value(value: Any, *, explode: bool) -> str:
    """Return `value` as a header holds it.

    Raises:
        NotWritable: it holds a line break or another sign that headers cannot carry.
    """
    written = _listed(value, explode=explode, between=",", escape=False).strip()
    if not re.fullmatch(r"[\t\x20-\x7e]*", written):
        raise NotWritable("goes into a header, which holds printable ASCII in one line")
    return written


def cookie_pairs(name: str, value: Any, *, style: Style, explode: bool) -> list[str]:
    """Return the `name=value` pieces of a Cookie header, escaped."""
    return query_string(name, value, style=style, explode=explode, allow_reserved=False)


class _Joined(str):
    """Items of one value, that are escaped each and then joined."""

    __slots__ = ("parts",)
    parts: tuple[str, ...]


def _joined(name: str, parts: list[str], style: Style) -> list[tuple[str, str]]:
    if not parts:
        return []
    joined = _Joined(_DELIMITERS.get(style, ",").join(parts))
    joined.parts = tuple(parts)
    return [(name, joined)]


def _deep(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _deep(f"{name}[{key}]", one)
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from _deep(f"{name}[{place}]", one)
    elif value is not None:
        yield name, text(value)


def _listed(value: Any, *, explode: bool, between: str, escape: bool) -> str:
    """Return a value in the form that simple and label share."""

    def written(one: Any) -> str:
        escaped = quote(text(one), safe="") if escape else text(one)
        # A dot is escaped nowhere else; here it would end the item.
        return escaped.replace(".", "%2E") if between == "." and not isinstance(value, str) else escaped

    if isinstance(value, Mapping):
        members = [(str(key), one) for key, one in value.items() if one is not None]
        sign = "=" if explode else ","
        return between.join(f"{written(key)}{sign}{written(one)}" for key, one in members)
    if isinstance(value, list | tuple):
        return between.join(written(one) for one in value if one is not None)
    return written(value)


def _matrix(name: str, value: Any, *, explode: bool) -> str:
    if explode and isinstance(value, Mapping):
        return "".join(_matrix(str(key), one, explode=False) for key, one in value.items() if one is not None)
    if explode and isinstance(value, list | tuple):
        return "".join(_matrix(name, one, explode=False) for one in value if one is not None)
    written = _listed(value, explode=False, between=",", escape=True)
    return f";{quote(name, safe='')}={written}" if written else f";{quote(name, safe='')}"


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield str(key)
            yield from _scalars(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _scalars(one)
    else:
        yield text(value)


def _climbs(part: str) -> bool:
    """Whether a server that decodes too early, or more than once, could take `part` for a way up."""
    for _ in range(_DECODED_TIMES):
        # What follows a `;` belongs to the step as its parameter, and some servers drop it.
        if any(step.partition(";")[0].strip() in (".", "..") for step in re.split(r"[/\\]", part)):
            return True
        part = unquote(part)
    return False
