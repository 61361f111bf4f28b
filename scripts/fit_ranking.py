"""Fit the weights of `banyan/retrieval/calibration.py`, and print them with how well they do.

    python scripts/fit_ranking.py --data FOLDER --vectors FILE.db

FOLDER holds tools and labelled queries (`tools/*.jsonl.zst`, `queries/*.jsonl.gz`, `MANIFEST.json`); FILE.db is a
database whose table of vectors is used and filled. Every set of queries is asked in pools that have its tools (a large
one, its own, and eight tools of its own) and in pools that have none of them (large, small, eight), where every answer
is wrong.

Order comes first: the weights make the wanted tools likely among all candidates of their query (softmax, each set
counting the same). Then the scale: gap, lead, meaning and bias turn strengths into the probability that a shown tool is
wanted (logistic on the first five of each query; four requests that have a tool count as much as one that has none).
Between which floor and ceiling the crowd is taken is whatever tells right first answers best from answers to what has
none. All numbers that are printed were measured on sets that were left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import numpy as np

from banyan.core.find import Filters
from banyan.memory.database import Database
from banyan.retrieval import HybridIndex, load_encoder, snapshot
from banyan.retrieval.calibration import CROWD, ENOUGH
from banyan.retrieval.collection import Question, pool_of, read_equivalents, read_questions
from banyan.retrieval.evaluate import Pool
from banyan.retrieval.index import FILE, vectors_name
from banyan.retrieval.rank import Query, rank
from banyan.retrieval.recipe import parts_of

OWN = {
    "mcptoolbenchpp": ("mtb_mcp", "docker_mcp"),
    "aws_examples": ("aws",),
    "jentic_arazzo_dev": ("vendors", "apisguru"),
}
"""Files with the tools of a set, where it is not the one of its name."""
LARGE = dict.fromkeys(("aws_examples", "jentic_arazzo_dev"), ("bfcl", "sealtools", "metatool", "docker_mcp"))
"""Large pools without the tools of a set; those of AWS for every other."""
SMALL = {"mcptoolbenchpp": ("apibank", "restbench")}
"""Small pools without them; two MCP servers for every other."""

KINDS = ("large", "own", "tiny", "large without", "small without", "tiny without")
ANSWERABLE = KINDS[:3]
WEIGHT_WITHOUT = 0.25
TINY, TINY_FROM = 8, 1_000
CANDIDATES, SHOWN, FOLDS = 150, 5, 5
HEADS = {"hybrid": ("cosine", "score", "coverage"), "lexical": ("score", "coverage"), "dense": ("cosine",)}
SCALE = {"cosine": 10.0, "score": 1 / 3, "coverage": 5.0}
"""What makes the features of about the same size, for the steps of the descent."""
FLOORS, CEILINGS = (0.0, 0.5, 1.0, 1.5, 2.0), (6.0, 8.0, 10.0, 99.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The queries of one set in one pool."""

    features: Mapping[str, Any]
    """(queries, candidates) each."""
    there: Any
    """(queries, candidates) bool: a small pool has fewer."""
    wanted: Any
    """(queries, candidates) bool."""
    hits: tuple[tuple[frozenset[int], ...], ...]
    """For each query and each tool that it needs, the candidates that will do."""
    pool: int


Sets = dict[tuple[str, str], Asked]
Bounds = tuple[float, float]
"""Between what the score of the crowd is taken."""


