"""A call of a tool, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from banyan.core.ids import ApprovalId, CallId, Handle, SourceName


class Category(StrEnum):
    """Why a call failed: for the message to the model, the retry rule and the statistics alike."""

    PARSE = "parse"
    UNKNOWN_TOOL = "unknown_tool"
    MISSING_ARGUMENT = "missing_argument"
    UNKNOWN_ARGUMENT = "unknown_argument"
    BAD_VALUE = "bad_value"
    NOT_FOUND = "not_found"
    AUTH = "auth"
    DENIED = "denied"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    UPSTREAM = "upstream"
    TRANSPORT = "transport"
    UNKNOWN_EFFECT = "unknown_effect"
    CLAIM_LOST = "claim_lost"  # the task that it was made under is not held under that claim; nothing was sent


class OutcomeKind(StrEnum):
    """What came of a call."""

    OK = "ok"
    FAILED = "failed"
    DENIED = "denied"
    NEEDS_APPROVAL = "needs_approval"
    UNKNOWN = "unknown"  # it was sent and may have had its effect; the answer is lost


EXIT_STATUS: Mapping[OutcomeKind, int] = {
    OutcomeKind.OK: 0,
    OutcomeKind.FAILED: 5,
    OutcomeKind.DENIED: 4,
    OutcomeKind.NEEDS_APPROVAL: 4,
    OutcomeKind.UNKNOWN: 8,
}
"""What `banyan call` exits with; a failure that the caller can fix (see `CALLER_FAULTS`) exits with 2."""

UNREACHABLE_STATUS = 7
"""What `banyan call` exits with where the tool's server could not be reached: something outside is unavailable."""
CLAIM_LOST_STATUS = 6
"""What it exits with where the task that it speaks for is held under another claim: a conflict."""

CALLER_FAULTS = frozenset(
    {
        Category.PARSE,
        Category.UNKNOWN_TOOL,
        Category.MISSING_ARGUMENT,
        Category.UNKNOWN_ARGUMENT,
        Category.BAD_VALUE,
    }
)
"""Categories found before anything was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of what a tool answered: text, or bytes of some media type."""

    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResult:
    """What a backend got, before it is capped, stored and previewed."""

    parts: tuple[Part, ...] = ()
    structured: Any = None
    """The JSON value that the tool gave beside or instead of its parts; None where it gave none."""
    failed: bool = False
    """The tool itself says that it failed; the parts tell why."""
    notes: tuple[str, ...] = ()
    """What the caller is told beside it: how the next page is had, what was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A stored result: what is known of it without reading it."""

    handle: Handle
    media_type: str
    size_bytes: int
    created_at: datetime
    truncated: bool = False
    """The tool's answer was larger than the cap, and its tail was not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one call: the one result type of Python, CLI and MCP."""

    call_id: CallId
    tool: str
    """The tool that was called, or the name that did not resolve."""
    outcome: OutcomeKind
    took_ms: float
    handle: Handle | None = None
    media_type: str | None = None
    preview: str = ""
    """The result, or its start; text."""
    size_bytes: int = 0
    truncated: bool = False
    """`preview` is not the whole result: read on with `read_result`."""
    category: Category | None = None
    message: str | None = None
    fix: str | None = None
    rule: str | None = None
    """The policy rule that denied, warned, or asked."""
    approval_id: ApprovalId | None = None
    notes: tuple[str, ...] = ()
    """What was mended on the way: arguments hoisted, a name corrected; and warnings."""
    data: Any = field(default=None, repr=False)
    """For Python: the result as a value, when it is JSON or text and was not truncated on storing."""

    @property
    def ok(self) -> bool:
        """Whether the tool did what was asked."""
        return self.outcome is OutcomeKind.OK

    @property
    def exit_status(self) -> int:
        """What the command line exits with."""
        if self.category in CALLER_FAULTS:
            return 2
        if self.outcome is OutcomeKind.FAILED and self.category is Category.TRANSPORT:
            return UNREACHABLE_STATUS
        if self.category is Category.CLAIM_LOST:
            return CLAIM_LOST_STATUS
        return EXIT_STATUS[self.outcome]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {
            "call_id": self.call_id,
            "outcome": self.outcome.value,
            "handle": self.handle,
            "media_type": self.media_type,
            "preview": self.preview,
            "size_bytes": self.size_bytes,
            "truncated": self.truncated,
        }
        optional = {
            "category": self.category.value if self.category else None,
            "message": self.message,
            "fix": self.fix,
            "rule": self.rule,
            "approval_id": self.approval_id,
            "notes": list(self.notes) or None,
        }
        found.update({key: value for key, value in optional.items() if value is not None})
        found["took_ms"] = round(self.took_ms, 3)
        return found


class CallState(StrEnum):
    """Where a recorded call stands in the ledger."""

    PREPARED = "prepared"  # written before it was sent; no outcome yet
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call, as it is kept: no arguments, since they may hold what is private; their digest."""

    call_id: CallId
    tool: str
    source: SourceName | None
    tool_digest: str | None
    arguments_digest: str
    surface: str
    """Who called: `mcp`, `cli` or `python`."""
    state: CallState
    outcome: OutcomeKind | None = None
    category: Category | None = None
    message: str | None = None
    handle: Handle | None = None
    started_at: datetime
    took_ms: float | None = None
    idempotency_key: str | None = None
    task: str | None = None
    """Id of the task that it was made under."""
    fence: int | None = None
    """The claim of that task that it was made under."""
    effectful: bool = False
    """It may change the world, and is not known to be harmless when repeated."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        return {
            "call_id": self.call_id,
            "tool": self.tool,
            "source": self.source,
            "surface": self.surface,
            "state": self.state.value,
            "outcome": self.outcome.value if self.outcome else None,
            "category": self.category.value if self.category else None,
            "message": self.message,
            "handle": self.handle,
            "started_at": self.started_at.isoformat(),
            "took_ms": None if self.took_ms is None else round(self.took_ms, 3),
            "idempotency_key": self.idempotency_key,
            "task": self.task,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A slice of a stored result."""

    handle: Handle
    media_type: str
    path: str
    """JSON Pointer that was followed; "" is the whole."""
    unit: str
    """What offset, limit and total count: `characters`, `items` or `bytes`."""
    offset: int
    limit: int
    total: int
    content: Any
    """Text (a string), or a list or object of JSON items; base64 text where the unit is bytes."""

    @property
    def next_offset(self) -> int | None:
        """Where the next page starts; None at the end."""
        after = self.offset + self.limit
        return after if after < self.total else None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        return {
            "handle": self.handle,
            "media_type": self.media_type,
            "path": self.path,
            "unit": self.unit,
            "offset": self.offset,
            "limit": self.limit,
            "total": self.total,
            "next_offset": self.next_offset,
            "content": self.content,
        }
