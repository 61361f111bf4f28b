"""What botocore answers, as JSON: times in ISO 8601, bytes as text or base64, streams read up to a cap."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from banyan.core.call import RawResult
from banyan.core.shorten import compact
from banyan.tools.aws.operations import PAGES

_CHUNK_BYTES = 64 * 1024
_TOKEN_CHARS = 600
_METADATA = "ResponseMetadata"


def result_of(response: Mapping[str, Any], binding: Mapping[str, Any], *, cap_bytes: int, until_s: float) -> RawResult:
    """Return an operation's response as its result, with a note on the next page, if there is one.

    Args:
        response: as botocore gives it; its streams are read here, and closed.
        binding: the tool's, which says how it is paged.
        cap_bytes: bytes that all streams together may have; the rest is left, and noted.
        until_s: the monotonic time at which reading a stream of events ends.
    """
    reader = _Reader(cap_bytes, until_s)
    found = {key: reader.json(one) for key, one in response.items() if key != _METADATA}
    return RawResult(structured=found, notes=(*reader.notes, *next_page(found, binding.get(PAGES, {}))))


@dataclass(slots=True)
class _Reader:
    left_bytes: int
    until_s: float
    notes: list[str] = field(default_factory=list)

    def json(self, value: Any) -> Any:
        """Return `value` as JSON."""
        if isinstance(value, Mapping):
            return {str(key): self.json(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set):
            return [self.json(one) for one in value]
        if isinstance(value, bytes | bytearray):
            return text_or_base64(bytes(value))
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Decimal):
            return float(value)
        if hasattr(value, "read"):
            return text_or_base64(self._body(value))
        if hasattr(value, "close") and hasattr(value, "__iter__"):
            return list(self._events(value))
        return value

    def _body(self, stream: Any) -> bytes:
        """Return a body up to the cap; text is not cut within a character."""
        chunks: list[bytes] = []
        try:
            while self.left_bytes > 0 and (chunk := stream.read(min(_CHUNK_BYTES, self.left_bytes))):
                chunks.append(chunk)
                self.left_bytes -= len(chunk)
            whole = self.left_bytes > 0 or not stream.read(1)
        finally:
            stream.close()
        body = b"".join(chunks)
        if whole:
            return body
        self.notes.append(f"the body was cut after {len(body):,} bytes")
        # At most three bytes of a character can stand at the end without the rest of it.
        return next((body[:end] for end in range(len(body), len(body) - 4, -1) if _is_text(body[:end])), body)

    def _events(self, stream: Any) -> Iterator[Any]:
        try:
            for event in stream:
                one = self.json(event)
                self.left_bytes -= len(compact(one))
                yield one
                if self.left_bytes <= 0 or time.monotonic() > self.until_s:
                    self.notes.append("the stream of events was left before its end")
                    return
        finally:
            stream.close()


def text_or_base64(body: bytes) -> Any:
    """Return bytes as text where they are UTF-8, else as an object with base64: both are taken as an argument again."""
    return body.decode("utf-8") if _is_text(body) else {"base64": base64.b64encode(body).decode("ascii")}


def _is_text(body: bytes) -> bool:
    try:
        return "\0" not in body.decode("utf-8")
    except UnicodeDecodeError:
        return False


def next_page(found: Mapping[str, Any], pages: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a note on how the next page is had; nothing where there is none."""
    if not pages:
        return ()
    import jmespath

    if pages["more"] and not jmespath.search(pages["more"], found):
        return ()
    tokens = {given: jmespath.search(told, found) for given, told in zip(pages["input"], pages["output"], strict=False)}
    tokens = {name: token for name, token in tokens.items() if token}
    if not tokens:
        return ()
    told = compact(tokens)
    if len(told) > _TOKEN_CHARS:
        told = f"{', '.join(tokens)} from {', '.join(pages['output'])} of the result"
    return (f"there is more: call again with the same arguments and {told}",)
