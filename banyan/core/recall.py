"""Answers about what is and was known: values with how they came and went, and whether something said holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from banyan.core.canonical import canonical
from banyan.core.task import ABSENT, Json, TaskId

SHOWN_CHARS = 2000
"""Characters of the JSON of one value that an answer shows; a longer one is cut, and says so."""


class Verdict(StrEnum):
    """What came of checking something that was said."""

    TRUE = "true"
    FALSE = "false"  # something else holds, and this never did
    WAS_TRUE = "was_true"
    NEVER_SAID = "never_said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a value came to hold no longer."""

    how: str
    """`replaced`, where another value came in its place, `removed`, `split` or `merged`."""
    turn: int
    source: str
    revision: int
    reason: str = ""
    value: Json = ABSENT
    """What came in its place."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {"how": self.how, "turn": self.turn, "source": self.source, "revision": self.revision}
        if self.value is not ABSENT:
            found["value"] = shown(self.value)
        return {**found, "reason": self.reason} if self.reason else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A value for as long as it held."""

    task: TaskId
    value: Json
    turn: int
    source: str
    revision: int
    at: datetime
    ended_by: Ended | None = None
    """None where it holds."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        return {
            "task": self.task,
            "value": shown(self.value),
            "turn": self.turn,
            "source": self.source,
            "revision": self.revision,
            "at": self.at.isoformat(),
            "ended_by": None if self.ended_by is None else self.ended_by.to_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is known under one key at one task."""

    task: TaskId
    title: str
    key: str
    """As it is in the record: of `hotel` also `hotel/name`."""
    field: str
    """`facts/KEY`, `inputs/KEY`, or `output` where the key names a task."""
    value: Json
    """`ABSENT` where nothing holds any more, or nothing is settled yet."""
    turn: int
    """When the value was said, or when it went."""
    source: str
    status: str = ""
    """Of the task, where the key names one; `removed` where it is no longer there."""
    candidates: Sequence[Json] = ()
    """Other readings that wait to be confirmed."""
    history: Sequence[Said] = ()
    """Every value that it had, the first first; of more than 20 the last."""
    came: Sequence[str] = ()
    """How the task came to be, or went, where it was split or merged: one sentence for each time."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {
            "task": self.task,
            "title": self.title,
            "key": self.key,
            "field": self.field,
            "value": shown(self.value),
            "turn": self.turn,
            "source": self.source,
            "history": [one.to_json() for one in self.history],
        }
        if self.status:
            found["status"] = self.status
        if self.candidates:
            found["candidates"] = [shown(one) for one in self.candidates]
        if self.came:
            found["came"] = list(self.came)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a verdict goes by."""

    task: TaskId
    key: str
    value: Json
    turn: int
    source: str
    revision: int
    ended_by: Ended | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {
            "turn": self.turn,
            "value": shown(self.value),
            "task": self.task,
            "key": self.key,
            "source": self.source,
            "revision": self.revision,
        }
        return found if self.ended_by is None else {**found, "ended_by": self.ended_by.to_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Whether something that was said holds."""

    verdict: Verdict
    current: Json
    """What holds; `ABSENT` where nothing does."""
    evidence: Sequence[Evidence] = ()
    note: str = ""
    """What is to be known about the verdict, in words; most often nothing."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {
            "verdict": self.verdict.value,
            "current": shown(self.current),
            "evidence": [one.to_json() for one in self.evidence],
        }
        return {**found, "note": self.note} if self.note else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Something on record that a text is about."""

    kind: str
    """`task`, `fact` or `result`."""
    id: str
    text: str
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        return {"kind": self.kind, "id": self.id, "text": self.text, "confidence": round(self.confidence, 3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What was asked of the memory, answered without a model."""

    revision: int
    """The revision that the answers are of."""
    turn: int
    answers: Sequence[Answer] = ()
    unknown: Mapping[str, Sequence[str]] | None = None
    """Keys under which nothing was ever known, with names that are near."""
    claim: Checked | None = None
    matches: Sequence[Match] | None = None
    """None where nothing was asked by text."""
    left_out: int = 0
    """Answers beyond the limit."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {
            "revision": self.revision,
            "turn": self.turn,
            "answers": [one.to_json() for one in self.answers],
        }
        if self.unknown:
            found["unknown"] = [{"key": key, "nearest": list(near)} for key, near in self.unknown.items()]
        if self.claim is not None:
            found["claim"] = self.claim.to_json()
        if self.matches is not None:
            found["matches"] = [one.to_json() for one in self.matches]
        if self.left_out:
            found["left_out"] = self.left_out
        return found


def shown(value: Json, most_chars: int = SHOWN_CHARS) -> Json:
    """Return a value as an answer shows it: absent as None, a long one as the start of its JSON and its length."""
    if value is ABSENT or value is None:
        return None
    text = value if isinstance(value, str) else canonical(value).decode()
    if len(text) <= most_chars:
        return value
    return f"{text[:most_chars]}… ({len(text):,} characters)"
