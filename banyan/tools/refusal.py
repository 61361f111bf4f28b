"""Why a call is not sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from banyan.core.call import Category, OutcomeKind
from banyan.core.tool import ToolState
from banyan.tools.signature import signature

if TYPE_CHECKING:
    from banyan.core.errors import ClaimLost, UnknownTask, UnknownTool
    from banyan.core.ids import ApprovalId
    from banyan.core.tool import Tool
    from banyan.tools.validate import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is said to the caller instead of sending the call."""

    outcome: OutcomeKind
    message: str
    category: Category | None = None
    fix: str | None = None
    rule: str | None = None
    approval_id: ApprovalId | None = None
    recorded: str | None = None
    """The message as the record keeps it, where that must say less."""


class Refused(Exception):
    """Ends the path of a call before it is sent; the guarded call turns it into an outcome."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def unknown(error: UnknownTool) -> Refusal:
    """Return what is said of a name that no tool has."""
    near = ", ".join(f"`{one}`" for one in error.nearest)
    return Refusal(
        outcome=OutcomeKind.FAILED,
        category=Category.UNKNOWN_TOOL,
        message=f"no tool `{error.name}`" if error.name else "no tool was named",
        fix=f"call one of {near}, or search for another" if near else "search for a tool, and use its name",
    )


def not_offered(tool: Tool) -> Refusal:
    """Return why a tool that is known cannot be called."""
    reason = f": {tool.state_reason}" if tool.state_reason else ""
    if tool.state is ToolState.GONE:
        return Refusal(
            outcome=OutcomeKind.FAILED,
            category=Category.NOT_FOUND,
            message=f"`{tool.name}` is gone: its server no longer lists it",
            fix="search for another tool, or have a person run `banyan sync`",
        )
    return Refusal(
        outcome=OutcomeKind.DENIED,
        category=Category.DENIED,
        message=f"`{tool.name}` is {tool.state}{reason}",
        fix="use another tool; a person can see why with `banyan describe`",
        rule=f"state: {tool.state}",
    )


def preset_arguments(tool: Tool, names: Sequence[str]) -> Refusal:
    """Return what is said of arguments that a person has fixed for the caller."""
    given = ", ".join(f"`{name}`" for name in names)
    return Refusal(
        outcome=OutcomeKind.FAILED,
        category=Category.UNKNOWN_ARGUMENT,
        message=f"`{tool.name}` takes no {given} from a caller: it is preset",
        fix=f"call it again without {given}",
    )


def changed(tool: Tool) -> Refusal:
    """Return what is said of a tool that is no longer what a person was asked about, or gave leave for."""
    return Refusal(
        outcome=OutcomeKind.FAILED,
        category=Category.NOT_FOUND,
        message=f"`{tool.name}` is no longer what a person was asked about: it changed at its server; nothing was sent",
        fix="describe the tool anew, and call it again",
    )


def wrong_arguments(tool: Tool, problems: Sequence[Problem]) -> Refusal:
    """Return what is wrong with the arguments, with the slice of the schema that each violates."""
    told = [f"{one.sentence()}; schema: {one.schema_slice}" if one.schema_slice else one.sentence() for one in problems]
    return Refusal(
        outcome=OutcomeKind.FAILED,
        category=problems[0].category if problems else Category.BAD_VALUE,
        message="\n".join(told),
        fix=f"correct the arguments and call again: {signature(tool, limit=400)}",
        recorded="; ".join(one.sentence(values=False) for one in problems),
    )


def claim_lost(error: ClaimLost) -> Refusal:
    """Return what is said of a call for a task that its caller does not hold (any more)."""
    return Refusal(
        outcome=OutcomeKind.FAILED,
        category=Category.CLAIM_LOST,
        message=f"not sent: {error}",
        fix="stop working on that task; claim it again if it is still to be done",
    )


def unknown_task(error: UnknownTask) -> Refusal:
    """Return what is said of a call under a task that is not there."""
    return Refusal(
        outcome=OutcomeKind.FAILED,
        category=Category.BAD_VALUE,
        message=f"not sent: {error}",
        fix="give the id of a task, or call it without one",
    )
