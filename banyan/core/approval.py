"""A person's leave for one call, or for one tool as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from banyan.core.ids import ApprovalId, ToolName


class ApprovalState(StrEnum):
    """Where an approval stands.  Expired is derived: pending or approved, past `expires_at`."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


class Scope(StrEnum):
    """What an approval is for."""

    ONCE = "once"  # this tool with these arguments, one time
    ALWAYS = "always"  # this tool as it stands, with any arguments, until it changes or is revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One question to a person, and the answer.  It is bound to digests: a changed tool asks again."""

    id: ApprovalId
    tool: ToolName
    tool_digest: str
    arguments_digest: str
    arguments_preview: str
    """The arguments as the person is shown them: redacted, capped."""
    reason: str
    """The policy rule that asked."""
    state: ApprovalState
    scope: Scope = Scope.ONCE
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    """The surface the person used: `cli`, `elicitation`."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        return {
            "id": self.id,
            "tool": self.tool,
            "arguments": self.arguments_preview,
            "reason": self.reason,
            "state": self.state.value,
            "scope": self.scope.value,
            "created_at": self.created_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
            "decided_by": self.decided_by,
        }
