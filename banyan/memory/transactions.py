"""One function, one transaction, one worker thread: the only way to the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from banyan.memory.engine import WRITES
from banyan.memory.faults import translated
from banyan.memory.limits import DatabaseLimits

T = TypeVar("T")


class Transactions:
    """Runs pieces of work, each in a transaction of its own that can never be held across an `await`.

    Work is synchronous and gets the connection; what it returns is returned, and what it raises rolls back.
    A caller that is cancelled waits for the transaction to end, so it is known to have happened or not.
    """

    def __init__(self, engine: Engine, place: str, limits: DatabaseLimits) -> None:
        self._engine = engine
        self._place = place
        self._readers = CapacityLimiter(limits.readers)
        one_writer = engine.dialect.name == "sqlite"
        self._writers = CapacityLimiter(1 if one_writer else limits.writers)
        # SQLite has one writer per file.  Threads of this process wait for one another here, where waiting is fair
        # and ends at once, and not in SQLite's busy handler, which sleeps and looks again.
        self._turn: AbstractContextManager[object] = threading.Lock() if one_writer else nullcontext()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` reads, all from one moment on SQLite."""
        return await to_thread.run_sync(partial(self.run, work, writes=False), limiter=self._readers)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns once its changes are committed."""
        return await to_thread.run_sync(partial(self.run, work, writes=True), limiter=self._writers)

    def run(self, work: Callable[[Connection], T], *, writes: bool) -> T:
        """Do `work` in this thread.

        Raises:
            DatabaseUnavailable: the database cannot be reached, is locked, read-only or damaged.
            StorageFull: there is no room.
            Conflict: somebody wrote the same record first.
        """
        with translated(self._place), self._turn if writes else nullcontext(), self._engine.connect() as connection:
            connection = connection.execution_options(**{WRITES: writes})
            with connection.begin():
                return work(connection)

    async def close(self) -> None:
        """Close every connection."""
        await to_thread.run_sync(self._engine.dispose)
