"""Retrieval is measured by the same search as `find`, over files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Cli


def lines(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    tools = [
        {"id": f"t{number}", "server": "zoo", "name": name, "description": text}
        for number, (name, text) in enumerate(
            [("feed_lion", "Feed the lion."), ("wash_elephant", "Wash the elephant."), ("feed_big_cat", "Feed it.")]
        )
    ]
    return {
        "one": lines(tmp_path / "one.jsonl", tools[:2]),
        "two": lines(tmp_path / "two.jsonl", tools[2:]),
        "easy": lines(tmp_path / "easy.jsonl", [{"qid": "q1", "query": "wash elephant", "tools": ["t1"]}]),
        "hard": lines(tmp_path / "hard.jsonl", [{"qid": "q2", "query": "nothing like it", "tools": ["t0"]}]),
    }


def test_several_files_form_one_pool_and_each_file_of_queries_is_measured(
    cli: Cli, files: dict[str, str], tmp_path: Path
) -> None:
    done = cli(
        "eval", "retrieval", "--tools", files["one"], files["two"], "--queries", files["easy"], files["hard"],
        "--mode", "lexical", "--k", "1,2", "--ranks-out", str(tmp_path / "ranks.jsonl"), "--json",
    )  # fmt: skip
    assert done.status == 0, done.err
    measured = done.json
    assert [one["name"] for one in measured["files"]] == ["easy", "hard"]
    easy = measured["files"][0]
    assert (easy["n"], easy["recall"], easy["mrr"]) == (1, {"1": 1.0, "2": 1.0}, 1.0)
    assert set(easy) == {"name", "n", "recall", "ndcg", "mrr", "completeness", "latency_ms"}
    assert measured["mean"]["mrr"] == (1.0 + measured["files"][1]["mrr"]) / 2
    ranks = [json.loads(line) for line in (tmp_path / "ranks.jsonl").read_text("utf-8").splitlines()]
    assert [one["qid"] for one in ranks] == ["q1", "q2"]


def test_repeated_options_and_a_table_for_people(cli: Cli, files: dict[str, str]) -> None:
    done = cli(
        "eval", "retrieval", "--tools", files["one"], "--tools", files["two"], "--queries", files["easy"],
        "--mode", "lexical",
    )  # fmt: skip
    head, row = done.out.splitlines()
    assert head.split()[:3] == ["queries", "n", "R@1"]
    assert row.split()[:3] == ["easy", "1", "1.000"]


@pytest.mark.parametrize(
    "wrong", [["--k", "0"], ["--k", "x"], ["--mode", "psychic"], ["--equivalents", "no-such-file"]]
)
def test_wrong_options_and_files_exit_with_two(cli: Cli, files: dict[str, str], wrong: list[str]) -> None:
    assert cli("eval", "retrieval", "--tools", files["one"], "--queries", files["easy"], *wrong).status == 2
    assert cli("eval", "retrieval", "--tools", "none.jsonl", "--queries", files["easy"]).status == 2
