"""What a worker wants to hold, and how what it held ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from banyan.core.errors import InvalidArgument
from banyan.core.task import ABSENT, Json, Task, TreeId

if TYPE_CHECKING:
    from banyan.core.call import CallRecord
    from banyan.core.ports import StoredResult

LEASE_S = 300.0
"""Seconds for which a claim holds where nobody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a worker wants to hold."""

    worker: str
    limit: int = 1
    """Tasks at most, 1 to 100."""
    lease_s: float = LEASE_S
    """Seconds after which the claim ends unless it is renewed, 1 to 86,400."""
    tasks: Sequence[str] = ()
    """Only these, all or none; whatever comes first if empty."""
    prepare: Callable[[TreeId, Task], CallRecord] | None = None
    """Makes the record of the call that a task's work is, to be written as prepared in the same transaction."""

    def __post_init__(self) -> None:
        if not self.worker or len(self.worker) > 200:
            raise InvalidArgument("worker", "should be 1 to 200 characters")
        if not self.worker.isprintable():
            raise InvalidArgument("worker", "holds a character that cannot be printed")
        if not 1 <= self.limit <= 100:
            raise InvalidArgument("limit", f"{self.limit} should be from 1 to 100")
        if not 1 <= self.lease_s <= 86_400:
            raise InvalidArgument("lease_s", f"{self.lease_s} should be from 1 to 86,400")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a task ends."""

    task: str
    """Id, key or title."""
    outcome: str
    """`done`, `failed`, `waiting` or `cancelled`."""
    fence: int | None = None
    output: Json = ABSENT
    reason: str = ""
    call: tuple[CallRecord, StoredResult | None] | None = None
    """The call that its work was, as it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A task under a claim: what is done for it is refused once the claim is lost."""

    task: str
    """Id of the task."""
    fence: int
