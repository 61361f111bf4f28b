"""Undoing a response's compression step by step, so that a small one cannot become a huge one in between."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

STEP_BYTES = 64 * 1024
"""Most that one step gives."""

ACCEPTED = b"gzip, deflate, zstd"
"""What a request says that it can take."""


class Undecodable(ValueError):
    """The bytes are not what the response says they are, or of an encoding that is not known."""


class Decoder(Protocol):
    """Undoes one encoding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` means, at most `STEP_BYTES` at a time.  Raises `Undecodable`."""
        ...

    def finish(self) -> None:
        """Raise `Undecodable` if more should have come."""
        ...


class Identity:
    """Bytes as they are."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield `data`."""
        yield data

    def finish(self) -> None:
        """Do nothing: such bytes may end anywhere."""


class Zlib:
    """Gzip and deflate; of the latter both forms that servers send."""

    def __init__(self, *, gzip: bool) -> None:
        self._window = zlib.MAX_WBITS | 16 if gzip else zlib.MAX_WBITS
        self._gzip = gzip
        self._decompress = zlib.decompressobj(self._window)
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` means."""
        found = b""
        # A full step may have left more behind, within the decompressor, when all of its input is used up.
        while data or len(found) == STEP_BYTES:
            if self._decompress.eof:
                if not self._gzip or not data.strip(b"\0"):
                    return
                # Several gzip members in a row stand for one text (RFC 1952, 2.2).
                self._decompress = zlib.decompressobj(self._window)
            found = self._step(data)
            self._started = True
            data = self._decompress.unconsumed_tail or self._decompress.unused_data
            if found:
                yield found

    def _step(self, data: bytes) -> bytes:
        try:
            return self._decompress.decompress(data, STEP_BYTES)
        except zlib.error as error:
            if self._started or self._gzip:
                raise Undecodable("its compression is damaged") from error
        # RFC 9110 means the zlib format by "deflate"; some servers send the bare one.
        self._decompress = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            return self._decompress.decompress(data, STEP_BYTES)
        except zlib.error as error:
            raise Undecodable("its compression is damaged") from error

    def finish(self) -> None:
        """Check that the end has come, if anything has."""
        if self._started and not self._decompress.eof:
            raise Undecodable("its compressed body ends too early")


class Zstandard:
    """Zstandard, with the window that RFC 9659 allows on the web."""

    _WINDOW_BYTES = 8 * 1024 * 1024
    _SLICE_BYTES = 128
    """Fed at once: the decoder has no bound on what it gives, and 4 bytes can stand for 128 KiB."""

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._decompressor: Any = zstandard.ZstdDecompressor(max_window_size=self._WINDOW_BYTES)
        self._decompress = self._decompressor.decompressobj()
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` means."""
        while data:
            piece, data = data[: self._SLICE_BYTES], data[self._SLICE_BYTES :]
            yield from self._whole(piece)

    def _whole(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._decompress.eof:
                self._decompress = self._decompressor.decompressobj()
            self._started = True
            try:
                found = self._decompress.decompress(piece)
            except self._error as error:
                raise Undecodable("its compression is damaged") from error
            piece = self._decompress.unused_data if self._decompress.eof else b""
            if found:
                yield found

    def finish(self) -> None:
        """Check that the end has come, if anything has."""
        if self._started and not self._decompress.eof:
            raise Undecodable("its compressed body ends too early")


_Make: TypeAlias = Callable[[], Decoder]
_DECODERS: Mapping[str, _Make] = MappingProxyType(
    {
        "": Identity,
        "identity": Identity,
        "gzip": lambda: Zlib(gzip=True),
        "x-gzip": lambda: Zlib(gzip=True),
        "deflate": lambda: Zlib(gzip=False),
        "zstd": Zstandard,
    }
)


def decoder_of(encoding: str) -> Decoder:
    """Return what undoes a response's `Content-Encoding`.

    Raises:
        Undecodable: it is none that was asked for, or several at once.
    """
    make = _DECODERS.get(encoding.strip().lower())
    if make is None:
        raise Undecodable(f"it is encoded as `{encoding[:40]}`, which was not asked for")
    return make()
