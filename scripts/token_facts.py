"""Write `banyan/memory/context/cl100k.bin`: what the bound on tokens goes by.

Needs `pip install rs-bpe`, which holds the encoding itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
from rs_bpe.bpe import openai

from banyan.memory.context.tokens import SHORT

FILE = Path(__file__).parents[1] / "banyan" / "memory" / "context" / "cl100k.bin"
TOKENS = 100_256
FREQUENT = 20_000
"""Tokens of this many first ids are kept whatever their length: ids grow as tokens get rarer."""
LAST = 0x1FFFF
"""Beyond it characters are rare, and counted as their bytes."""
NEIGHBOURS = (" ", "a", "Z", ",", "\n", "\u1780", "\u17b6", "\u8ba4", "\uc7a5", "\ud06c")
"""Characters that may take something of the one beside them, or lose something to it.

Of all pairs of characters that are tokens alone, those that take three together have one of the last four second.
"""


def main() -> None:
    """Write the facts, and say how many they are."""
    encoding = openai.cl100k_base()
    tokens = sorted(set(_tokens(encoding.decode)))
    starts, worst = [], []
    for code in range(0x80, LAST + 2):
        found = 4 if code > LAST else _worst(chr(code), encoding.count)
        if not worst or worst[-1] != found:
            starts.append(code)
            worst.append(found)
    facts = {"tokens": tokens, "starts": starts, "worst": worst}
    data = zlib.compress(orjson.dumps(facts), 9)
    FILE.write_bytes(data)
    print(f"{len(tokens)} tokens, {len(starts)} runs of characters, {len(data)} bytes")


def _tokens(decode: Callable[[list[int]], str | None]) -> Iterator[str]:
    for number in range(TOKENS):
        text = decode([number])
        if text is not None and text.isascii() and (len(text) <= SHORT or number < FREQUENT):
            yield text


def _worst(character: str, count: Callable[[str], int]) -> int:
    if "\ud800" <= character <= "\udfff":
        return 3
    alone = count(character)
    beside = [count(one + character) - count(one) for one in NEIGHBOURS]
    beside += [count(character + one) - count(one) for one in NEIGHBOURS]
    return max(alone, count(character * 2) - alone, *beside)


if __name__ == "__main__":
    main()
