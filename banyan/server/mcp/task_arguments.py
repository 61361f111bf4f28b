"""Arguments of the task tools, as models send them."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from banyan.core.task import ABSENT
from banyan.server.mcp.arguments import Arguments, Listed, Optional


def _parsed(value: Any) -> Any:
    """Take JSON in a string for what it says: some clients send every argument as text."""
    if isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _several(value: Any) -> Any:
    value = _parsed(value)
    return [value] if isinstance(value, dict) else value


Edits = Annotated[list[dict[str, Any]], BeforeValidator(_several)]
Object = Annotated[dict[str, Any], BeforeValidator(_parsed)]


class EditArguments(Arguments):
    """Arguments of `edit_tasks`."""

    tree: Optional = Field(default=None, max_length=200)
    base_revision: int | None = Field(default=None, ge=0)
    turn: int | None = Field(default=None, ge=0)
    source: Literal["user", "assistant", "tool", "program"] = "assistant"
    edits: Edits = Field(min_length=1, max_length=500)


class NextArguments(Arguments):
    """Arguments of `next_tasks`."""

    tree: Optional = Field(default=None, max_length=200)
    claim: bool = False
    limit: int = Field(default=5, ge=1, le=50)


class TaskArguments(Arguments):
    """Arguments of `get_task`."""

    task: str = Field(min_length=1, max_length=200)
    view: Literal["brief", "full", "context", "history"] = "brief"
    budget_tokens: int = Field(default=1_500, ge=50, le=100_000)


class FinishArguments(Arguments):
    """Arguments of `finish_task`."""

    task: str = Field(min_length=1, max_length=200)
    fence: int | None = Field(default=None, ge=0)
    outcome: Literal["done", "failed", "waiting", "cancelled"]
    output: Any = ABSENT
    reason: str = Field(default="", max_length=4_000)


class RecallArguments(Arguments):
    """Arguments of `recall`."""

    tree: str = Field(min_length=1, max_length=200)
    keys: Listed = Field(default=[], max_length=50)
    claim: Object | None = None
    text: Optional = Field(default=None, max_length=4_000)
    as_of: Object | None = None
