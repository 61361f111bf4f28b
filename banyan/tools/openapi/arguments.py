"""Parameters and body of an operation as one flat object of arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from banyan.core.tool import Example
from banyan.tools.openapi.binding import BodyBinding, ParameterBinding
from banyan.tools.openapi.body import Body, bound
from banyan.tools.openapi.parameters import Parameter
from banyan.tools.openapi.plain import within

BODY = "body"
"""The argument that is the whole body, where its members are no arguments of their own."""

_PAIRS = 400
"""Pairs of members of which one needs the other; with more, the body is one argument."""
_EXAMPLE_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What an operation takes."""

    schema: dict[str, Any]
    """Without the definitions it refers to."""
    refs: dict[str, None]
    parameters: tuple[ParameterBinding, ...]
    body: BodyBinding | None
    examples: tuple[Example, ...]


class _Builder:
    """Gathers arguments under names that no two of them share."""

    def __init__(self) -> None:
        self.properties: dict[str, Any] = {}
        self.required: list[str] = []
        self.dependent: dict[str, list[str]] = {}
        self.refs: dict[str, None] = {}
        self.example: dict[str, Any] = {}

    def parameter(self, one: Parameter) -> ParameterBinding:
        """Add a parameter: by its name, or where that is taken, by its place and name."""
        argument = self._free(one.name, f"{one.place}_{one.name}")
        self._add(argument, one.schema.schema, required=one.required)
        self.refs.update(one.schema.refs)
        if one.example is not None:
            self.example[argument] = one.example
        return ParameterBinding(
            name=one.name,
            argument=argument,
            place=one.place,
            style=one.style,
            explode=one.explode,
            allow_reserved=one.allow_reserved,
            required=one.required,
            media_type=one.media_type,
        )

    def body(self, body: Body) -> BodyBinding:
        """Add a body: member by member where nothing is lost by it."""
        if self._flat(body):
            return self._members(body)
        argument = self._free(BODY, "request_body")
        self._add(argument, body.whole.schema, required=body.required)
        self.refs.update(body.whole.refs)
        if body.example is not None:
            self.example[argument] = body.example
        return bound(body, argument, {})

    def _flat(self, body: Body) -> bool:
        found = body.members
        if found is None or not self.properties.keys().isdisjoint(found.schemas):
            return False
        # An optional body, if there is one at all, has what it requires: each member needs those.
        return body.required or len(found.required) * len(found.schemas) <= _PAIRS

    def _members(self, body: Body) -> BodyBinding:
        found = body.members
        names = {name: name for name in (found.schemas if found else ())}
        needed = list(found.required) if found else []
        for name, schema in (found.schemas if found else {}).items():
            self._add(name, schema, required=body.required and name in needed)
            others = [one for one in needed if one != name]
            if not body.required and others:
                self.dependent[name] = others
        self.refs.update(found.refs if found else {})
        if isinstance(body.example, Mapping):
            self.example.update({name: one for name, one in body.example.items() if name in names})
        return bound(body, "", names)

    def _add(self, argument: str, schema: Any, *, required: bool) -> None:
        self.properties[argument] = schema
        if required:
            self.required.append(argument)

    def _free(self, *names: str) -> str:
        for name in names:
            if name not in self.properties:
                return name
        number = 2
        while f"{names[-1]}_{number}" in self.properties:
            number += 1
        return f"{names[-1]}_{number}"

    def schema(self) -> dict[str, Any]:
        """Return the schema of the arguments."""
        made: dict[str, Any] = {"type": "object", "properties": self.properties}
        if self.required:
            made["required"] = self.required
        if self.dependent:
            made["dependentRequired"] = self.dependent
        return made | {"additionalProperties": False}

    def examples(self) -> tuple[Example, ...]:
        """Return the document's example of a call, if it says enough to make one."""
        whole = all(name in self.example for name in self.required)
        if not self.example or not whole or not within(self.example, _EXAMPLE_CHARS):
            return ()
        return (Example(text="", arguments=self.example),)


def arguments(parameters: Sequence[Parameter], body: Body | None) -> Arguments:
    """Return what an operation with these parameters and this body takes."""
    builder = _Builder()
    bindings = tuple(builder.parameter(one) for one in parameters)
    content = builder.body(body) if body is not None else None
    return Arguments(
        schema=builder.schema(),
        refs=builder.refs,
        parameters=bindings,
        body=content,
        examples=builder.examples(),
    )
