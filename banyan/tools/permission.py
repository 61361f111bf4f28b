"""Whether a call may be sent: what the policy says, what a person allowed, and the question to the person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from banyan.core.approval import Approval, ApprovalState, Scope
from banyan.core.call import Category, OutcomeKind
from banyan.core.errors import UnknownApproval
from banyan.core.ids import new_approval_id
from banyan.core.policy import Action
from banyan.core.shorten import compact, cut, shorten
from banyan.tools.refusal import Refusal, Refused

if TYPE_CHECKING:
    from banyan.core.policy import Decision
    from banyan.core.ports import ApprovalStore, Caller, Clock
    from banyan.core.tool import Tool

_PREVIEW_CHARS = 1_000
_CHOICES = ("once", "always", "deny")
QUESTION: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "decision": {
            "type": "string",
            "title": "May it run?",
            "description": "once: this call alone. always: this tool as it stands, with any arguments. deny: not now.",
            "enum": list(_CHOICES),
            "enumNames": ["Approve once", "Always for this tool", "Deny"],
            "default": "once",
        }
    },
    "required": ["decision"],
}
"""The form that a person fills in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A call that somebody wants to make, checked but for leave."""

    tool: Tool
    arguments: Mapping[str, Any]
    arguments_digest: str


class Permission:
    """Gives leave for calls, or refuses it.  What it gives is bound to the digests of the tool and the arguments."""

    def __init__(
        self, approvals: ApprovalStore, *, redact: Callable[[str], str], clock: Clock, expires_s: float
    ) -> None:
        self._approvals = approvals
        self._redact = redact
        self._clock = clock
        self._expires = timedelta(seconds=expires_s)

    async def need(self, wish: Wish, decision: Decision) -> bool:
        """Return whether a person is to be asked, since neither the policy nor an earlier approval decides.

        Raises:
            Refused: the policy denies the call.
        """
        if decision.action is Action.DENY:
            raise Refused(
                Refusal(
                    outcome=OutcomeKind.DENIED,
                    category=Category.DENIED,
                    message=f"the policy denies `{wish.tool.name}`",
                    fix="do without this tool, or have a person change the policy",
                    rule=decision.rule,
                )
            )
        if decision.action in {Action.ALLOW, Action.WARN}:
            return False
        return not await self._take(wish)

    async def ask(self, wish: Wish, decision: Decision, caller: Caller) -> bool:
        """Ask the person behind `caller`; return once there is leave for the call, whether a person gave it.

        Raises:
            Refused: the person said no, or cannot be asked now and must be.
        """
        answer = await caller.elicit(self._question(wish, decision), QUESTION)
        if answer is None:
            if decision.action is Action.OFFER:
                return False
            raise await self._pending(wish, decision)
        if answer.action == "cancel":
            raise await self._pending(wish, decision)
        choice = (answer.content or {}).get("decision", "once") if answer.action == "accept" else "deny"
        if choice not in {"once", "always"}:
            raise Refused(_declined(wish, decision))
        asked = await self._approvals.request(self._approval(wish, decision))
        scope = Scope.ALWAYS if choice == "always" else Scope.ONCE
        with suppress(UnknownApproval):  # the same question was open elsewhere, and decided there a moment ago
            await self._approvals.decide(asked.id, approve=True, scope=scope, by="elicitation")
        if not await self._take(wish):
            raise await self._pending(wish, decision)
        return True

    async def _take(self, wish: Wish) -> bool:
        taken = await self._approvals.take(wish.tool.name, wish.tool.digest, wish.arguments_digest)
        return taken is not None

    async def _pending(self, wish: Wish, decision: Decision) -> Refused:
        asked = await self._approvals.request(self._approval(wish, decision))
        return Refused(
            Refusal(
                outcome=OutcomeKind.NEEDS_APPROVAL,
                message=f"`{wish.tool.name}` needs a person's approval before it runs",
                fix=f"ask the person to run `banyan approve {asked.id}` (or `banyan deny {asked.id}`), "
                "then call again with the same arguments",
                rule=decision.rule,
                approval_id=asked.id,
            )
        )

    def _approval(self, wish: Wish, decision: Decision) -> Approval:
        now = self._clock()
        return Approval(
            id=new_approval_id(),
            tool=wish.tool.name,
            tool_digest=wish.tool.digest,
            arguments_digest=wish.arguments_digest,
            arguments_preview=self._shown(wish),
            reason=decision.rule,
            state=ApprovalState.PENDING,
            created_at=now,
            expires_at=now + self._expires,
        )

    def _question(self, wish: Wish, decision: Decision) -> str:
        effects = wish.tool.effects
        guessed = " (guessed: nobody stated it)" if effects.guessed else ""
        return (
            f"Allow `{wish.tool.name}` of source `{wish.tool.source}` to run?\n"
            f"Effects: {effects.kind.replace('_', '-')}{guessed}. Rule: {decision.rule}.\n"
            f"Arguments: {self._shown(wish)}"
        )

    def _shown(self, wish: Wish) -> str:
        # Secrets are hidden first: half a secret, where the text is cut, would not be known as one.
        text = self._redact(compact(wish.arguments))
        try:
            return shorten(orjson.loads(text), _PREVIEW_CHARS)
        except orjson.JSONDecodeError:
            return cut(text, _PREVIEW_CHARS)


def _declined(wish: Wish, decision: Decision) -> Refusal:
    return Refusal(
        outcome=OutcomeKind.DENIED,
        category=Category.DENIED,
        message=f"the person was asked and declined `{wish.tool.name}`",
        fix="do not call it again with these arguments unless the person asks for it",
        rule=decision.rule,
    )
