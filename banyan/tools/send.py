"""Sending a call to its backend: deadline, the one repetition, and what a failure means."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio

from banyan.core.call import Category, RawResult
from banyan.core.errors import (
    BanyanError,
    CallFailed,
    DatabaseUnavailable,
    SecretMissing,
    SourceUnavailable,
    StorageFull,
    UnknownSource,
)

if TYPE_CHECKING:
    from banyan.core.ports import Backend, Caller, Elicited
    from banyan.core.tool import Tool

logger = logging.getLogger(__name__)

LOST = frozenset({Category.TIMEOUT, Category.TRANSPORT, Category.UNKNOWN_EFFECT})
"""Categories in which a call that was sent has no answer, so that nobody knows whether it took effect."""
_PAUSE_S = (0.05, 0.25)
_WAIT_S = 5.0
"""Longest wait that a tool may ask for before it is called again here; a longer one is the caller's to decide."""


@dataclass(slots=True, kw_only=True)
class Sending:
    """One call as it is sent, and what happened on the way."""

    tool: Tool
    arguments: Mapping[str, Any]
    timeout_s: float
    grace_s: float
    """Seconds beyond `timeout_s` for a backend to start, before it is given up as stuck."""
    caller: Caller
    notes: list[str] = field(default_factory=list)


class _AskedBySource:
    """A caller whom a source asks: the person is told who it is, or a server could ask in Banyan's own words."""

    def __init__(self, caller: Caller, source: str) -> None:
        self.surface = caller.surface
        self.progress = caller.progress
        self._caller = caller
        self._source = source

    async def elicit(self, message: str, schema: Mapping[str, Any]) -> Elicited | None:
        """Ask the person in the source's name; None where they cannot be asked."""
        return await self._caller.elicit(f"The tool server `{self._source}` asks: {message}", schema)


async def send(backend: Backend, sending: Sending) -> RawResult:
    """Return what the tool answered.

    Where that cannot do a thing twice, it is asked once more: on a broken connection, and when it said to come back
    soon.

    Raises:
        CallFailed: no answer; `sent` tells whether the tool may have run.
    """
    began_s = time.monotonic()
    try:
        return await _once(backend, sending, sending.timeout_s)
    except CallFailed as failure:
        pause_s = random.uniform(*_PAUSE_S)  # noqa: S311 - so that many callers do not come back at once
        pause_s += failure.retry_after_s or 0.0
        left_s = sending.timeout_s - (time.monotonic() - began_s) - pause_s
        if not may_repeat(sending.tool, failure) or left_s <= 0:
            raise
        broke = failure.category is Category.TRANSPORT
    await anyio.sleep(pause_s)
    why = "the connection broke" if broke else f"the server asked to wait ({pause_s:.1f} s)"
    sending.notes.append(f"{why}, and the call was sent once more")
    return await _once(backend, sending, left_s)


def may_repeat(tool: Tool, failure: CallFailed) -> bool:
    """Whether a call that failed so can be sent again, soon, without its effect happening twice."""
    if not tool.effects.repeatable or not failure.sent:
        return False
    if failure.retry_after_s is not None:
        return failure.retry_after_s <= _WAIT_S
    return failure.category is Category.TRANSPORT


def lost(tool: Tool, failure: CallFailed) -> bool:
    """Whether `failure` leaves open if the tool did something that must not be done twice."""
    return failure.sent and failure.category in LOST and not tool.effects.repeatable


async def _once(backend: Backend, sending: Sending, timeout_s: float) -> RawResult:
    tool = sending.tool
    with anyio.move_on_after(timeout_s + sending.grace_s):
        try:
            caller = _AskedBySource(sending.caller, tool.source)
            return await backend.call(tool, sending.arguments, timeout_s=timeout_s, caller=caller)
        except BanyanError as error:
            raise as_failure(error) from error
        except Exception as error:
            # A named border: a backend raises `CallFailed`, and anything else is a bug in it that ends one call only.
            logger.exception("backend of `%s` failed unexpectedly", tool.source)
            category = Category.UPSTREAM if tool.effects.repeatable else Category.UNKNOWN_EFFECT
            raise CallFailed(category, f"an error within Banyan: {type(error).__name__}", sent=True) from error
    raise CallFailed(Category.TIMEOUT, f"`{tool.source}` is stuck: no answer and no end to its waiting", sent=True)


def as_failure(error: BanyanError) -> CallFailed:
    """Return how an error on the way to a tool is told; those of the store are raised as they are.

    Raises:
        DatabaseUnavailable: `error` is that.
        StorageFull: `error` is that.
    """
    if isinstance(error, CallFailed):
        return error
    if isinstance(error, DatabaseUnavailable | StorageFull):
        raise error
    category, fix = Category.TRANSPORT, "see `banyan doctor`, or try again later"
    if isinstance(error, SecretMissing):
        category, fix = Category.AUTH, "have a person set the secret; `banyan doctor` says how"
    elif isinstance(error, UnknownSource):
        category, fix = Category.NOT_FOUND, "its source was removed: search for another tool"
    elif isinstance(error, SourceUnavailable) and error.category is not None:
        category = error.category
    return CallFailed(category, str(error), fix=fix, sent=False)
