"""Text from outside, made harmless to show: nothing hidden is in it, and nothing that steers a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REPLACEMENT = "\ufffd"
"""Stands for a run of characters that a person would not see."""

MAX_DEPTH = 100
"""Levels of a JSON value that are shown; writers of JSON give up at some 250."""

_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, the escape of terminals among them; tab and newline stay
    "\u00ad\u034f\u061c\u180b-\u180f"  # soft hyphen, joiners and selectors that show nothing
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # fillers: letters without a shape
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, bidirectional controls
    "\ufeff\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"  # byte order mark, annotations, non-characters, surrogates
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # controls of shorthand and of music
    "\U000e0000-\U000e0fff"  # tags and further selectors: whole messages fit in them unseen
    "\U000f0000-\U0010ffff"  # private use
    "]+"
)
_JOINERS = re.compile("[\u200c\u200d]")
_SELECTORS = re.compile("(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+")
"""A second selector after a first: one picks the look of a sign, a run of them is a message."""

_LINE_END = re.compile("\r\n?|\x85")
_PLAIN = re.compile(r"[\t\n\x20-\x7e]*")


def sanitise(text: str) -> str:
    """Return `text` with each run of hidden characters replaced by one visible sign.

    Letters of every script, emoji and their joiners stay as they are; line ends become newlines.
    """
    if _PLAIN.fullmatch(text):
        return text
    text = _HIDDEN.sub(REPLACEMENT, _LINE_END.sub("\n", text))
    return _SELECTORS.sub(REPLACEMENT, _JOINERS.sub(_joiner, text))


def sanitise_json(value: Any, *, depth: int = 0) -> Any:
    """Return a JSON value with every string in it sanitised, keys too, and what is nested too deep left out."""
    if isinstance(value, str):
        return sanitise(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth >= MAX_DEPTH:
        return f"… [{len(value)} deeper]"
    if isinstance(value, Mapping):
        return {sanitise(str(key)): sanitise_json(one, depth=depth + 1) for key, one in value.items()}
    return [sanitise_json(one, depth=depth + 1) for one in value]


def fragment(text: str, limit: int) -> str:
    """Return `text` as one short line that can stand inside a sentence of ours.

    What could read as markup or close a quotation is dropped, so the fragment stays a fragment.
    """
    line = re.sub(r"[^\w .,&+/()-]+", " ", sanitise(text))
    line = " ".join(line.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _joiner(found: re.Match[str]) -> str:
    """Keep a joiner between two signs that it can join: emoji, and scripts that write with it."""
    text, at = found.string, found.start()
    beside = text[at - 1 : at] + text[at + 1 : at + 2]
    joins = len(beside) == 2 and not beside.isascii() and all(_joinable(one) for one in beside)
    return found.group() if joins else REPLACEMENT


def _joinable(sign: str) -> bool:
    return not sign.isascii() and sign not in "\u200c\u200d" and sign != REPLACEMENT
