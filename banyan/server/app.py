"""The one object behind the command line, the MCP server and Python programs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from banyan.core.approval import Approval, Scope
from banyan.core.call import Outcome, Page
from banyan.core.claim import Held
from banyan.core.errors import InvalidArgument
from banyan.core.find import Filters, FindAnswer
from banyan.core.ids import SourceName
from banyan.core.ports import Caller, ServerSummary, ToolStore
from banyan.core.source import Source, SourceKind, SyncReport
from banyan.core.tool import EffectKind
from banyan.server.callers import PythonCaller
from banyan.server.config import SourceConfig, source_of
from banyan.server.settings import Settings, load
from banyan.server.watch import Watcher
from banyan.server.wiring import Parts, Policies, TaskMemory, build
from banyan.tools.describe import Description
from banyan.tools.invoke import CallRequest
from banyan.tools.preview import Preview, preview_of

if TYPE_CHECKING:
    from typing import Unpack

    from banyan.core.policy import Policy
    from banyan.server.doctor import DoctorReport


class Banyan:
    """A catalogue of tools, found by meaning and called through one guarded path.

    Made by `banyan.open`, and good until that block ends.
    """

    def __init__(self, parts: Parts, watcher: Watcher) -> None:
        self._parts = parts
        self._watcher = watcher
        self.tasks: TaskMemory = parts.tasks
        """The task memory: trees of tasks, to be edited, worked off and asked."""

    @property
    def settings(self) -> Settings:
        """The settings that it was opened with."""
        return self._parts.settings

    @property
    def policies(self) -> Policies:
        """What may be called without asking, for each surface."""
        return self._parts.policies

    @property
    def catalogue(self) -> ToolStore:
        """The tools as they are stored, to be read: names, and whole records by name."""
        return self._parts.database.tools

    async def add(self, what: str | Callable[..., Any], /, **config: Unpack[SourceConfig]) -> SyncReport:
        """Add a source, list its tools into the catalogue, and return what was found.

        Args:
            what: a name for the source, or a function to offer as a tool, which joins the source of its module. One
                that no other process can import, as of a program's own file, is offered until this Banyan is closed.
            config: how a named source is reached: one of `command`, `url`, `python` and
                `openapi`, and what goes with it. Secrets among it are kept in the keyring or a file, not in the
                database; the report says where.

        Raises:
            InvalidArgument: the name or the configuration is wrong.
            SourceUnavailable: the source cannot be listed; what was there before is kept.
        """
        from banyan.server.adding import add_named, add_source

        if isinstance(what, str):
            return await add_named(self._parts, what, config, self.sync)
        return await add_source(self._parts, self._with_function(what), self.sync)

    async def remove(self, name: str) -> int:
        """Remove a source with its tools, and return how many they were.  Raises `UnknownSource`."""
        count = await self._parts.database.sources.remove(name)
        await self._parts.backends.drop(SourceName(name))
        await self._watcher.look()
        return count

    async def sources(self) -> list[Source]:
        """Return the configured sources, by name."""
        return await self._parts.database.sources.all()

    async def servers(self) -> list[ServerSummary]:
        """Return every server of every source, with its number of tools by state."""
        return await self._parts.database.tools.servers()

    async def sync(
        self, names: Sequence[str] = (), *, on_done: Callable[[SyncReport], None] | None = None
    ) -> list[SyncReport]:
        """List these sources anew, or all of them, and return what changed; a source that fails says so in `error`."""
        reports = await self._parts.syncer.sync(names, on_done=on_done)
        self._parts.resolver.forget()
        await self._watcher.look()
        return reports

    async def embed(self, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Compute the vectors that are missing, and return how many they were; `on_progress` gets (done, total)."""
        return await self._watcher.embed(on_progress)

    async def find(
        self,
        query: str,
        k: int = 5,
        *,
        server: str | None = None,
        effects: Iterable[str] = (),
        tags: Iterable[str] = (),
        explain: bool = False,
        task: str | None = None,
    ) -> FindAnswer:
        """Return the `k` tools that fit `query` best, and whether the best of them fits at all.

        Args:
            query: what is wanted, in any words; a tool's exact name finds that tool.
            k: how many, 1 to 50.
            server: only tools of this server or source.
            effects: only tools of these kinds: `read_only`, `writes`, `destructive`.
            tags: only tools with one of these tags.
            explain: add the scores behind each confidence.
            task: id of the task that they are for: its own words and the servers of its scope count too, and what
                is found is remembered with it until it ends.

        Raises:
            InvalidArgument: an argument is empty, too long, out of range or unknown.
            UnknownTask: there is no such task.
        """
        filters = Filters(
            servers=frozenset({server} if server else ()), tags=frozenset(tags), effects=_effect_kinds(effects)
        )
        await self._watcher.ready()
        if task is not None:
            from banyan.server.offers import find_for

            return await find_for(self._parts, task, query, k=k, filters=filters, explain=explain)
        return await self._parts.finder.find(query, k=k, filters=filters, explain=explain)

    async def describe(self, names: Sequence[str], *, path: str = "") -> list[Description]:
        """Return what is known of these tools; `path` is a JSON Pointer into a large schema.  Raises `UnknownTool`."""
        return await self._parts.describer.describe(names, path=path)

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | str | None = None,
        *,
        task: str | Held | None = None,
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
        caller: Caller | None = None,
        policy: Policy | None = None,
    ) -> Outcome:
        """Call a tool through the one guarded path, and return what came of it; a failed tool is an outcome.

        Args:
            name: the tool's wire name.
            arguments: what it is called with; JSON text will do.
            task: id of the task that it is made for, with which the call and its result are kept; or the task as it is
                held (`Claimed.held`): then nothing is sent once that claim is lost.
            idempotency_key: a second call under the same key returns the first one's outcome.
            timeout_s: seconds the call may take; the setting's if None.
            caller: who can be asked and told of progress; nobody if None.
            policy: what may run without asking; the one for direct calls if None.
        """
        request = CallRequest(
            name=name,
            arguments={} if arguments is None else arguments,
            task=task.task if isinstance(task, Held) else task,
            fence=task.fence if isinstance(task, Held) else None,
            idempotency_key=idempotency_key,
            timeout_s=timeout_s,
        )
        return await self._parts.invoker.call(
            request, policy=policy or self.policies.direct, caller=caller or PythonCaller()
        )

    async def read(self, handle: str, *, path: str = "", offset: int = 0, limit: int | None = None) -> Page:
        """Return a slice of a stored result.

        Raises:
            UnknownHandle: no result has this handle.
            InvalidArgument: `path` leads nowhere, or `offset` or `limit` is out of range.
        """
        return await self._parts.reader.read(handle, path=path, offset=offset, limit=limit)

    async def inbox(self, *, pending: bool = True) -> list[Approval]:
        """Return the calls that wait for a person, oldest first, or all that ever did."""
        return await self._parts.database.approvals.all(pending=pending)

    async def approve(self, approval_id: str, *, always: bool = False, by: str = "python") -> Approval:
        """Let a waiting call run, once or this tool always.  Raises `UnknownApproval`."""
        scope = Scope.ALWAYS if always else Scope.ONCE
        return await self._parts.database.approvals.decide(approval_id, approve=True, scope=scope, by=by)

    async def deny(self, approval_id: str, *, by: str = "python") -> Approval:
        """Refuse a waiting call.  Raises `UnknownApproval`."""
        return await self._parts.database.approvals.decide(approval_id, approve=False, scope=Scope.ONCE, by=by)

    async def doctor(self) -> DoctorReport:
        """Return what works, what does not, and what to do about it."""
        from banyan.server.doctor import examine

        return await examine(self._parts)

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called when this or another process changed the catalogue; returns how to stop that."""
        return self._watcher.on_change(callback)

    def _with_function(self, function: Callable[..., Any]) -> Source:
        module = getattr(function, "__module__", "__main__")
        name = SourceName(module.replace(".", "-").strip("_") or "main")
        known = self._parts.functions.setdefault(name, {})
        known[function.__name__] = function
        return Source(name=name, kind=SourceKind.PYTHON, config={"target": module})


async def preview(b: Banyan, name: str, /, **config: Unpack[SourceConfig]) -> Preview:
    """Return what `b.add` with these arguments would find; nothing is written.

    Raises:
        InvalidArgument: the name or the configuration is wrong.
        SourceUnavailable: the source cannot be listed.
    """
    source = source_of(name, config)
    backend = b._parts.backends.make(source)
    try:
        return await preview_of(source, backend)
    finally:
        await backend.aclose()


def _effect_kinds(effects: Iterable[str]) -> frozenset[EffectKind]:
    try:
        return frozenset(EffectKind(one) for one in effects)
    except ValueError:
        known = ", ".join(f"`{one}`" for one in EffectKind)
        raise InvalidArgument("effects", f"`{', '.join(effects)}` should be of {known}") from None


@asynccontextmanager
async def open(
    home: Path | str | None = None,
    database: str | None = None,
    *,
    settings: Settings | None = None,
    watch: bool = True,
) -> AsyncIterator[Banyan]:
    """Open a Banyan: its database, its index and, as they are needed, its tool servers.

    Args:
        home: folder of the database, the index and the logs; the user's data folder if None.
        database: SQLAlchemy URL; an SQLite file in the home if None.
        settings: all settings at once, instead of the two above.
        watch: keep up with changes by other processes, and compute missing vectors in the background.

    Raises:
        SettingsError: a setting is wrong, or the home cannot be made.
        DatabaseUnavailable: the database cannot be opened.
        DatabaseTooNew: a newer Banyan wrote it.
    """
    chosen = settings or load(home, database)
    changed: set[SourceName] = set()
    parts = await build(chosen, on_changed=changed.add)
    try:
        watcher = Watcher(parts, changed)
        try:
            async with anyio.create_task_group() as group:
                if watch:
                    group.start_soon(watcher.run)
                yield Banyan(parts, watcher)
                group.cancel_scope.cancel()
        except BaseExceptionGroup as failures:
            # One failure is raised alone: callers handle errors by type, and a group hides the type.
            if len(failures.exceptions) == 1:
                raise failures.exceptions[0] from None
            raise
    finally:
        with anyio.CancelScope(shield=True):
            if parts.functions:
                from banyan.server.adding import forget_own

                await forget_own(parts)
            await parts.backends.aclose()
            await parts.database.close()
