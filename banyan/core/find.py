"""What a search of the catalogue asks and answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from banyan.core.ids import ToolName
from banyan.core.tool import EffectKind, Effects


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One searchable text: a tool today; tasks, facts and results by the same shape."""

    key: str
    """Unique within its kind: for a tool, its wire name."""
    kind: str
    digest: str
    """Digest of all that search reads of it: equal digests have equal vectors."""
    name: str
    """The name that people type: for a tool, its name at its server."""
    title: str = ""
    text: str = ""
    details: str = ""
    """Words worth less than the text: parameter names and what they mean."""
    server: str = ""
    source: str = ""
    """The source that it comes from, for filters; its words are not searched."""
    tags: tuple[str, ...] = ()
    effects: EffectKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a candidate must be, before ranking; empty means anything."""

    servers: frozenset[str] = frozenset()
    """Names of servers or of sources, without regard to case."""
    tags: frozenset[str] = frozenset()
    """At least one of them."""
    effects: frozenset[EffectKind] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One document found."""

    key: str
    confidence: float
    """Probability, in [0, 1], that it does what the query asks."""
    lexical: float = 0.0
    """BM25 score, 0 where no word matches."""
    cosine: float | None = None
    """Cosine of query and document; None while its vector has not arrived."""
    exact: bool = False
    """The query is its name, or the start of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What an index answers."""

    hits: tuple[Hit, ...]
    embedded: int
    """Documents that have a vector."""
    total: int
    """Documents in the index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One tool offered as an answer to a query."""

    name: ToolName
    server: str
    title: str
    signature: str
    confidence: float
    effects: Effects
    why: dict[str, Any] = field(default_factory=dict)
    """Scores behind the confidence; given with `--explain`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindAnswer:
    """What `find` answers: the one result type of Python, CLI and MCP."""

    query: str
    fits: bool
    """Whether the best candidate is likely what was asked for; False means that nothing fits."""
    note: str
    took_ms: float
    results: tuple[Candidate, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        results = []
        for one in self.results:
            shown = {
                "name": one.name,
                "server": one.server,
                "title": one.title,
                "signature": one.signature,
                "confidence": round(one.confidence, 3),
                "effects": asdict(one.effects),
            }
            results.append(shown | ({"why": one.why} if one.why else {}))
        return {
            "query": self.query,
            "fits": self.fits,
            "note": self.note,
            "took_ms": round(self.took_ms, 3),
            "results": results,
        }
