"""A state on disk, used where it lies: what lets a search begin without reading the database."""

from __future__ import annotations

import json
import logging
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from banyan.retrieval.columns import Array, Strings
from banyan.retrieval.dense import Vectors
from banyan.retrieval.postings import Postings
from banyan.retrieval.state import State

logger = logging.getLogger(__name__)

FORMAT = 2
"""Grows with every change of what a state holds, or of what its numbers mean."""

_MAGIC = b"banyan index\n"
_UNFINISHED = ".index-"
_ABANDONED_S = 600
_ALIGNED_BYTES = 64
_HEAD_BYTES = len(_MAGIC) + 8 + 4


def save(state: State, path: Path, *, model: str) -> None:
    """Write `state` to `path`, all or nothing; a disk that refuses costs the next start its speed, and no more.

    Args:
        state: what is written.
        path: the file, which readers may have mapped: it is replaced, never changed.
        model: name of the encoder that its vectors are of.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(path.parent)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_UNFINISHED, delete=False) as file:
            try:
                for piece in _pieces(state, model):
                    file.write(piece)
                file.close()
                Path(file.name).replace(path)
            except BaseException:
                file.close()
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        logger.warning("the index could not be kept in `%s`: %s", path, error)


def load(path: Path, *, model: str) -> State | None:
    """Return the state that was saved at `path`, or None where there is none that can be used.

    Vectors of another encoder than `model` are left out.
    """
    try:
        data = np.memmap(path, dtype=np.uint8, mode="r")
        header, start = _header(data)
        arrays = dict(_arrays(data, header, start))
        return _state(header, arrays, model=model)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("the index in `%s` is made anew: %s", path, error)
        return None


def _sweep(folder: Path) -> None:
    """Remove what writers that were killed have left."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        with suppress(FileNotFoundError):  # its writer has just finished
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink()


def _columns(state: State) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for name in ("keys", "digests"):
        found |= _of_strings(name, getattr(state, name))
    for name in ("words", "names", "labels"):
        postings: Postings = getattr(state, name)
        found |= _of_strings(f"{name}.terms", postings.terms)
        found |= {f"{name}.starts": postings.starts, f"{name}.rows": postings.rows, f"{name}.weights": postings.weights}
    vectors = state.vectors
    return found | {
        "vectors.numbers": vectors.numbers,
        "vectors.scales": vectors.scales,
        "vectors.there": vectors.there,
    }


def _of_strings(name: str, strings: Strings) -> dict[str, Array]:
    return {f"{name}.blob": strings.blob, f"{name}.offsets": strings.offsets}


def _pieces(state: State, model: str) -> Iterator[bytes]:
    """Yield the file: magic, length and checksum of the header, header, then every array at a round place."""
    columns = {name: np.ascontiguousarray(column) for name, column in _columns(state).items()}
    described, at = {}, 0
    for name, column in columns.items():
        checksum = zlib.crc32(column.data) if column.size else 0
        described[name] = {"dtype": column.dtype.str, "shape": column.shape, "at": at, "crc": checksum}
        at += _padded(column.nbytes)
    header = {"format": FORMAT, "version": state.version, "model": model, "size_bytes": at, "arrays": described}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-(_HEAD_BYTES + len(encoded)) % _ALIGNED_BYTES)
    yield _MAGIC + len(encoded).to_bytes(8, "little") + zlib.crc32(encoded).to_bytes(4, "little") + encoded
    for column in columns.values():
        yield column.tobytes()
        yield bytes(_padded(column.nbytes) - column.nbytes)


def _padded(size_bytes: int) -> int:
    return -(-size_bytes // _ALIGNED_BYTES) * _ALIGNED_BYTES


def _header(data: Array) -> tuple[dict[str, Any], int]:
    if data[: len(_MAGIC)].tobytes() != _MAGIC:
        raise ValueError("it is no index")
    told = data[len(_MAGIC) : _HEAD_BYTES].tobytes()
    start = _HEAD_BYTES + int.from_bytes(told[:8], "little")
    encoded = data[_HEAD_BYTES:start].tobytes()
    if start > len(data) or zlib.crc32(encoded) != int.from_bytes(told[8:], "little"):
        raise ValueError("its header is damaged")
    header = json.loads(encoded)
    if header["format"] != FORMAT:
        raise ValueError(f"it has format {header['format']}, not {FORMAT}")
    if start + header["size_bytes"] != len(data):
        raise ValueError("it is cut off")
    return header, start


def _arrays(data: Array, header: dict[str, Any], start: int) -> Iterator[tuple[str, Array]]:
    for name, about in header["arrays"].items():
        kind, shape = np.dtype(about["dtype"]), tuple(about["shape"])
        size_bytes = kind.itemsize * int(np.prod(shape))
        raw = data[start + about["at"] :][:size_bytes]
        if size_bytes and zlib.crc32(raw.data) != about["crc"]:
            raise ValueError(f"`{name}` is damaged")
        yield name, np.asarray(raw).view(kind).reshape(shape)


def _state(header: dict[str, Any], arrays: dict[str, Array], *, model: str) -> State:
    def strings(name: str) -> Strings:
        return Strings(arrays[f"{name}.blob"], arrays[f"{name}.offsets"])

    def postings(name: str) -> Postings:
        return Postings(
            terms=strings(f"{name}.terms"),
            starts=arrays[f"{name}.starts"],
            rows=arrays[f"{name}.rows"],
            weights=arrays[f"{name}.weights"],
        )

    vectors = Vectors(numbers=arrays["vectors.numbers"], scales=arrays["vectors.scales"], there=arrays["vectors.there"])
    keys = strings("keys")
    return State(
        version=header["version"],
        keys=keys,
        digests=strings("digests"),
        words=postings("words"),
        names=postings("names"),
        labels=postings("labels"),
        vectors=vectors if header["model"] == model else Vectors.none(len(keys)),
    )
