"""What search reads of a tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from banyan.core.find import Document

if TYPE_CHECKING:
    from banyan.core.tool import ToolSpec

TOOL = "tool"
"""Kind of the documents that are tools."""

DETAILS_CHARS = 2_000
"""Characters of parameter names and descriptions that search reads of one tool."""


def tool_document(key: str, spec: ToolSpec, *, source: str, digest: str) -> Document:
    """Return what search reads of the tool called `key`."""
    return Document(
        key=key,
        kind=TOOL,
        digest=digest,
        name=spec.upstream_name,
        title=spec.title,
        text=spec.description,
        details=details(spec.input_schema),
        server=spec.server,
        source=source,
        tags=spec.tags,
        effects=spec.effects.kind,
    )


def details(schema: Mapping[str, Any], *, most_chars: int = DETAILS_CHARS) -> str:
    """Return the names and descriptions of a schema's properties, and of theirs, cut at `most_chars`.

    References within the schema are followed once; whatever is no schema is passed over.
    """
    lines: list[str] = []
    room = most_chars
    for name, found in _properties(schema, schema):
        for line in (_line(name, found), *(_line(inner, one) for inner, one in _properties(found, schema))):
            lines.append(line[:room])
            room -= len(line) + 1
            if room <= 0:
                return "\n".join(lines)
    return "\n".join(lines)


def _line(name: str, schema: Mapping[str, Any]) -> str:
    told = schema.get("description") or schema.get("title") or ""
    return f"{name}: {told}" if isinstance(told, str) and told else name


def _properties(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the properties of an object, of the items of an array, or of what a reference leads to."""
    schema = _follow(schema, root)
    if isinstance(items := schema.get("items"), Mapping):
        schema = _follow(items, root)
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for name, found in properties.items():
            yield name, found if isinstance(found, Mapping) else {}


def _follow(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return schema
    found: Any = root
    for step in reference[2:].split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else schema
