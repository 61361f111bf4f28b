"""Calls with drawn arguments arrive at a server so that independent readers of the document find what was meant."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.tools.openapi.recording import Recorder, call_all, documents, served

SPECS = os.environ.get("BANYAN_SPECS")
OWN = dict(documents(Path(__file__).parents[2] / "specs"))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["styles.json", "styles-v2.json", "shop.yaml"])
async def test_calls_of_our_own_documents_arrive_as_they_were_meant(name: str) -> None:
    recorder = Recorder()
    with served(recorder) as base_url:
        tally = await call_all(name, OWN[name], recorder, base_url, most=100, each=10)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.calls > 5 * tally.operations > 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not SPECS, reason="BANYAN_SPECS names no folder of OpenAPI documents")
async def test_thousands_of_calls_of_real_documents_arrive_as_they_were_meant() -> None:
    recorder = Recorder()
    calls = operations = invalid = 0
    wrong: list[str] = []
    places: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    with served(recorder) as base_url:
        for name, data in documents(Path(SPECS or "")):
            tally = await call_all(name, data, recorder, base_url, most=75)
            calls, operations, invalid = calls + tally.calls, operations + tally.operations, invalid + tally.invalid
            places += tally.places
            refused += tally.refused
            wrong += [f"{name}: {one}" for one in tally.disagreements]
    print(f"{calls} calls of {operations} operations: {dict(places)}; {len(wrong)} disagreements")
    print(f"not sent: {invalid} drawn against their schema; refused {dict(refused)}")
    assert not wrong, "\n".join(wrong[:50])
    assert calls >= 3_000
