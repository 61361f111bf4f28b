"""What may be called without asking: rules, and the decision they give."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from banyan.core.tool import EffectKind, Tool


class Action(StrEnum):
    """What is done with a call before it is sent."""

    ALLOW = "allow"
    WARN = "warn"  # allowed, with a warning line
    OFFER = "offer"  # ask where the client can be asked, else allow: it asks before `call_tool` itself
    ASK = "ask"  # a person must approve
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of a policy: an action for the tools that match all of its patterns."""

    action: Action
    source: str = "*"
    """Glob over source names."""
    tool: str = "*"
    """Glob over wire names."""
    effects: frozenset[EffectKind] = frozenset()
    """Kinds of effect it holds for; empty means all."""

    def matches(self, tool: Tool) -> bool:
        """Whether the rule speaks of `tool`."""
        return (
            fnmatchcase(tool.source.casefold(), self.source.casefold())
            and fnmatchcase(tool.name.casefold(), self.tool.casefold())
            and (not self.effects or tool.effects.kind in self.effects)
        )

    def __str__(self) -> str:
        """Return the rule as one line, as `explain` and outcomes show it."""
        effects = ",".join(sorted(self.effects)) or "any effect"
        return f"{self.action} source={self.source} tool={self.tool} ({effects})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules in order, the first that matches decides; then a default for each kind of effect."""

    name: str
    read_only: Action
    writes: Action
    destructive: Action
    rules: tuple[Rule, ...] = ()


MCP_POLICY = Policy(name="mcp", read_only=Action.ALLOW, writes=Action.OFFER, destructive=Action.ASK)
"""For assistants: read-only tools run, others are offered to the person, destructive ones need the person."""

DIRECT_POLICY = Policy(name="direct", read_only=Action.ALLOW, writes=Action.WARN, destructive=Action.WARN)
"""For the command line and Python: whoever types the call is the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a policy says of one tool, and by which rule."""

    action: Action
    rule: str


def decide(policy: Policy, tool: Tool) -> Decision:
    """Return what `policy` says of a call of `tool`."""
    for rule in policy.rules:
        if rule.matches(tool):
            return Decision(action=rule.action, rule=str(rule))
    kind = tool.effects.kind
    action: Action = getattr(policy, kind.value)
    guessed = ", guessed" if tool.effects.guessed else ""
    return Decision(action=action, rule=f"{policy.name} default: {action} {kind}{guessed}")