def main() -> None:
    """Collect, fit, check, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=250, help="queries of each set")
    arguments = parser.parse_args()
    found = anyio.run(collect, arguments.data, arguments.vectors, arguments.queries)
    for head, names in HEADS.items():
        report(head, names, found)


async def collect(data: Path, vectors: Path, limit: int) -> Sets:
    """Return the candidates of every query, by set and kind of pool."""
    manifest = json.loads((data / "MANIFEST.json").read_text(encoding="utf-8"))
    equivalents = read_equivalents(data / "equivalent_tools.json.gz")
    encoder = load_encoder()
    database = await Database.open(f"sqlite:///{vectors}")
    found: Sets = {}
    try:
        for name, large in manifest["recommended_pool"].items():
            if name == "gnn_tmdb":  # the questions of restbench again
                continue
            questions = read_questions(data / "queries" / f"{name}.jsonl.gz", equivalents)
            questions = questions[:: max(1, len(questions) // limit)][:limit]
            pools = {
                "large": large,
                "own": OWN.get(name, (name,)),
                "large without": LARGE.get(name, ("aws",)),
                "small without": SMALL.get(name, ("mtb_mcp", "github_mcp")),
            }
            for kind, files in pools.items():
                state = await _state(data, files, database, vectors.parent / "pools" / "-".join(files))
                found[name, kind] = _ask(state, encoder, questions)
            found[name, "tiny without"] = _few(found[name, "small without"])
            if found[name, "own"].pool < TINY_FROM:
                found[name, "tiny"] = _few(found[name, "own"])
    finally:
        await database.close()
    return found


async def _state(data: Path, files: Sequence[str], database: Database, folder: Path) -> Any:
    pool = pool_of([data / "tools" / f"{one}.jsonl.zst" for one in files])
    index = HybridIndex(Pool(pool), database.vectors, load_encoder, cache=folder)
    await index.embed_missing()
    return snapshot.load(folder / FILE, model=vectors_name(load_encoder()))


def _ask(state: Any, encoder: Any, questions: Sequence[Question]) -> Asked:
    shape = (len(questions), CANDIDATES)
    features: dict[str, Any] = {name: np.zeros(shape) for name in SCALE}
    there, wanted, hits = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool), []
    for at, question in enumerate(questions):
        vectors = encoder.embed([question.query, *parts_of(question.query)])
        evidence = rank(state, Query(text=question.query, vectors=vectors), Filters(), CANDIDATES).evidence
        keys = [state.keys[row] for row in evidence.rows.tolist()]
        hits.append(tuple(frozenset(i for i, key in enumerate(keys) if key in ids) for ids in question.wanted))
        wanted[at, [i for group in hits[-1] for i in group]] = True
        there[at, : len(keys)] = True
        for name, column in features.items():
            column[at, : len(keys)] = getattr(evidence, name)
    return Asked(features=features, there=there, wanted=wanted, hits=tuple(hits), pool=len(state.keys))


def _few(asked: Asked) -> Asked:
    """Return the same queries asked of a few tools: one that is wanted, if any, and others by lot."""
    lot = np.random.default_rng(1)
    keep = np.zeros_like(asked.there)
    for row, (there, wanted) in enumerate(zip(asked.there, asked.wanted, strict=True)):
        right = np.flatnonzero(wanted)[:1]
        others = lot.permutation(np.flatnonzero(there & ~wanted))[: TINY - len(right)]
        keep[row, np.concatenate([right, others]).astype(int)] = True
    return Asked(features=asked.features, there=keep, wanted=asked.wanted & keep, hits=asked.hits, pool=TINY)


def report(head: str, names: Sequence[str], found: Sets) -> None:
    """Fit one head, and print it with its checks."""
    sets = list(dict.fromkeys(name for name, _ in found))
    folds = [sets[start::FOLDS] for start in range(FOLDS)]
    orders = {tuple(fold): fit_order(found, [one for one in sets if one not in fold], names) for fold in folds}
    checks = {bounds: _check(found, orders, names, bounds) for bounds in itertools.product(FLOORS, CEILINGS)}
    bounds = max(checks, key=lambda one: _auc_of(checks[one]))
    weights = fit_order(found, sets, names)
    gap, lead, meaning, bias = fit_scale(found, sets, names, weights, bounds)
    final = {name: round(float(weight * SCALE[name]), 3) for name, weight in zip(names, weights, strict=True)}
    scale = f"bias={bias:.3f}, lead={lead:.3f}, gap={gap:.3f}, meaning={meaning:.3f}"
    scale += f", floor={bounds[0]}, ceiling={bounds[1]}"
    print(f"\n## {head}\nHead({', '.join(f'{key}={value}' for key, value in final.items())}, {scale})")
    for kind in ("large", "own"):
        recalls = {one: recall(found[one, kind], names, orders[tuple(fold)]) for fold in folds for one in fold}
        print(f"{kind}: recall at 1, 5, 10 {np.mean(list(recalls.values()), axis=0).round(4)}")
    _print(checks[bounds])


def _check(found: Sets, orders: Mapping[Any, Any], names: Sequence[str], bounds: Bounds) -> dict[str, list[Any]]:
    """Return, by kind of pool, the confidence of every first answer and whether it was right: of sets left out."""
    checked: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    sets = [one for fold in orders for one in fold]
    for fold, weights in orders.items():
        scale = fit_scale(found, [one for one in sets if one not in fold], names, weights, bounds)
        for name, kind in found:
            if name in fold:
                design, right = _design(found[name, kind], names, weights, bounds)
                sure = 1 / (1 + np.exp(-(design[:, 0] @ scale[:-1] + scale[-1])))
                checked[kind].append((sure, right[:, 0] > 0))
    return checked


def _auc_of(checked: Mapping[str, list[Any]]) -> float:
    right = np.concatenate([sure[good] for kind in ANSWERABLE for sure, good in checked[kind]])
    wrong = np.concatenate([sure for kind in KINDS[3:] for sure, _ in checked[kind]])
    order = np.concatenate([right, wrong]).argsort().argsort() + 1
    return float((order[: len(right)].sum() - len(right) * (len(right) + 1) / 2) / (len(right) * len(wrong)))


def _print(checked: Mapping[str, list[Any]]) -> None:
    print(f"right first answers above answers to what has none (AUC): {_auc_of(checked):.3f}")
    for low in np.arange(0, 1, 0.1):
        cells = []
        for kind in ANSWERABLE:
            sure, good = (np.concatenate(part) for part in zip(*checked[kind], strict=True))
            inside = (sure >= low) & (sure < low + 0.1)
            cells.append(f"{kind} {inside.sum()} of which right {good[inside].mean() if inside.any() else 0:.2f}")
        print(f"  confidence {low:.1f} to {low + 0.1:.1f}: {'; '.join(cells)}")
    for at in (0.2, 0.25, 0.3, 0.32, 0.35, 0.4, 0.5):
        kept = [
            f"{kind} {np.mean([(s[g] >= at).mean() for s, g in checked[kind] if g.any()]):.3f}" for kind in ANSWERABLE
        ]
        refused = [f"{kind} {np.mean([(s < at).mean() for s, _ in checked[kind]]):.3f}" for kind in KINDS[3:]]
        print(f"  from {at}: right ones kept {', '.join(kept)}; refused {', '.join(refused)}")


def _strengths(asked: Asked, names: Sequence[str], weights: Any) -> Any:
    found = sum(asked.features[name] * SCALE[name] * weight for name, weight in zip(names, weights, strict=True))
    return np.where(asked.there, found, -np.inf)


def fit_order(found: Sets, sets: Sequence[str], names: Sequence[str], *, steps: int = 300, rate: float = 0.05) -> Any:
    """Return the weights under which the wanted candidates of every query are the likeliest: by Adam."""
    chosen = [found[name, kind] for name in sets for kind in ("large", "own")]
    parts = []
    for asked in chosen:
        with_answer = asked.wanted.any(axis=1)
        features = np.stack([asked.features[name] * SCALE[name] for name in names], axis=2)[with_answer]
        wanted = asked.wanted[with_answer].astype(np.float64)
        parts.append((features, asked.there[with_answer], wanted / wanted.sum(axis=1, keepdims=True)))
    weights, mean, square = (np.zeros(len(names)) for _ in range(3))
    for step in range(1, steps + 1):
        slope = 0.01 * weights
        for features, there, target in parts:
            logits = np.where(there, features @ weights, -np.inf)
            likely = np.exp(logits - logits.max(axis=1, keepdims=True))
            likely /= likely.sum(axis=1, keepdims=True)
            slope = slope + np.einsum("qcf,qc->f", features, likely - target) / len(target) / len(parts)
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        weights = weights - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
    return weights


def _design(asked: Asked, names: Sequence[str], weights: Any, bounds: Bounds) -> tuple[Any, Any]:
    """Return gap, root of the lead and meaning of the first few of every query, and whether each is right."""
    strengths = _strengths(asked, names, weights)
    order = np.argsort(-strengths, axis=1, kind="stable")[:, : max(SHOWN, CROWD)]
    strengths = np.take_along_axis(strengths, order, axis=1)
    right = np.take_along_axis(asked.wanted, order, axis=1)[:, :SHOWN].astype(np.float64)
    lead = np.sqrt(np.maximum(0, strengths[:, :1] - np.clip(strengths[:, CROWD - 1 : CROWD], *bounds)))
    gap = np.maximum(strengths[:, :SHOWN] - strengths[:, :1], -20)
    cosine = np.take_along_axis(asked.features["cosine"], order[:, :1], axis=1)
    meaning = np.minimum(cosine, ENOUGH) if "cosine" in names else np.zeros_like(lead)
    return np.stack([gap, np.repeat(lead, SHOWN, axis=1), np.repeat(meaning, SHOWN, axis=1)], axis=2), right


def fit_scale(found: Sets, sets: Sequence[str], names: Sequence[str], weights: Any, bounds: Bounds) -> Any:
    """Return what gap, lead, meaning and bias are worth."""
    designs, labels, counts = [], [], []
    for (name, kind), asked in found.items():
        if name in sets:
            design, right = _design(asked, names, weights, bounds)
            designs.append(design.reshape(-1, design.shape[2]))
            labels.append(right.ravel())
            counts.append(np.full(right.size, (1 if kind in ANSWERABLE else WEIGHT_WITHOUT) / right.size))
    return _logistic(np.concatenate(designs), np.concatenate(labels), np.concatenate(counts))


def _logistic(design: Any, labels: Any, counts: Any) -> Any:
    """Newton's method."""
    design = np.concatenate([design, np.ones((len(design), 1))], axis=1)
    counts = counts / counts.sum()
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (counts * (likely - labels)) + 1e-4 * weights
        bend = (design * (counts * likely * (1 - likely))[:, None]).T @ design + 1e-4 * np.eye(len(weights))
        weights = weights - np.linalg.solve(bend, slope)
    return weights


def recall(asked: Asked, names: Sequence[str], weights: Any) -> tuple[float, ...]:
    """Return the mean part of the needed tools among the first 1, 5 and 10."""
    order = np.argsort(-_strengths(asked, names, weights), axis=1, kind="stable")
    found = []
    for k in (1, 5, 10):
        shown = [set(row) for row in order[:, :k].tolist()]
        parts = [
            sum(bool(group & rows) for group in groups) / len(groups)
            for groups, rows in zip(asked.hits, shown, strict=True)
        ]
        found.append(float(np.mean(parts)))
    return tuple(found)


if __name__ == "__main__":
    main()
