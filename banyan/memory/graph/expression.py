"""Conditions over JSON values, in CEL (https://cel.dev), bounded so that nobody waits long for an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from banyan.core.errors import BadEdit
from banyan.core.task import Json

if TYPE_CHECKING:
    from cel import Program

MOST_CHARS: Final = 500
MOST_JOINS: Final = 2
"""How often `+` may be in an expression with a comprehension: each joins what may be long, for every element."""
MOST_VALUES: Final = 2_000
"""How large the values may be that an expression with a comprehension is asked about, as `_weight` has it."""
_TEXT_PER_VALUE: Final = 100

# Text within quotes counts too: an expression is then refused that need not be, and never the other way round.
_MACRO = re.compile(r"\b(all|exists|exists_one|existsOne|filter|map)(?:\s|//[^\n]*\n)*\(")


def check_expression(text: str) -> None:
    """Return if `text` is an expression that can be kept.

    Raises:
        BadEdit: it is too long, cannot be read, or might take long.
    """
    shown = f"the expression `{text if len(text) <= 80 else text[:79] + '…'}`"
    if not text.strip():
        raise BadEdit("an expression is empty")
    if len(text) > MOST_CHARS:
        raise BadEdit(f"{shown} has {len(text):,} characters, and may have {MOST_CHARS}")
    try:
        program = _program(text)
    except ValueError as error:
        raise BadEdit(f"{shown} cannot be read: {_problem(error)}") from None
    if "matches" in program.functions():
        raise BadEdit(f"{shown} has a regular expression: use `contains`, `startsWith` or `endsWith`")
    macros = _MACRO.findall(text)
    if "map" in macros:
        raise BadEdit(f"{shown} has a `map`: use `all`, `exists`, `exists_one` or `filter`")
    if len(macros) > 1:
        raise BadEdit(f"{shown} goes through a list more than once ({', '.join(macros)})")
    if macros and text.count("+") > MOST_JOINS:
        raise BadEdit(f"{shown} goes through a list, and may then have `+` {MOST_JOINS} times")


FAILURES = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError)
"""What the library raises where names, types or sizes are not as an expression has them."""


def holds(text: str, variables: Mapping[str, Json]) -> bool:
    """Return whether an expression is true of these variables; one that cannot be evaluated is not."""
    try:
        check_expression(text)
    except BadEdit:
        return False
    if _MACRO.search(text) and _weight(variables, MOST_VALUES) > MOST_VALUES:
        return False
    try:
        return _program(text).execute(dict(variables)) is True
    except FAILURES:
        return False


@lru_cache(maxsize=512)
def _program(text: str) -> Program:
    # Here, since most trees have no conditions, and nothing else needs the library.
    import cel

    return cel.compile(text)


def _problem(error: ValueError) -> str:
    """Return what is wrong, out of the parser's report of several lines."""
    found = re.search(r"ERROR: <input>:\d+:(\d+): (.+)", str(error))
    return f"{found[2]} (at character {found[1]})" if found else "it is no CEL"


def _weight(value: Any, most: int) -> int:
    """Return how many values there are within a value, long texts for several; counting stops beyond `most`."""
    found, rest = 0, [value]
    while rest and found <= most:
        one = rest.pop()
        found += 1
        if isinstance(one, str):
            found += len(one) // _TEXT_PER_VALUE
        elif isinstance(one, Mapping):
            rest += [*one.keys(), *one.values()][: most + 1]
        elif isinstance(one, list):
            rest += one[: most + 1]
    return found
