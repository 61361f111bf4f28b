"""JSON Pointers (RFC 6901): parse, build, follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

_SHOWN_KEYS = 12
_SHOWN_CHARS = 60


class PointerError(ValueError):
    """A pointer is malformed, or leads nowhere; the text says at which segment, and what is there."""


def parse(text: str) -> tuple[str, ...]:
    """Return the segments of `text`; the form of a URI fragment, `#/a`, is taken too.

    Raises:
        PointerError: `text` is neither empty nor starts with `/`.
    """
    if text.startswith("#"):
        text = unquote(text[1:])
    if not text:
        return ()
    if not text.startswith("/"):
        raise PointerError(f"`{_short(text)}` is no JSON Pointer: it starts with `/`, as in `/{_short(text)}`")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))


def build(segments: Iterable[str | int]) -> str:
    """Return the pointer of these segments; "" is the whole."""
    return "".join("/" + str(one).replace("~", "~0").replace("/", "~1") for one in segments)


def step(value: Any, segment: str) -> Any:
    """Return what `segment` names within `value`.

    Raises:
        KeyError: there is no such member or element.
    """
    if isinstance(value, Mapping):
        return value[segment]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        digits = segment.isascii() and segment.isdigit() and (segment == "0" or not segment.startswith("0"))
        if digits and len(segment) <= _SHOWN_KEYS and int(segment) < len(value):
            return value[int(segment)]
    raise KeyError(segment)


def follow(value: Any, segments: Sequence[str]) -> Any:
    """Return what the segments lead to within `value`.

    Raises:
        PointerError: a segment is not there; the text says which, and what is.
    """
    for at, segment in enumerate(segments):
        try:
            value = step(value, segment)
        except KeyError:
            raise PointerError(nowhere(value, segments, at)) from None
    return value


def nowhere(value: Any, segments: Sequence[str], at: int) -> str:
    """Return the sentence that says why segment `at` of a pointer leads nowhere from `value`."""
    place = f"`{_short(build(segments[:at]))}`" if at else "the top"
    return f"no `{_short(segments[at])}` at {place}: {_contents(value)}"


def _contents(value: Any) -> str:
    if isinstance(value, Mapping):
        keys = [f"`{_short(str(key))}`" for key, _ in zip(value, range(_SHOWN_KEYS), strict=False)]
        more = f" and {len(value) - len(keys)} more" if len(value) > len(keys) else ""
        return f"its keys are {', '.join(keys)}{more}" if keys else "it is an empty object"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return f"it is an array of {len(value)}, counted from 0" if value else "it is an empty array"
    return f"it is {'null' if value is None else f'a {type(value).__name__}'}, which has nothing within"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
