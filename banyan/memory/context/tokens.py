"""How many tokens a text is at most, without any model's tokenizer.

The bound is for cl100k_base, and never below it: what is found in `cl100k.bin` (made by `scripts/token_facts.py`) is
which short strings are tokens there, which of the frequent longer ones, and how many tokens each character outside
ASCII takes at worst. Byte pair encoding never leaves two neighbours that together are a token; so a word that is not
known itself takes no more tokens than the longest way to cut it in which no two neighbours are one.
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import orjson

SHORT = 4
"""Characters up to which every ASCII token is known."""
LONG = 4_000
"""Characters of one word beyond which it is counted as its characters: nobody writes one, and each costs some work."""

_RUN = re.compile("[\x00-\x7f]+|[^\x00-\x7f]")
_PIECE = re.compile(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\nA-Za-z0-9]?[A-Za-z]+|[0-9]{1,3}| ?[^\sA-Za-z0-9]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How cl100k_base cuts ASCII text before it encodes each piece alone."""


@dataclass(frozen=True, slots=True)
class _Facts:
    tokens: frozenset[str]
    starts: tuple[int, ...]
    """Characters at which the worst number of tokens changes, ascending."""
    worst: tuple[int, ...]
    """From the character of the same place in `starts` on."""


def count_tokens(text: str) -> int:
    """Return a number of tokens that `text` does not exceed in cl100k_base: about a tenth more than it takes."""
    if text.isascii():
        return sum(map(_piece, _PIECE.findall(text)))
    found, before = 0, ""
    runs = _RUN.findall(text)
    for at, run in enumerate(runs):
        if run.isascii():
            after = runs[at + 1] if at + 1 < len(runs) else ""
            found += _run(run, joined_before=bool(before), joined_after=bool(after))
        else:
            found += _character(run)
        before = run
    return found


def _run(run: str, *, joined_before: bool, joined_after: bool) -> int:
    """Return the bound of ASCII between other characters, which may take letters, digits or spaces at its ends."""
    pieces = _PIECE.findall(run)
    inner = pieces[1 if joined_before else 0 : -1 if joined_after else None]
    outer = pieces[:1] if joined_before else []
    if joined_after and len(pieces) > len(outer):
        outer.append(pieces[-1])
    return sum(map(_piece, inner)) + sum(map(_joined, outer))


@lru_cache(maxsize=65_536)
def _piece(piece: str) -> int:
    if piece in _facts().tokens:
        return 1
    return _most(piece, joined=False) if len(piece) <= LONG else len(piece)


@lru_cache(maxsize=16_384)
def _joined(piece: str) -> int:
    if len(piece) > LONG:
        return len(piece)
    if piece.isdigit() or piece.isspace():
        return _piece(piece) + (len(piece) > 1)
    most = _most(piece, joined=True)
    # A symbol that stands before letters goes with them, but rather with symbols before it.
    return most if piece[0].isalnum() else max(most, 1 + _most(piece[1:], joined=True))


def _most(piece: str, *, joined: bool) -> int:
    """Return the number of parts in the longest cut of `piece` that byte pair encoding could end with.

    The last part's length tells which parts may follow: 0 stands for more than `SHORT`, which any may follow. With
    `joined` neighbours may have taken something off either end.
    """
    tokens, size = _facts().tokens, len(piece)
    best = [[-1] * (SHORT + 1) for _ in range(size + 1)]
    best[0][0] = 0
    longest = -1
    for at in range(size + 1):
        here = best[at]
        if joined:
            here[0] = max(here[0], 0)
        if at > SHORT:
            longest = max(longest, *best[at - SHORT - 1])
            here[0] = max(here[0], longest + 1 if longest >= 0 else -1)
        for length in range(1, min(SHORT, size - at) + 1):
            if piece[at : at + length] not in tokens:
                continue
            for last, parts in enumerate(here):
                if parts >= 0 and not (last and piece[at - last : at + length] in tokens):
                    best[at + length][length] = max(best[at + length][length], parts + 1)
    return max(map(max, best)) if joined else max(best[size])


@lru_cache(maxsize=16_384)
def _character(character: str) -> int:
    facts = _facts()
    return facts.worst[bisect_right(facts.starts, ord(character)) - 1]


@cache
def _facts() -> _Facts:
    data = files("banyan.memory.context").joinpath("cl100k.bin").read_bytes()
    found = orjson.loads(zlib.decompress(data))
    return _Facts(tokens=frozenset(found["tokens"]), starts=tuple(found["starts"]), worst=tuple(found["worst"]))
