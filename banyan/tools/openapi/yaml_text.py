"""YAML as plain JSON values, read event by event within a budget: nothing is constructed but what JSON has.

Aliases share the value of their anchor and are not copied, yet each counts as much as it would take copied out, since
whoever walks through the value later meets it that often. Plain scalars are read as YAML 1.2 reads them, so that `no`,
`on`, dates and `0777` stay text; keys are always text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,16}")
_OCTAL = re.compile(r"0o[0-7]{1,21}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,4})?")
_NODE_CHARS = 100
"""Characters of text that count as one more value behind an alias."""
_CORE = "tag:yaml.org,2002:"
_MERGE = "<<"


class YamlProblem(ValueError):
    """The text is no YAML, or more than the budget allows; `line` counts from 1."""

    def __init__(self, problem: str, line: int | None) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlBudget:
    """How much a text may hold."""

    nodes: int = 5_000_000
    """Scalars, lists and mappings, those behind aliases counted each time."""
    levels: int = 200
    """Lists and mappings within each other."""


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    value: Any
    anchor: str | None
    key: str | None = None
    merge: bool = False
    """The key just read was `<<`."""
    merged: list[Any] = field(default_factory=list)
    nodes: int = 1
    levels: int = 1


@dataclass(slots=True)
class _Anchored:
    value: Any
    nodes: int
    levels: int


def read_yaml(data: bytes, budget: YamlBudget) -> Any:
    """Return the first document of `data`; None where it is empty.

    Raises:
        YamlProblem: it is no YAML, has keys that are no scalars, or is beyond the budget.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(budget).build(yaml.parse(data, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "it cannot be parsed"
        raise YamlProblem(f"it is no YAML: {problem}", mark.line + 1 if mark else None) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlProblem(f"it is no YAML: {str(error).strip().partition(chr(10))[0][:200]}", None) from None


class _Builder:
    """Puts values together from events."""

    def __init__(self, budget: YamlBudget) -> None:
        self._budget = budget
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        """None: the anchor's value is not finished yet."""
        self._nodes = 0
        self._root: Any = None

    def build(self, events: Iterator[yaml.Event]) -> Any:
        """Return the value of the first document among `events`."""
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.MappingStartEvent:
                self._start({}, event)
            elif kind is yaml.SequenceStartEvent:
                self._start([], event)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._end(event)
            elif kind is yaml.DocumentEndEvent:
                return self._root
        return self._root

    def _start(self, value: Any, event: Any) -> None:
        top = self._open[-1] if self._open else None
        if top is not None and type(top.value) is dict and top.key is None:
            raise YamlProblem("a key is a list or a mapping; only text can be one", _line(event))
        if len(self._open) >= self._budget.levels:
            raise YamlProblem(f"it is nested more than {self._budget.levels} levels deep", _line(event))
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._open.append(_Open(value, event.anchor))

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        for one in done.merged:
            for key, value in one.items():
                done.value.setdefault(key, value)
        self._add(done.value, done.nodes, done.levels, event)
        if done.anchor is not None:
            self._anchors[done.anchor] = _Anchored(done.value, done.nodes, done.levels)

    def _scalar(self, event: Any) -> None:
        top = self._open[-1] if self._open else None
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(_value(event), 1 + len(event.value) // _NODE_CHARS, 0)
        if top is not None and type(top.value) is dict and top.key is None:
            top.key, top.merge = event.value, event.value == _MERGE and event.implicit[0]
            return
        self._add(_value(event), 1, 0, event)

    def _alias(self, event: Any) -> None:
        found = self._anchors.get(event.anchor)
        if found is None:
            within = "refers to what it is part of" if event.anchor in self._anchors else "has no anchor before it"
            raise YamlProblem(f"the alias `*{event.anchor[:60]}` {within}", _line(event))
        top = self._open[-1] if self._open else None
        if top is not None and type(top.value) is dict and top.key is None:
            if isinstance(found.value, dict | list):
                raise YamlProblem("a key is a list or a mapping; only text can be one", _line(event))
            top.key, top.merge = str(found.value), False
            return
        if len(self._open) + found.levels > self._budget.levels:
            raise YamlProblem(
                f"with its aliases it is nested more than {self._budget.levels} levels deep", _line(event)
            )
        self._add(found.value, found.nodes, found.levels, event)

    def _add(self, value: Any, nodes: int, levels: int, event: Any) -> None:
        """Put a finished value where it belongs; what it holds was counted when it was read, or counts by its alias."""
        self._nodes += nodes if type(event) is yaml.AliasEvent else 1
        if self._nodes > self._budget.nodes:
            raise YamlProblem(f"it holds more than {self._budget.nodes:,} values, aliases counted", _line(event))
        if not self._open:
            self._root = value
            return
        top = self._open[-1]
        top.nodes += nodes
        top.levels = max(top.levels, levels + 1)
        if type(top.value) is list:
            top.value.append(value)
            return
        if top.merge and _merge(top, value):
            pass
        else:
            top.value[top.key] = value
        top.key, top.merge = None, False


def _merge(top: _Open, value: Any) -> bool:
    """Keep what `<<` brings for the end of the mapping, whose own keys win; False where it brings no mapping."""
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in found):
        return False
    top.merged.extend(found)
    return True


def _value(event: Any) -> Any:
    if event.tag is not None:
        return _tagged(event.tag, event.value)
    return _plain(event.value) if event.implicit[0] else event.value


def _tagged(tag: str, text: str) -> Any:
    """Return a scalar whose type is stated; a type that JSON has not is text."""
    if tag in {f"{_CORE}int", f"{_CORE}float", f"{_CORE}bool", f"{_CORE}null"}:
        return _plain(text)
    return text


def _plain(text: str) -> Any:
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    first = text[0]
    if first not in "0123456789+-.":
        return text
    if _INTEGER.fullmatch(text):
        number = int(text)
        return number if -(2**63) <= number < 2**64 else float(number)
    if first == "0" and text[1:2] not in {".", "e", "E", ""}:
        return _based(text)
    if _FLOAT.fullmatch(text) and text[-1] not in "+-":
        real = float(text)
        return real if math.isfinite(real) else text
    return text


def _based(text: str) -> Any:
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    return int(text, 8) if _OCTAL.fullmatch(text) else text


def _line(event: Any) -> int | None:
    return event.start_mark.line + 1 if event.start_mark else None
