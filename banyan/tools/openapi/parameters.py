"""Parameters of an operation, in either dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from banyan.tools.openapi.binding import Place, Style
from banyan.tools.openapi.definitions import Definitions
from banyan.tools.openapi.dialect import DESCRIPTION_CHARS, Converted
from banyan.tools.openapi.document import Document, Version
from banyan.tools.openapi.notes import shown
from banyan.tools.openapi.plain import line, within
from banyan.tools.openapi.refs import Node

MAX_PARAMETERS = 400
_EXAMPLE_CHARS = 300
_NOT_ARGUMENTS = frozenset({"accept", "content-type", "authorization"})
"""Headers that say how the call is made, and are no arguments; the specification says the same."""
_STYLES = {
    Place.PATH: frozenset({Style.SIMPLE, Style.LABEL, Style.MATRIX}),
    Place.QUERY: frozenset({Style.FORM, Style.SPACE, Style.PIPE, Style.DEEP}),
    Place.HEADER: frozenset({Style.SIMPLE}),
    Place.COOKIE: frozenset({Style.FORM}),
}
_COLLECTIONS = {"ssv": Style.SPACE, "tsv": Style.TAB, "pipes": Style.PIPE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter, still without the name of its argument."""

    name: str
    place: Place
    style: Style
    explode: bool
    allow_reserved: bool = False
    required: bool
    media_type: str = ""
    schema: Converted
    example: Any = None


class ParameterProblem(ValueError):
    """A parameter that an operation cannot do without cannot be read."""


def nodes(document: Document, *lists: Node) -> Iterator[Node]:
    """Yield the parameters of a path and then its operation, each followed; of one name and place the last counts.

    Raises:
        ParameterProblem: one is a reference that leads nowhere, so that nobody knows whether it is needed.
    """
    found: dict[tuple[str, str], Node] = {}
    for listed in lists:
        listed = document.follow(listed)
        if listed.value is not None and not isinstance(listed.value, list):
            document.notes.add(f"{listed.place} is no list of parameters")
            continue
        for index in range(min(len(listed.value or ()), MAX_PARAMETERS)):
            node = document.follow(listed.element(index))
            if node.value is None:
                raise ParameterProblem("one of its parameters cannot be read: its reference is not followed")
            if not isinstance(node.value, Mapping) or not isinstance(node.value.get("name"), str):
                document.notes.add(f"{node.place} is no parameter")
                continue
            found[node.value["name"], str(node.value.get("in"))] = node
    yield from found.values()


def parameter(document: Document, definitions: Definitions, node: Node) -> Parameter | None:
    """Return the parameter at `node`; None for a header that is no argument, and for what is no parameter."""
    value = node.value
    try:
        place = Place(value.get("in"))
    except ValueError:
        document.notes.add(f"{node.place} has no usable place `{shown(value.get('in'), 30)}`")
        return None
    if place is Place.HEADER and value["name"].casefold() in _NOT_ARGUMENTS:
        return None
    make = _v2 if document.version is Version.V2 else _v3
    return make(document, definitions, node, place)


def _v2(document: Document, definitions: Definitions, node: Node, place: Place) -> Parameter:
    value = node.value
    # Schema keywords stand beside the parameter's own; `required` means another thing in each.
    bare = {key: one for key, one in value.items() if key not in ("name", "in", "required", "schema")}
    schema = node.child("schema") if isinstance(value.get("schema"), Mapping) else Node(bare, node.file, node.at)
    style, explode = collection(value, place)
    return Parameter(
        name=value["name"],
        place=place,
        style=style,
        explode=explode,
        required=value.get("required") is True or place is Place.PATH,
        schema=_described(definitions.convert(schema), value),
        example=example(document, node),
    )


def collection(value: Mapping[str, Any], place: Place) -> tuple[Style, bool]:
    """Return style and explode of a 2.0 parameter."""
    usual = Style.FORM if place in (Place.QUERY, Place.COOKIE) else Style.SIMPLE
    stated = value.get("collectionFormat")
    if not isinstance(stated, str):
        return usual, False
    return _COLLECTIONS.get(stated, usual), stated == "multi"


def _v3(document: Document, definitions: Definitions, node: Node, place: Place) -> Parameter:
    value = node.value
    usual = Style.FORM if place in (Place.QUERY, Place.COOKIE) else Style.SIMPLE
    style = _style(document, node, place, usual)
    explode = value.get("explode")
    schema, media_type = node.child("schema"), ""
    content = node.child("content")
    if isinstance(content.value, Mapping) and content.value and schema.value is None:
        media_type = next(iter(content.value))
        schema = document.follow(content.child(media_type)).child("schema")
    return Parameter(
        name=value["name"],
        place=place,
        style=style,
        explode=explode if isinstance(explode, bool) else style is Style.FORM,
        allow_reserved=value.get("allowReserved") is True,
        required=value.get("required") is True or place is Place.PATH,
        media_type=media_type,
        schema=_described(definitions.convert(schema), value),
        example=example(document, node),
    )


def _style(document: Document, node: Node, place: Place, usual: Style) -> Style:
    stated = node.value.get("style")
    if stated is None:
        return usual
    if isinstance(stated, str) and stated in _STYLES[place]:
        return Style(stated)
    document.notes.add(f"{node.place} has the style `{shown(stated, 30)}`, which its place has not")
    return usual


def _described(converted: Converted, value: Mapping[str, Any]) -> Converted:
    """Return the schema with what the parameter says of itself, which tells more than what its schema says."""
    if not isinstance(converted.schema, dict):
        converted.schema = {}
    told = line(value.get("description"), DESCRIPTION_CHARS)
    if told:
        converted.schema = {**converted.schema, "description": told}
        converted.schema.pop("title", None)
    if value.get("deprecated") is True:
        converted.schema = {**converted.schema, "deprecated": True}
    return converted


def example(document: Document, node: Node) -> Any:
    """Return the first example that a parameter or a body has; None where there is none, or only a large one."""
    value = node.value
    found = value.get("example", value.get("x-example"))
    examples = document.follow(node.child("examples"))
    if found is None and isinstance(examples.value, Mapping) and examples.value:
        first = document.follow(examples.child(next(iter(examples.value)))).value
        found = first.get("value") if isinstance(first, Mapping) else None
    schema = value.get("schema")
    if found is None and isinstance(schema, Mapping):
        found = schema.get("example")
    return found if found is not None and within(found, _EXAMPLE_CHARS * 10) else None
