"""How well search finds what is known to be right: the same search as `find`, over files of tools and queries."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from anyio import to_thread

from banyan.core.errors import BadFile
from banyan.core.find import Filters
from banyan.retrieval import measures
from banyan.retrieval.collection import Question, pool_of, read_equivalents, read_questions
from banyan.retrieval.index import HybridIndex, IndexLimits
from banyan.retrieval.measures import Ranking
from banyan.retrieval.rank import Mode

if TYPE_CHECKING:
    from banyan.core.find import Document
    from banyan.core.ports import Encoder, VectorStore

DEPTH = 100
"""Ranks looked at for the mean reciprocal rank."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is, and how much there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is evaluated."""

    tools: tuple[Path, ...]
    """Files of tools; together they are the pool."""
    queries: tuple[Path, ...]
    equivalents: Path | None = None
    """Groups of tools of which each is as good as the others."""
    mode: Mode = Mode.HYBRID
    k: tuple[int, ...] = (1, 5, 10, 20)
    ranks_out: Path | None = None
    """Where the ranks of every query are written, one JSON object per line."""
    limit: int | None = None
    """Queries of each file that are asked, spread over the file; all if None."""
    cache: Path | None = None
    """Folder where the index of this pool is kept for the next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came out for one file of queries."""

    name: str
    rankings: tuple[Ranking, ...]
    latencies_ms: tuple[float, ...]
    k: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the measures as the command line prints them."""
        ranked = self.rankings
        return {
            "name": self.name,
            "n": len(ranked),
            "recall": {str(k): measures.mean([measures.recall(one, k) for one in ranked]) for k in self.k},
            "ndcg": {"10": measures.mean([measures.ndcg(one) for one in ranked])},
            "mrr": measures.mean([measures.reciprocal_rank(one) for one in ranked]),
            "completeness": {"10": measures.mean([measures.completeness(one, 10) for one in ranked])},
            "latency_ms": {
                "p50": measures.quantile(self.latencies_ms, 0.5),
                "p95": measures.quantile(self.latencies_ms, 0.95),
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came out for every file of queries."""

    pool: int
    """Tools that were searched."""
    results: tuple[Result, ...]

    def to_json(self) -> dict[str, Any]:
        """Return `{files, mean, pool}`: the measures of every file, and their mean over files."""
        files = [result.to_json() for result in self.results]
        shown = [{key: value for key, value in one.items() if key not in ("name", "n")} for one in files]
        return {"files": _rounded(files), "mean": _rounded(_mean(shown)) if shown else {}, "pool": self.pool}


async def evaluate(
    trial: Trial,
    encoder: Callable[[], Encoder],
    vectors: VectorStore,
    *,
    on_progress: Progress = lambda _doing, _done, _total: None,
) -> Evaluation:
    """Return how well search does on `trial`.

    Args:
        trial: what is evaluated.
        encoder: makes the encoder.
        vectors: where the pool's vectors are kept: a second run embeds nothing.
        on_progress: is told what goes on.

    Raises:
        BadFile: a file cannot be read or written, or has a wrong line.
        ModelUnavailable: the encoder cannot be loaded or run.
    """
    equivalents = read_equivalents(trial.equivalents) if trial.equivalents else {}
    questions = {path: _sample(read_questions(path, equivalents), trial.limit) for path in trial.queries}
    pool = await to_thread.run_sync(pool_of, trial.tools)
    limits = IndexLimits(mode=trial.mode)
    index = HybridIndex(Pool(pool), vectors, encoder, cache=trial.cache, limits=limits)
    await index.refresh()
    await index.embed_missing(lambda done, total: on_progress("embedding", done, total))
    results = []
    for path, asked in questions.items():
        results.append(await _ask(index, _name(path), asked, trial.k, on_progress))
    if trial.ranks_out is not None:
        await to_thread.run_sync(_write_ranks, trial.ranks_out, questions, results)
    return Evaluation(pool=len(pool), results=tuple(results))


async def _ask(
    index: HybridIndex, name: str, questions: Sequence[Question], k: tuple[int, ...], on_progress: Progress
) -> Result:
    depth = max(DEPTH, *k)
    rankings, latencies_ms = [], []
    for at, question in enumerate(questions):
        on_progress(name, at, len(questions))
        started = time.perf_counter()
        found = await index.search(question.query, k=depth, filters=Filters())
        latencies_ms.append((time.perf_counter() - started) * 1_000)
        rankings.append(Ranking(wanted=question.wanted, keys=tuple(hit.key for hit in found.hits)))
    on_progress(name, len(questions), len(questions))
    return Result(name=name, rankings=tuple(rankings), latencies_ms=tuple(latencies_ms), k=k)


class Pool:
    """A `DocumentFeed` that never changes."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = documents
        exact = hashlib.sha256("\n".join(sorted(f"{key} {one.digest}" for key, one in documents.items())).encode())
        self._version = int.from_bytes(exact.digest()[:6])

    async def version(self) -> int:
        """Return a number of this very pool, so that a kept index of another is not taken for it."""
        return self._version

    async def digests(self) -> dict[str, str]:
        """Return the digest of every document."""
        return {key: document.digest for key, document in self._documents.items()}

    async def documents(self, keys: Sequence[str]) -> list[Document]:
        """Return these documents."""
        return [self._documents[key] for key in keys if key in self._documents]


def _sample(questions: list[Question], limit: int | None) -> list[Question]:
    if limit is None or limit >= len(questions):
        return questions
    return [questions[at * len(questions) // limit] for at in range(limit)]


def _name(path: Path) -> str:
    return path.name.split(".")[0]


def _write_ranks(path: Path, questions: Mapping[Path, Sequence[Question]], results: Sequence[Result]) -> None:
    try:
        with path.open("wb") as file:
            for asked, result in zip(questions.values(), results, strict=True):
                for question, ranking in zip(asked, result.rankings, strict=True):
                    line = {
                        "file": result.name,
                        "qid": question.qid,
                        "ranks": ranking.found(),
                        "tools": list(ranking.keys),
                    }
                    file.write(orjson.dumps(line) + b"\n")
    except OSError as error:
        raise BadFile(str(path), str(error)) from error


def _mean(values: Sequence[Any]) -> Any:
    """Return the mean of nested objects of the same shape."""
    if isinstance(values[0], dict):
        return {key: _mean([value[key] for value in values]) for key in values[0]}
    return measures.mean(values)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value
