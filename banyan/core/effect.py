"""Calls that may have changed the world: how they end with their tasks, and how they are settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from banyan.core.call import CallRecord, CallState, Outcome, OutcomeKind
from banyan.core.task import EditResult
from banyan.core.taskview import Claimed, Finished


def is_unsettled(record: CallRecord) -> bool:
    """Whether nobody knows what came of a call."""
    return record.state is CallState.PREPARED or record.outcome is OutcomeKind.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """What came of a call that was the work of a task."""

    outcome: Outcome
    finished: Finished | None = None
    """What followed for its tree; None where the task is as it was: nothing was sent, or the claim was lost."""

    @property
    def claimed(self) -> Sequence[Claimed]:
        """What was claimed in the same transaction."""
        return self.finished.claimed if self.finished else ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {"call": self.outcome.to_json()}
        return found if self.finished is None else found | {"edit": self.finished.to_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A call of which it was not known how it ended, and what was found out."""

    call: CallRecord
    """The call as it is on record now."""
    verdict: bool | None
    """It had its effect, or not; None where that is still not known."""
    edit: EditResult | None = None
    """What followed for the tree of its task."""
    probe: Outcome | None = None
    """The call that looked."""
    problem: str = ""
    """Why it is still not known."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        verdict = "unknown" if self.verdict is None else "done" if self.verdict else "not_done"
        found: dict[str, Any] = {"call": self.call.to_json(), "verdict": verdict}
        if self.edit is not None:
            found["edit"] = self.edit.to_json()
        if self.probe is not None:
            found["probe"] = self.probe.to_json()
        return found | ({"problem": self.problem} if self.problem else {})
