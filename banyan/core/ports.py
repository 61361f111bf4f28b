"""The places where the world can differ, as their users see them.

A port names the errors that its methods raise; adapters translate foreign exceptions to these.
Doubles of every port ship in `banyan.testing`, and pass the same conformance suite as the real ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from banyan.core.approval import Approval, Scope
    from banyan.core.call import Artifact, CallRecord, RawResult
    from banyan.core.claim import Claim, Ending
    from banyan.core.effect import Settled
    from banyan.core.find import Document, Filters, Search
    from banyan.core.ids import ApprovalId, CallId, SourceName, ToolName
    from banyan.core.recall import Match
    from banyan.core.source import Listing, Need, Source, SyncReport
    from banyan.core.task import Json
    from banyan.core.taskview import Finished
    from banyan.core.tool import Tool, ToolSpec, ToolState

    Vectors: TypeAlias = npt.NDArray[np.float32]
    """(n, d), rows of unit L2 norm."""


class Clock(Protocol):
    """Tells the time, in UTC."""

    def __call__(self) -> datetime:
        """Return now, with time zone UTC."""
        ...


class TokenCounter(Protocol):
    """Says how many tokens a model takes a text for; rather too many than too few."""

    def __call__(self, text: str, /) -> int:
        """Return how many tokens `text` is at most."""
        ...


# Stores: everything raises `DatabaseUnavailable` or `StorageFull` when the database does.


class SourceStore(Protocol):
    """The configured sources."""

    async def put(self, source: Source) -> None:
        """Add `source`, or replace the one of its name."""
        ...

    async def all(self) -> list[Source]:
        """Return every source, by name."""
        ...

    async def get(self, name: str) -> Source:
        """Return the source called `name`.  Raises `UnknownSource`."""
        ...

    async def remove(self, name: str) -> int:
        """Remove a source with its tools, and return how many they were.  Raises `UnknownSource`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolNameRow:
    """What a resolver needs of every tool, to know or nearly know a name."""

    name: ToolName
    source: SourceName
    server: str
    upstream_name: str
    state: ToolState


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSummary:
    """How many tools one server has, by state."""

    source: SourceName
    server: str
    counts: Mapping[ToolState, int]


class ToolStore(Protocol):
    """The catalogue."""

    async def version(self) -> int:
        """Return a number that grows with every change of the catalogue, by any process."""
        ...

    async def sync(
        self,
        source: SourceName,
        specs: Sequence[ToolSpec],
        *,
        servers: frozenset[str] | None = None,
        notes: Sequence[str] = (),
    ) -> SyncReport:
        """Make the catalogue hold exactly `specs` for `source`, in one transaction, and say what changed.

        With `servers` only the tools of these servers are compared, and the others left as they are; every spec
        must be of one of them.

        Specs are told apart by (server, upstream_name); of two that are equal in both the first counts. Names
        are given here, and kept for ever: a tool that goes and comes back has its old name. A spec with a `fault`
        is kept quarantined. What is unchanged by digest is not written.  Raises `UnknownSource`.
        """
        ...

    async def get(self, names: Sequence[str]) -> list[Tool]:
        """Return the tools of these exact wire names, in that order; names nobody has are left out."""
        ...

    async def names(self) -> list[ToolNameRow]:
        """Return every tool that is not gone, by name."""
        ...

    async def servers(self) -> list[ServerSummary]:
        """Return every server of every source, by source and server."""
        ...


class DocumentFeed(Protocol):
    """What an index is made from."""

    async def version(self) -> int:
        """Return a number that grows with every change."""
        ...

    async def digests(self) -> dict[str, str]:
        """Return the digest of every document that can be found, by key."""
        ...

    async def documents(self, keys: Sequence[str]) -> list[Document]:
        """Return these documents; keys that are gone are left out."""
        ...


