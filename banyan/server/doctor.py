"""The one place to ask why: what works, what does not, and what to do about it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import anyio.to_thread

from banyan.core.errors import BanyanError
from banyan.core.ports import NeedyBackend
from banyan.core.source import Source, SourceKind
from banyan.core.template import references
from banyan.core.tool import ToolState
from banyan.server.wiring import Parts

_QUARANTINED_SHOWN = 20

LEAST_FREE_BYTES = 16 * 2**20
"""Room on the disk of the home below which calls soon cannot be written down any more."""


class Health(StrEnum):
    """How one thing stands."""

    OK = "ok"
    WARN = "warn"  # works, and wants attention
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    about: str
    health: Health
    detail: str
    fix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """Everything that was looked at."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(check.health is not Health.FAIL for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        checks = [
            {"about": one.about, "health": one.health.value, "detail": one.detail, "fix": one.fix}
            for one in self.checks
        ]
        return {"ok": self.ok, "checks": checks}


async def examine(parts: Parts) -> DoctorReport:
    """Look at every part; one that fails is a check of its own and hides nothing else."""
    checks: list[Check] = [_home(parts)]
    looks: tuple[Callable[[Parts], Awaitable[Iterable[Check]]], ...] = (_database, _index, _sources, _tools, _calls)
    for look in looks:
        try:
            checks.extend(await look(parts))
        except BanyanError as error:
            about = look.__name__.strip("_")
            checks.append(Check(about=about, health=Health.FAIL, detail=parts.secrets.redact(str(error))))
    return DoctorReport(checks=tuple(checks))


def _home(parts: Parts) -> Check:
    home = parts.settings.home
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        fix = "make it writable, or choose another with `--home`"
        return Check(about="home", health=Health.FAIL, detail=f"{home}: {error.strerror}", fix=fix)
    free_bytes = shutil.disk_usage(home).free
    if free_bytes < LEAST_FREE_BYTES:
        detail = f"{home}: {free_bytes // 2**20} MiB are left on its disk"
        return Check(about="home", health=Health.FAIL, detail=detail, fix="free some disk space")
    if os.name == "posix" and home.stat().st_mode & 0o077:
        return Check(about="home", health=Health.WARN, detail=f"{home}: others can read it", fix=f"chmod 700 {home}")
    return Check(about="home", health=Health.OK, detail=str(home))


async def _database(parts: Parts) -> Iterable[Check]:
    return [Check(about="database", health=Health.OK, detail=await parts.database.summary())]


async def _index(parts: Parts) -> Iterable[Check]:
    await parts.index.refresh()
    embedded, total = parts.index.progress()
    health = Health.OK if embedded == total else Health.WARN
    fix = None if embedded == total else "`banyan sync` computes the missing vectors; words are searched meanwhile"
    detail = f"{embedded:,} of {total:,} tools have a vector (model {parts.settings.retrieval.encoder})"
    return [Check(about="index", health=health, detail=detail, fix=fix)]


async def _sources(parts: Parts) -> Iterable[Check]:
    sources = await parts.database.sources.all()
    if not sources:
        return [Check(about="sources", health=Health.WARN, detail="there are none", fix="add one with `banyan add`")]
    return [check for source in sources for check in (_source(parts, source), *await _needs(parts, source))]


async def _needs(parts: Parts, source: Source) -> Iterable[Check]:
    """Return what a source that is switched on still lacks."""
    if not source.enabled:
        return []
    about = f"source {source.name}"
    if source.kind is SourceKind.OPENAPI:
        return await _api_needs(parts, source)
    try:
        backend = await parts.backends.get(source.name)
        needs = await backend.needs() if isinstance(backend, NeedyBackend) else []
    except BanyanError as error:
        return [Check(about=about, health=Health.FAIL, detail=parts.secrets.redact(str(error)))]
    return [Check(about=about, health=Health.WARN, detail=parts.secrets.redact(one.what), fix=one.fix) for one in needs]


