"""What is worth knowing after a batch: it changes nothing."""

from __future__ import annotations

from banyan.memory.graph.commit import compressed
from banyan.memory.graph.workspace import Workspace


def notes(ws: Workspace) -> list[str]:
    """Return what is worth knowing of what a batch has changed."""
    changed = ws.branches or ws.closed or next(iter(compressed(ws)), None) is not None
    return [] if changed else ["nothing changed: it is so already"]
