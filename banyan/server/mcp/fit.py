"""Fitting JSON values into a number of characters, and saying where something was cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_MARK_CHARS = 32
"""Room that the mark of a cut takes."""


def compact(value: Any) -> str:
    """Return `value` as JSON without spaces, in its own script."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def most(limit: int, size: Callable[[int], int], budget: int) -> int:
    """Return the largest n in 0…`limit` with `size(n)` <= `budget`; `size` never shrinks as n grows."""
    if size(limit) <= budget:
        return limit
    low, high = 0, limit - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(middle) <= budget else (low, middle - 1)
    return low


def fit(value: Any, budget: int, *, path: str = "", cuts: list[str] | None = None) -> Any:
    """Return `value`, cut where it is largest so that its JSON has `budget` characters at most.

    Every cut leaves a mark that says how much is missing. (A budget under some 40 characters is not kept exactly.)

    Args:
        value: any JSON value.
        budget: characters that its compact JSON may have.
        path: where `value` stands in the whole, as a JSON Pointer.
        cuts: gets the JSON Pointer of every cut.
    """
    if len(compact(value)) <= budget or not isinstance(value, str | Mapping | list | tuple):
        return value
    cuts = [] if cuts is None else cuts
    if isinstance(value, str):
        cuts.append(path)
        return fit_text(value, budget)
    if budget < _MARK_CHARS:
        cuts.append(path)
        return f"… [{len(value)} {'keys' if isinstance(value, Mapping) else 'items'} cut]"
    if isinstance(value, Mapping):
        return _fit_object(value, budget, path, cuts)
    return _fit_array(value, budget, path, cuts)


def fit_text(text: str, budget: int) -> str:
    """Return `text`, or its start and the number of characters that are missing."""
    if len(text) <= budget and len(compact(text)) <= max(budget, 2):
        return text
    kept = most(min(len(text), budget), lambda n: len(compact(text[:n])), max(budget - _MARK_CHARS, 0))
    return f"{text[:kept]}… [{len(text) - kept} more characters]"


def escape(key: str) -> str:
    """Return `key` as one step of a JSON Pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _fit_object(value: Mapping[str, Any], budget: int, path: str, cuts: list[str]) -> dict[str, Any]:
    """Keep as many keys as can show at least a mark, and give each value its share of the room."""
    keys = [len(compact(key)) + 2 for key in value]
    sizes = [len(compact(one)) for one in value.values()]
    least = [key + min(size, _MARK_CHARS) for key, size in zip(keys, sizes, strict=True)]
    room = budget - 2
    kept = len(least)
    if sum(least) > room:
        room -= _MARK_CHARS
        kept = most(kept, lambda n: sum(least[:n]), room)
    shares = _shares(sizes[:kept], room - sum(keys[:kept]))
    found = {
        key: fit(one, share, path=f"{path}/{escape(key)}", cuts=cuts)
        for (key, one), share in zip(value.items(), shares, strict=False)
    }
    if kept < len(least):
        cuts.append(path)
        found["…"] = f"[{len(least) - kept} more keys]"
    return found


def _fit_array(value: Sequence[Any], budget: int, path: str, cuts: list[str]) -> list[Any]:
    """Keep the items from the start that fit whole; of the first, as much as fits."""
    sizes = [len(compact(one)) + 1 for one in value]
    room = budget - 2 - _MARK_CHARS
    kept = max(most(len(sizes), lambda n: sum(sizes[:n]), room), 1)
    found = [fit(one, max(room, 0), path=f"{path}/{at}", cuts=cuts) for at, one in enumerate(value[:kept])]
    if kept < len(sizes):
        cuts.append(f"{path}/{kept}")
        found.append(f"… [{len(sizes) - kept} more items]")
    return found


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """Give every part what it needs, or an equal share of what the smaller ones leave."""
    shares = [0] * len(sizes)
    left = max(room, 0)
    for done, at in enumerate(sorted(range(len(sizes)), key=lambda one: sizes[one])):
        shares[at] = min(sizes[at], left // (len(sizes) - done))
        left -= shares[at]
    return shares
