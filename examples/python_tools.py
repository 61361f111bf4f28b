"""Functions as tools: schema from the type hints, descriptions from the docstring.

Offer them to every assistant that has Banyan:

    banyan add python examples.python_tools
    banyan find "words in a text"
    banyan call <the name it shows> text="a banyan is a tree"
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import banyan


@banyan.tool
def word_counts(text: str, at_least: int = 1) -> dict[str, int]:
    """Count the words of a text.

    Args:
        text: any text.
        at_least: leave out words that occur less often.
    """
    counts = Counter(text.casefold().split())
    return {word: count for word, count in counts.most_common() if count >= at_least}


@banyan.tool
def in_metres(length: float, unit: Literal["foot", "yard", "mile"]) -> float:
    """Convert a length to metres.

    Args:
        length: how many of the unit.
        unit: the unit that the length is given in.
    """
    return length * {"foot": 0.3048, "yard": 0.9144, "mile": 1609.344}[unit]
