"""Doubles of the stores: the same contracts, kept in memory, for one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from banyan.core.approval import Approval, ApprovalState, Scope
from banyan.core.call import CallRecord, CallState, Category, OutcomeKind
from banyan.core.diff import differences
from banyan.core.document import tool_document
from banyan.core.effect import is_unsettled
from banyan.core.errors import Conflict, UnknownApproval, UnknownHandle, UnknownSource, UnknownTool
from banyan.core.find import Document
from banyan.core.ids import ApprovalId, CallId, SourceName, ToolName
from banyan.core.ports import Clock, ServerSummary, StoredResult, ToolNameRow
from banyan.core.source import Source, SyncReport, ToolChange
from banyan.core.tool import Tool, ToolSpec, ToolState, search_digest, spec_json
from banyan.memory.approvals import NEVER
from banyan.memory.journal import LOST
from banyan.memory.reconcile import Known, Plan, by_identity, identity, reconcile, standing


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class MemoryCatalogue:
    """What the doubles of sources, tools and documents share."""

    def __init__(self) -> None:
        self.version = 0
        self.sources: dict[str, Source] = {}
        self.tools: dict[str, Tool] = {}
        self.disabled: set[str] = set()


class MemorySources:
    """A `SourceStore` in memory."""

    def __init__(self, catalogue: MemoryCatalogue) -> None:
        self._catalogue = catalogue

    async def put(self, source: Source) -> None:
        """Add `source`, or replace the one of its name."""
        before = self._catalogue.sources.get(source.name)
        self._catalogue.sources[source.name] = source
        if before is None or replace(source, synced_at=None, sync_error=None) != replace(
            before, synced_at=None, sync_error=None
        ):
            self._catalogue.version += 1

    async def all(self) -> list[Source]:
        """Return every source, by name."""
        return [source for _, source in sorted(self._catalogue.sources.items())]

    async def get(self, name: str) -> Source:
        """Return the source called `name`.  Raises `UnknownSource`."""
        if name not in self._catalogue.sources:
            raise UnknownSource(name, known=sorted(self._catalogue.sources))
        return self._catalogue.sources[name]

    async def remove(self, name: str) -> int:
        """Remove a source with its tools, and return how many they were.  Raises `UnknownSource`."""
        await self.get(name)
        del self._catalogue.sources[name]
        tools = [tool for tool in self._catalogue.tools.values() if tool.source == name]
        for tool in tools:
            del self._catalogue.tools[tool.name]
            self._catalogue.disabled.discard(tool.name)
        self._catalogue.version += 1
        return sum(tool.state is not ToolState.GONE for tool in tools)


class MemoryTools:
    """A `ToolStore` in memory."""

    def __init__(self, catalogue: MemoryCatalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock

    async def version(self) -> int:
        """Return a number that grows with every change of the catalogue."""
        return self._catalogue.version

    async def sync(
        self,
        source: SourceName,
        specs: Sequence[ToolSpec],
        *,
        servers: frozenset[str] | None = None,
        notes: Sequence[str] = (),
    ) -> SyncReport:
        """Make the catalogue hold exactly `specs` for `source`, and say what changed.  Raises `UnknownSource`."""
        kept = await MemorySources(self._catalogue).get(source)
        listed, more = by_identity(specs)
        taken = {name.casefold() for name in self._catalogue.tools}
        plan = reconcile(self._known(source, servers), listed, taken.intersection)
        changes = tuple(
            ToolChange(name=tool.name, differences=differences(spec_json(self._spec(tool.name)), spec_json(spec)))
            for tool, spec in plan.changed
        )
        self._write(source, plan)
        self._catalogue.sources[source] = replace(kept, synced_at=self._clock(), sync_error=None)
        self._catalogue.version += plan.touches
        return SyncReport(
            source=source,
            new=tuple(name for _, name, _ in plan.new),
            changed=changes,
            gone=tuple(sorted(tool.name for tool in plan.gone)),
            back=tuple(tool.name for tool, _ in plan.back),
            unchanged=plan.unchanged,
            quarantined=tuple(plan.quarantined),
            notes=(*notes, *more),
        )

    async def get(self, names: Sequence[str]) -> list[Tool]:
        """Return the tools of these exact wire names, in that order; names nobody has are left out."""
        return [self._catalogue.tools[name] for name in names if name in self._catalogue.tools]

    async def names(self) -> list[ToolNameRow]:
        """Return every tool that is not gone, by name."""
        return [
            ToolNameRow(
                name=tool.name,
                source=tool.source,
                server=tool.spec.server,
                upstream_name=tool.spec.upstream_name,
                state=tool.state,
            )
            for _, tool in sorted(self._catalogue.tools.items())
            if tool.state is not ToolState.GONE
        ]

    async def servers(self) -> list[ServerSummary]:
        """Return every server of every source, by source and server."""
        counts: dict[tuple[SourceName, str], dict[ToolState, int]] = {}
        for tool in self._catalogue.tools.values():
            states = counts.setdefault((tool.source, tool.spec.server), {})
            states[tool.state] = states.get(tool.state, 0) + 1
        return [
            ServerSummary(source=source, server=server, counts=states)
            for (source, server), states in sorted(counts.items())
        ]

    async def set_disabled(self, name: str, *, disabled: bool) -> Tool:
        """Switch one tool off or on again for good, and return it.  Raises `UnknownTool`."""
        tool = self._catalogue.tools.get(name)
        if tool is None:
            raise UnknownTool(name)
        (self._catalogue.disabled.add if disabled else self._catalogue.disabled.discard)(name)
        if tool.state is not ToolState.GONE:
            state, reason = standing(tool.spec, disabled=disabled)
            self._catalogue.tools[name] = replace(tool, state=state, state_reason=reason)
        self._catalogue.version += 1
        return self._catalogue.tools[name]

    def _spec(self, name: str) -> ToolSpec:
        return self._catalogue.tools[name].spec

    def _known(self, source: SourceName, servers: frozenset[str] | None) -> dict[str, Known]:
        tools = [
            tool
            for tool in self._catalogue.tools.values()
            if tool.source == source and (servers is None or tool.spec.server in servers)
        ]
        return {
            identity(tool.spec): Known(
                id=0,
                name=tool.name,
                digest=tool.digest,
                state=tool.state,
                disabled=tool.name in self._catalogue.disabled,
            )
            for tool in tools
        }

    def _write(self, source: SourceName, plan: Plan) -> None:
        tools = self._catalogue.tools
        for known in plan.gone:
            tools[known.name] = replace(tools[known.name], state=ToolState.GONE, state_reason=None)
        for known, spec in (*plan.back, *plan.changed):
            state, reason = standing(spec, disabled=known.disabled)
            changed_at = tools[known.name].changed_at if known.digest == spec.digest else self._clock()
            tools[known.name] = replace(
                tools[known.name],
                spec=spec,
                digest=spec.digest,
                state=state,
                state_reason=reason,
                changed_at=changed_at,
            )
        for _, name, spec in plan.new:
            state, reason = standing(spec, disabled=False)
            tools[name] = Tool(
                name=name,
                source=source,
                spec=spec,
                digest=spec.digest,
                state=state,
                state_reason=reason,
                changed_at=self._clock(),
            )


class MemoryDocuments:
    """A `DocumentFeed` in memory."""

    def __init__(self, catalogue: MemoryCatalogue) -> None:
        self._catalogue = catalogue

    async def version(self) -> int:
        """Return a number that grows with every change."""
        return self._catalogue.version

    async def digests(self) -> dict[str, str]:
        """Return the digest of every document that can be found, by key."""
        return {tool.name: search_digest(tool.spec) for tool in self._findable().values()}

    async def documents(self, keys: Sequence[str]) -> list[Document]:
        """Return these documents, in that order; keys that are gone are left out."""
        tools = self._findable()
        found = [tools[key] for key in keys if key in tools]
        return [
            tool_document(tool.name, tool.spec, source=tool.source, digest=search_digest(tool.spec)) for tool in found
        ]

    def _findable(self) -> dict[str, Tool]:
        enabled = {source.name for source in self._catalogue.sources.values() if source.enabled}
        return {
            name: tool
            for name, tool in self._catalogue.tools.items()
            if tool.state is ToolState.ACTIVE and tool.source in enabled
        }


class MemoryVectors:
    """A `VectorStore` in memory."""

    def __init__(self) -> None:
        self._vectors: dict[tuple[str, str], bytes] = {}

    async def load(self, model: str, digests: Sequence[str]) -> dict[str, bytes]:
        """Return the vectors that are known, as the bytes that were stored."""
        return {digest: self._vectors[model, digest] for digest in digests if (model, digest) in self._vectors}

    async def save(self, model: str, vectors: Mapping[str, bytes]) -> None:
        """Keep these vectors; known ones are left as they are."""
        self._vectors = {(model, digest): vector for digest, vector in vectors.items()} | self._vectors

    async def prune(self, model: str, keep: Sequence[str]) -> int:
        """Drop the vectors of `model` whose digest is not in `keep`; return how many."""
        kept = {key: vector for key, vector in self._vectors.items() if key[0] != model or key[1] in keep}
        dropped = len(self._vectors) - len(kept)
        self._vectors = kept
        return dropped


class MemoryArtifacts:
    """An `ArtifactStore` in memory; the `MemoryJournal` fills it."""

    def __init__(self) -> None:
        self.results: dict[str, StoredResult] = {}
        self.calls: dict[CallId, CallRecord] = {}
        self.referring: list[Callable[[], set[str]]] = []
        """Functions that return handles that are needed still: a store of tasks has one."""

    async def get(self, handle: str) -> StoredResult:
        """Return a result.  Raises `UnknownHandle`."""
        if handle not in self.results:
            raise UnknownHandle(handle)
        return self.results[handle]

    async def expire(self, *, before: datetime, keep_bytes: int) -> int:
        """Drop results made before `before`, then the oldest beyond `keep_bytes`, and old calls; return how many."""
        needed = {handle for handles in self.referring for handle in handles()}
        for call in list(self.calls.values()):
            undecided = call.effectful and is_unsettled(call)
            if (
                call.state is CallState.ENDED
                and call.started_at < before
                and not undecided
                and call.handle not in needed
            ):
                del self.calls[call.call_id]
        newest = sorted(
            self.results.values(), key=lambda one: (one.artifact.created_at, one.artifact.handle), reverse=True
        )
        total = 0
        kept: dict[str, StoredResult] = {}
        for one in newest:
            handle, young = one.artifact.handle, one.artifact.created_at >= before
            total += len(one.body) if young or handle in needed else 0
            if handle in needed or (young and total <= keep_bytes):
                kept[handle] = one
        dropped = len(self.results) - len(kept)
        self.results = kept
        return dropped


class MemoryJournal:
    """A `Journal` in memory."""

    def __init__(self, artifacts: MemoryArtifacts) -> None:
        self._artifacts = artifacts
        self._calls = artifacts.calls

    async def prepare(self, record: CallRecord) -> CallRecord:
        """Write `record` before its call is sent, and return it as written.  Raises `Conflict`."""
        return self.add(record)

    def add(self, record: CallRecord) -> CallRecord:
        """Write `record` at once, and return it as written.  Raises `Conflict`."""
        if record.call_id in self._calls or self._owner(record) is not None:
            raise Conflict(f"there is a call `{record.call_id}`, or one under its idempotency key, already")
        self._calls[record.call_id] = record
        return record

    async def finish(self, record: CallRecord, result: StoredResult | None = None, *, durable: bool) -> None:
        """Write how a call ended, with its result; nothing here outlives the process, `durable` or not."""
        self.end(record, result)

    def end(self, record: CallRecord, result: StoredResult | None = None) -> None:
        """Write how a call ended, at once."""
        owner = self._owner(record)
        taken = owner is not None and owner.call_id != record.call_id
        self._calls[record.call_id] = replace(record, idempotency_key=None) if taken else record
        if result is not None:
            self._artifacts.results[result.artifact.handle] = result

    async def find(self, idempotency_key: str) -> CallRecord | None:
        """Return the call made under this key, if any."""
        return next((one for one in self._calls.values() if one.idempotency_key == idempotency_key), None)

    async def recent(self, *, limit: int, unsettled: bool = False) -> list[CallRecord]:
        """Return the newest calls first; with `unsettled` only those prepared or of unknown outcome."""
        kept = [record for record in self._calls.values() if not unsettled or is_unsettled(record)]
        return sorted(kept, key=lambda one: (one.started_at, one.call_id), reverse=True)[:limit]

    async def settle(self, *, older_than: datetime) -> list[CallId]:
        """Mark calls prepared before `older_than` and never finished as unknown; return them, oldest first."""
        lost = [one for one in self._calls.values() if one.state is CallState.PREPARED and one.started_at < older_than]
        for record in lost:
            self._calls[record.call_id] = replace(
                record,
                state=CallState.ENDED,
                outcome=OutcomeKind.UNKNOWN,
                category=Category.UNKNOWN_EFFECT,
                message=LOST,
            )
        return [one.call_id for one in sorted(lost, key=lambda one: (one.started_at, one.call_id))]

    def _owner(self, record: CallRecord) -> CallRecord | None:
        if record.idempotency_key is None:
            return None
        return next((one for one in self._calls.values() if one.idempotency_key == record.idempotency_key), None)


class MemoryApprovals:
    """An `ApprovalStore` in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._approvals: dict[str, Approval] = {}

    async def request(self, approval: Approval) -> Approval:
        """Add a pending approval; one that waits for the same tool and arguments is returned instead."""
        for other in await self.all(pending=True):
            if (other.tool, other.tool_digest, other.arguments_digest) == (
                approval.tool,
                approval.tool_digest,
                approval.arguments_digest,
            ):
                return other
        return self._keep(approval)

    async def decide(self, approval_id: str, *, approve: bool, scope: Scope, by: str) -> Approval:
        """Write a person's decision.  Raises `UnknownApproval` when none of this id is pending and unexpired."""
        found = self._approvals.get(approval_id)
        if found is None or not self._waits(found):
            raise UnknownApproval(approval_id)
        state = ApprovalState.APPROVED if approve else ApprovalState.DENIED
        found = replace(found, state=state, scope=scope, decided_at=self._clock(), decided_by=by)
        return self._keep(replace(found, expires_at=NEVER) if approve and scope is Scope.ALWAYS else found)

    async def take(self, tool: ToolName, tool_digest: str, arguments_digest: str) -> Approval | None:
        """Return an approval that lets this call run, and use it up if it was for once."""
        lets = [
            one
            for one in await self.all(pending=False)
            if (one.tool, one.tool_digest, one.state) == (tool, tool_digest, ApprovalState.APPROVED)
            and one.expires_at > self._clock()
            and (one.scope is Scope.ALWAYS or one.arguments_digest == arguments_digest)
        ]
        if always := [one for one in lets if one.scope is Scope.ALWAYS]:
            return always[0]
        return self._keep(replace(lets[0], state=ApprovalState.USED)) if lets else None

    async def all(self, *, pending: bool) -> list[Approval]:
        """Return approvals, oldest first: those that wait, or every one."""
        ordered = sorted(self._approvals.values(), key=lambda one: (one.created_at, one.id))
        return [one for one in ordered if not pending or self._waits(one)]

    async def revoke(self, approval_id: ApprovalId) -> None:
        """End an approval that was given for always.  Raises `UnknownApproval`."""
        found = self._approvals.get(approval_id)
        if found is None or (found.state, found.scope) != (ApprovalState.APPROVED, Scope.ALWAYS):
            raise UnknownApproval(approval_id)
        self._keep(replace(found, state=ApprovalState.DENIED, decided_at=self._clock()))

    def _waits(self, approval: Approval) -> bool:
        return approval.state is ApprovalState.PENDING and approval.expires_at > self._clock()

    def _keep(self, approval: Approval) -> Approval:
        self._approvals[approval.id] = approval
        return approval


class MemoryDatabase:
    """Every store in memory, under the names that `banyan.memory.Database` gives them."""

    def __init__(self, clock: Clock = now) -> None:
        catalogue = MemoryCatalogue()
        self.sources = MemorySources(catalogue)
        self.tools = MemoryTools(catalogue, clock)
        self.documents = MemoryDocuments(catalogue)
        self.vectors = MemoryVectors()
        self.artifacts = MemoryArtifacts()
        self.journal = MemoryJournal(self.artifacts)
        self.approvals = MemoryApprovals(clock)
        # Imported here: it is made of the doubles above.
        from banyan.testing.graph import MemoryGraphs

        self.graphs = MemoryGraphs(clock, self.artifacts)

    async def close(self) -> None:
        """Forget nothing: there is nothing to close."""
