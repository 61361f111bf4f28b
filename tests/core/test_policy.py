"""Policies: which rule decides."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.ids import SourceName, ToolName
from banyan.core.policy import DIRECT_POLICY, MCP_POLICY, Action, Policy, Rule, decide
from banyan.core.tool import EffectKind, Effects, Tool, ToolSpec

KINDS = {
    EffectKind.READ_ONLY: Effects(read_only=True),
    EffectKind.WRITES: Effects(),
    EffectKind.DESTRUCTIVE: Effects(destructive=True),
}


def tool(kind: EffectKind, source: str = "github", name: str = "github__create_issue") -> Tool:
    spec = ToolSpec(server=source, upstream_name="create_issue", effects=KINDS[kind])
    return Tool(
        name=ToolName(name),
        source=SourceName(source),
        spec=spec,
        digest="",
        changed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("policy", "actions"),
    [
        (MCP_POLICY, [Action.ALLOW, Action.OFFER, Action.ASK]),
        (DIRECT_POLICY, [Action.ALLOW, Action.WARN, Action.WARN]),
    ],
)
def test_the_defaults_go_by_the_strongest_effect(policy: Policy, actions: list[Action]) -> None:
    assert [decide(policy, tool(kind)).action for kind in KINDS] == actions


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (Rule(action=Action.DENY), True),
        (Rule(action=Action.DENY, source="git*"), True),
        (Rule(action=Action.DENY, source="GITHUB"), True),
        (Rule(action=Action.DENY, source="gitlab"), False),
        (Rule(action=Action.DENY, tool="*__create_*"), True),
        (Rule(action=Action.DENY, tool="*__delete_*"), False),
        (Rule(action=Action.DENY, source="github", tool="gitlab*"), False),
        (Rule(action=Action.DENY, effects=frozenset({EffectKind.WRITES})), True),
        (Rule(action=Action.DENY, effects=frozenset({EffectKind.READ_ONLY, EffectKind.DESTRUCTIVE})), False),
    ],
)
def test_a_rule_speaks_of_the_tools_that_match_all_of_it(rule: Rule, *, matches: bool) -> None:
    assert rule.matches(tool(EffectKind.WRITES)) is matches


RULES = st.builds(
    Rule,
    action=st.sampled_from(Action),
    source=st.sampled_from(["*", "git*", "gitlab"]),
    tool=st.sampled_from(["*", "*issue", "*file"]),
    effects=st.frozensets(st.sampled_from(EffectKind)),
)


@given(st.lists(RULES, max_size=6), st.sampled_from(EffectKind))
def test_the_first_rule_that_matches_decides_and_else_the_default(rules: list[Rule], kind: EffectKind) -> None:
    one = tool(kind)
    decision = decide(
        Policy(name="p", read_only=Action.ALLOW, writes=Action.ASK, destructive=Action.DENY, rules=tuple(rules)), one
    )
    first = next((rule for rule in rules if rule.matches(one)), None)
    if first is not None:
        assert (decision.action, decision.rule) == (first.action, str(first))
    else:
        assert decision.action is {"read_only": Action.ALLOW, "writes": Action.ASK, "destructive": Action.DENY}[kind]
        assert "default" in decision.rule


def test_a_guess_is_told_as_one() -> None:
    assert "guessed" in decide(MCP_POLICY, tool(EffectKind.WRITES)).rule
