"""A source of AWS's operations: listed from the service models that botocore carries, called through its clients."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from banyan.core.call import Category, RawResult
from banyan.core.errors import CallFailed, SourceUnavailable
from banyan.core.source import Listing, Need, Source
from banyan.core.template import expand
from banyan.tools.aws.answer import result_of
from banyan.tools.aws.clients import CURRENT, Attempt, AwsConfig, Clients, Overdue
from banyan.tools.aws.effects import Verbs, load_verbs
from banyan.tools.aws.failures import failure_of, sdk_errors
from banyan.tools.aws.models import NOT_INSTALLED, Models
from banyan.tools.aws.needs import needs_of
from banyan.tools.aws.operations import REGION, SchemaLimits, operation_specs
from banyan.tools.aws.request import parameters
from banyan.tools.replay import KEY_ARGUMENT

if TYPE_CHECKING:
    from banyan.core.ports import Caller, Secrets
    from banyan.core.tool import Tool, ToolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsLimits:
    """What bounds a source of AWS."""

    schemas: SchemaLimits = field(default_factory=SchemaLimits)
    part_tools: int = 500
    """Operations from which services are listed as one part: each part costs a transaction of its own."""
    body_bytes: int = 6 * 1024 * 1024
    """Bytes read of the bodies and events of one answer."""
    clients: int = 16
    """Clients kept, each with its service's model; the one that was not used for longest leaves first."""
    threads: int = 16
    """Calls at a time."""


class AwsBackend:
    """AWS, or some of its services: each service is a server, each operation a tool."""

    def __init__(
        self,
        source: Source,
        *,
        secrets: Secrets,
        limits: AwsLimits | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._source = source
        self._config = AwsConfig.of(source.config)
        self._limits = limits or AwsLimits()
        self._environment = environment or {}
        self._clients = Clients(
            self._config,
            lambda text: expand(text, secrets.get, source=source.name),
            most=self._limits.clients,
        )
        self._threads: anyio.CapacityLimiter | None = None
        self._calls = 0

    async def listings(self) -> AsyncIterator[Listing]:
        """Yield the operations of a few services after those of others; no more are held.

        Raises:
            SourceUnavailable: botocore is not installed, or AWS has no such service.
        """
        models = Models(self._source.name)
        verbs = await anyio.to_thread.run_sync(load_verbs)
        tools: list[ToolSpec] = []
        servers: set[str] = set()
        for service in await anyio.to_thread.run_sync(models.services, self._config.services):
            tools += await anyio.to_thread.run_sync(self._read, models, service, verbs)
            servers.add(service)
            if len(tools) >= self._limits.part_tools:
                yield Listing(tools=tuple(tools), servers=frozenset(servers))
                tools, servers = [], set()
        if servers:
            yield Listing(tools=tuple(tools), servers=frozenset(servers))

    async def listing(self) -> Listing:
        """Return the operations of all services at once.  Raises `SourceUnavailable`."""
        tools: list[ToolSpec] = []
        async for part in self.listings():
            tools += part.tools
        return Listing(tools=tuple(tools))

    async def call(self, tool: Tool, arguments: Mapping[str, Any], *, timeout_s: float, caller: Caller) -> RawResult:
        """Call an operation in a worker thread.

        Raises:
            CallFailed: AWS refused it, or gave no answer; `sent` tells whether AWS may have got it.
        """
        self._calls += 1
        # With a token the service itself knows a request that comes twice.
        repeatable = tool.effects.repeatable or KEY_ARGUMENT in tool.spec.binding
        attempt = Attempt(until_s=time.monotonic() + timeout_s, repeatable=repeatable)
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(self._limits.threads)
        work = partial(self._run, tool.spec, arguments, attempt)
        try:
            with anyio.move_on_after(timeout_s):
                return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)
        finally:
            attempt.over = True
        raise CallFailed(Category.TIMEOUT, f"AWS gave no answer within {timeout_s:g} s", sent=attempt.sent)

    async def needs(self) -> Sequence[Need]:
        """Return what is still missing to call anything: botocore, a region, credentials.  Nobody is asked."""
        return await anyio.to_thread.run_sync(needs_of, self._config, self._environment)

    def status(self) -> Mapping[str, Any]:
        """Return what `doctor` shows."""
        return {
            "services": ", ".join(self._config.services),
            "region": self._config.region,
            "profile": self._config.profile,
            "endpoint": self._config.endpoint_url,
            "clients": len(self._clients),
            "calls": self._calls,
        }

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        await anyio.to_thread.run_sync(self._clients.close)

    def _read(self, models: Models, service: str, verbs: Verbs) -> list[ToolSpec]:
        model, pages = models.read(service)
        return operation_specs(service, model, pages, verbs, self._limits.schemas)

    def _run(self, spec: ToolSpec, arguments: Mapping[str, Any], attempt: Attempt) -> RawResult:
        """Call an operation, in a thread of its own."""
        CURRENT.set(attempt)
        try:
            return self._answer(spec, dict(arguments), attempt)
        except ImportError as error:
            raise SourceUnavailable(self._source.name, NOT_INSTALLED) from error
        except Overdue as error:
            raise CallFailed(Category.TIMEOUT, "AWS gave no answer in time", sent=attempt.reached) from error
        except sdk_errors() as error:
            raise failure_of(error, sent=attempt.reached) from error

    def _answer(self, spec: ToolSpec, arguments: dict[str, Any], attempt: Attempt) -> RawResult:
        region = arguments.pop(REGION, None)
        client = self._clients.get(spec.server, region)
        name = spec.upstream_name
        methods = {operation: method for method, operation in client.meta.method_to_api_mapping.items()}
        if name not in methods:
            fix = f"list the source anew: banyan sync {self._source.name}"
            raise CallFailed(
                Category.NOT_FOUND, f"this botocore knows no `{name}` of `{spec.server}`", fix=fix, sent=False
            )
        given = parameters(arguments, client.meta.service_model.operation_model(name).input_shape)
        response = getattr(client, methods[name])(**given)
        return result_of(response, spec.binding, cap_bytes=self._limits.body_bytes, until_s=attempt.until_s)
