"""A call made under a key that was used before is not made again: its outcome is told again."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from banyan.core.call import CallRecord, CallState, Category, Outcome, OutcomeKind
from banyan.core.errors import UnknownHandle
from banyan.tools.keep import shown
from banyan.tools.refusal import Refusal, Refused

if TYPE_CHECKING:
    from banyan.core.ports import ArtifactStore, Journal, StoredResult
    from banyan.core.tool import Tool, ToolSpec

KEY_ARGUMENT = "key_argument"
"""Key of a spec's binding: the argument by which the tool itself knows a call that is made twice."""

CHECK = (
    "find out with a read-only tool whether it took effect, and call it again only if it did not; "
    "`banyan calls --unsettled` lists such calls"
)
"""What to do about a call of unknown effect."""


def with_key(spec: ToolSpec, arguments: Mapping[str, Any], key: str | None) -> Mapping[str, Any]:
    """Return `arguments` with a token made of `key`, where the tool takes one and none is given."""
    name = spec.binding.get(KEY_ARGUMENT)
    if key is None or name is None or name in arguments:
        return arguments
    return {**arguments, name: str(uuid.uuid5(uuid.NAMESPACE_URL, key))}


class Replays:
    """The outcomes of calls by their idempotency keys."""

    def __init__(self, journal: Journal, artifacts: ArtifactStore, *, preview_chars: int) -> None:
        self._journal = journal
        self._artifacts = artifacts
        self._preview_chars = preview_chars
        self._under_way: set[str] = set()

    @contextmanager
    def held(self, key: str | None) -> Iterator[None]:
        """Hold `key` for one call of this process; the store's own uniqueness keeps other processes apart.

        Raises:
            Refused: a call under this key is under way.
        """
        if key is None:
            yield
            return
        if key in self._under_way:
            raise Refused(unsettled(key))
        self._under_way.add(key)
        try:
            yield
        finally:
            self._under_way.discard(key)

    async def outcome(self, key: str | None, tool: Tool, arguments_digest: str) -> Outcome | None:
        """Return the outcome of the call that was made under `key`; None if there was none.

        Raises:
            Refused: the key was used for another call, or that call has no outcome yet.
        """
        record = None if key is None else await self._journal.find(key)
        if key is None or record is None:
            return None
        if (record.tool, record.arguments_digest) != (tool.name, arguments_digest):
            raise Refused(_taken(key, record))
        if record.state is CallState.PREPARED:
            raise Refused(unsettled(key))
        return await self._told(record)

    async def _told(self, record: CallRecord) -> Outcome:
        stored: StoredResult | None = None
        notes = ["a call under this idempotency key was made before: this is its outcome, nothing was called"]
        if record.handle is not None:
            try:
                stored = await self._artifacts.get(record.handle)
            except UnknownHandle:
                notes.append("its result has passed its retention")
        outcome = record.outcome or OutcomeKind.UNKNOWN
        fine = outcome is OutcomeKind.OK
        preview, whole, data = shown(stored, self._preview_chars) if stored and fine else ("", stored is None, None)
        return Outcome(
            call_id=record.call_id,
            tool=record.tool,
            outcome=outcome,
            took_ms=0.0,
            handle=stored.artifact.handle if stored else None,
            media_type=stored.artifact.media_type if stored else None,
            size_bytes=stored.artifact.size_bytes if stored else 0,
            preview=preview,
            truncated=not whole,
            category=record.category,
            message=record.message,
            fix=CHECK if outcome is OutcomeKind.UNKNOWN else None,
            notes=tuple(notes),
            data=data,
        )


def _taken(key: str, record: CallRecord) -> Refusal:
    return Refusal(
        outcome=OutcomeKind.FAILED,
        category=Category.BAD_VALUE,
        message=f"the idempotency key `{key[:80]}` was used for another call, of `{record.tool}`",
        fix="use a new key for a new call; the same key only to repeat the same call",
    )


def unsettled(key: str) -> Refusal:
    """Return what is said of a key whose call has no outcome yet."""
    return Refusal(
        outcome=OutcomeKind.UNKNOWN,
        category=Category.UNKNOWN_EFFECT,
        message=f"a call under the idempotency key `{key[:80]}` was sent and has no outcome yet",
        fix="wait and ask again under the same key; if that does not change, " + CHECK,
    )
