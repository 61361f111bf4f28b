"""What came of importing trees, and of letting old ones go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from banyan.core.task import TreeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A tree that was made of a file."""

    tree: TreeId
    title: str
    tasks: int
    was: TreeId | None = None
    """The id that it had, where that was taken here."""
    notes: Sequence[str] = ()
    """What could not be taken over as it was."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        found: dict[str, Any] = {"tree": self.tree, "title": self.title, "tasks": self.tasks}
        if self.was is not None:
            found["was"] = self.was
        return {**found, "notes": list(self.notes)} if self.notes else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was, or would be, dropped."""

    removed: Sequence[TreeId] = ()
    """Whole trees."""
    shortened: Mapping[TreeId, int] = field(default_factory=dict)
    """Trees whose record begins at a later revision now."""
    tasks: int = 0
    """Tasks of the trees that are removed."""
    changes: int = 0
    """Changes dropped from the records that are shortened; 0 where nothing was done yet."""
    kept: Mapping[TreeId, str] = field(default_factory=dict)
    """Old trees that stay, and why."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        return {
            "removed": list(self.removed),
            "shortened": dict(self.shortened),
            "tasks": self.tasks,
            "changes": self.changes,
            "kept": dict(self.kept),
        }
