"""The tools room put together on doubles of what it stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from banyan.core.approval import Approval
from banyan.core.call import Outcome
from banyan.core.ids import SourceName, ToolName
from banyan.core.policy import DIRECT_POLICY, Policy
from banyan.core.ports import Caller
from banyan.core.source import Source, SourceKind
from banyan.core.tool import Effects, Tool, ToolSpec
from banyan.memory import Database
from banyan.testing.backend import Answer, ScriptedBackend, ScriptedCaller
from banyan.testing.stores import MemoryDatabase
from banyan.tools.backends import Backends
from banyan.tools.invoke import CallLimits, CallPorts, CallRequest, Invoker
from banyan.tools.resolve import Resolver
from banyan.tools.results import Reader

SECRET = "hunter2-and-more"
READS = Effects(read_only=True, destructive=False, idempotent=True, guessed=False)
WRITES = Effects(read_only=False, destructive=False, idempotent=False, guessed=False)
DELETES = Effects(read_only=False, destructive=True, idempotent=False, guessed=False)


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def redact(text: str) -> str:
    return text.replace(SECRET, "[secret]")


def schema(required: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    """Return an object schema; a property given as a word is of that type."""
    made = {name: {"type": one} if isinstance(one, str) else one for name, one in properties.items()}
    return {"type": "object", "properties": made, "required": list(required), "additionalProperties": False}


def spec(
    name: str,
    server: str = "files",
    *,
    input_schema: Mapping[str, Any] | None = None,
    effects: Effects = READS,
    **rest: Any,
) -> ToolSpec:
    return ToolSpec(server=server, upstream_name=name, input_schema=input_schema or schema(), effects=effects, **rest)


def tool(one: ToolSpec, name: str = "") -> Tool:
    """Return a spec as a record of the catalogue."""
    return Tool(
        name=ToolName(name or f"{one.server}__{one.upstream_name}"),
        source=SourceName(one.server),
        spec=one,
        digest=one.digest,
        changed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


class Room:
    """One source, `files`, on a scripted backend, and everything of the room around it."""

    def __init__(self, database: Database | MemoryDatabase, clock: Clock, limits: CallLimits | None = None) -> None:
        self.database = database
        self.clock = clock
        self.backend = ScriptedBackend()
        self.made: list[Source] = []
        self.backends = Backends(database.sources, {SourceKind.MCP: self._make})
        self.resolver = Resolver(database.tools)
        self.invoker = Invoker(
            CallPorts(
                tools=database.tools,
                backends=self.backends,
                journal=database.journal,
                artifacts=database.artifacts,
                approvals=database.approvals,
                redact=redact,
                secret={"ACCOUNT": "acct-1"}.get,
                clock=clock,
            ),
            self.resolver,
            limits,
        )
        self.reader = Reader(database.artifacts)

    async def offer(self, one: ToolSpec, *answers: Answer, source: str = "files") -> None:
        """Add a tool, with what it answers in turn."""
        self.backend.tools = [*[old for old in self.backend.tools if old.upstream_name != one.upstream_name], one]
        self.backend.answers[one.upstream_name] = list(answers)
        await self.database.sources.put(Source(name=SourceName(source), kind=SourceKind.MCP))
        await self.database.tools.sync(SourceName(source), self.backend.tools)
        self.resolver.forget()

    async def call(
        self,
        name: str,
        arguments: Any = None,
        *,
        policy: Policy = DIRECT_POLICY,
        caller: Caller | None = None,
        **request: Any,
    ) -> Outcome:
        made = CallRequest(name=name, arguments=arguments, **request)
        return await self.invoker.call(made, policy=policy, caller=caller or ScriptedCaller())

    async def pending(self) -> list[Approval]:
        return await self.database.approvals.all(pending=True)

    def _make(self, source: Source) -> ScriptedBackend:
        self.made.append(source)
        return self.backend
