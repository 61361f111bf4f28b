"""Bytes as they lie in the database."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.memory.packing import Packer


@given(st.binary(max_size=2_000))
def test_what_is_packed_is_unpacked_again(body: bytes) -> None:
    packer = Packer()
    assert packer.unpack(packer.pack(body)) == body


NOISE = random.Random(1).randbytes(5_000)


@pytest.mark.parametrize(
    ("body", "most_bytes"), [(b"", 1), (b"a" * 100_000, 1_000), (NOISE, 5_001)], ids=["nothing", "repeats", "noise"]
)
def test_packing_never_takes_more_than_one_byte(body: bytes, most_bytes: int) -> None:
    assert len(Packer().pack(body)) <= most_bytes
