"""Where two JSON values differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from banyan.core.canonical import canonical
from banyan.core.source import Difference

MOST = 20
"""Differences told of one tool; whoever needs more reads both versions."""

TEXT_CHARS = 200
"""Characters of each value told."""

_ABSENT = object()


def differences(before: Any, after: Any, *, most: int = MOST, text_chars: int = TEXT_CHARS) -> tuple[Difference, ...]:
    """Return the places where `after` differs from `before`, in the order of their paths, at most `most`.

    A place that is in one of them only has "" for the other, which no JSON value is written as. Lists are compared
    place by place.

    Args:
        before: a JSON value.
        after: a JSON value.
        most: differences returned.
        text_chars: characters of each value's JSON, from its start; a longer one ends in `…`.
    """
    found = (
        Difference(path=path, before=_short(old, text_chars), after=_short(new, text_chars))
        for path, old, new in _walk("", before, after)
    )
    return tuple(islice(found, most))


def _walk(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            yield from _walk(f"{path}/{escaped}", before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        for index in range(max(len(before), len(after))):
            yield from _walk(f"{path}/{index}", _at(before, index), _at(after, index))
    elif not _equal(before, after):
        yield path, before, after


def _at(values: list[Any] | tuple[Any, ...], index: int) -> Any:
    return values[index] if index < len(values) else _ABSENT


def _equal(before: Any, after: Any) -> bool:
    # Python takes 1, 1.0 and True for equal; JSON does not.
    return type(before) is type(after) and bool(before == after)


def _short(value: Any, most: int) -> str:
    if value is _ABSENT:
        return ""
    text = canonical(value).decode("utf-8")
    return text if len(text) <= most else text[: most - 1] + "…"
