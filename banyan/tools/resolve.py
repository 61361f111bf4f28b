"""From a name as a model or a person writes it to the one tool that is meant."""

from __future__ import annotations

import re
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from banyan.core.errors import UnknownTool
from banyan.core.tool import ToolState

if TYPE_CHECKING:
    from banyan.core.ids import ToolName
    from banyan.core.ports import ToolNameRow, ToolStore
    from banyan.core.tool import Tool

_PREFIX = re.compile(r"(?:functions\.)?(?:mcp_{1,2})?(?:banyan(?:__|[_./:]))?", re.IGNORECASE)
_SEPARATOR = re.compile(r"__|[./:]")
_MAX_NAME = 300
_SPLITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveLimits:
    """How a resolver caches and what it suggests."""

    trust_s: float = 1.0
    """Seconds for which the catalogue's version is not asked again: changes by other processes show after that."""
    cached_tools: int = 1_024
    """Tools kept in memory, least recently used leaves first."""
    nearest: int = 3
    """Names suggested for one that nobody has."""
    nearest_at: float = 60.0
    """Likeness, 0 to 100, from which a name is suggested."""


class Resolver:
    """Knows every name of the catalogue, and what a misspelt one probably meant."""

    def __init__(self, tools: ToolStore, limits: ResolveLimits | None = None) -> None:
        self._store = tools
        self._limits = limits or ResolveLimits()
        self._version = -1
        self._checked_at = float("-inf")
        self._known: OrderedDict[str, Tool] = OrderedDict()
        self._names: _Names | None = None
        # One task at a time reads the names: at fifty thousand of them two at once would be waste.
        self._loading = anyio.Lock()

    def forget(self) -> None:
        """Have the next call see the catalogue as it is now, however lately it was looked at."""
        self._checked_at = float("-inf")

    async def resolve(self, name: str) -> Tool:
        """Return the tool that `name` means, in whatever state it is.

        Taken are, in this order: the exact wire name; the same without a client's own prefix; without regard to
        case; `server.tool`, `server/tool`, `server:tool` and `server__tool` with the name that the tool has at its
        server; that name alone, where one server only has it.

        Raises:
            UnknownTool: nothing has that name, or more than one thing has; carries the nearest names.
        """
        await self._check()
        tool = self._known.get(name)
        if tool is not None:
            self._known.move_to_end(name)
            return tool
        version = self._version
        found = await self._store.get([name]) if 0 < len(name) <= _MAX_NAME else []
        if not found:
            found = await self._store.get([await self._search(name)])
        if not found:
            raise UnknownTool(_shown(name))
        if version == self._version:
            self._keep(name, found[0])
        return found[0]

    async def nearest(self, name: str) -> tuple[str, ...]:
        """Return the names most like `name`, best first."""
        names = await self._load()
        work = partial(names.nearest, name[:_MAX_NAME], self._limits.nearest, self._limits.nearest_at)
        return await anyio.to_thread.run_sync(work)

    async def _search(self, name: str) -> ToolName:
        names = await self._load()
        found = names.meant(name) if len(name) <= _MAX_NAME else []
        if len(found) == 1:
            return found[0]
        nearest = tuple(found[: self._limits.nearest]) or await self.nearest(name)
        raise UnknownTool(_shown(name), nearest=nearest)

    async def _check(self) -> None:
        now = time.monotonic()
        if now - self._checked_at < self._limits.trust_s:
            return
        version = await self._store.version()
        if version != self._version:
            self._known.clear()
            self._names = None
            self._version = version
        self._checked_at = now

    async def _load(self) -> _Names:
        async with self._loading:
            if self._names is not None:
                return self._names
            version = self._version
            names = await anyio.to_thread.run_sync(_Names, await self._store.names())
            if version == self._version:
                self._names = names
            return names

    def _keep(self, name: str, tool: Tool) -> None:
        self._known[name] = tool
        if len(self._known) > self._limits.cached_tools:
            self._known.popitem(last=False)


class _Names:
    """Every name of one version of the catalogue, by the ways in which people write it."""

    def __init__(self, rows: Iterable[ToolNameRow]) -> None:
        self._wire: dict[str, ToolName] = {}
        self._pairs: dict[tuple[str, str], set[ToolName]] = defaultdict(set)
        self._bare: dict[str, set[ToolName]] = defaultdict(set)
        self._active: set[ToolName] = set()
        self._order: list[ToolName] = []
        self._folded_bare: list[str] = []
        for row in rows:
            self._add(row)
        self._folded_wire = list(self._wire)

    def _add(self, row: ToolNameRow) -> None:
        bare = row.upstream_name.casefold()
        self._wire[row.name.casefold()] = row.name
        for group in {row.server.casefold(), row.source.casefold()}:
            self._pairs[group, bare].add(row.name)
        self._bare[bare].add(row.name)
        self._order.append(row.name)
        self._folded_bare.append(bare)
        if row.state is ToolState.ACTIVE:
            self._active.add(row.name)

    def meant(self, name: str) -> list[ToolName]:
        """Return the wire names that `name` can mean by the first way of writing that fits any; sorted."""
        for form in _forms(name.strip().casefold()):
            if wire := self._wire.get(form):
                return [wire]
            pairs: set[ToolName] = set()
            for pair in _pairs(form):
                pairs |= self._pairs.get(pair, set())
            if found := pairs or self._bare.get(form, set()):
                # A tool that can be called is meant rather than a namesake that cannot.
                return sorted(found & self._active or found)
        return []

    def nearest(self, name: str, count: int, cutoff: float) -> tuple[str, ...]:
        """Return up to `count` names most like `name`, by wire name or by the name at the server."""
        from rapidfuzz import fuzz, process

        best: dict[str, float] = {}
        for form in _forms(name.strip().casefold()):
            for pool in (self._folded_wire, self._folded_bare):
                for _, score, at in process.extract(form, pool, scorer=fuzz.ratio, limit=count, score_cutoff=cutoff):
                    wire = self._order[at]
                    best[wire] = max(score, best.get(wire, 0.0))
        ranked = sorted(best, key=lambda one: (one not in self._active, -best[one], one))
        return tuple(ranked[:count])


def _forms(name: str) -> Iterator[str]:
    """Yield `name`, then without what clients put before it: `mcp__banyan__x`, `banyan.x`, `mcp__x`, `functions.x`."""
    yield name
    match = _PREFIX.match(name)
    rest = name[match.end() :] if match else name
    if rest and rest != name:
        yield rest


def _pairs(name: str) -> Sequence[tuple[str, str]]:
    """Return the ways to read `name` as a server and a tool of it."""
    cuts = [match.span() for match in _SEPARATOR.finditer(name)][:_SPLITS]
    return [(name[:start], name[end:]) for start, end in cuts if start and end < len(name)]


def _shown(name: str) -> str:
    return name if len(name) <= 80 else name[:80] + "…"
