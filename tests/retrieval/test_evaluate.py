from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from banyan.core.errors import BadFile
from banyan.retrieval import Mode
from banyan.retrieval.collection import read_equivalents, read_questions, read_tools
from banyan.retrieval.evaluate import Trial, evaluate
from banyan.retrieval.measures import Ranking, completeness, ndcg, quantile, recall, reciprocal_rank
from banyan.testing.encoder import HashEncoder
from banyan.testing.feed import MemoryVectors


def tool(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": f"s::{name}", "server": "s", "name": name, "description": text, "input_schema": {}, **more}


TOOLS = [
    tool("send_email", "Send an email."),
    tool("list_issues", "List issues.\u2028Of a repository."),
    tool("list_bugs", "List issues of a repository."),
    tool("read_file", "Read a file.", unknown="field"),
]
QUERIES: list[dict[str, Any]] = [
    {"qid": "1", "query": "send an email", "tools": ["s::send_email"], "alternatives": None},
    {"qid": "2", "query": "read a file and send an email", "tools": ["s::read_file", "s::send_email"]},
    {"qid": "3", "query": "nothing of the kind", "tools": ["s::absent"]},
]


def lines(path: Path, rows: list[dict[str, Any]], pack: Callable[[bytes], bytes] = bytes) -> Path:
    path.write_bytes(pack("\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()))
    return path


@pytest.mark.parametrize(
    ("name", "pack"),
    [("t.jsonl", bytes), ("t.jsonl.gz", gzip.compress), ("t.jsonl.zst", zstandard.ZstdCompressor().compress)],
)
def test_files_are_read_plain_and_packed(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    found = read_tools(lines(tmp_path / name, TOOLS, pack))
    assert [one.key for one in found] == [row["id"] for row in TOOLS]
    assert "\u2028" in found[1].text


async def test_an_evaluation_has_the_measures_of_every_file_and_their_mean(tmp_path: Path) -> None:
    first = lines(tmp_path / "first.jsonl", QUERIES)
    second = lines(tmp_path / "second.jsonl.gz", QUERIES[:1], gzip.compress)
    halves = (lines(tmp_path / "a.jsonl", TOOLS[:2]), lines(tmp_path / "b.jsonl", TOOLS[1:]))
    seen: list[tuple[str, int, int]] = []
    trial = Trial(tools=halves, queries=(first, second), k=(1, 5), ranks_out=tmp_path / "ranks.jsonl")
    found = await evaluate(
        trial, HashEncoder, MemoryVectors(), on_progress=lambda doing, done, total: seen.append((doing, done, total))
    )
    shown = found.to_json()
    assert shown["pool"] == 4
    assert [(one["name"], one["n"]) for one in shown["files"]] == [("first", 3), ("second", 1)]
    assert set(shown["files"][0]) == {"name", "n", "recall", "ndcg", "mrr", "completeness", "latency_ms"}
    assert set(shown["mean"]) == {"recall", "ndcg", "mrr", "completeness", "latency_ms"}
    assert shown["files"][0]["recall"]["5"] == round(2 / 3, 4)
    assert shown["mean"]["recall"]["5"] == round((2 / 3 + 1) / 2, 4)
    assert shown["mean"]["completeness"] == {"10": round((2 / 3 + 1) / 2, 4)}
    assert ("embedding", 4, 4) in seen
    assert ("first", 3, 3) in seen
    ranks = [json.loads(line) for line in (tmp_path / "ranks.jsonl").read_text(encoding="utf-8").split("\n") if line]
    assert [row["qid"] for row in ranks] == ["1", "2", "3", "1"]
    assert ranks[0]["ranks"] == [1]
    assert ranks[2]["ranks"] == [None]


async def test_a_second_run_embeds_queries_alone(tmp_path: Path) -> None:
    encoder, vectors = HashEncoder(), MemoryVectors()
    trial = Trial(tools=(lines(tmp_path / "t.jsonl", TOOLS),), queries=(lines(tmp_path / "q.jsonl", QUERIES),))
    await evaluate(trial, lambda: encoder, vectors)
    encoder.embedded.clear()
    await evaluate(trial, lambda: encoder, vectors)
    assert encoder.embedded == [row["query"] for row in QUERIES]


@pytest.mark.parametrize("mode", list(Mode))
async def test_every_mode_can_be_evaluated(tmp_path: Path, mode: Mode) -> None:
    trial = Trial(
        tools=(lines(tmp_path / "t.jsonl", TOOLS),), queries=(lines(tmp_path / "q.jsonl", QUERIES[:1]),), mode=mode
    )
    assert (await evaluate(trial, HashEncoder, MemoryVectors())).to_json()["mean"]["mrr"] == 1.0


async def test_equivalents_and_alternatives_are_hits_too(tmp_path: Path) -> None:
    queries: list[dict[str, Any]] = [
        {"qid": "1", "query": "list issues of a repository", "tools": ["s::gone"]},
        {"qid": "2", "query": "list issues", "tools": ["s::lost"], "alternatives": {"s::lost": ["s::list_bugs"]}},
    ]
    groups = tmp_path / "groups.json.gz"
    groups.write_bytes(gzip.compress(json.dumps([["s::gone", "s::list_issues"]]).encode()))
    trial = Trial(
        tools=(lines(tmp_path / "t.jsonl", TOOLS),), queries=(lines(tmp_path / "q.jsonl", queries),), equivalents=groups
    )
    assert (await evaluate(trial, HashEncoder, MemoryVectors())).to_json()["mean"]["recall"]["5"] == 1.0


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "JSON"),
        ('{"qid": "1", "query": "x"}', "tools"),
        ('{"qid": "1", "query": "x", "tools": []}', "tools"),
        ('{"qid": 1, "query": "x", "tools": ["a"]}', "qid"),
        ("[]", ""),
    ],
)
def test_a_wrong_line_is_named_with_its_file_and_number(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(QUERIES[0]) + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(BadFile) as caught:
        read_questions(path, {})
    assert caught.value.line == 3
    assert str(path) in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("absent.jsonl", None), ("t.jsonl.gz", b"no gzip"), ("t.jsonl.zst", b"no zstd"), ("t.jsonl", b"\xff")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadFile, match=name):
        read_tools(path)


@pytest.mark.parametrize("content", ["{", "{}", '["a"]', "[[1]]"])
def test_equivalents_must_be_groups_of_ids(tmp_path: Path, content: str) -> None:
    path = tmp_path / "groups.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadFile):
        read_equivalents(path)


def wants(*groups: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group) for group in groups)


def test_measures_are_those_of_their_definitions() -> None:
    ranking = Ranking(wanted=wants("a", "b", "xy"), keys=tuple("qaxyrb"))
    assert recall(ranking, 1) == 0
    assert recall(ranking, 3) == pytest.approx(2 / 3)
    assert recall(ranking, 6) == 1
    assert completeness(ranking, 5) == 0
    assert completeness(ranking, 6) == 1
    assert reciprocal_rank(ranking) == 0.5
    gain = 1 / math.log2(3) + 1 / math.log2(4) + 1 / math.log2(7)  # y is worth nothing more after x
    assert ndcg(ranking) == pytest.approx(gain / (1 + 1 / math.log2(3) + 1 / math.log2(4)))


def test_a_perfect_ranking_has_gain_one_and_an_empty_one_nought() -> None:
    assert ndcg(Ranking(wanted=wants("a", "b"), keys=("b", "a"))) == pytest.approx(1)
    assert ndcg(Ranking(wanted=wants("a"), keys=())) == 0


def test_quantiles_are_values_that_were_measured() -> None:
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile([3, 1, 2], 0.95) == 3
    assert quantile([], 0.5) == 0
