"""What was recalled, as an answer: values with how they came and went, verdicts with their evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from banyan.server.mcp.answers import Answer
from banyan.server.mcp.fit import compact, fit
from banyan.server.mcp.task_answers import bounded, rest
from banyan.server.sanitise import sanitise_json

if TYPE_CHECKING:
    from banyan.core.recall import Recall

_SHARES = {"claim": 5, "matches": 6, "unknown": 16}
"""Of the limit, this part may be taken by what stands beside the answers."""


def recalled(found: Recall, limit: int) -> Answer:
    """Return what was recalled."""
    data: dict[str, Any] = sanitise_json(found.to_json())
    for key, share in _SHARES.items():
        if key in data:
            data[key] = fit(data[key], limit // share)
    return bounded(data, "answers", _text, limit)


def _text(data: dict[str, Any]) -> str:
    lines = [line for one in data["answers"] for line in _answer(one)]
    lines += rest(data)
    if claim := data.get("claim"):
        lines.append(f"claim: {claim['verdict']}; now {_value(claim['current'])}")
        lines += [f"  {_said(one)}" for one in claim["evidence"]]
        lines += [f"  {claim['note']}"] if claim.get("note") else []
    lines += [_match(one) for one in data.get("matches", ())]
    lines += [_unknown(one) for one in data.get("unknown", ())]
    return "\n".join(lines) or "nothing is known of that"


def _answer(one: dict[str, Any]) -> list[str]:
    """Return what is known under one key at one task, then how it came to be so."""
    status = f", {one['status']}" if one.get("status") else ""
    where = f"{one['key']} of {one['task']} `{one['title']}`{status}"
    lines = [f"{where}: {_value(one['value'])} (turn {one['turn']}, {one['source']})"]
    if one.get("candidates"):
        lines.append(f"  not settled, it may also be {' or '.join(map(compact, one['candidates']))}")
    lines += [f"  {came}" for came in one.get("came", ())]
    # What holds and has always held is told already.
    past = one["history"]
    return lines + ([f"  {_said(said)}" for said in past] if len(past) > 1 or _has_ended(past) else [])


def _has_ended(past: list[Any]) -> bool:
    return any(not isinstance(said, dict) or said.get("ended_by") for said in past)


def _said(said: Any) -> str:
    if not isinstance(said, dict):
        return str(said)
    line = f"turn {said['turn']}, {said['source']}: {_value(said['value'])}"
    ended = said.get("ended_by")
    if not isinstance(ended, dict):
        return line
    why = f", {ended['reason']}" if ended.get("reason") else ""
    to = f" by {compact(ended['value'])}" if "value" in ended else ""
    return f"{line}; {ended['how']}{to} in turn {ended['turn']} ({ended['source']}{why})"


def _value(value: Any) -> str:
    return "nothing" if value is None else compact(value)


def _match(match: Any) -> str:
    if not isinstance(match, dict):
        return str(match)
    return f"{match['kind']} {match['id']} ({match['confidence']}): {match['text']}"


def _unknown(one: Any) -> str:
    if not isinstance(one, dict):
        return str(one)
    near = f"; there is {', '.join(one['nearest'])}" if one["nearest"] else ""
    return f"nothing is known of `{one['key']}`{near}"
