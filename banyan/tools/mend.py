"""The usual slips in the arguments of a call, mended where the schema leaves no doubt of what was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import orjson

from banyan.core.call import Category
from banyan.core.shorten import cut
from banyan.tools import pointer, schema
from banyan.tools.validate import Problem, Validator, wanted_types

if TYPE_CHECKING:
    import jsonschema_rs

    from banyan.core.tool import Tool

_NAME_KEYS = ("tool_name", "name", "tool")
_WRAPPERS = ("arguments", "args", "parameters", "params", "input")
_ROUNDS = 3
_INTEGER = re.compile(r"\s*[+-]?\d{1,18}\s*")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*")
_BOOLEANS = {"true": True, "false": False}
_GONE = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """Arguments as they will be sent, and what was done to them."""

    arguments: dict[str, Any]
    notes: tuple[str, ...] = ()


class NotMendable(Exception):
    """The arguments cannot be read at all."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence())
        self.problem = problem


def mend(tool: Tool, validator: Validator, given: Any) -> Mended:
    """Return `given` as an object of arguments, mended.

    Mended are: arguments given as JSON text; the tool's name and its arguments nested within the arguments;
    arguments wrapped once too often; and, only where that makes them fit: an object or array given as JSON text,
    numbers and booleans given as text, an identifier given as a number, null for what may be left out.

    Raises:
        NotMendable: `given` is no object, nor JSON text of one, or names another tool than the one called.
    """
    notes: list[str] = []
    arguments = read(given, notes)
    known = schema.properties(tool.spec.input_schema, tool.spec.input_schema)
    arguments = _hoist(tool, known, arguments, notes)
    arguments = _unwrap(known, arguments, notes)
    if not validator.valid(arguments):
        arguments = _convert(tool, validator, arguments, notes)
    return Mended(arguments=arguments, notes=tuple(notes))


def read(given: Any, notes: list[str]) -> dict[str, Any]:
    """Return `given` as a JSON object of its own, parsed where it is JSON text.

    Raises:
        NotMendable: it is no JSON object.
    """
    if given is None:
        return {}
    text = given
    for _ in range(2):
        if isinstance(text, str | bytes) and text.strip():
            text = _parse(text)
            notes[:] = ["the arguments were given as text, and were parsed as JSON"]
        elif isinstance(text, str | bytes):
            text = {}
    if not isinstance(text, Mapping):
        got = "null" if text is None else f"a JSON {_type_name(text)}"
        raise NotMendable(_unreadable("a JSON object of arguments", got))
    try:
        raw = orjson.dumps(text)
        copy = orjson.loads(raw)
    except (orjson.JSONEncodeError, orjson.JSONDecodeError, RecursionError) as error:
        raise NotMendable(_unreadable("values that JSON has", str(error), Category.BAD_VALUE)) from error
    # The encoder writes null for a number that JSON does not have: the tool would be called with something else.
    if b"null" in raw and (found := _no_number(text)) is not None:
        raise NotMendable(_unreadable("values that JSON has", f"the number {found}", Category.BAD_VALUE))
    return dict(copy)


def _no_number(value: Any) -> float | None:
    """Return a number within `value` that is infinite or none at all, if there is one."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, float) and not isfinite(one):
            return one
        if isinstance(one, Mapping):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
    return None


def _parse(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise NotMendable(
            _unreadable("a JSON object of arguments", f"text that is no JSON ({cut(str(error), 120)})")
        ) from error


def _unreadable(expected: str, got: str, category: Category = Category.PARSE) -> Problem:
    return Problem(category=category, path="", expected=expected, got=cut(got, 200))


def _hoist(tool: Tool, known: Mapping[str, Any], arguments: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Take arguments out of `{"tool_name": .., "arguments": {..}}`, or drop a tool's name beside its arguments."""
    key = next((one for one in _NAME_KEYS if isinstance(arguments.get(one), str) and one not in known), None)
    if key is None:
        return arguments
    inner = next((one for one in _WRAPPERS if one in arguments and one not in known), None)
    rest = arguments.keys() - {key, inner}
    same = _same_tool(tool, arguments[key])
    if inner is not None and not rest:
        if not same:
            got = f"the name of another tool, `{cut(arguments[key], 60)}`"
            problem = _unreadable(f"arguments of `{tool.name}`", got, Category.BAD_VALUE)
            raise NotMendable(problem)
        notes.append(f"the arguments were nested with `{key}` under `{inner}`, and were taken out")
        return read(arguments[inner], [])
    if same and known:
        notes.append(f"`{key}` held the tool's own name, and was dropped")
        return {name: value for name, value in arguments.items() if name != key}
    return arguments


