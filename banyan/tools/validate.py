"""Arguments against a tool's schema: what is wrong, where, and what was expected there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from banyan.core.call import Category
from banyan.core.shorten import cut, shorten
from banyan.tools import pointer, schema

if TYPE_CHECKING:
    import jsonschema_rs

    from banyan.core.tool import Tool

_ORDER = (Category.MISSING_ARGUMENT, Category.UNKNOWN_ARGUMENT, Category.BAD_VALUE)
_UNKNOWN = frozenset({"additionalProperties", "unevaluatedProperties"})
_EXPECTED_CHARS = 200
_GOT_CHARS = 80
_LIKE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateLimits:
    """How much is kept and told."""

    cached: int = 512
    """Compiled schemas kept in memory, least recently used leaves first."""
    problems: int = 8
    """Problems told of one call."""
    slice_chars: int = 600
    """Characters of the violated schema that are shown with a problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with the arguments of a call."""

    category: Category
    path: str
    """JSON Pointer into the arguments: to the value, or to where it should be."""
    expected: str
    got: str = ""
    """The value that was there, short; empty where nothing was."""
    schema_slice: str = ""
    """The part of the schema that was violated, as JSON, cut to a limit."""
    suggestion: str | None = None
    """For an unknown argument, the one that was probably meant; for a missing one, what was given in its place."""

    def sentence(self, *, values: bool = True) -> str:
        """Return the problem in a sentence; without `values` it holds nothing that the caller passed but names."""
        where = f"`{self.path or '/'}`"
        if self.category is Category.MISSING_ARGUMENT:
            hint = f" (is `{self.suggestion}` meant to be it?)" if self.suggestion else ""
            return f"{where} is missing; expected {self.expected}{hint}"
        if self.category is Category.UNKNOWN_ARGUMENT:
            hint = f"did you mean `{self.suggestion}`?" if self.suggestion else self.expected
            return f"{where} is no argument of this tool; {hint}"
        return f"{where}: expected {self.expected}" + (f", got {self.got}" if values and self.got else "")


class Validator:
    """One compiled schema.  Where a schema itself is at fault, `note` says so and nothing is checked."""

    def __init__(self, root: Any, limits: ValidateLimits) -> None:
        self._root = root
        self._limits = limits
        self.note: str | None = None
        self._compiled: jsonschema_rs.Validator | None = None
        try:
            self._compiled = _compile(root)
        except ValueError as error:
            first = str(error).strip().partition("\n")[0]
            self.note = f"the arguments were not checked: the tool's schema is no valid JSON Schema ({cut(first, 160)})"

    def valid(self, arguments: Any) -> bool:
        """Whether `arguments` fit."""
        return self._compiled is None or self._compiled.is_valid(arguments)

    def errors(self, arguments: Any) -> list[jsonschema_rs.ValidationError]:
        """Return the first violations, those within alternatives unfolded where one alternative was meant."""
        if self._compiled is None:
            return []
        found: list[jsonschema_rs.ValidationError] = []
        for error in islice(self._compiled.iter_errors(arguments), self._limits.problems * 4):
            found.extend(_unfold(error))
        return found

    def problems(self, arguments: Any) -> tuple[Problem, ...]:
        """Return what is wrong with `arguments`: what is missing first, then what is unknown, then bad values."""
        found: dict[tuple[Category, str], Problem] = {}
        for error in self.errors(arguments):
            for one in self._explain(error, arguments):
                found.setdefault((one.category, one.path), one)
        ordered = sorted(found.values(), key=lambda one: _ORDER.index(one.category))
        return tuple(ordered[: self._limits.problems])

    def _explain(self, error: jsonschema_rs.ValidationError, arguments: Any) -> Iterator[Problem]:
        keyword = error.kind.name
        if keyword in {"required", "dependentRequired"}:
            yield self._missing(error, arguments)
        elif keyword in _UNKNOWN:
            for name in error.kind.as_dict().get("unexpected", [])[: self._limits.problems]:
                yield self._unknown(error, str(name), arguments)
        else:
            yield self._bad(error)

    def _missing(self, error: jsonschema_rs.ValidationError, arguments: Any) -> Problem:
        name = str(error.kind.as_dict().get("property", ""))
        known = schema.properties(schema.at(self._root, self._root, error.instance_path), self._root)
        there = pointer.follow(arguments, [str(one) for one in error.instance_path])
        foreign = [str(one) for one in there if one not in known] if isinstance(there, Mapping) and known else []
        wanted = schema.at(self._root, self._root, [*error.instance_path, name])
        return Problem(
            category=Category.MISSING_ARGUMENT,
            path=pointer.build([*error.instance_path, name]),
            expected=expectation(wanted, self._root),
            schema_slice=self._slice({name: wanted}),
            suggestion=_nearest(name, foreign),
        )

    def _unknown(self, error: jsonschema_rs.ValidationError, name: str, arguments: Any) -> Problem:
        known = sorted(schema.properties(schema.at(self._root, self._root, error.instance_path), self._root))
        there = pointer.follow(arguments, [str(one) for one in error.instance_path])
        free = [one for one in known if not (isinstance(there, Mapping) and one in there)]
        listed = ", ".join(f"`{one}`" for one in known)
        return Problem(
            category=Category.UNKNOWN_ARGUMENT,
            path=pointer.build([*error.instance_path, name]),
            expected=f"there are {cut(listed, _EXPECTED_CHARS)}" if known else "it takes none",
            schema_slice=self._slice({"properties": known}),
            suggestion=_nearest(name, free),
        )

    def _bad(self, error: jsonschema_rs.ValidationError) -> Problem:
        violated = self._violated(error.schema_path)
        return Problem(
            category=Category.BAD_VALUE,
            path=pointer.build(error.instance_path),
            expected=_expected(error, violated, self._root),
            got=shorten(error.instance, _GOT_CHARS),
            schema_slice=self._slice(violated),
        )

    def _violated(self, path: Sequence[str | int]) -> Any:
        """Return the schema that holds the violated keyword."""
        try:
            return pointer.follow(self._root, [str(one) for one in path[:-1]])
        except pointer.PointerError:
            return True

    def _slice(self, part: Any) -> str:
        return shorten(part, self._limits.slice_chars)


class Validators:
    """Compiled schemas by tool digest."""

    def __init__(self, limits: ValidateLimits | None = None) -> None:
        self._limits = limits or ValidateLimits()
        self._compiled: OrderedDict[str, Validator] = OrderedDict()

    def of(self, tool: Tool) -> Validator:
        """Return the validator of the arguments of `tool`."""
        found = self._compiled.get(tool.digest)
        if found is not None:
            self._compiled.move_to_end(tool.digest)
            return found
        found = self._compiled[tool.digest] = Validator(tool.spec.input_schema, self._limits)
        if len(self._compiled) > self._limits.cached:
            self._compiled.popitem(last=False)
        return found


def expectation(wanted: Any, root: Any) -> str:
    """Return in words what a schema wants of a value."""
    from banyan.tools.signature import type_text

    return cut(type_text(wanted, root), _EXPECTED_CHARS)


def _compile(root: Any) -> jsonschema_rs.Validator:
    """Compile without ever fetching anything; an older dialect that does not name itself is tried as such."""
    import jsonschema_rs

    makers: list[Callable[..., jsonschema_rs.Validator]] = [jsonschema_rs.validator_for]
    makers += [jsonschema_rs.Draft202012Validator, jsonschema_rs.Draft7Validator, jsonschema_rs.Draft4Validator]
    first: ValueError | None = None
    for make in makers:
        try:
            return make(root, validate_formats=True, offline=True)
        except ValueError as error:
            first = first or error
    raise first or ValueError("no schema")


def _unfold(error: jsonschema_rs.ValidationError) -> list[jsonschema_rs.ValidationError]:
    """Return the violations within the one alternative that the value was meant for; else the violation itself."""
    context = getattr(error.kind, "context", None)
    if not context:
        return [error]
    meant = [branch for branch in context if branch and not _wrong_type(branch, error.instance_path)]
    return [inner for one in meant[0] for inner in _unfold(one)] if len(meant) == 1 else [error]


def _wrong_type(branch: Sequence[jsonschema_rs.ValidationError], path: Sequence[str | int]) -> bool:
    return any(one.kind.name in {"type", "const", "enum"} and one.instance_path == path for one in branch)


def wanted_types(error: jsonschema_rs.ValidationError) -> frozenset[str]:
    """Return the JSON types of which the value at the error's path should be; empty if its type is right."""
    if error.kind.name == "type":
        return frozenset(error.kind.as_dict().get("types", []))
    found: set[str] = set()
    for branch in getattr(error.kind, "context", None) or ():
        for one in branch:
            if one.instance_path == error.instance_path:
                found |= wanted_types(one)
    return frozenset(found)


def _expected(error: jsonschema_rs.ValidationError, violated: Any, root: Any) -> str:
    keyword, details = error.kind.name, error.kind.as_dict()
    if keyword == "type":
        return " or ".join(f"{one}" for one in details.get("types", []))
    if keyword in {"enum", "const", "anyOf", "oneOf"}:
        return expectation(violated, root)
    if keyword == "format":
        return f"a string of format `{details.get('format')}`"
    if keyword == "pattern":
        return f"a string that matches `{cut(str(details.get('pattern')), 120)}`"
    limit = violated.get(keyword) if isinstance(violated, Mapping) else None
    return f"{keyword} {shorten(limit, 80)}" if limit is not None else f"what `{keyword}` allows"


def _nearest(name: str, known: Sequence[str]) -> str | None:
    from rapidfuzz import fuzz, process

    folded = [one.casefold() for one in known]
    best = process.extractOne(name.casefold(), folded, scorer=fuzz.WRatio, score_cutoff=_LIKE)
    return known[best[2]] if best else None
