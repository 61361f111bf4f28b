"""A source: one place that tools come from, and what a sync of it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from banyan.core.ids import SourceName, ToolName
from banyan.core.tool import ToolSpec


class SourceKind(StrEnum):
    """Which backend speaks to a source."""

    MCP = "mcp"
    PYTHON = "python"
    OPENAPI = "openapi"
    AWS = "aws"
    GOOGLE = "google"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A configured source.

    `config` is JSON and holds no secret: where one is needed stands a reference, `${NAME}`, which
    the `Secrets` port resolves when the source is started.
    For MCP over stdio: `{"command": [..], "env": {..}, "cwd": ..}`; over HTTP: `{"url": .., "headers": {..},
    "transport": "http" | "sse"}`; both may have `timeout_s` and `start_timeout_s`.
    For Python: `{"target": "module" | "module:function"}`.
    For OpenAPI: `{"document": path or URL, "base_url": .., "server_variables": {..}, "credentials": {scheme: ..},
    "headers": {..}, "allow_hosts": [..], "allow_refs": [..], "include": [..]}`, all but the document optional.
    Every kind may have `presets`; see `banyan.core.preset`.
    """

    name: SourceName
    kind: SourceKind
    config: Mapping[str, Any] = field(default_factory=dict)
    enabled: bool = True
    instructions: str = ""
    """What the source says of itself; untrusted, capped."""
    synced_at: datetime | None = None
    sync_error: str | None = None
    """Why the last sync failed; None when it worked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that a person must still provide before a source can be called."""

    what: str
    """What is missing, in a sentence."""
    fix: str
    """What to do about it, as a command where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a source lists now: all of it, or all of some of its servers."""

    tools: tuple[ToolSpec, ...]
    instructions: str = ""
    servers: frozenset[str] | None = None
    """The servers that the listing is complete for; None means the whole source."""
    notes: tuple[str, ...] = ()
    """What was wrong with the listing as a whole: duplicates dropped, entries that could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where a spec differs: a JSON Pointer into it, and a short text of what was and is there."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChange:
    """How one tool changed between two syncs."""

    name: ToolName
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What one sync of one source did to the catalogue."""

    source: SourceName
    new: tuple[ToolName, ...] = ()
    changed: tuple[ToolChange, ...] = ()
    gone: tuple[ToolName, ...] = ()
    back: tuple[ToolName, ...] = ()
    """Were gone, and are listed again as they were."""
    unchanged: int = 0
    quarantined: tuple[tuple[ToolName, str], ...] = ()
    """All tools of the source that are quarantined now, with the reason."""
    notes: tuple[str, ...] = ()
    error: str | None = None
    """Why the source could not be listed; the catalogue is then as it was."""
    took_ms: float = 0.0
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Secrets that stood in the configuration, by their names, and where each is kept: `keyring` or `file`."""

    @property
    def touched(self) -> bool:
        """Whether the catalogue is different now."""
        return bool(self.new or self.changed or self.gone or self.back)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        changed = [
            {
                "name": one.name,
                "differences": [
                    {"path": each.path, "before": each.before, "after": each.after} for each in one.differences
                ],
            }
            for one in self.changed
        ]
        return {
            "source": self.source,
            "new": list(self.new),
            "changed": changed,
            "gone": list(self.gone),
            "back": list(self.back),
            "unchanged": self.unchanged,
            "quarantined": [{"name": name, "reason": reason} for name, reason in self.quarantined],
            "notes": list(self.notes),
            "error": self.error,
            "took_ms": round(self.took_ms, 3),
            "secrets": dict(self.secrets),
        }
