"""What the guarded call is asked, bounded by and made of; and one call on its way."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from banyan.core.call import CallRecord, CallState, Outcome
from banyan.core.errors import InvalidArgument
from banyan.core.ids import CallId
from banyan.core.shorten import cut

if TYPE_CHECKING:
    from banyan.core.ports import ApprovalStore, ArtifactStore, Caller, Clock, Journal, StoredResult, ToolStore
    from banyan.core.tool import Tool
    from banyan.tools.backends import Backends

WriteEnd: TypeAlias = "Callable[[CallRecord, StoredResult | None, Outcome], Awaitable[None]]"
"""Writes how a call that was sent ended, durably, together with what follows from it.  Raises as `Journal.finish`."""

MAX_TIMEOUT_S = 86_400
"""Seconds that a call may be given, as the setting allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """What a caller wants."""

    name: str
    arguments: Mapping[str, Any] | str | None = None
    """An object, or JSON text of one."""
    task: str | None = None
    """Id of the task that it is made under."""
    fence: int | None = None
    """Of the claim under which the task is held: a call that may write is not sent where that claim was lost."""
    idempotency_key: str | None = None
    """A second call under the same key, of the same tool with the same arguments, returns the first one's outcome."""
    timeout_s: float | None = None
    """Seconds the tool may take; its source's if None, or the limit's."""

    def __post_init__(self) -> None:
        """Raise `InvalidArgument` for a time that is none, and for a fence of nothing."""
        # A comparison is false for what is no number at all.
        if self.timeout_s is not None and not 0 < self.timeout_s <= MAX_TIMEOUT_S:
            raise InvalidArgument("timeout_s", f"it is a number of seconds above 0, at most {MAX_TIMEOUT_S:,}")
        if self.fence is not None and self.task is None:
            raise InvalidArgument("fence", "it goes with the `task` that it was claimed for")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """What bounds one call."""

    timeout_s: float = 120.0
    """Seconds the tool may take to answer, where neither the request nor its source says."""
    start_grace_s: float = 600.0
    """Seconds beyond that which a backend may take, as to start a server; it has its own, shorter deadline."""
    result_cap_bytes: int = 8 * 1024 * 1024
    """Bytes kept of one result."""
    preview_chars: int = 2_000
    """Characters of a result that the outcome shows."""
    message_chars: int = 2_000
    """Characters of what an outcome says went wrong."""
    approval_expires_s: float = 86_400.0
    """Seconds that a question waits for a person, and that its answer holds."""
    record_s: float = 10.0
    """Seconds that writing the end of a call may take once nobody waits for it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPorts:
    """What the guarded call works with."""

    tools: ToolStore
    backends: Backends
    journal: Journal
    artifacts: ArtifactStore
    approvals: ApprovalStore
    redact: Callable[[str], str]
    """Returns a text with every known secret hidden."""
    secret: Callable[[str], str | None]
    """Returns a secret by its name, for presets that refer to one; may block."""
    clock: Clock


@dataclass(slots=True, kw_only=True)
class Call:
    """One call on its way; each step fills in what it found."""

    request: CallRequest
    caller: Caller
    id: CallId
    started_at: datetime
    began_s: float
    waited_s: float = 0.0
    """Seconds in which a person was thinking."""
    tool: Tool | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    arguments_digest: str = ""
    rule: str | None = None
    notes: list[str] = field(default_factory=list)
    sent: bool = False
    """The tool may have seen it."""
    fence: int | None = None
    """Of the claim that it is on record under."""
    write_end: WriteEnd | None = None
    """Takes the place of the journal once the call was sent."""

    @property
    def took_ms(self) -> float:
        """Milliseconds since it began, without those of a person."""
        return (time.perf_counter() - self.began_s - self.waited_s) * 1_000

    def record(self, outcome: Outcome | None = None) -> CallRecord:
        """Return what is kept of the call: prepared, or ended with `outcome`."""
        tool = self.tool
        prepared = CallRecord(
            call_id=self.id,
            tool=tool.name if tool else cut(self.request.name, 80),
            source=tool.source if tool else None,
            tool_digest=tool.digest if tool else None,
            arguments_digest=self.arguments_digest,
            surface=self.caller.surface,
            state=CallState.PREPARED,
            started_at=self.started_at,
            # A key counts once something was sent under it: what was refused may be tried again.
            idempotency_key=self.request.idempotency_key if self.sent or outcome is None else None,
            task=self.request.task,
            fence=self.fence if self.fence is not None else self.request.fence,
            # What was refused before it was sent has changed nothing.
            effectful=tool is not None and not tool.effects.repeatable and (self.sent or outcome is None),
        )
        if outcome is None:
            return prepared
        return replace(
            prepared,
            state=CallState.ENDED,
            outcome=outcome.outcome,
            category=outcome.category,
            message=outcome.message,
            handle=outcome.handle,
            took_ms=outcome.took_ms,
        )
