"""Calls that changed nothing, on their way into the database: readable at once, committed a moment later together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from banyan.core.call import CallRecord
from banyan.core.errors import BanyanError, DatabaseUnavailable
from banyan.core.ports import StoredResult
from banyan.memory.limits import DatabaseLimits

logger = logging.getLogger(__name__)


class Ended(NamedTuple):
    """How a call ended, with its result."""

    record: CallRecord
    result: StoredResult | None

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes while it waits."""
        return len(self.result.body) if self.result else 0


class PendingCalls:
    """A bounded store in front of the database, and the thread that empties it.

    The invariant that the lock keeps: an ended call is in here, or committed, or both; it leaves only after the
    commit, so a reader that looks here first and in the database second misses none.
    """

    def __init__(self, commit: Callable[[Sequence[Ended]], None], limits: DatabaseLimits) -> None:
        self._commit = commit
        self._limits = limits
        self._changed = threading.Condition()
        self._committing = threading.Lock()  # one commit at a time: two would write the same calls
        self._hurry = threading.Event()
        self._calls: dict[str, Ended] = {}
        self._handles: dict[str, StoredResult] = {}
        self._keys: dict[str, str] = {}
        self._size_bytes = 0
        self._failure: BanyanError | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def add(self, ended: Ended) -> bool:
        """Take a call in, and return True; False where there is no room.  Does not block."""
        with self._changed:
            if self._full(ended):
                self._hurry.set()
                return False
            self._put(ended)
            return True

    def add_in_turn(self, ended: Ended) -> None:
        """Take a call in once there is room; blocks.

        Raises:
            BanyanError: there is no room, since the database cannot be written: what it said.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._failure is not None or not self._full(ended), self._limits.pending_wait_s
            )
            if self._full(ended):
                raise self._failure or DatabaseUnavailable("the database is too slow for the calls made; try again")
            self._put(ended)

    def flush(self) -> None:
        """Commit all that waits; blocks.  Raises what the database does."""
        while waiting := self._waiting():
            self._commit_all(waiting)

    def close(self) -> None:
        """Commit all that waits, and end the thread; blocks.  Raises what the database does."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._hurry.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def calls(self) -> list[CallRecord]:
        """Return the calls that wait."""
        with self._changed:
            return [ended.record for ended in self._calls.values()]

    def call(self, call_id: str) -> CallRecord | None:
        """Return a call that waits."""
        with self._changed:
            ended = self._calls.get(call_id)
            return ended.record if ended else None

    def keyed(self, idempotency_key: str) -> CallRecord | None:
        """Return the call under this key, if it waits."""
        with self._changed:
            call_id = self._keys.get(idempotency_key)
            return self._calls[call_id].record if call_id is not None else None

    def result(self, handle: str) -> StoredResult | None:
        """Return a result that waits."""
        with self._changed:
            return self._handles.get(handle)

    def _full(self, ended: Ended) -> bool:
        if not self._calls:
            return False  # One result larger than all the room is let in alone.
        too_many = len(self._calls) >= self._limits.pending_calls
        return too_many or self._size_bytes + ended.size_bytes > self._limits.pending_bytes

    def _put(self, ended: Ended) -> None:
        if self._closed:
            raise DatabaseUnavailable("the database is closed")
        record, result = ended
        self._drop(record.call_id)
        self._calls[record.call_id] = ended
        self._size_bytes += ended.size_bytes
        if result is not None:
            self._handles[result.artifact.handle] = result
        if record.idempotency_key is not None:
            self._keys[record.idempotency_key] = record.call_id
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="banyan-journal", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _drop(self, call_id: str) -> None:
        ended = self._calls.pop(call_id, None)
        if ended is None:
            return
        self._size_bytes -= ended.size_bytes
        if ended.result is not None:
            self._handles.pop(ended.result.artifact.handle, None)
        if ended.record.idempotency_key is not None:
            self._keys.pop(ended.record.idempotency_key, None)

    def _waiting(self) -> list[Ended]:
        with self._changed:
            return list(self._calls.values())

    def _commit_all(self, waiting: Sequence[Ended]) -> None:
        with self._committing:
            with self._changed:
                # Another thread may have committed them while this one waited for its turn.
                waiting = [ended for ended in waiting if self._calls.get(ended.record.call_id) is ended]
            if waiting:
                self._commit(waiting)
        with self._changed:
            for ended in waiting:
                if self._calls.get(ended.record.call_id) is ended:
                    self._drop(ended.record.call_id)
            self._failure = None
            self._changed.notify_all()

    def _run(self) -> None:
        pause_s = self._limits.flush_after_s
        while self._wait_for_work():
            # What comes in meanwhile is committed with the rest: one flush to disk for all of it.
            self._hurry.wait(pause_s)
            self._hurry.clear()
            pause_s = self._limits.flush_after_s
            try:
                self.flush()
            except Exception as error:
                # The border of a worker's loop: what waits is kept, and tried again.
                logger.exception("%d calls could not be committed, trying again", len(self._waiting()))
                self._fail(error)
                pause_s = self._limits.flush_retry_s

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._closed)
            return not self._closed

    def _fail(self, error: Exception) -> None:
        unknown = DatabaseUnavailable("the database cannot keep calls; see the log")
        with self._changed:
            self._failure = error if isinstance(error, BanyanError) else unknown
            self._changed.notify_all()
