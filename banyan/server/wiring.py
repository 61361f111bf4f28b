"""The one place that knows which class implements which port."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from banyan.core.ids import SourceName
from banyan.core.policy import DIRECT_POLICY, MCP_POLICY, Policy, Rule
from banyan.core.source import Source, SourceKind
from banyan.memory.database import Database
from banyan.memory.graph.store import GraphStore
from banyan.memory.ledger import Ledger
from banyan.memory.offers import Offers
from banyan.memory.tasks import Tasks
from banyan.memory.text_recall import IndexedRecall
from banyan.retrieval.index import HybridIndex, IndexLimits
from banyan.server.callers import PythonCaller
from banyan.server.effects import Effects
from banyan.server.secrets import SecretStores
from banyan.server.settings import RuleSettings, Settings, environment, make_home
from banyan.tools.backends import Backends
from banyan.tools.describe import Describer
from banyan.tools.find import Finder, FindLimits
from banyan.tools.invoke import CallLimits, CallPorts, Invoker
from banyan.tools.resolve import Resolver
from banyan.tools.results import Reader
from banyan.tools.sync import Syncer

if TYPE_CHECKING:
    from banyan.core.ports import Backend, Clock, DocumentFeed, Encoder, TextRecall
    from banyan.core.task import TreeId

Functions = dict[SourceName, dict[str, Callable[..., Any]]]
"""Python functions that this process handed in, by source and name."""


TREE_LIMITS = IndexLimits(embed_near=16, embed_all_of=128)
"""How the index of a tree works: nobody fills it but those who search it, so each search embeds a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """What may be called without asking, for each surface."""

    mcp: Policy
    direct: Policy


class TaskMemory(Tasks):
    """Trees of tasks, and what was done to the world for them."""

    def __init__(self, store: GraphStore, clock: Clock, effects: Effects, texts: TextRecall) -> None:
        super().__init__(store, clock, texts)
        self.effects = effects
        """Calls that may have changed the world: made as the work of a task, and reconciled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that one Banyan is made of."""

    settings: Settings
    secrets: SecretStores
    database: Database
    index: HybridIndex
    index_folder: Path
    backends: Backends
    resolver: Resolver
    syncer: Syncer
    finder: Finder
    describer: Describer
    invoker: Invoker
    reader: Reader
    tasks: TaskMemory
    offers: Offers
    policies: Policies
    functions: Functions


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


async def build(settings: Settings, *, on_changed: Callable[[SourceName], None]) -> Parts:
    """Open the database and put the parts together; nothing is started, downloaded or searched yet.

    Raises:
        DatabaseUnavailable: the database cannot be opened.
        DatabaseTooNew: it was written by a newer Banyan.
        SettingsError: its URL is wrong, or the home cannot be made.
        StorageFull: there is no room for the home.
    """
    make_home(settings.home)
    secrets = SecretStores(settings.home)
    functions: Functions = {}
    database = await Database.open(settings.database)
    backends = Backends(database.sources, _backends(settings, secrets, functions, on_changed))
    index_folder = settings.home / "index" / hashlib.sha256(settings.database.encode()).hexdigest()[:12]
    # One model for every index: each would read it into memory for itself.
    encoder = cache(partial(_encoder, settings))
    index = HybridIndex(database.documents, database.vectors, encoder, cache=index_folder, limits=IndexLimits())

    def index_of(feed: DocumentFeed, tree: TreeId | None) -> HybridIndex:
        folder = None if tree is None else index_folder / "trees" / tree
        return HybridIndex(feed, database.vectors, encoder, cache=folder, limits=TREE_LIMITS)

    resolver = Resolver(database.tools)
    invoker = _invoker(settings, database, backends, resolver, secrets)
    policies = Policies(
        mcp=_with_rules(MCP_POLICY, settings.policy.mcp), direct=_with_rules(DIRECT_POLICY, settings.policy.direct)
    )
    effects = Effects(Ledger(database.graphs, database.journal, now), invoker, policies.direct, PythonCaller())
    return Parts(
        settings=settings,
        secrets=secrets,
        database=database,
        index=index,
        index_folder=index_folder,
        backends=backends,
        resolver=resolver,
        syncer=Syncer(database.sources, database.tools, backends, clock=now),
        finder=Finder(database.tools, index, _find_limits(settings)),
        describer=Describer(resolver),
        invoker=invoker,
        reader=Reader(database.artifacts),
        tasks=TaskMemory(database.graphs, now, effects, IndexedRecall(database.graphs, index_of)),
        offers=Offers(database.graphs),
        policies=policies,
        functions=functions,
    )


