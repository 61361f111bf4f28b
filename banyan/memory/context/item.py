"""The things that a context is made of, and which of them, in which length, fit into a number of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from banyan.core.ports import TokenCounter


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """One thing that can be told, in several lengths."""

    kind: str
    id: str
    section: str
    """Heading that it stands under; "" for none."""
    place: tuple[int, int, str]
    """Where it stands in the text."""
    lengths: Sequence[int]
    """Most characters of each form, ascending; the last holds all that can be told here."""
    size: int
    """Characters of all that there is to tell."""
    write: Callable[[int], str]
    """Makes the form of so many characters: it begins with no space and ends with a new line."""

    def is_whole_in(self, form: int) -> bool:
        """Whether a form tells all that there is."""
        return form == len(self.lengths) - 1 and self.size <= self.lengths[-1]


Step = tuple[Item, int]
"""An item, and which of its forms."""


@dataclass(slots=True)
class Ladder:
    """What is chosen as steps are climbed, each for its tokens, until one does not fit.

    Only whole prefixes of the steps are ever chosen: so more room never drops what less room had.
    """

    counter: TokenCounter
    room: int
    chosen: dict[Item, int] = field(default_factory=dict)
    """Items with the number of their form."""
    tokens: int = 0
    next_tokens: int | None = None
    """Tokens with the first step that did not fit; None where all did."""
    costs: dict[Item, int] = field(default_factory=dict)
    """Tokens of the chosen items, without their headings."""
    _texts: dict[Item, str] = field(default_factory=dict)
    _sections: set[str] = field(default_factory=set)

    def climb(self, steps: Iterable[Step]) -> None:
        """Take steps while they fit."""
        for item, form in steps:
            text = item.write(item.lengths[form])
            # A longer form may be counted for fewer tokens: it is held for as many as the shorter one.
            cost = max(self.counter(text), self.costs.get(item, 0))
            heading = 0 if item.section in self._sections else self.counter(item.section)
            tokens = self.tokens + cost - self.costs.get(item, 0) + heading
            if tokens > self.room:
                self.next_tokens = tokens
                return
            self.tokens = tokens
            self._sections.add(item.section)
            self.costs[item], self.chosen[item], self._texts[item] = cost, form, text

    def text(self) -> str:
        """Return what was chosen, in order, under its headings."""
        parts: list[str] = []
        section = ""
        for item in self.in_order():
            if item.section != section:
                section = item.section
                parts.append(section)
            parts.append(self._texts[item])
        return "".join(parts)

    def in_order(self) -> list[Item]:
        """Return the items that were chosen, as they stand in the text."""
        return sorted(self.chosen, key=lambda item: item.place)
