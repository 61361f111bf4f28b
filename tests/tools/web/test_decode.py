from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from banyan.tools.web.decode import STEP_BYTES, Undecodable, decoder_of

ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "": bytes,
}


def decode(encoding: str, data: bytes, size: int) -> bytes:
    decoder = decoder_of(encoding)
    found = b"".join(piece for at in range(0, len(data), size) for piece in decoder.feed(data[at : at + size]))
    decoder.finish()
    return found


@given(st.sampled_from(list(ENCODE)), st.lists(st.binary(max_size=200), max_size=4), st.integers(1, 50), st.booleans())
def test_what_was_compressed_comes_back_in_whatever_pieces_it_arrives(
    encoding: str, parts: list[bytes], size: int, large: bool
) -> None:
    text = b"".join(parts) * (2_000 if large else 1)
    assert decode(encoding, ENCODE[encoding](text), size) == text


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_no_step_gives_more_than_a_few_megabytes(encoding: str) -> None:
    data = ENCODE[encoding](bytes(100 * 2**20))
    most = 4 * 2**20 if encoding == "zstd" else STEP_BYTES
    total = 0
    for piece in decoder_of(encoding).feed(data):
        assert len(piece) <= most
        total += len(piece)
    assert total == 100 * 2**20


@given(st.sampled_from(["gzip", "deflate", "zstd"]), st.binary(max_size=200))
def test_bytes_that_mean_nothing_are_undecodable_or_short(encoding: str, data: bytes) -> None:
    try:
        assert len(decode(encoding, data, 16)) < 2**20
    except Undecodable as error:
        assert len(str(error)) < 100


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "compress", "x" * 10_000])
def test_an_encoding_that_was_not_asked_for_is_undecodable(encoding: str) -> None:
    with pytest.raises(Undecodable) as raised:
        decoder_of(encoding)
    assert len(str(raised.value)) < 100


def test_a_window_larger_than_the_web_allows_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    squeeze = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = squeeze.compress(bytes(2**20)) + squeeze.flush()
    with pytest.raises(Undecodable):
        decode("zstd", body, 100)
