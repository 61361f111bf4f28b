"""What the worker of a task is told: a text within a budget of tokens, and what is and is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from banyan.core.task import TaskId

LEAST_BUDGET_TOKENS = 50
"""A context of fewer tokens could not even name its task."""
LEFT_OUT_SHOWN = 50
"""Parts that are listed as left out; more are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that a context holds, or has no room for."""

    kind: str
    """`path`, a task above; `fact`; `result`, of a task that is depended on; `lesson`; `task`, the task itself."""
    id: str
    """Of the task; of a fact `TASK/facts/KEY`."""
    tokens: int
    """How many it takes; where it is left out, how many more it would take in full."""

    def to_json(self) -> dict[str, Any]:
        """Return `{kind, id, tokens}`."""
        return {"kind": self.kind, "id": self.id, "tokens": self.tokens}


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The prompt of a task.

    A larger budget never drops what a smaller one had, and what stands before the task itself is the same whatever the
    task says: a model's cache of the prompt's beginning survives.
    """

    task: TaskId
    text: str
    """Markdown: where the task belongs, what holds, results that it goes by, lessons, then the task."""
    tokens: int
    budget_tokens: int
    included: Sequence[Part]
    """In the order of the text."""
    left_out: Sequence[Part] = ()
    """What is not in the text, or shorter there than it is; the first of them."""
    left_out_count: int = 0
    """How many they are in all."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {
            "task": self.task,
            "text": self.text,
            "tokens": self.tokens,
            "budget_tokens": self.budget_tokens,
            "included": [part.to_json() for part in self.included],
            "left_out": [part.to_json() for part in self.left_out],
        }
        if self.left_out_count > len(self.left_out):
            found["left_out_count"] = self.left_out_count
        return found