class VectorStore(Protocol):
    """Vectors by digest of what was embedded and id of the model: computed once, for every session and process."""

    async def load(self, model: str, digests: Sequence[str]) -> dict[str, bytes]:
        """Return the vectors that are known, as the bytes that were stored."""
        ...

    async def save(self, model: str, vectors: Mapping[str, bytes]) -> None:
        """Keep these vectors; known ones are left as they are."""
        ...

    async def prune(self, model: str, keep: Sequence[str]) -> int:
        """Drop the vectors of `model` whose digest is not in `keep`; return how many."""
        ...


class Journal(Protocol):
    """The record of calls, which is also the ledger of effects."""

    async def prepare(self, record: CallRecord) -> CallRecord:
        """Write `record` durably before its call is sent, and return it as written.

        Where its task is held and it names no fence, it is written under that of the claim.

        Raises:
            Conflict: there is a call of this id, or under this idempotency key.
            ClaimLost: its task is not held under its fence; nothing was written.
            UnknownTask: there is no task of this id; nothing was written.
        """
        ...

    async def finish(self, record: CallRecord, result: StoredResult | None = None, *, durable: bool) -> None:
        """Write how a call ended, with its result.

        `durable` waits for the commit, as an effect needs; otherwise the record is readable at once in this process,
        and committed within a second or when the journal closes.
        """
        ...

    async def find(self, idempotency_key: str) -> CallRecord | None:
        """Return the call made under this key, if any."""
        ...

    async def recent(self, *, limit: int, unsettled: bool = False) -> list[CallRecord]:
        """Return the newest calls first; with `unsettled` only those prepared or of unknown outcome."""
        ...

    async def settle(self, *, older_than: datetime) -> list[CallId]:
        """Mark calls prepared before `older_than` and never finished as unknown; return them."""
        ...


class EffectLedger(Protocol):
    """Calls that may have changed the world, in step with the tasks that they were made for."""

    async def call(self, call_id: str) -> CallRecord:
        """Return a call.  Raises `InvalidArgument` where there is none of this id."""
        ...

    async def unsettled(self, tree: str | None, *, limit: int) -> list[CallRecord]:
        """Return the effects of which nobody knows how they ended and which are not under way, oldest first."""
        ...

    async def settle(self, call_id: str, *, happened: bool, by: str, output: Json) -> Settled:
        """Write what came of a call, and in the same transaction what follows for its task.

        Raises `Conflict` where that is known, or the call may be under way.
        """
        ...

    async def end(self, ending: Ending, then: Claim | None) -> Finished:
        """Write the end of a task in one transaction with that of the call that its work was, and the next claim.

        Raises `ClaimLost` and `BadEdit`; the end of the call is written all the same.
        """
        ...

    def judge(self, when: str, result: Json) -> bool | None:
        """Return what an expression says of `result`; None where it cannot say.  Raises `InvalidArgument`."""
        ...


class TextRecall(Protocol):
    """Finds what speaks of something among the tasks, facts and results of a tree."""

    async def search(self, tree: str, text: str, *, until: int) -> Sequence[Match]:
        """Return what fits `text` best of what was there at revision `until`.  Raises `InvalidArgument`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """A result on its way into the store."""

    artifact: Artifact
    body: bytes


class ArtifactStore(Protocol):
    """Results of calls, by handle."""

    async def get(self, handle: str) -> StoredResult:
        """Return a result.  Raises `UnknownHandle`."""
        ...

    async def expire(self, *, before: datetime, keep_bytes: int) -> int:
        """Drop results made before `before`, then the oldest beyond `keep_bytes` in all; return how many.

        The records of calls that were made before `before` and have ended go with them, and their idempotency keys.
        """
        ...


class ApprovalStore(Protocol):
    """Questions to a person and their answers."""

    async def request(self, approval: Approval) -> Approval:
        """Add a pending approval; one that waits for the same tool and arguments is returned instead."""
        ...

    async def decide(self, approval_id: str, *, approve: bool, scope: Scope, by: str) -> Approval:
        """Write a person's decision.  Raises `UnknownApproval` when none of this id is pending and unexpired."""
        ...

    async def take(self, tool: ToolName, tool_digest: str, arguments_digest: str) -> Approval | None:
        """Return an approval that lets this call run, and use it up if it was for once; one caller alone gets it."""
        ...

    async def all(self, *, pending: bool) -> list[Approval]:
        """Return approvals, oldest first: those that wait, or every one."""
        ...

    async def revoke(self, approval_id: ApprovalId) -> None:
        """End an approval that was given for always.  Raises `UnknownApproval`."""
        ...


