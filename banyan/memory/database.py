"""One open database, and the stores in it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from anyio import CancelScope, to_thread
from sqlalchemy import Engine

from banyan.core.ports import Clock
from banyan.memory.address import Address, read_address
from banyan.memory.approvals import SqlApprovals
from banyan.memory.artifacts import SqlArtifacts
from banyan.memory.catalogue import SqlTools
from banyan.memory.documents import SqlDocuments
from banyan.memory.durability import durability
from banyan.memory.engine import make_engine, make_private_file
from banyan.memory.faults import translated
from banyan.memory.graph_store import SqlGraphs
from banyan.memory.journal import SqlJournal, write_ended
from banyan.memory.limits import DatabaseLimits
from banyan.memory.pending import PendingCalls
from banyan.memory.schema import bring_up_to_date, prepare_file
from banyan.memory.sources import SqlSources
from banyan.memory.transactions import Transactions
from banyan.memory.vectors import SqlVectors

logger = logging.getLogger(__name__)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Database:
    """One open database, SQLite or PostgreSQL.  `open` gives one; it must be closed.

    Every method of a store runs in one transaction of its own, in a worker thread. Stores raise
    `DatabaseUnavailable` when the database cannot be reached, is locked, read-only or damaged, and `StorageFull`
    when there is no room.
    """

    def __init__(self, transactions: Transactions, place: str, limits: DatabaseLimits, clock: Clock) -> None:
        self.transactions = transactions
        """The one way to the database, for what no store asks."""
        self._place = place
        self._pending = PendingCalls(
            lambda ended: transactions.run(lambda connection: write_ended(connection, ended), writes=True), limits
        )
        self.sources = SqlSources(transactions)
        self.tools = SqlTools(transactions, clock)
        self.documents = SqlDocuments(transactions)
        self.vectors = SqlVectors(transactions)
        self.graphs = SqlGraphs(transactions, clock)
        self.journal = SqlJournal(transactions, self._pending, self.graphs.look_again)
        self.artifacts = SqlArtifacts(transactions, self._pending)
        self.approvals = SqlApprovals(transactions, clock)

    @classmethod
    async def open(cls, url: str, *, limits: DatabaseLimits | None = None, clock: Clock = now) -> Database:
        """Return the database at `url`, made or migrated if it is not yet as this Banyan needs it.

        Args:
            url: `sqlite:///` and the path of a file, or `postgresql://user:password@host:port/name`. A file and its
                folder are made for their owner alone.
            limits: how much of the machine it may take.
            clock: tells when things happen, and what has expired.

        Raises:
            SettingsError: the URL is wrong, or the server refuses its user, password or database.
            DatabaseTooNew: a newer Banyan wrote it; it is left as it is.
            DatabaseUnavailable: it cannot be reached, opened or made, or is damaged.
            StorageFull: there is no room for it.
        """
        address, limits = read_address(url), limits or DatabaseLimits()
        with translated(address.place):
            engine = make_engine(address, limits)
        transactions = Transactions(engine, address.place, limits)
        try:
            await to_thread.run_sync(_prepare, engine, transactions, address, limits)
        except BaseException:
            engine.dispose()
            raise
        return cls(transactions, address.place, limits, clock)

    async def summary(self) -> str:
        """Return where the database is, what engine it runs on, and how safely it keeps what is committed."""
        settings = await self.transactions.read(durability)
        return f"{self._place}: " + ", ".join(f"{name} {value}" for name, value in settings.items())

    async def close(self) -> None:
        """Commit what waits, and close every connection; idempotent.

        Raises:
            DatabaseUnavailable: calls that changed nothing were still to be recorded, and could not be.
            StorageFull: the same, for lack of room.
        """
        # What waits is committed even where the program is being cancelled; the busy timeout bounds it.
        with CancelScope(shield=True):
            try:
                await to_thread.run_sync(self._pending.close)
            finally:
                await self.transactions.close()


def _prepare(engine: Engine, transactions: Transactions, address: Address, limits: DatabaseLimits) -> None:
    make_private_file(address)
    with translated(address.place):
        if address.file is not None:
            prepare_file(engine, limits)
        bring_up_to_date(transactions, address.place)
