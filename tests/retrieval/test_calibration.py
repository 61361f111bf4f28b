from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.find import Filters
from banyan.retrieval import HybridIndex, load_encoder
from banyan.retrieval.calibration import EXACT, HEADS, PREFIX, Evidence, confidence
from banyan.testing.feed import MemoryFeed, MemoryVectors
from banyan.tools.find import FindLimits
from tests.retrieval.documents import OFFICE

unit = st.floats(0, 1)
rows = st.lists(
    st.tuples(unit, st.floats(0, 60), unit, st.sampled_from([0.0, 0.0, 0.5, 1.0]), st.booleans()), max_size=30
)


def evidence(given: list[tuple[float, float, float, float, bool]]) -> Evidence:
    cosine, score, coverage, named, embedded = np.array(given, dtype=np.float64).reshape(len(given), 5).T
    return Evidence(
        rows=np.arange(len(given)),
        cosine=cosine * embedded,
        score=score,
        coverage=coverage,
        named=named,
        embedded=embedded > 0,
    )


@given(rows, st.booleans())
def test_confidence_is_a_probability_and_names_raise_it(
    given: list[tuple[float, float, float, float, bool]], words: bool
) -> None:
    found = evidence(given)
    sure = confidence(found, words=words)
    assert sure.shape == (len(given),)
    assert ((sure >= 0) & (sure <= 1)).all()
    assert (sure[found.named == 1] >= EXACT).all()
    assert (sure[found.named > 0] >= PREFIX).all()
    if found.named.any():
        assert (sure[found.named == 0] <= PREFIX).all()


@given(st.lists(st.tuples(unit, st.floats(0, 60), unit), min_size=1, max_size=30))
def test_stronger_evidence_is_never_less_likely(given: list[tuple[float, float, float]]) -> None:
    found = evidence([(*one, 0.0, True) for one in given])
    strength = HEADS["hybrid"].strength(found)
    sure = confidence(found, words=True)
    order = np.argsort(strength)
    assert (np.diff(sure[order]) >= -1e-12).all()


def test_an_answer_ahead_of_the_crowd_is_surer_than_one_of_many() -> None:
    weak = [(0.3, 5.0, 0.3, 0.0, True)] * 30
    alone = confidence(evidence([(0.7, 20.0, 0.9, 0.0, True), *weak]), words=True)
    crowded = confidence(evidence([(0.7, 20.0, 0.9, 0.0, True)] * 31), words=True)
    assert alone[0] > 0.8
    assert crowded[0] < alone[0]


def test_a_good_answer_fits_even_where_many_tools_do_nearly_the_same() -> None:
    nearly = [(0.52, 27.0, 1.0, 0.0, True)] * 100
    sure = confidence(evidence([(0.64, 27.0, 1.0, 0.0, True), *nearly]), words=True)
    assert sure[0] > 0.5


def test_one_shared_word_ahead_of_the_crowd_does_not_fit_without_its_meaning() -> None:
    crowd = [(0.1, 2.0, 0.2, 0.0, True)] * 100
    apart, near = (confidence(evidence([(cosine, 8.0, 0.8, 0.0, True), *crowd]), words=True) for cosine in (0.1, 0.5))
    assert apart[0] < FindLimits().fits_at < near[0]


def test_a_catalogue_of_one_unrelated_tool_has_no_sure_answer() -> None:
    assert confidence(evidence([(0.05, 0.0, 0.0, 0.0, True)]), words=True)[0] < 0.1


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("send an email to my boss", True),
        ("what is the weather forecast for Berlin", True),
        ("create a new issue in the repository", True),
        ("read a file", True),
        ("play a game of chess against me", False),
        ("bake a chocolate cake", False),
        ("transfer bitcoin to my wallet", False),
        ("resize the virtual machine", False),
    ],
)
async def test_what_no_tool_does_is_told_from_what_one_does(query: str, fits: bool) -> None:
    index = HybridIndex(MemoryFeed(OFFICE), MemoryVectors(), load_encoder)
    await index.embed_missing()
    found = await index.search(query, k=1, filters=Filters())
    assert (found.hits[0].confidence >= FindLimits().fits_at) is fits
