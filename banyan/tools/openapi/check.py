"""What a document holds, told before anything of it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from banyan.core.tool import ToolSpec
from banyan.tools.openapi import endpoints
from banyan.tools.openapi.document import Document
from banyan.tools.openapi.operations import operations


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeUse:
    """A security scheme, and how many operations it opens."""

    name: str
    kind: str
    place: str
    """For an API key: where it goes, as `header X-Api-Key`."""
    operations: int
    needed: int
    """Operations that cannot be called without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecReport:
    """What a document offers, and what it asks for."""

    title: str
    version: str
    dialect: str
    """The version of OpenAPI that it is written in."""
    operations: int
    active: int
    quarantined: tuple[tuple[str, str], ...]
    """Operations that cannot be offered, each with the reason."""
    servers: tuple[str, ...]
    security: tuple[SchemeUse, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        return {
            "title": self.title,
            "version": self.version,
            "openapi": self.dialect,
            "operations": self.operations,
            "active": self.active,
            "quarantined": [{"name": name, "reason": reason} for name, reason in self.quarantined],
            "servers": list(self.servers),
            "security": [
                {
                    "name": one.name,
                    "kind": one.kind,
                    "place": one.place,
                    "operations": one.operations,
                    "needed": one.needed,
                }
                for one in self.security
            ],
            "notes": list(self.notes),
        }


def check(document: Document, specs: Iterable[ToolSpec] | None = None) -> SpecReport:
    """Return what `document` offers; blocks for a second for a large one.

    Args:
        document: what was loaded.
        specs: its operations, where they were read already.
    """
    total = 0
    quarantined: list[tuple[str, str]] = []
    uses: dict[str, list[int]] = {name: [0, 0] for name in endpoints.schemes(document)}
    for spec in specs if specs is not None else (one.spec for one in operations(document, server="api")):
        total += 1
        if spec.fault:
            quarantined.append((spec.upstream_name, spec.fault))
        _count(spec.binding.get("security", ()), uses)
    servers = tuple(one.url for one in endpoints.document_servers(document))
    if not all("://" in one or one.startswith("{") for one in servers or ("",)):
        document.notes.add(
            "the document does not say in full where the API is served; give its address as the base URL"
        )
    return SpecReport(
        title=document.title,
        version=document.api_version,
        dialect=document.version.value,
        operations=total,
        active=total - len(quarantined),
        quarantined=tuple(quarantined),
        servers=servers,
        security=_security(document, uses),
        notes=document.notes.all(),
    )


def _count(alternatives: Iterable[Any], uses: dict[str, list[int]]) -> None:
    """Add one operation to the schemes that it can be called with, and to those that it must be called with."""
    named = [set(one) for one in alternatives]
    for name in set().union(*named):
        uses[name][0] += 1
        uses[name][1] += all(name in one for one in named)


def _security(document: Document, uses: dict[str, list[int]]) -> tuple[SchemeUse, ...]:
    found = []
    for name, scheme in endpoints.schemes(document).items():
        place = f"{scheme.place} {scheme.name}" if scheme.place else scheme.name
        opened, needed = uses[name]
        found.append(SchemeUse(name=name, kind=scheme.kind.value, place=place, operations=opened, needed=needed))
    return tuple(found)