# Retrieval.


class Encoder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def model_id(self) -> str:
        """Name of the model and everything that changes its vectors: quantisation, pooling, dimension."""
        ...

    @property
    def dimension(self) -> int:
        """Length d of every row that `embed` returns."""
        ...

    def embed(self, texts: Sequence[str], /) -> Vectors:
        """Return one row per text, in order; blocks, so it is called in a worker thread.  Raises `ModelUnavailable`."""
        ...


class SearchIndex(Protocol):
    """Finds documents by words and by meaning."""

    async def search(self, query: str, *, k: int, filters: Filters) -> Search:
        """Return at most `k` documents that pass `filters`, best first; ties by key."""
        ...

    async def refresh(self) -> bool:
        """Take in what changed in the feed since the last refresh; return whether anything did."""
        ...


# Tools.


@dataclass(frozen=True, slots=True, kw_only=True)
class Elicited:
    """A person's answer to a question."""

    action: str
    """`accept`, `decline` or `cancel`."""
    content: Mapping[str, Any] | None = None


class Caller(Protocol):
    """Who makes a call, and how they can be reached while it runs."""

    @property
    def surface(self) -> str:
        """`mcp`, `cli` or `python`."""
        ...

    async def elicit(self, message: str, schema: Mapping[str, Any]) -> Elicited | None:
        """Ask the person; None where they cannot be asked."""
        ...

    async def progress(self, done: float, total: float | None, message: str | None) -> None:
        """Tell how far the call is."""
        ...


class Backend(Protocol):
    """A live source: lists its tools and runs them.  Starting is lazy: at the first `listing` or `call`."""

    async def listing(self) -> Listing:
        """Return what the source offers now.  Raises `SourceUnavailable`."""
        ...

    async def call(self, tool: Tool, arguments: Mapping[str, Any], *, timeout_s: float, caller: Caller) -> RawResult:
        """Run one tool.  Raises `CallFailed`; `timeout` when no answer came within `timeout_s`."""
        ...

    def status(self) -> Mapping[str, Any]:
        """Return what `doctor` shows: state, restarts, breaker, last error, tail of the log."""
        ...

    async def aclose(self) -> None:
        """Stop whatever runs; idempotent."""
        ...


@runtime_checkable
class WatchfulBackend(Protocol):
    """A backend whose tools can change between a listing and a call, and that can tell."""

    async def unchanged(self, tool: Tool) -> bool:
        """Return whether the source still offers `tool` as the catalogue has it, so that a person's leave holds.

        Raises `SourceUnavailable` and `SecretMissing`.
        """
        ...


@runtime_checkable
class PartedBackend(Protocol):
    """A backend whose tools are too many to hold at once: it lists them a few servers at a time."""

    def listings(self) -> AsyncIterator[Listing]:
        """Yield listings that are each complete for their `servers`, and together for the source.

        Raises `SourceUnavailable`.
        """
        ...


@runtime_checkable
class NeedyBackend(Protocol):
    """A backend that can say what it still lacks, without asking anybody outside."""

    async def needs(self) -> Sequence[Need]:
        """Return what a person must still provide before its tools can be called."""
        ...


class Secrets(Protocol):
    """Where secrets are: the environment, the system's keyring, or a file that only its owner can read."""

    def get(self, name: str) -> str | None:
        """Return the secret called `name`."""
        ...

    def put(self, name: str, value: str) -> str:
        """Keep a secret, and return where: `keyring` or `file`."""
        ...

    def redact(self, text: str) -> str:
        """Return `text` with every secret that was read so far replaced by `[secret]`."""
        ...

    def learn(self, value: str) -> None:
        """Have `redact` hide `value` too: a token that was had for a secret is one itself."""
        ...
