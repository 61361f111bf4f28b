"""JSON with comments, edited in place: everything but the edited member keeps its bytes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

MAX_DEPTH = 100
"""Levels of nesting.  The files of assistants have fewer than ten."""

_TRIVIA = re.compile(r"(?:\s|//[^\n]*|/\*[\s\S]*?\*/)*")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_ENDS_LINE = re.compile(r"[ \t]*(?:\n|//|$)")
_SCALAR = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null")


class JsoncError(ValueError):
    """A text is no JSON with comments; says where."""


@dataclass(slots=True)
class Node:
    """A value, and the span of text that it stands in."""

    value: Any
    start: int
    end: int = 0
    members: list[Member] = field(default_factory=list)
    """Of an object: what stands between its braces."""


@dataclass(slots=True)
class Member:
    """One `"key": value` of an object."""

    key: str
    start: int
    node: Node
    comma: int | None = None
    """Where the comma after it stands."""


def parse(text: str) -> Node | None:
    """Return the value in `text`; None when there is nothing but space and comments.  Raises `JsoncError`."""
    reader = _Reader(text)
    at = reader.skip(0)
    if at == len(text):
        return None
    node = reader.value(at, 0)
    if reader.skip(node.end) != len(text):
        reader.fail(reader.skip(node.end), "nothing more")
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def skip(self, at: int) -> int:
        match = _TRIVIA.match(self._text, at)
        return match.end() if match else at

    def fail(self, at: int, wanted: str) -> NoReturn:
        line = self._text.count("\n", 0, at) + 1
        column = at - self._text.rfind("\n", 0, at)
        found = "the end" if at >= len(self._text) else "something else"
        raise JsoncError(f"line {line}, column {column}: expected {wanted}, found {found}")

    def value(self, at: int, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise JsoncError(f"nested deeper than {MAX_DEPTH} levels")
        opening = self._text[at : at + 1]
        if opening == "{":
            return self._object(at, depth)
        if opening == "[":
            return self._array(at, depth)
        match = _STRING.match(self._text, at) or _SCALAR.match(self._text, at)
        if match is None:
            self.fail(at, "a value")
        return Node(self._scalar(match), at, match.end())

    def _scalar(self, match: re.Match[str]) -> Any:
        try:
            return json.loads(match[0], strict=False)
        except ValueError:
            self.fail(match.start(), "a value")

    def _object(self, start: int, depth: int) -> Node:
        node = Node({}, start)
        at = self.skip(start + 1)
        while self._text[at : at + 1] != "}":
            key = _STRING.match(self._text, at)
            if key is None:
                self.fail(at, "a key in double quotes, or `}`")
            colon = self.skip(key.end())
            if self._text[colon : colon + 1] != ":":
                self.fail(colon, "`:`")
            member = Member(self._scalar(key), at, self.value(self.skip(colon + 1), depth + 1))
            node.members.append(member)
            node.value[member.key] = member.node.value
            member.comma, at = self._next(member.node.end, "}")
        node.end = at + 1
        return node

    def _array(self, start: int, depth: int) -> Node:
        node = Node([], start)
        at = self.skip(start + 1)
        while self._text[at : at + 1] != "]":
            item = self.value(at, depth + 1)
            node.value.append(item.value)
            _, at = self._next(item.end, "]")
        node.end = at + 1
        return node

    def _next(self, after: int, closing: str) -> tuple[int | None, int]:
        """Return where the comma stands, if there is one, and where the next thing starts."""
        at = self.skip(after)
        if self._text[at : at + 1] == ",":
            return at, self.skip(at + 1)
        if self._text[at : at + 1] != closing:
            self.fail(at, f"`,` or `{closing}`")
        return None, at


def put(text: str, path: tuple[str, ...], value: Any) -> str:
    """Return `text` with `value` at `path`; objects on the way are made where they are missing.

    Raises:
        JsoncError: `text` is no JSON with comments, or something on the way is no object.
    """
    root = parse(text)
    if root is None:
        lead = text if not text or text.endswith("\n") else text + "\n"
        return lead + json.dumps(_nested(path, value), indent=2, ensure_ascii=False) + "\n"
    node = root
    for depth, key in enumerate(path):
        _must_be_object(node, path[:depth])
        member = _member(node, key)
        if member is None:
            return _Layout(text, root).insert(node, key, _nested(path[depth + 1 :], value))
        node = member.node
    return _Layout(text, root).replace(node, value)


def remove(text: str, path: tuple[str, ...]) -> str:
    """Return `text` without the member at `path`; as it is when there is none.  Raises `JsoncError`."""
    root = node = parse(text)
    holder, member = None, None
    for depth, key in enumerate(path):
        if node is None:
            return text
        _must_be_object(node, path[:depth])
        holder, member = node, _member(node, key)
        node = member.node if member else None
    if root is None or holder is None or member is None:
        return text
    return _without(text, holder, member)


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _must_be_object(node: Node, path: tuple[str, ...]) -> None:
    if not isinstance(node.value, dict):
        raise JsoncError(f"`{'.'.join(path) or 'the whole'}` is no object")


def _member(node: Node, key: str) -> Member | None:
    """Return the member that counts: of two with one key the last, as every JSON reader has it."""
    return next((member for member in reversed(node.members) if member.key == key), None)


def _without(text: str, holder: Node, member: Member) -> str:
    place = holder.members.index(member)
    start = len(text[: member.start].rstrip())
    end = member.node.end if member.comma is None else member.comma + 1
    rest = text[end:]
    if place == len(holder.members) - 1 and member.comma is None and place > 0:
        comma = holder.members[place - 1].comma
        if comma is not None:
            return text[:comma] + text[comma + 1 : start] + rest
    head, gap = text[:start], text[start : member.start]
    if head.endswith("{") and rest.lstrip().startswith("}"):
        rest = rest.lstrip()
    elif "\n" in gap and not _ENDS_LINE.match(rest):
        head += gap  # else what follows could end up within a comment
    return head + rest


class _Layout:
    """How a document is laid out, so that what is added looks like the rest."""

    def __init__(self, text: str, root: Node) -> None:
        self._text = text
        self._inline = bool(root.members) and "\n" not in text[root.start : root.end]
        first = self._own_line_indent(root.members[0].start) if root.members else None
        self._unit = (first or "")[len(self._indent(root.start)) :] or "  "

    def insert(self, holder: Node, key: str, value: Any) -> str:
        """Return the text with a member more in `holder`, after its last."""
        last = holder.members[-1] if holder.members else None
        # After a comment up to the end of its line nothing can be added inline.
        open_line = last is None or "//" not in self._text[last.node.end : holder.end]
        inline = open_line and (self._inline or (last is not None and self._own_line_indent(last.start) is None))
        indent = self._own_line_indent(last.start) if last else None
        if indent is None:
            indent = self._indent(holder.start) + self._unit
        shown = f"{json.dumps(key, ensure_ascii=False)}: {self._shown(value, indent, inline)}"
        before = self._text[: holder.end - 1].rstrip()
        if last is None:
            inline = inline and before.endswith("{")
            tail = "}" if inline else f"\n{self._indent(holder.start)}}}"
            gap = "" if inline else f"\n{indent}"
            return before + gap + shown + tail + self._text[holder.end :]
        gap = " " if inline else f"\n{indent}"
        closing = self._text[len(before) :]
        if last.comma is not None:
            return before + gap + shown + ("" if inline else ",") + closing
        return before[: last.node.end] + "," + before[last.node.end :] + gap + shown + closing

    def replace(self, node: Node, value: Any) -> str:
        """Return the text with another value in the place of `node`."""
        if node.value == value:
            return self._text
        shown = self._shown(value, self._indent(node.start), self._inline)
        return self._text[: node.start] + shown + self._text[node.end :]

    def _shown(self, value: Any, indent: str, inline: bool) -> str:
        if inline:
            return json.dumps(value, ensure_ascii=False)
        return json.dumps(value, indent=self._unit, ensure_ascii=False).replace("\n", f"\n{indent}")

    def _indent(self, at: int) -> str:
        """Return the white space that the line of `at` starts with."""
        line = self._text[self._text.rfind("\n", 0, at) + 1 : at]
        return line[: len(line) - len(line.lstrip())]

    def _own_line_indent(self, at: int) -> str | None:
        """Return what stands before `at` on its line when that is white space alone, else None."""
        start = self._text.rfind("\n", 0, at)
        line = self._text[start + 1 : at]
        return line if start >= 0 and not line.strip() else None
