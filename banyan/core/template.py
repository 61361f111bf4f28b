"""References to secrets in a source's configuration: `${NAME}`, and how they are replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from banyan.core.errors import SecretMissing

_REFERENCE = re.compile(
    r"(?P<escaped>\$\$\{)"
    r"|\$\{(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)(?::-(?P<default>[^}]*))?\}",
)


def expand(text: str, get: Callable[[str], str | None], *, source: str) -> str:
    """Return `text` with every reference replaced by what it refers to.

    A reference is `${NAME}`, `${env:NAME}` or `${NAME:-default}`; `$${` stands for a plain `${`. What looks
    otherwise is left alone, and what a secret contains is not expanded again.

    Raises:
        SecretMissing: `get` knows nothing of a name that has no default.
    """

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "${"
        found = get(match["name"])
        if found is None:
            found = match["default"]
        if found is None:
            raise SecretMissing(match["name"], source=source)
        return found

    return _REFERENCE.sub(value, text)


def references(value: Any) -> Iterator[str]:
    """Yield the name of every reference without a default in a JSON value, in order, repeats too."""
    if isinstance(value, str):
        yield from (m["name"] for m in _REFERENCE.finditer(value) if m["name"] and m["default"] is None)
    elif isinstance(value, dict):
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from references(one)
