"""How the status of a task may change, and what ends it: the rules, as data.

The code that moves tasks and the property tests that watch it both read them from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from banyan.core.task import EdgeKind, Status

TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.SKIPPED, Status.CANCELLED}),
    # to waiting also when its lease was lost after an effect was sent, to pending when nothing was sent
    Status.RUNNING: frozenset({Status.DONE, Status.FAILED, Status.WAITING, Status.PENDING, Status.CANCELLED}),
    Status.WAITING: frozenset({Status.RUNNING, Status.FAILED, Status.CANCELLED}),
    Status.FAILED: frozenset({Status.PENDING, Status.CANCELLED}),
    Status.DONE: frozenset({Status.STALE, Status.PENDING}),
    # to done when what it went by turns out as before
    Status.STALE: frozenset({Status.PENDING, Status.DONE, Status.CANCELLED}),
    Status.SKIPPED: frozenset({Status.PENDING}),
    Status.CANCELLED: frozenset({Status.PENDING}),
}
"""From a status to those that may follow it.  Undo, redo, roll back and adopt bring back what is on record instead."""

ENDED: Final = frozenset({Status.DONE, Status.FAILED, Status.SKIPPED, Status.CANCELLED})
"""Nothing more happens to the task by itself."""
GONE: Final = frozenset({Status.FAILED, Status.SKIPPED, Status.CANCELLED})
"""Nothing comes of the task: what is under it goes with it, unless it failed because of that."""
CLAIMABLE: Final = frozenset({Status.PENDING, Status.STALE, Status.WAITING})
"""A task of these can be given to a worker, once it is ready."""
HELD: Final = frozenset({Status.RUNNING, Status.WAITING})
"""Somebody has begun it."""


class Firing(StrEnum):
    """What can be said of an edge."""

    FIRED = "fired"
    OPEN = "open"  # it may fire yet
    NEVER = "never"  # it cannot, as things stand


FIRINGS: Final[Mapping[EdgeKind, Mapping[Status, Firing]]] = {
    # `when` and `data` fire like after_success where the expression holds, or the value is there; else never.
    kind: {
        Status.DONE: Firing.FIRED,
        Status.FAILED: Firing.NEVER,
        Status.SKIPPED: Firing.NEVER,
        Status.CANCELLED: Firing.NEVER,
    }
    for kind in (EdgeKind.AFTER_SUCCESS, EdgeKind.WHEN, EdgeKind.DATA)
} | {
    EdgeKind.AFTER_FAILURE: {
        Status.DONE: Firing.NEVER,
        Status.FAILED: Firing.FIRED,
        Status.SKIPPED: Firing.NEVER,
        Status.CANCELLED: Firing.NEVER,
    },
    EdgeKind.AFTER_ANY: {
        Status.DONE: Firing.FIRED,
        Status.FAILED: Firing.FIRED,
        Status.SKIPPED: Firing.FIRED,
        Status.CANCELLED: Firing.FIRED,
    },
}
"""What an edge does at each status of the task that it comes from; at a status that is not here it is open."""

CARRIES_RESULT: Final = frozenset({EdgeKind.AFTER_SUCCESS, EdgeKind.WHEN, EdgeKind.DATA})
"""Edges along which a result is used: a change of it makes what used it stale."""
RECOVERS: Final = frozenset({EdgeKind.AFTER_FAILURE, EdgeKind.AFTER_ANY})
"""An edge of these out of a failed task to one that is open or done is a recovery: its parent does not fail for it."""
