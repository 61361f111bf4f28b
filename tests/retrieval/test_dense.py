from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from banyan.retrieval.dense import Vectors, pack

DIMENSION = 48
_STEP = np.sqrt(DIMENSION) / 127  # what rounding both vectors to 127 steps can cost at most
numbers = arrays(np.float32, (6, DIMENSION), elements=st.floats(-1, 1, width=32)).filter(
    lambda rows: bool((np.linalg.norm(rows, axis=1) > 0.1).all())
)


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@given(numbers)
def test_cosines_of_packed_vectors_are_near_those_of_the_vectors(rows: np.ndarray) -> None:
    vectors = unit(rows).astype(np.float32)
    packed = Vectors.none(6).with_rows(dict(enumerate(pack(vectors))))
    assert np.allclose(packed.cosines(vectors[:1]), vectors @ vectors[0], atol=_STEP)


def test_rows_without_a_vector_have_cosine_nought() -> None:
    vectors = unit(np.ones((1, DIMENSION), dtype=np.float32))
    packed = Vectors.none(3).with_rows({1: pack(vectors)[0]})
    assert packed.there.tolist() == [False, True, False]
    assert packed.cosines(vectors[:1])[[0, 2]].tolist() == [0.0, 0.0]
    assert packed.cosines(vectors[:1])[1] > 0.99


def test_bytes_of_another_length_are_no_vector() -> None:
    good = pack(unit(np.ones((1, DIMENSION), dtype=np.float32)))[0]
    packed = Vectors.none(3).with_rows({0: good, 1: good[:-5]})
    assert packed.there.tolist() == [True, False, False]


def test_an_older_state_is_not_touched_by_rows_that_come_later() -> None:
    good = pack(unit(np.ones((1, DIMENSION), dtype=np.float32)))[0]
    first = Vectors.none(3).with_rows({0: good})
    second = first.with_rows({1: good})
    assert first.there.tolist() == [True, False, False]
    assert second.there.tolist() == [True, True, False]


def test_moved_rows_keep_their_vectors() -> None:
    rows = unit(np.random.default_rng(0).standard_normal((3, DIMENSION), dtype=np.float32))
    packed = Vectors.none(3).with_rows(dict(enumerate(pack(rows))))
    moved = packed.moved(np.array([2, -1, 0], dtype=np.int32), 4)
    assert moved.there.tolist() == [True, False, True, False]
    assert moved.cosines(rows[2:]).argmax() == 0
    assert moved.cosines(rows[:1]).argmax() == 2
