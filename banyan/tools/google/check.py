"""What would be added of Google's APIs, without adding anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from banyan.core.tool import EffectKind
from banyan.tools.google import library
from banyan.tools.google.methods import tools


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiReport:
    """One API as it would be added."""

    server: str
    title: str
    versions: tuple[str, ...]
    tools: int
    read_only: int
    quarantined: tuple[tuple[str, str], ...] = ()
    """Methods that cannot be offered, with the reason."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        return {
            "server": self.server,
            "title": self.title,
            "versions": list(self.versions),
            "tools": self.tools,
            "read_only": self.read_only,
            "quarantined": [{"name": name, "reason": reason} for name, reason in self.quarantined],
        }


def look(
    apis: Sequence[str], *, all_versions: bool, on_progress: Callable[[int, int], None] | None = None
) -> list[ApiReport]:
    """Return what is in these APIs, or in all of them, by name; blocks for as long as reading takes.

    Raises:
        NoDiscoveryDocuments: google-api-python-client is not installed.
        InvalidArgument: there is no API of one of these names.
        BadDocument: a document cannot be read.
    """
    groups = library.chosen(library.families(library.folder()), apis, all_versions=all_versions)
    found = []
    for done, versions in enumerate(groups, start=1):
        report = _report(versions)
        if report.tools:
            found.append(report)
        if on_progress is not None:
            on_progress(done, len(groups))
    return sorted(found, key=lambda one: one.server)


def _report(versions: Sequence[library.Api]) -> ApiReport:
    documents = [library.load(one.path) for one in versions]
    listed = tools(documents, versions[0].server)
    return ApiReport(
        server=versions[0].server,
        title=str(documents[0].get("title") or versions[0].name),
        versions=tuple(one.version for one in versions),
        tools=len(listed),
        read_only=sum(one.effects.kind is EffectKind.READ_ONLY for one in listed),
        quarantined=tuple((one.upstream_name, one.fault) for one in listed if one.fault),
    )
