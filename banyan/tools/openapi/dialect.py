"""Schemas as OpenAPI writes them, in any of its dialects and with the usual mistakes, as JSON Schema 2020-12.

What comes out allows everything that the original allows, and sometimes more: the API is the judge of a call, and to
refuse what it would take is the worse mistake. So a keyword that is malformed, that no validator could run, or that
would turn stricter once something within it was left out, is dropped; and `oneOf`, which few APIs mean, is `anyOf`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any

from banyan.tools.openapi.notes import Notes, shown
from banyan.tools.openapi.plain import line, within
from banyan.tools.openapi.refs import Node, RefProblem, Refs, reference_of

DESCRIPTION_CHARS = 600
_TITLE_CHARS = 100
_EXAMPLE_CHARS = 120
_DEFAULT_CHARS = 400
_CONST_CHARS = 2_000
_ENUM_CHARS = 40_000
_BRANCHES = 500
_PROPERTIES = 5_000
_SCHEMAS = 4_000
"""Schemas within one; no answer has room for as many."""
_SCHEMAS_IN_ALL = 250_000
"""Schemas of a document that are converted, those that are met again counted again: a small one can hold millions."""

TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_NUMERIC = frozenset({*_COUNTS, "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_LOOSE_FORMATS = frozenset(
    {"time", "duration", "hostname", "idn-hostname", "regex", "json-pointer", "iri", "uri-template"}
)
"""Formats whose names APIs use for something else than a validator thinks."""
_COMPOSED = frozenset({"allOf", "anyOf", "oneOf", "not"})
_FIRM = frozenset({"type", "enum", "const", "required"})
"""Keywords that nothing is left out of, so that a schema of them alone may stand under `not`."""


class Direction(StrEnum):
    """Which way values of a schema travel: each way leaves out properties of its own."""

    REQUEST = "request"
    RESPONSE = "response"

    @property
    def hides(self) -> str:
        """The keyword that marks properties which do not travel this way."""
        return "readOnly" if self is Direction.REQUEST else "writeOnly"


@dataclass(slots=True)
class Converted:
    """A schema in 2020-12, and the definitions that it refers to."""

    schema: Any
    refs: dict[str, None] = field(default_factory=dict)
    """Names under `$defs`, in the order of their first mention."""


class Converter:
    """Converts the schemas of one document, for one direction."""

    def __init__(
        self,
        refs: Refs,
        notes: Notes,
        direction: Direction,
        name: Callable[[Node], str],
        pattern: Callable[[str], bool],
    ) -> None:
        """Args: what follows references, notes, direction, what names a definition, whether a pattern can be run."""
        self._refs = refs
        self._notes = notes
        self._direction = direction
        self._name = name
        self._runs = pattern
        self._left = 0
        self._left_in_all = _SCHEMAS_IN_ALL

    def convert(self, node: Node) -> Converted:
        """Return the schema at `node`."""
        found = Converted(True)
        self._left = _SCHEMAS
        found.schema = self._schema(node, found.refs)
        return found

    def _schema(self, node: Node, refs: dict[str, None]) -> Any:
        value = node.value
        self._left -= 1
        self._left_in_all -= 1
        if self._left < 0 or self._left_in_all < 0:
            self._notes.add("some schemas are larger than can be shown; anything is let through where they are cut")
            return {"$comment": "left out: too large"}
        if isinstance(value, bool):
            return value
        if not isinstance(value, Mapping):
            if value is not None:
                self._notes.add(f"{node.place} is no schema; anything is let through there")
            return {}
        if reference_of(value) is not None:
            return self._reference(node, refs)
        made = self._words(value)
        made |= self._type(node)
        made |= self._values(value, made.get("type"))
        made |= _numbers(value)
        made |= self._strings(node)
        made |= self._objects(node, refs)
        made |= self._arrays(node, refs)
        if not _COMPOSED.isdisjoint(value):
            made |= self._branches(node, refs)
        return _nullable(made) if value.get("nullable") is True or value.get("x-nullable") is True else made

    def _reference(self, node: Node, refs: dict[str, None]) -> Any:
        made = self._words(node.value)
        try:
            name = self._name(self._refs.target(node))
        except RefProblem as problem:
            self._notes.add(f"{problem}; anything is let through there")
            return made | {"$comment": "left out: the reference could not be followed"}
        refs[name] = None
        made["$ref"] = f"#/$defs/{name}"
        return _nullable(made) if node.value.get("nullable") is True else made

    def _words(self, value: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        told = line(value.get("description"), DESCRIPTION_CHARS)
        kind = value.get("format")
        if isinstance(kind, str) and kind in _LOOSE_FORMATS:
            told = f"{told} (format: {kind})".strip()
        discriminator = value.get("discriminator")
        chosen = discriminator.get("propertyName") if isinstance(discriminator, Mapping) else discriminator
        if isinstance(chosen, str):
            told = f"{told} (`{shown(chosen)}` tells which kind it is)".strip()
        if told:
            made["description"] = told
        elif isinstance(value.get("title"), str) and value["title"]:
            made["title"] = line(value["title"], _TITLE_CHARS)
        if value.get("deprecated") is True:
            made["deprecated"] = True
        return made

    def _type(self, node: Node) -> dict[str, Any]:
        stated = node.value.get("type")
        if stated is None:
            return {}
        if stated == "file":
            return {"type": "string", "contentEncoding": "base64"}
        listed = stated if isinstance(stated, list) else [stated]
        names = ["null" if one is None else one for one in listed]
        known = list(dict.fromkeys(one for one in names if isinstance(one, str) and one in TYPES))
        if len(known) < len(listed) and stated not in ("any", []):
            self._notes.add(f"{node.place} has the type `{shown(stated, 40)}`, which there is not")
            return {}
        if not known:
            return {}
        return {"type": known[0] if len(known) == 1 else known}

    def _values(self, value: Mapping[str, Any], kind: Any) -> dict[str, Any]:
        made: dict[str, Any] = {}
        choices = value.get("enum")
        # Choices of a list usually mean those of its items, and stand beside them by mistake.
        if isinstance(choices, list) and choices and kind not in ("array", "object") and within(choices, _ENUM_CHARS):
            made["enum"] = _unique([_typed(one, kind) for one in choices])
        if "const" in value and within(value["const"], _CONST_CHARS):
            made["const"] = value["const"]
        if "default" in value and value["default"] is not None and within(value["default"], _DEFAULT_CHARS):
            made["default"] = value["default"]
        example = value.get("example", value.get("x-example"))
        if example is None and isinstance(value.get("examples"), list) and value["examples"]:
            example = value["examples"][0]
        if example is not None and "enum" not in made and within(example, _EXAMPLE_CHARS):
            made["examples"] = [example]
        return made

    def _strings(self, node: Node) -> dict[str, Any]:
        value: Mapping[str, Any] = node.value
        made: dict[str, Any] = {}
        kind = value.get("format")
        if isinstance(kind, str) and kind and kind not in _LOOSE_FORMATS:
            made["format"] = shown(kind, 40)
        if kind in ("byte", "base64") and value.get("type") == "string":
            made = {"contentEncoding": "base64"}
        for keyword in ("contentEncoding", "contentMediaType"):
            if isinstance(value.get(keyword), str):
                made[keyword] = shown(value[keyword], 80)
        pattern = value.get("pattern")
        if isinstance(pattern, str):
            if self._runs(pattern):
                made["pattern"] = pattern
            else:
                self._notes.add(f"the pattern `{shown(pattern, 60)}` cannot be run; any text is let through there")
        return made

    def _objects(self, node: Node, refs: dict[str, None]) -> dict[str, Any]:
        value: Mapping[str, Any] = node.value
        made: dict[str, Any] = {}
        hidden: set[str] = set()
        properties = value.get("properties")
        if isinstance(properties, Mapping):
            inner: dict[str, Any] = {}
            members = node.child("properties")
            for name in islice(properties, _PROPERTIES):
                child = members.child(name)
                if self._hides(child):
                    hidden.add(name)
                else:
                    inner[name] = self._schema(child, refs)
            made["properties"] = inner
        required = value.get("required")
        if isinstance(required, list):
            names = [one for one in required[:_PROPERTIES] if isinstance(one, str) and one not in hidden]
            if names:
                made["required"] = list(dict.fromkeys(names))
        patterns = value.get("patternProperties")
        if isinstance(patterns, Mapping):
            members = node.child("patternProperties")
            kept = [one for one in islice(patterns, _BRANCHES) if self._runs(one)]
            found = {one: self._schema(members.child(one), refs) for one in kept}
            made |= {"patternProperties": found} if len(found) == len(patterns) else {}
        if value.get("additionalProperties") is not None and (not patterns or "patternProperties" in made):
            made["additionalProperties"] = self._schema(node.child("additionalProperties"), refs)
        return made

    def _hides(self, child: Node) -> bool:
        value = child.value
        if reference_of(value) is not None:
            try:
                value = self._refs.follow(child).value
            except RefProblem:
                return False
        return isinstance(value, Mapping) and value.get(self._direction.hides) is True

    def _arrays(self, node: Node, refs: dict[str, None]) -> dict[str, Any]:
        value: Mapping[str, Any] = node.value
        made: dict[str, Any] = {}
        for keyword in ("items", "prefixItems"):
            found = value.get(keyword)
            if isinstance(found, list):
                inner = node.child(keyword)
                made["prefixItems"] = [
                    self._schema(inner.element(at), refs) for at in range(min(len(found), _BRANCHES))
                ]
            elif found is not None and keyword == "items":
                made["items"] = self._schema(node.child("items"), refs)
        if not made.get("prefixItems", True):
            del made["prefixItems"]
        if value.get("uniqueItems") is True:
            made["uniqueItems"] = True
        return made

    def _branches(self, node: Node, refs: dict[str, None]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        every = self._each(node.child("allOf"), refs)
        alternatives = [found for key in ("anyOf", "oneOf") if (found := self._each(node.child(key), refs))]
        if len(alternatives) == 2:
            every += [{"anyOf": one} for one in alternatives]
        elif alternatives:
            made["anyOf"] = alternatives[0]
        if every:
            made["allOf"] = every
        refused = node.value.get("not")
        if isinstance(refused, Mapping) and refused and _FIRM.issuperset(refused) and within(refused, _CONST_CHARS):
            inner = self._schema(node.child("not"), refs)
            made |= {"not": inner} if inner.keys() == refused.keys() else {}
        return made

    def _each(self, node: Node, refs: dict[str, None]) -> list[Any]:
        found = node.value
        if not isinstance(found, list):
            return []
        if len(found) > _BRANCHES:
            self._notes.add(
                f"{node.place} has {len(found):,} branches, which is too many; anything is let through there"
            )
            return []
        return [self._schema(node.element(at), refs) for at in range(len(found))]


def _numbers(value: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if _NUMERIC.isdisjoint(value):
        return made
    for keyword in _COUNTS:
        count = _number(value.get(keyword))
        if count is not None and count >= 0 and count == int(count):
            made[keyword] = int(count)
    for bound, strict in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        limit, flag = _number(value.get(bound)), value.get(strict)
        if flag is True and limit is not None:
            made[strict] = limit
        elif limit is not None:
            made[bound] = limit
        if _number(flag) is not None:
            made[strict] = _number(flag)
    factor = _number(value.get("multipleOf"))
    # Fractions of two are the only ones that floating point divides by without a rest where people see none.
    if factor is not None and factor >= 1 and factor == int(factor):
        made["multipleOf"] = int(factor)
    return made


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
        value = int(value) if value == value // 1 and abs(value) < 2**53 else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        return None
    return value


def _typed(value: Any, kind: Any) -> Any:
    """Return a choice as the type that stands beside it, which documents in YAML often miss."""
    if kind == "string" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    if kind in ("integer", "number") and isinstance(value, str):
        number = _number(value)
        return value if number is None else number
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def _unique(values: list[Any]) -> list[Any]:
    seen: dict[str, Any] = {}
    for one in values:
        seen.setdefault(f"{type(one).__name__}{one!r}", one)
    return list(seen.values())


def _nullable(made: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with null allowed too."""
    kind = made.get("type")
    composed = made.keys() & {"$ref", "allOf", "anyOf", "const", "not"}
    if composed:
        words = {key: made.pop(key) for key in ("description", "title", "default") if key in made}
        return words | {"anyOf": [made, {"type": "null"}]}
    if isinstance(kind, str) and kind != "null":
        made["type"] = [kind, "null"]
    if "enum" in made and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return made
