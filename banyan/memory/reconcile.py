"""What a sync does to the catalogue, decided from values alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from banyan.core.canonical import digest
from banyan.core.ids import ToolName
from banyan.core.names import wire_name
from banyan.core.tool import ToolSpec, ToolState


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the catalogue knows of one tool of a source."""

    id: int
    name: ToolName
    digest: str
    state: ToolState
    disabled: bool


@dataclass(slots=True, kw_only=True)
class Plan:
    """What becomes of the tools of one source."""

    new: list[tuple[str, ToolName, ToolSpec]] = field(default_factory=list)
    """Identity, the name it gets, and what it is."""
    changed: list[tuple[Known, ToolSpec]] = field(default_factory=list)
    """Listed, with another digest; gone ones that are back changed are here too."""
    back: list[tuple[Known, ToolSpec]] = field(default_factory=list)
    gone: list[Known] = field(default_factory=list)
    quarantined: list[tuple[ToolName, str]] = field(default_factory=list)
    unchanged: int = 0

    @property
    def touches(self) -> bool:
        """Whether anything is to be written."""
        return bool(self.new or self.changed or self.back or self.gone)


def identity(spec: ToolSpec) -> str:
    """Return what tells a tool from the others of its source, in one short text."""
    return digest([spec.server, spec.upstream_name])


def by_identity(specs: Sequence[ToolSpec]) -> tuple[dict[str, ToolSpec], tuple[str, ...]]:
    """Return specs by identity in their order, the first of equals; and notes on those that are left out."""
    found: dict[str, ToolSpec] = {}
    notes: list[str] = []
    twice = 0
    for spec in specs:
        try:
            key, _ = identity(spec), spec.digest
        except ValueError as error:
            notes.append(f"{ascii(spec.upstream_name)[:80]} is left out: {error}")
            continue
        twice += key in found
        found.setdefault(key, spec)
    if twice:
        notes.append(f"{twice} tools were listed more than once; the first of each counts")
    return found, tuple(notes)


def standing(spec: ToolSpec, *, disabled: bool) -> tuple[ToolState, str | None]:
    """Return the state of a listed tool, and its reason: a person's word counts before the tool's own fault."""
    if disabled:
        return ToolState.DISABLED, None
    return (ToolState.QUARANTINED, spec.fault) if spec.fault is not None else (ToolState.ACTIVE, None)


Taken = Callable[[Collection[str]], Iterable[str]]
"""Returns those of these case-folded names that tools of the catalogue have, of any source."""


def reconcile(known: Mapping[str, Known], listed: Mapping[str, ToolSpec], taken: Taken) -> Plan:
    """Return what makes the tools of a source exactly `listed`.

    Args:
        known: the source's tools by identity, gone ones too.
        listed: what the source lists now, by identity.
        taken: tells which names others have; asked only where a tool is new.
    """
    plan = Plan()
    new: list[tuple[str, ToolSpec]] = []
    for key, spec in listed.items():
        tool = known.get(key)
        if tool is None:
            new.append((key, spec))
            continue
        _compare(plan, tool, spec)
        if spec.fault is not None and not tool.disabled:
            plan.quarantined.append((tool.name, spec.fault))
    plan.gone = [tool for key, tool in known.items() if key not in listed and tool.state is not ToolState.GONE]
    for (key, spec), name in zip(new, _named([spec for _, spec in new], taken), strict=True):
        plan.new.append((key, name, spec))
        if spec.fault is not None:
            plan.quarantined.append((name, spec.fault))
    return plan


def _named(new: Sequence[ToolSpec], taken: Taken) -> list[ToolName]:
    """Return a name for each of these tools, in their order, that no other tool has."""
    others: set[str] = set()
    while True:
        names = set(others)
        given: list[ToolName] = []
        for spec in new:
            given.append(wire_name(spec.server, spec.upstream_name, names))
            names.add(given[-1].casefold())
        # Asked for these alone: a catalogue has tens of thousands, and a large source is synced in hundreds of parts.
        clashes = set(taken(names - others)) if given else set()
        if not clashes:
            return given
        others |= clashes


def _compare(plan: Plan, tool: Known, spec: ToolSpec) -> None:
    if tool.digest != spec.digest:
        plan.changed.append((tool, spec))
    elif tool.state is ToolState.GONE:
        plan.back.append((tool, spec))
    else:
        plan.unchanged += 1