async def _api_needs(parts: Parts, source: Source) -> Iterable[Check]:
    """Return what the operations of an API lack: the catalogue holds all that tells it."""
    # Imported here: most homes have no API.
    from banyan.tools.openapi.needs import needs

    rows = await parts.database.tools.names()
    own = [row.name for row in rows if row.source == source.name and row.state is ToolState.ACTIVE]
    tools = await parts.database.tools.get(own)
    bindings = [tool.spec.binding for tool in tools]
    found = await anyio.to_thread.run_sync(lambda: needs(bindings, source.config, parts.secrets.get))
    return [
        Check(
            about=f"source {source.name}",
            health=Health.WARN,
            detail=parts.secrets.redact(
                f"{one.operations:,} of {len(tools):,} operations cannot be called: {one.what}"
            ),
            fix=one.fix,
        )
        for one in found
    ]


def _source(parts: Parts, source: Source) -> Check:
    about = f"source {source.name}"
    missing = [name for name in references(source.config) if parts.secrets.get(name) is None]
    if missing:
        fix = "; ".join(f"`banyan secret set {name}`" for name in missing)
        return Check(about=about, health=Health.FAIL, detail=f"needs {', '.join(missing)}, not set", fix=fix)
    if not source.enabled:
        return Check(about=about, health=Health.WARN, detail="disabled")
    if source.sync_error is not None:
        detail = parts.secrets.redact(source.sync_error)
        left = source.kind is SourceKind.PYTHON and source.config.get("target") == "__main__"
        fix = f"banyan {'remove' if left else 'sync'} {source.name}"
        return Check(about=about, health=Health.FAIL, detail=detail, fix=fix)
    live = parts.backends.live().get(source.name)
    when = f"synced {source.synced_at:%Y-%m-%d %H:%M} UTC" if source.synced_at else "never synced"
    status = ", ".join(f"{key} {value}" for key, value in (live.status() if live else {}).items() if value)
    detail = parts.secrets.redact("; ".join(filter(None, (when, status))))
    return Check(about=about, health=Health.OK if source.synced_at else Health.WARN, detail=detail)


async def _tools(parts: Parts) -> Iterable[Check]:
    rows = await parts.database.tools.names()
    active = sum(row.state is ToolState.ACTIVE for row in rows)
    checks = [Check(about="tools", health=Health.OK if active else Health.WARN, detail=f"{active:,} can be called")]
    hidden = [row.name for row in rows if row.state is ToolState.QUARANTINED]
    by_reason: dict[tuple[str, str], list[str]] = {}
    for tool in await parts.database.tools.get(hidden[:_QUARANTINED_SHOWN]):
        by_reason.setdefault((tool.source, tool.state_reason or "no reason was kept"), []).append(tool.name)
    checks += [_quarantined(source, reason, names) for (source, reason), names in by_reason.items()]
    if len(hidden) > _QUARANTINED_SHOWN:
        detail = f"{len(hidden) - _QUARANTINED_SHOWN:,} more are quarantined"
        checks.append(Check(about="tools", health=Health.WARN, detail=detail))
    return checks


def _quarantined(source: str, reason: str, names: list[str]) -> Check:
    """Return one line for the tools of a source that are quarantined for the same reason."""
    if len(names) == 1:
        return Check(about=f"tool {names[0]}", health=Health.WARN, detail=f"quarantined: {reason}")
    detail = f"{len(names)} tools are quarantined: {reason} ({', '.join(names)})"
    return Check(about=f"source {source}", health=Health.WARN, detail=detail)


async def _calls(parts: Parts) -> Iterable[Check]:
    checks = []
    for record in await parts.database.journal.recent(limit=20, unsettled=True):
        detail = f"call {record.call_id} of {record.tool} at {record.started_at:%Y-%m-%d %H:%M} has no known outcome"
        fix = "see whether it had its effect before you call it again; `banyan calls --unsettled` lists all such calls"
        checks.append(Check(about="calls", health=Health.WARN, detail=detail, fix=fix))
    waiting = await parts.database.approvals.all(pending=True)
    if waiting:
        detail = f"{len(waiting)} calls wait for approval"
        checks.append(Check(about="inbox", health=Health.WARN, detail=detail, fix="banyan inbox"))
    return checks
