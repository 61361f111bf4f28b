"""What a serving Banyan can be told: sizes, times and which tools it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Expose(StrEnum):
    """Which tools a client is shown."""

    SEARCH = "search"  # the few tools that find, describe, call and read
    ALL = "all"  # every active tool of the catalogue, natively, and `read_result`


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits:
    """How large an answer to a model may be."""

    answer_chars: int = 8_000
    """Characters of one answer: its text and its structured content together."""
    blurb_chars: int = 1_200
    """Characters that the description of `find_tools` may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionLimits:
    """How long and how many questions to a person may wait."""

    answer_within_s: float = 300.0
    """Seconds until a question that nobody answered counts as cancelled."""
    waiting: int = 64
    """Calls that may wait for an answer at once; in one more, the person cannot be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How Banyan serves, whatever the transport."""

    expose: Expose = Expose.SEARCH
    answers: AnswerLimits = field(default_factory=AnswerLimits)
    questions: QuestionLimits = field(default_factory=QuestionLimits)
    message_cap_bytes: int = 8 * 2**20
    """Bytes of one message from a client over stdio."""
    native_tools: int = 500
    """Tools that `Expose.ALL` lists at most."""
    lease_s: float = 600.0
    """Seconds for which a client holds a task that it claimed, from the last time that it spoke of it."""
