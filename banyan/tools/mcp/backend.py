"""An MCP server as a source of tools."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from mcp.client.stdio import get_default_environment
from mcp.shared.inbound import mcp_param_headers, x_mcp_header_map

from banyan.core.call import Category, RawResult
from banyan.core.errors import BanyanError, CallFailed, SecretMissing, SourceUnavailable
from banyan.core.ids import SourceName
from banyan.core.ports import Caller, Secrets
from banyan.core.preset import presets, with_presets
from banyan.core.source import Listing, Source
from banyan.core.tool import Tool
from banyan.tools.mcp.connect import open_session
from banyan.tools.mcp.endpoint import Address, Endpoint, endpoint
from banyan.tools.mcp.era import EraFile
from banyan.tools.mcp.explain import explain
from banyan.tools.mcp.limits import SessionLimits
from banyan.tools.mcp.listing import fetch, listing
from banyan.tools.mcp.log import BoundedLog, file_name
from banyan.tools.mcp.results import raw_result
from banyan.tools.mcp.session import Session
from banyan.tools.mcp.supervisor import Supervisor

logger = logging.getLogger(__name__)


class McpBackend:
    """Implements the `Backend` port for one MCP server, over stdio or HTTP.

    Args:
        source: an MCP source; its secrets are read when the server is started.
        secrets: where `${NAME}` references are looked up.
        limits: time, memory and chances that the server has.
        log_dir: folder of the log of what the server says on its standard error; None keeps its end in memory alone.
        on_changed: called with the source's name when the server says that its tools changed, and when it was
            started for a call.
        environment: ours, of which the server is given what every program needs; None takes the SDK's selection.
    """

    def __init__(
        self,
        source: Source,
        *,
        secrets: Secrets,
        limits: SessionLimits | None = None,
        log_dir: Path | None = None,
        on_changed: Callable[[SourceName], None] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._source = source
        self._secrets = secrets
        self._limits = limits or SessionLimits()
        self._environment = get_default_environment() if environment is None else environment
        self._on_changed = on_changed
        plain = file_name(source.name)
        self._log = BoundedLog(
            log_dir / f"{plain}.log" if log_dir else None,
            cap_bytes=self._limits.log_cap_bytes,
            tail_bytes=self._limits.log_tail_bytes,
            redact=secrets.redact,
        )
        self._era = EraFile(log_dir / f"{plain}.era" if log_dir else None)
        self._where: Endpoint | None = None
        self._headers: dict[str, Mapping[tuple[str, ...], str]] = {}
        self._seen_start = 0
        """The start since which the tools were listed, or somebody was told that they should be."""
        self._offered: frozenset[str] | None = None
        """Digests of the tools as the server listed them last; None since it said that they changed."""
        self._offered_at_start = 0
        self._supervisor = Supervisor(source.name, self._connect, self._explain, self._limits, self._told_of_change)

    async def listing(self) -> Listing:
        """Return what the server offers now, all its pages.

        Raises:
            SourceUnavailable: it cannot be started, or gives no list.
            SecretMissing: it needs a secret that is not there.
        """
        session = await self._supervisor.acquire()
        self._seen_start = start = self._supervisor.starts
        try:
            with anyio.fail_after(self._limits.list_timeout_s):
                entries, notes = await fetch(session, self._limits)
        except TimeoutError:
            session.suspect()
            problem = f"did not list its tools within {self._limits.list_timeout_s:g} s"
            raise SourceUnavailable(self._source.name, problem, category=Category.TIMEOUT) from None
        except CallFailed as error:
            problem = f"does not list its tools: {error.message}"
            raise SourceUnavailable(self._source.name, problem, category=error.category) from None
        finally:
            self._supervisor.release(session)
        self._supervisor.breaker.succeeded()
        instructions = session.client.instructions
        # Checking thousands of schemas takes a second.
        found = await anyio.to_thread.run_sync(listing, self._source.name, entries, notes, instructions, self._limits)
        self._offered = await anyio.to_thread.run_sync(self._digests, found)
        self._offered_at_start = start
        return found

    async def unchanged(self, tool: Tool) -> bool:
        """Return whether the server offers `tool` as the catalogue has it.

        It is started where it does not run, and asked only where it was started, or said that its tools changed,
        since it was asked last. Where the tool changed, somebody is told that the source is to be listed anew.

        Raises:
            SourceUnavailable: it cannot be started, or gives no list.
            SecretMissing: it needs a secret that is not there.
        """
        session = await self._supervisor.acquire()
        try:
            stale = self._offered_at_start != self._supervisor.starts or session.changed.is_set()
            if stale or self._offered is None:
                seen = self._seen_start
                await self.listing()
                self._seen_start = seen  # the catalogue has not seen this list
        finally:
            self._supervisor.release(session)
        if self._offered is not None and tool.digest in self._offered:
            return True
        self._changed()
        return False

    async def call(self, tool: Tool, arguments: Mapping[str, Any], *, timeout_s: float, caller: Caller) -> RawResult:
        """Run one tool; a call that finds its connection dead before it was sent is sent over a new one, once.

        Raises:
            CallFailed: there is no good answer; its category is `timeout` when none came within `timeout_s`.
        """
        for last in (False, True):
            session = await self._acquired()
            self._new_start()
            try:
                found = await session.call(
                    tool.spec.upstream_name,
                    arguments,
                    timeout_s=timeout_s,
                    caller=caller,
                    headers=self._param_headers(session, tool, arguments),
                )
            except CallFailed as error:
                if error.sent or error.category is not Category.TRANSPORT:
                    raise
                if session.users == 1:
                    session.end(error.message)
                if last:
                    raise
                continue
            finally:
                self._supervisor.release(session)
            self._supervisor.breaker.succeeded()
            return raw_result(found)
        raise AssertionError("the second attempt returns or raises")

    def status(self) -> Mapping[str, Any]:
        """Return what `doctor` shows."""
        supervisor = self._supervisor
        session = supervisor.session
        return {
            "state": supervisor.state,
            "pid": session.pid if session else None,
            "protocol": session.version if session else None,
            "starts": supervisor.starts,
            "failures": supervisor.breaker.failures,
            "next_try_s": round(supervisor.breaker.wait_s, 1),
            "last_error": supervisor.last_error,
            "log": self._log.tail(),
        }

    async def aclose(self) -> None:
        """Stop the server and whatever it started; idempotent."""
        await self._supervisor.aclose()

    async def _acquired(self) -> Session:
        try:
            return await self._supervisor.acquire()
        except SecretMissing as error:
            fix = f"set the secret `{error.reference}`"
            raise CallFailed(Category.AUTH, str(error), fix=fix, sent=False) from error
        except SourceUnavailable as error:
            raise CallFailed(error.category or Category.TRANSPORT, str(error), sent=False) from error

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Session]:
        # In a thread: a keyring may ask its owner first.
        where = await anyio.to_thread.run_sync(
            endpoint, self._source, self._secrets, self._environment, abandon_on_cancel=True
        )
        self._where = where
        async with (
            self._era.remembered() as era,
            open_session(where, era=era, limits=self._limits, log=self._log, redact=self._secrets.redact) as session,
        ):
            await self._era.learn(modern=session.modern)
            yield session

    def _explain(self, error: BaseException) -> BanyanError:
        return explain(error, self._source.name, self._secrets.redact, self._log.tail())

    def _new_start(self) -> None:
        """Say once per start that the tools may differ: the server can have been updated while it did not run."""
        if self._seen_start != self._supervisor.starts:
            self._seen_start = self._supervisor.starts
            self._changed()

    def _digests(self, found: Listing) -> frozenset[str]:
        given = presets(self._source.config)
        return frozenset(with_presets(spec, given).digest for spec in found.tools)

    def _told_of_change(self) -> None:
        self._offered = None
        self._changed()

    def _changed(self) -> None:
        if self._on_changed is not None:
            self._on_changed(self._source.name)

    def _param_headers(self, session: Session, tool: Tool, arguments: Mapping[str, Any]) -> Mapping[str, str] | None:
        """Return the headers in which the newest protocol repeats some arguments over HTTP, for routing."""
        if not session.modern or not isinstance(self._where, Address):
            return None
        if tool.digest not in self._headers:
            self._headers[tool.digest] = x_mcp_header_map(dict(tool.spec.input_schema))
        return mcp_param_headers(self._headers[tool.digest], arguments)