def _same_tool(tool: Tool, name: str) -> bool:
    folded, own = name.casefold(), (tool.name.casefold(), tool.spec.upstream_name.casefold())
    return any(folded == one or re.search(rf"[_./:]{re.escape(one)}$", folded) for one in own)


def _unwrap(known: Mapping[str, Any], arguments: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    if len(arguments) != 1 or not known:
        return arguments
    ((key, inner),) = arguments.items()
    if key not in _WRAPPERS or key in known:
        return arguments
    if isinstance(inner, str):
        inner = _json_of(inner)
    if not isinstance(inner, dict) or not (inner.keys() & known.keys() or not inner):
        return arguments
    notes.append(f"the arguments were wrapped under `{key}`, and were taken out")
    return inner


def _convert(tool: Tool, validator: Validator, arguments: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Convert values of a wrong type, each only if nothing is wrong at its place afterwards."""
    for _ in range(_ROUNDS):
        count = len(notes)
        for error in validator.errors(arguments):
            path = [str(one) for one in error.instance_path]
            trial = orjson.loads(orjson.dumps(arguments))
            note = _mend_one(trial, path, error, tool.spec.input_schema)
            if note and not any([str(one) for one in bad.instance_path] == path for bad in validator.errors(trial)):
                arguments = trial
                notes.append(note)
        if len(notes) == count:
            break
    return arguments


def _mend_one(mended: Any, path: Sequence[str], error: jsonschema_rs.ValidationError, root: Any) -> str | None:
    """Convert the value at `path` within `mended` in place, and return the note; None if nothing was done."""
    wanted = wanted_types(error)
    if not wanted or not path:
        return None
    try:
        holder = pointer.follow(mended, path[:-1])
        value = pointer.step(holder, path[-1])
    except (pointer.PointerError, KeyError):
        return None
    if value is None:
        return _drop(holder, path, error, root)
    for way in _WAYS:
        made, note = way(value, wanted)
        if made is not _GONE:
            holder[int(path[-1]) if isinstance(holder, list) else path[-1]] = made
            return f"`{pointer.build(path)}`: {note}"
    return None


def _drop(holder: Any, path: Sequence[str], error: jsonschema_rs.ValidationError, root: Any) -> str | None:
    parent = schema.at(root, root, error.instance_path[:-1])
    if not isinstance(holder, dict) or path[-1] in schema.required(parent, root):
        return None
    del holder[path[-1]]
    return f"`{pointer.build(path)}` was null, and was left out"


def _as_json(value: Any, wanted: frozenset[str]) -> tuple[Any, str]:
    if isinstance(value, str) and wanted & {"object", "array"}:
        made = _json_of(value)
        if _type_name(made) in wanted & {"object", "array"}:
            return made, f"the text was parsed as a JSON {_type_name(made)}"
    return _GONE, ""


def _as_number(value: Any, wanted: frozenset[str]) -> tuple[Any, str]:
    if isinstance(value, str):
        if wanted & {"integer", "number"} and _INTEGER.fullmatch(value):
            return int(value), "the text was read as an integer"
        if "number" in wanted and _NUMBER.fullmatch(value) and isfinite(float(value)):
            return float(value), "the text was read as a number"
    return _GONE, ""


def _as_boolean(value: Any, wanted: frozenset[str]) -> tuple[Any, str]:
    if isinstance(value, str) and "boolean" in wanted and value.strip().casefold() in _BOOLEANS:
        return _BOOLEANS[value.strip().casefold()], "the text was read as a boolean"
    return _GONE, ""


def _as_text(value: Any, wanted: frozenset[str]) -> tuple[Any, str]:
    if isinstance(value, int) and not isinstance(value, bool) and "string" in wanted:
        return str(value), "the number was written as text"
    return _GONE, ""


_WAYS: tuple[Callable[[Any, frozenset[str]], tuple[Any, str]], ...] = (_as_json, _as_number, _as_boolean, _as_text)


def _json_of(text: str) -> Any:
    """Return the JSON value that `text` is; the text itself where it is none."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _type_name(value: Any) -> str:
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, list | tuple):
        return "array"
    return {bool: "boolean", int: "integer", float: "number", str: "string"}.get(type(value), type(value).__name__)
