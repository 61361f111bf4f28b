"""A tool, as the catalogue knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from banyan.core.canonical import digest
from banyan.core.ids import SourceName, ToolName


class ToolState(StrEnum):
    """Where a tool stands.  The value is what the database and the wire carry."""

    ACTIVE = "active"
    QUARANTINED = "quarantined"  # it cannot be offered safely; `state_reason` says why
    DISABLED = "disabled"  # a person switched it off
    GONE = "gone"  # its source no longer lists it; the name stays taken


class EffectKind(StrEnum):
    """What a call may do to the world, in one word, for policies and filters."""

    READ_ONLY = "read_only"
    WRITES = "writes"
    DESTRUCTIVE = "destructive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a call of a tool may do to the world, in MCP's terms."""

    read_only: bool = False
    destructive: bool = False
    """The call may delete or overwrite."""
    idempotent: bool = False
    """A second call with the same arguments changes nothing more."""
    open_world: bool = True
    """The call reaches beyond its own server: the web, other people."""
    guessed: bool = True
    """Nobody stated them: they are the default of the kind of source."""

    @property
    def kind(self) -> EffectKind:
        """The strongest thing that the tool may do."""
        if self.read_only:
            return EffectKind.READ_ONLY
        return EffectKind.DESTRUCTIVE if self.destructive else EffectKind.WRITES

    @property
    def repeatable(self) -> bool:
        """Whether a call whose answer was lost can be sent again."""
        return self.read_only or self.idempotent


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One use of a tool: what is wanted, and the arguments that do it."""

    text: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """What a source says of one tool: everything but Banyan's own name and state for it."""

    server: str
    """The group within the source that people know: an MCP server, an API, a Python module."""
    upstream_name: str
    """The tool's name as its server knows it; unique within (source, server)."""
    title: str = ""
    description: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    output_schema: Mapping[str, Any] | None = None
    effects: Effects = field(default_factory=Effects)
    tags: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    combines_with: str = ""
    """How the tool goes together with others, in a sentence."""
    binding: Mapping[str, Any] = field(default_factory=dict)
    """What its own backend needs to run it, as the method and path of an HTTP operation; shown to no model."""
    fault: str | None = None
    """Why the tool cannot be offered; it is catalogued as quarantined."""

    @cached_property
    def digest(self) -> str:
        """sha256 of the canonical spec: equal digests mean equal tools."""
        return digest(spec_json(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One record of the catalogue."""

    name: ToolName
    source: SourceName
    spec: ToolSpec
    digest: str
    state: ToolState = ToolState.ACTIVE
    state_reason: str | None = None
    changed_at: datetime
    """When this digest was first seen."""

    @property
    def effects(self) -> Effects:
        """The effects of its spec."""
        return self.spec.effects


def spec_json(spec: ToolSpec) -> dict[str, Any]:
    """Return `spec` as the JSON object that the database keeps and the digest is made of."""
    found: dict[str, Any] = {
        "server": spec.server,
        "upstream_name": spec.upstream_name,
        "title": spec.title,
        "description": spec.description,
        "input_schema": spec.input_schema,
        "output_schema": spec.output_schema,
        "effects": _effects_json(spec.effects),
        "tags": list(spec.tags),
        "examples": [{"text": one.text, "arguments": one.arguments} for one in spec.examples],
        "combines_with": spec.combines_with,
        "fault": spec.fault,
    }
    return found | {"binding": spec.binding} if spec.binding else found


def _effects_json(effects: Effects) -> dict[str, Any]:
    # Not `asdict`: it copies deeply, which takes most of the time of a sync of tens of thousands of tools.
    return {
        "read_only": effects.read_only,
        "destructive": effects.destructive,
        "idempotent": effects.idempotent,
        "open_world": effects.open_world,
        "guessed": effects.guessed,
    }


def spec_from_json(data: Mapping[str, Any]) -> ToolSpec:
    """Return the spec that `spec_json` gave `data` of."""
    return ToolSpec(
        server=data["server"],
        upstream_name=data["upstream_name"],
        title=data["title"],
        description=data["description"],
        input_schema=data["input_schema"],
        output_schema=data["output_schema"],
        effects=Effects(**data["effects"]),
        tags=tuple(data["tags"]),
        examples=tuple(Example(text=one["text"], arguments=one["arguments"]) for one in data["examples"]),
        combines_with=data["combines_with"],
        binding=data.get("binding", {}),
        fault=data["fault"],
    )


def search_digest(spec: ToolSpec) -> str:
    """Return the digest of what search reads of a tool, so that a change elsewhere embeds nothing anew.

    The input schema counts as a whole, as search reads names and descriptions of parameters deep in it; of the effects
    their kind, which searches are filtered by.
    """
    return digest(
        [
            spec.server,
            spec.upstream_name,
            spec.title,
            spec.description,
            list(spec.tags),
            spec.effects.kind.value,
            spec.input_schema,
        ]
    )
