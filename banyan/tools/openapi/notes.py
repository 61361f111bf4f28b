"""What was odd about a document: sentences for a person, each once, not too many."""

from __future__ import annotations

import re

MAX_NOTES = 60
_SHOWN_CHARS = 80
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]+")


class Notes:
    """Gathers notes; the same one counts once."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}
        self._left_out = 0

    def add(self, text: str) -> None:
        """Keep `text`, which holds no more of the document than `shown` gave."""
        if text in self._found:
            return
        if len(self._found) < MAX_NOTES:
            self._found[text] = None
        else:
            self._left_out += 1

    def all(self) -> tuple[str, ...]:
        """Return the notes in the order in which they came."""
        more = (f"and {self._left_out:,} more such notes",) if self._left_out else ()
        return (*self._found, *more)


def shown(text: object, limit: int = _SHOWN_CHARS) -> str:
    """Return a piece of a document as a note can quote it: one line, without hidden characters, cut."""
    if isinstance(text, dict | list):
        text = "an object" if isinstance(text, dict) else "a list"
    clean = _ODD.sub(" ", str(text)[: limit * 4]).strip()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