def _invoker(
    settings: Settings, database: Database, backends: Backends, resolver: Resolver, secrets: SecretStores
) -> Invoker:
    calls = settings.calls
    ports = CallPorts(
        tools=database.tools,
        backends=backends,
        journal=database.journal,
        artifacts=database.artifacts,
        approvals=database.approvals,
        redact=secrets.redact,
        secret=secrets.get,
        clock=now,
    )
    limits = CallLimits(
        timeout_s=calls.timeout_s,
        result_cap_bytes=calls.result_cap_bytes,
        preview_chars=calls.preview_chars,
        approval_expires_s=calls.approval_expires_s,
    )
    return Invoker(ports, resolver, limits)


def _backends(
    settings: Settings, secrets: SecretStores, functions: Functions, on_changed: Callable[[SourceName], None]
) -> dict[SourceKind, Callable[[Source], Backend]]:
    def mcp(source: Source) -> Backend:
        # Imported here: the MCP SDK takes most of a second, and a search needs none of it.
        from banyan.tools.mcp import McpBackend, SessionLimits

        sessions = settings.sessions
        limits = SessionLimits(
            start_timeout_s=source.config.get("start_timeout_s", sessions.start_timeout_s),
            idle_stop_s=sessions.idle_stop_s,
            message_cap_bytes=sessions.message_cap_bytes,
        )
        return McpBackend(
            source,
            secrets=secrets,
            limits=limits,
            log_dir=settings.home / "logs",
            on_changed=on_changed,
            environment=environment(),
        )

    def python(source: Source) -> Backend:
        from banyan.tools.python_source import PythonBackend

        return PythonBackend(source, functions.get(source.name, {}))

    def google(source: Source) -> Backend:
        from banyan.tools.google import GoogleBackend

        return GoogleBackend(source, secrets=secrets, environment=environment())

    def aws(source: Source) -> Backend:
        from banyan.tools.aws import AwsBackend, AwsLimits

        # Bytes stand as base64 in the result, which has its cap.
        limits = AwsLimits(body_bytes=settings.calls.result_cap_bytes * 3 // 4)
        return AwsBackend(source, secrets=secrets, limits=limits, environment=environment())

    def openapi(source: Source) -> Backend:
        from banyan.tools.openapi.backend import OpenApiBackend

        return OpenApiBackend(source, secrets=secrets)

    return {
        SourceKind.MCP: mcp,
        SourceKind.PYTHON: python,
        SourceKind.OPENAPI: openapi,
        SourceKind.GOOGLE: google,
        SourceKind.AWS: aws,
    }


def _encoder(settings: Settings) -> Encoder:
    from banyan.retrieval.encoder import load_encoder

    chosen = settings.retrieval
    return load_encoder(chosen.encoder, device=chosen.device, threads=chosen.threads)


def _find_limits(settings: Settings) -> FindLimits:
    at = settings.retrieval.fits_at
    return FindLimits() if at is None else FindLimits(fits_at=at)


def _with_rules(policy: Policy, rules: tuple[RuleSettings, ...]) -> Policy:
    return replace(
        policy,
        rules=tuple(Rule(action=one.action, source=one.source, tool=one.tool, effects=one.effects) for one in rules),
    )
