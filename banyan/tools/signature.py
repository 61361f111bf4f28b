"""A tool's schema in one line: what a model needs to call it, in few characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from banyan.core.shorten import MARK, compact, cut
from banyan.tools import schema

if TYPE_CHECKING:
    from banyan.core.tool import Tool

_ENUM_SHOWN = 6
_LITERAL_CHARS = 40
_NAME_CHARS = 48
_UNION_SHOWN = 4
_FIELDS_SHOWN = 12
_DEFAULT_CHARS = 20
_RETURN_CHARS = 80
_NESTING = 12
_SEEN = 300
_PLAIN = re.compile(r"[A-Za-z_$][\w.$-]*", re.ASCII)
_TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})


@dataclass(frozen=True, slots=True)
class _View:
    """Where a walk through a schema stands: the whole, how deep it may still go, the references it is within."""

    root: Any
    depth: int = 2
    within: tuple[str, ...] = ()
    nesting: int = 0
    seen: list[int] = field(default_factory=lambda: [0])
    """How many schemas were looked at, in all: a small one can say as much as a million."""


def signature(tool: Tool, *, limit: int = 400) -> str:
    """Return `tool` as `name(required: type, optional?: type = default) -> type`, in at most `limit` characters.

    Required arguments stand first. What was cut is marked with `…`, and `…+n` counts arguments or choices left out.
    """
    root = tool.spec.input_schema
    required = schema.required(root, root)
    known = schema.properties(root, root)
    ordered = sorted(known, key=lambda name: name not in required)
    returns = _returns(tool.spec.output_schema)
    room = limit - len(tool.name) - 2 - len(returns)
    shown = _fitting(
        (_argument(name, known[name], _View(root), required=name in required) for name in ordered), len(ordered), room
    )
    return cut(f"{tool.name}({', '.join(shown)}){returns}", limit)


def type_text(wanted: Any, root: Any) -> str:
    """Return what `wanted` allows as a short type: `"a"|"b"`, `string[]`, `{name, age?}`."""
    return _type(wanted, _View(root))


def _fitting(arguments: Iterable[str], count: int, room: int) -> list[str]:
    shown: list[str] = []
    used = 0
    for at, text in enumerate(arguments):
        left = count - at - 1
        tail = len(f", {MARK}+{left}") if left else 0
        if used + len(text) + 2 + tail > room and not (at == 0 and len(text) + tail <= room):
            shown.append(f"{MARK}+{count - at}")
            break
        shown.append(text)
        used += len(text) + 2
    return shown


def _argument(name: str, one: Any, view: _View, *, required: bool) -> str:
    text = f"{_name(name)}{'' if required else '?'}: {_type(one, view)}"
    resolved = schema.deref(one, view.root)
    for layer in (one, resolved):
        if isinstance(layer, Mapping) and layer.get("default") is not None:
            default = compact(layer["default"])
            return f"{text} = {default if len(default) <= _DEFAULT_CHARS else MARK}"
    return text


def _returns(output: Any) -> str:
    if not isinstance(output, Mapping) or not output:
        return ""
    return f" -> {cut(_type(output, _View(output)), _RETURN_CHARS)}"


def _type(one: Any, view: _View) -> str:
    view.seen[0] += 1
    if view.nesting > _NESTING or view.seen[0] > _SEEN:
        return MARK
    view = replace(view, nesting=view.nesting + 1)
    if isinstance(one, bool):
        return "any" if one else "never"
    if not isinstance(one, Mapping):
        return "any"
    if isinstance(one.get("$ref"), str):
        return _reference(one, view)
    if "const" in one:
        return _literal(one["const"])
    if isinstance(one.get("enum"), list | tuple) and one["enum"]:
        return _enum(one["enum"])
    for keyword in ("anyOf", "oneOf"):
        if found := schema.branches(one, keyword):
            return _union([_type(branch, view) for branch in found])
    named = one.get("type")
    if isinstance(named, list | tuple):
        return _union([_named(str(name), one, view) for name in named[:8]])
    return _named(named if isinstance(named, str) else _guess(one), one, view)


def _reference(one: Mapping[str, Any], view: _View) -> str:
    reference = one["$ref"]
    if reference in view.within or len(view.within) > 8:
        return _name(reference.rsplit("/", 1)[-1] or "self")
    return _type(schema.deref(one, view.root), replace(view, within=(*view.within, reference)))


def _guess(one: Mapping[str, Any]) -> str:
    if "properties" in one or "additionalProperties" in one or one.get("allOf"):
        return "object"
    return "array" if "items" in one or "prefixItems" in one else "any"


def _named(name: str, one: Mapping[str, Any], view: _View) -> str:
    if name == "object":
        return _object(one, view)
    if name == "array":
        return _array(one, view)
    kind = one.get("format")
    if name == "string" and isinstance(kind, str) and _PLAIN.fullmatch(kind):
        return f"string({kind[:20]})"
    return name if name in _TYPES else "any"


def _object(one: Mapping[str, Any], view: _View) -> str:
    known = schema.properties(one, view.root)
    if known and view.depth > 0:
        needed = schema.required(one, view.root)
        names = [
            f"{_name(name)}{'' if name in needed else '?'}" for name in sorted(known, key=lambda n: n not in needed)
        ]
        more = [f"{MARK}+{len(names) - _FIELDS_SHOWN}"] if len(names) > _FIELDS_SHOWN else []
        return "{" + ", ".join(names[:_FIELDS_SHOWN] + more) + "}"
    others = one.get("additionalProperties")
    if not known and isinstance(others, Mapping) and others and view.depth > 0:
        return f"{{[key]: {_type(others, replace(view, depth=view.depth - 1))}}}"
    return f"{{{MARK}}}" if known else "object"


def _array(one: Mapping[str, Any], view: _View) -> str:
    deeper = replace(view, depth=view.depth - 1)
    if view.depth <= 0:
        return "array"
    first = one.get("prefixItems")
    if isinstance(first, list | tuple) and first:
        more = [MARK] if len(first) > _UNION_SHOWN or one.get("items", True) is not False else []
        return "[" + ", ".join([_type(item, deeper) for item in first[:_UNION_SHOWN]] + more) + "]"
    if "items" not in one:
        return "array"
    inner = _type(one["items"], deeper)
    return f"({inner})[]" if "|" in inner and not inner.startswith("{") else f"{inner}[]"


def _union(texts: Sequence[str]) -> str:
    unique = list(dict.fromkeys(texts))
    unique.sort(key=lambda text: text == "null")
    if len(unique) <= _UNION_SHOWN + 1:
        return "|".join(unique)
    return "|".join([*unique[:_UNION_SHOWN], f"{MARK}+{len(unique) - _UNION_SHOWN}"])


def _enum(choices: Sequence[Any]) -> str:
    shown = [_literal(choice) for choice in choices[:_ENUM_SHOWN]]
    more = [f"{MARK}+{len(choices) - _ENUM_SHOWN}"] if len(choices) > _ENUM_SHOWN else []
    return "|".join(shown + more)


def _literal(value: Any) -> str:
    if isinstance(value, str):
        text = compact(value[:_LITERAL_CHARS])
        return text if len(value) <= _LITERAL_CHARS else text[:-1] + MARK + '"'
    text = compact(value)
    return text if len(text) <= _LITERAL_CHARS else text[:_LITERAL_CHARS] + MARK


def _name(name: str) -> str:
    if len(name) <= _NAME_CHARS and _PLAIN.fullmatch(name):
        return name
    return _literal(name[:_NAME_CHARS]) if name else '""'
