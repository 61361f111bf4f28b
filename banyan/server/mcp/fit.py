"""Fitting JSON values into a number of characters, and saying where something was cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MAX_DEPTH = 24
"""Levels of a value that are shown; what is deeper is cut where it starts."""

_MARK_CHARS = 60
"""Room that the mark of a cut takes, path aside."""


def compact(value: Any) -> str:
    """Return `value` as JSON without spaces, in its own script."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def most(limit: int, size: Callable[[int], int], budget: int) -> int:
    """Return the largest n in 0…`limit` with `size(n)` <= `budget`; `size` never shrinks as n grows."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(middle) <= budget else (low, middle - 1)
    return low


def fit(value: Any, budget: int, *, path: str = "", depth: int = 0) -> Any:
    """Return `value`, cut where it is largest so that its JSON has about `budget` characters at most.

    Every cut leaves a mark that names what is missing and the JSON Pointer to ask for it by.

    Args:
        value: any JSON value.
        budget: characters that its compact JSON may have.
        path: where `value` stands in the whole, as a JSON Pointer.
        depth: how deep it stands there.
    """
    if isinstance(value, str):
        return fit_text(value, budget)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth >= MAX_DEPTH:
        return mark(value, path)
    texts = [compact(one) for one in (value.values() if isinstance(value, Mapping) else value)]
    if isinstance(value, Mapping):
        return _fit_object(value, texts, budget, path, depth)
    return _fit_array(value, texts, budget, path, depth)


def fit_text(text: str, budget: int) -> str:
    """Return `text`, or its start and the number of characters that are missing."""
    if len(text) <= budget and len(compact(text)) <= budget:
        return text
    kept = most(min(len(text), budget), lambda n: len(compact(text[:n])), max(budget - 30, 0))
    return f"{text[:kept]}… [{len(text) - kept} more characters]"


def mark(value: Any, path: str) -> str:
    """Return what stands in the place of a value that was cut."""
    what = f"{len(value)} keys" if isinstance(value, Mapping) else f"{len(value)} items"
    return f"… [cut: {what}; path {path or '/'}]"


def escape(key: str) -> str:
    """Return `key` as one step of a JSON Pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _fit_object(value: Mapping[str, Any], texts: Sequence[str], budget: int, path: str, depth: int) -> dict[str, Any]:
    keys = [len(compact(key)) + 2 for key in value]
    if sum(keys) + sum(map(len, texts)) + 2 <= budget:
        return dict(value)
    room = budget - 2
    kept = most(len(keys), lambda n: sum(keys[:n]) + 4 * n, room - (_MARK_CHARS if sum(keys) > room else 0))
    shares = _shares([len(text) for text in texts[:kept]], room - sum(keys[:kept]))
    found: dict[str, Any] = {}
    for (key, one), share, text in zip(value.items(), shares, texts, strict=False):
        found[key] = one if len(text) <= share else _part(one, share, f"{path}/{escape(key)}", depth)
    if kept < len(keys):
        found["…"] = f"[cut: {len(keys) - kept} more keys; path {path or '/'}]"
    return found


def _fit_array(value: Sequence[Any], texts: Sequence[str], budget: int, path: str, depth: int) -> list[Any]:
    sizes = [len(text) + 1 for text in texts]
    if sum(sizes) + 2 <= budget:
        return list(value)
    room = budget - 2 - _MARK_CHARS - len(path)
    kept = most(len(sizes), lambda n: sum(sizes[:n]), room)
    found = list(value[:kept])
    if kept == 0 and value:
        found, kept = [_part(value[0], max(room, 0), f"{path}/0", depth)], 1
    if kept < len(value):
        found.append(f"… [cut: {len(value) - kept} more items; path {path}/{kept}]")
    return found


def _part(value: Any, share: int, path: str, depth: int) -> Any:
    """Fit a part into its share; where the share is too small to show anything of it, mark it."""
    if isinstance(value, Mapping | list | tuple) and share < _MARK_CHARS + len(path):
        return mark(value, path)
    return fit(value, share, path=path, depth=depth + 1)


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """Give every part what it needs, or an equal share of what the smaller ones leave."""
    shares = [0] * len(sizes)
    left = max(room, 0)
    for done, at in enumerate(sorted(range(len(sizes)), key=lambda one: sizes[one])):
        shares[at] = min(sizes[at], left // (len(sizes) - done))
        left -= shares[at]
    return shares
