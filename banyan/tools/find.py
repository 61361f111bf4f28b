"""Finding tools: what the index knows, shown so that a model can call it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from banyan.core.errors import InvalidArgument
from banyan.core.find import Candidate, Filters, FindAnswer, Hit, Search
from banyan.core.tool import ToolState
from banyan.tools.signature import signature

if TYPE_CHECKING:
    from banyan.core.ports import SearchIndex, ToolStore
    from banyan.core.tool import Tool

_SPARE = 5
"""Hits asked for beyond `k`, since some tools may have gone since they were indexed."""
_LEAST_SIGNATURE_CHARS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class FindLimits:
    """What bounds a search, and from when an answer fits."""

    fits_at: float = 0.32
    """Confidence from which the best candidate is said to fit; an exact name always fits."""
    max_k: int = 50
    """Candidates of one search."""
    query_chars: int = 4_000
    """Characters of a query."""
    signature_chars: int = 400
    """Characters of one signature."""
    answer_chars: int = 5_000
    """Characters of all signatures of one answer: with many candidates each gets less."""


class Finder:
    """Searches the catalogue."""

    def __init__(self, tools: ToolStore, index: SearchIndex, limits: FindLimits | None = None) -> None:
        self._tools = tools
        self._index = index
        self._limits = limits or FindLimits()

    async def find(
        self, query: str, *, k: int = 5, filters: Filters | None = None, explain: bool = False
    ) -> FindAnswer:
        """Return the `k` tools that fit `query` best, best first, and whether the best of them fits at all.

        Raises:
            InvalidArgument: the query is empty or too long, `k` is out of range, or no server has a filter's name.
        """
        began_s = time.perf_counter()
        filters = filters or Filters()
        query = self._checked(query, k)
        search = await self._index.search(query, k=k + _SPARE, filters=filters)
        if filters.servers and not search.hits:
            await self._check_servers(filters.servers)
        found = await self._offered(search.hits, k)
        limit = max(_LEAST_SIGNATURE_CHARS, min(self._limits.signature_chars, self._limits.answer_chars // k))
        results = tuple(_candidate(hit, tool, limit, explain=explain) for hit, tool in found)
        fits = bool(found) and (found[0][0].exact or found[0][0].confidence >= self._limits.fits_at)
        return FindAnswer(
            query=query,
            fits=fits,
            note=_note(search, filters, fits=fits, found=bool(found)),
            took_ms=(time.perf_counter() - began_s) * 1_000,
            results=results,
        )

    def _checked(self, query: str, k: int) -> str:
        query = query.strip()
        if not query:
            raise InvalidArgument("query", "it is empty; say what is to be done, in any words")
        if len(query) > self._limits.query_chars:
            raise InvalidArgument(
                "query", f"it has {len(query):,} characters, more than {self._limits.query_chars:,}; say it shorter"
            )
        if not 1 <= k <= self._limits.max_k:
            raise InvalidArgument("k", f"{k} should be between 1 and {self._limits.max_k}")
        return query

    async def _check_servers(self, wanted: frozenset[str]) -> None:
        servers = await self._tools.servers()
        known = {name.casefold(): name for one in servers for name in (one.server, one.source)}
        for name in sorted(wanted):
            if name.casefold() not in known:
                raise InvalidArgument("server", _unknown_server(name, sorted(known.values())))

    async def _offered(self, hits: Sequence[Hit], k: int) -> list[tuple[Hit, Tool]]:
        """Return the hits whose tool can be called now, with the tool."""
        tools = {tool.name: tool for tool in await self._tools.get([hit.key for hit in hits])}
        found = [(hit, tools[hit.key]) for hit in hits if hit.key in tools]  # type: ignore[index]
        return [(hit, tool) for hit, tool in found if tool.state is ToolState.ACTIVE][:k]


def _candidate(hit: Hit, tool: Tool, limit: int, *, explain: bool) -> Candidate:
    why: dict[str, Any] = {}
    if explain:
        cosine = None if hit.cosine is None else round(hit.cosine, 4)
        why = {"lexical": round(hit.lexical, 4), "cosine": cosine, "exact": hit.exact}
    return Candidate(
        name=tool.name,
        server=tool.spec.server,
        title=tool.spec.title[:120],
        signature=signature(tool, limit=limit),
        confidence=hit.confidence,
        effects=tool.effects,
        why=why,
    )


def _note(search: Search, filters: Filters, *, fits: bool, found: bool) -> str:
    if not search.total:
        return "there are no tools yet: add a source with `banyan add`"
    notes = []
    if not found:
        narrowed = filters != Filters()
        notes.append("nothing passes the filters: search without them" if narrowed else "nothing fits")
    elif not fits:
        notes.append("nothing fits well: these are the nearest, and may all be wrong")
    missing = search.total - search.embedded
    if missing > 0:
        notes.append(f"{missing:,} of {search.total:,} tools are not embedded yet, and are found by their words only")
    return "; ".join(notes)


def _unknown_server(name: str, known: Sequence[str]) -> str:
    from rapidfuzz import fuzz, process

    folded = [one.casefold() for one in known]
    near = process.extract(name.casefold(), folded, scorer=fuzz.WRatio, limit=3, score_cutoff=50)
    hint = ", ".join(f"`{known[at]}`" for _, _, at in near)
    return f"no server `{name[:80]}`; " + (f"did you mean {hint}?" if hint else "see `banyan servers`")
