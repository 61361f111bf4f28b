"""Cutting a large JSON Schema to what fits: deep parts give way first, each to a mark that says how to see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from banyan.core.shorten import MARK, compact, cut
from banyan.tools import pointer

_STEPS = (
    # levels, characters of a text, elements of a list, members of an object
    (64, 2_000, 400, 1_000),
    (12, 400, 60, 400),
    (8, 200, 30, 200),
    (6, 120, 20, 100),
    (5, 80, 12, 60),
    (4, 60, 8, 40),
    (3, 40, 6, 30),
    (2, 30, 4, 20),
    (2, 0, 2, 10),
    (1, 0, 1, 6),
)
"""Ever less of a schema, until it fits."""

_KEEP_WORDS = frozenset({"type", "format", "$ref", "enum", "const", "required", "pattern"})


@dataclass(frozen=True, slots=True)
class _Cut:
    levels: int
    text_chars: int
    elements: int
    members: int


def elide(part: Any, limit: int, path: str) -> Any:
    """Return `part` of a schema so that it has at most `limit` characters as JSON, if that can be.

    Where something was left out stands a key or an element `…` that names the path to describe next.

    Args:
        part: any JSON value.
        limit: characters.
        path: where `part` stands, as `describe` takes it.
    """
    if _fits(part, limit):
        return part
    segments = pointer.parse(path)
    for step in _STEPS:
        shown = _shown(part, _Cut(*step), segments, 0)
        if _fits(shown, limit):
            return shown
    return {MARK: _hint(segments)}


def _fits(value: Any, limit: int) -> bool:
    text = compact(value)
    # What is nested too deep for JSON shows as the mark alone, and fits nowhere.
    return len(text) <= limit and text != compact(MARK)


def _shown(value: Any, how: _Cut, path: Sequence[str], level: int) -> Any:
    if isinstance(value, Mapping):
        return _object(value, how, path, level)
    if isinstance(value, list | tuple):
        if level >= how.levels and any(isinstance(one, Mapping | list | tuple) for one in value):
            return [f"{MARK}+{len(value)}"]
        kept = [_shown(one, how, (*path, str(at)), level + 1) for at, one in enumerate(value[: how.elements])]
        return kept + ([f"{MARK}+{len(value) - len(kept)}"] if len(value) > len(kept) else [])
    if isinstance(value, str):
        short = _KEEP_WORDS.isdisjoint(path[-1:])
        return cut(value, max(1, how.text_chars) if short else max(how.text_chars, 80))
    return value


def _object(value: Mapping[str, Any], how: _Cut, path: Sequence[str], level: int) -> Any:
    if level >= how.levels:
        return _stub(value, path)
    shown: dict[str, Any] = {}
    for key, one in value.items():
        if len(shown) >= how.members:
            left = list(value)[len(shown) :]
            shown[MARK] = f"+{len(left)} more: {_names(left)}; {_hint(path)}"
            break
        shown[str(key)[:120]] = _shown(one, how, (*path, str(key)), level + 1)
    return shown


def _stub(value: Mapping[str, Any], path: Sequence[str]) -> Any:
    """Return what stands for an object that is left out: its type where it is a schema, else its keys."""
    brief = {key: value[key] for key in ("type", "$ref") if isinstance(value.get(key), str)}
    if len(brief) == len(value):
        return brief
    return {**brief, MARK: _hint(path) if brief else f"{_names(value)}; {_hint(path)}"}


def _names(keys: Iterable[str]) -> str:
    return cut(", ".join(str(key)[:60] for key, _ in zip(keys, range(40), strict=False)), 300)


def _hint(path: Sequence[str]) -> str:
    # A path without the name of a schema leads into the input schema: the shorter form, since it stands often.
    segments = path[1:] if len(path) > 1 and path[0] == "input_schema" else path
    return f"describe with path={pointer.build(segments)}"
