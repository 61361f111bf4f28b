"""One open conversation with a server, of whichever protocol version it speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
from mcp.client.session import ClientSession
from mcp.shared.dispatcher import CallOptions, OnNotify, OnNotifyIntercept, OnRequest, ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    encode_header_value,
)
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    CONNECTION_CLOSED,
    PROTOCOL_VERSION_META_KEY,
    ElicitRequest,
    Implementation,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.core.ports import Caller
from banyan.tools.mcp.failures import call_failed, ends_session
from banyan.tools.mcp.inflight import InFlight, InFlightCalls
from banyan.tools.mcp.stdio import StdioTransport

MAX_ROUNDS = 10
"""Times that a server may come back for more input within one call."""

_CAPABILITIES: Mapping[str, Any] = {"elicitation": {"form": {}, "url": {}}}
_STATE_ONLY_DELAY_S = 0.2


class Dispatcher(JSONRPCDispatcher):
    """The SDK's dispatcher, which also tells when its conversation is over."""

    ended: Callable[[], None]

    async def run(
        self,
        on_request: OnRequest,
        on_notify: OnNotify,
        on_notify_intercept: OnNotifyIntercept | None = None,
        *,
        task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Drive the receive loop until the transport ends."""
        try:
            await super().run(on_request, on_notify, on_notify_intercept, task_status=task_status)
        finally:
            self.ended()


class Session:
    """One open conversation.  It is over once, for a reason that is kept."""

    def __init__(
        self,
        client: ClientSession,
        dispatcher: Dispatcher,
        calls: InFlightCalls,
        *,
        info: Implementation,
        transport: StdioTransport | None,
        redact: Callable[[str], str],
    ) -> None:
        self.client = client
        self._dispatcher = dispatcher
        self._calls = calls
        self._info = info.model_dump(by_alias=True, mode="json", exclude_none=True)
        self._transport = transport
        self._redact = redact
        self.over = anyio.Event()
        self.reason = ""
        """Why it is over."""
        self.users = 0
        """Calls and listings that hold it now."""
        self.suspected = anyio.Event()
        """The server missed a deadline."""
        self.cleared: anyio.Event | None = None
        """Set while the server is under suspicion of hanging; fires with the verdict."""
        self.changed = anyio.Event()
        """The server says that its tools changed."""
        dispatcher.ended = self._died

    @property
    def version(self) -> str | None:
        """Protocol version in use."""
        return self.client.protocol_version

    @property
    def modern(self) -> bool:
        """Whether each request stands for itself, as since version 2026-07-28."""
        return self.version in MODERN_PROTOCOL_VERSIONS

    @property
    def pid(self) -> int | None:
        """Process id of the server, where it is a process of ours."""
        return self._transport.pid if self._transport else None

    def end(self, reason: str, *, kill: bool = False) -> None:
        """Declare the conversation over; its owner then closes it.  With `kill` the server gets no grace."""
        if not self.over.is_set():
            self.reason = reason
            self.over.set()
        if kill and self._transport:
            self._transport.grace_s = 0

    def suspect(self) -> None:
        """Have the owner find out whether the server still answers; new calls wait for the verdict."""
        if self.cleared is None and not self.over.is_set():
            self.cleared = anyio.Event()
            self.suspected.set()

    def clear(self) -> None:
        """End the suspicion."""
        self.suspected = anyio.Event()
        if self.cleared is not None:
            self.cleared.set()
            self.cleared = None

    async def ping(self, timeout_s: float) -> bool:
        """Return whether the server answers anything at all within `timeout_s`."""
        method = "server/discover" if self.modern else "ping"
        with anyio.move_on_after(timeout_s):
            try:
                await self.request(method, {})
            except CallFailed:
                return not self.over.is_set()
            return True
        return False

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        timeout_s: float,
        caller: Caller,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the raw result of one call of a tool.  Raises `CallFailed`."""
        params: dict[str, Any] = {"name": name, "arguments": dict(arguments)}
        try:
            with self._calls.open(caller, timeout_s) as call:
                result = await self.request("tools/call", params, on_progress=call.progress, headers=headers)
                for _ in range(MAX_ROUNDS):
                    if result.get("resultType") != "input_required":
                        return result
                    more = await self._inputs(result, call)
                    result = await self.request(
                        "tools/call", {**params, **more}, on_progress=call.progress, headers=headers
                    )
        except TimeoutError:
            self.suspect()
            raise CallFailed(
                Category.TIMEOUT, f"no answer within {timeout_s:g} s", fix="try again with more time", sent=True
            ) from None
        raise CallFailed(Category.UPSTREAM, f"the server asked for input more than {MAX_ROUNDS} times", sent=True)

    async def request(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        on_progress: ProgressFnT | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the raw result of one request, as the server gave it: the SDK drops a list for one bad entry.

        Raises:
            CallFailed: the server answered with an error, or cannot be reached any more.
        """
        if self.over.is_set():
            raise CallFailed(Category.TRANSPORT, self.reason, sent=False)
        options: CallOptions = {}
        if on_progress is not None:
            options["on_progress"] = on_progress
        try:
            return await self._dispatcher.send_raw_request(
                method, self._stamped(method, params, headers, options), options
            )
        except MCPError as error:
            if not ends_session(error):
                raise call_failed(error, self._redact) from None
            self.end(self._obituary() if error.code == CONNECTION_CLOSED else error.message)
            sent = error.code == CONNECTION_CLOSED or call_failed(error, self._redact).sent
            raise CallFailed(Category.TRANSPORT, self.reason, sent=sent) from None

    def _stamped(
        self, method: str, params: Mapping[str, Any], headers: Mapping[str, str] | None, options: CallOptions
    ) -> Mapping[str, Any]:
        """Add to a request what its protocol version wants with each one."""
        if self.version is None:
            return params
        stamps = {MCP_PROTOCOL_VERSION_HEADER: self.version}
        options["headers"] = stamps
        if not self.modern:
            return params
        stamps[MCP_METHOD_HEADER] = method
        if method == "tools/call":
            stamps[MCP_NAME_HEADER] = encode_header_value(params["name"])
            stamps.update(headers or {})
        meta = {
            PROTOCOL_VERSION_META_KEY: self.version,
            CLIENT_INFO_META_KEY: self._info,
            CLIENT_CAPABILITIES_META_KEY: _CAPABILITIES,
        }
        return {**params, "_meta": meta}

    async def _inputs(self, result: Mapping[str, Any], call: InFlight) -> dict[str, Any]:
        """Return what a server wants to be told before it goes on."""
        asked = result.get("inputRequests")
        responses: dict[str, Any] = {}
        for key, request in asked.items() if isinstance(asked, dict) else ():
            if not isinstance(request, dict) or request.get("method") != "elicitation/create":
                raise CallFailed(Category.UPSTREAM, "the server asks for what was not offered to it", sent=True)
            try:
                params = ElicitRequest.model_validate(request, by_name=False).params
            except ValidationError:
                raise CallFailed(Category.UPSTREAM, "the server asks a malformed question", sent=True) from None
            responses[key] = await call.ask(params)
        if not responses:
            await anyio.sleep(_STATE_ONLY_DELAY_S)
        more = {"inputResponses": responses or None, "requestState": result.get("requestState")}
        return {key: value for key, value in more.items() if value is not None}

    def _died(self) -> None:
        self.end(self._obituary())

    def _obituary(self) -> str:
        if self._transport is None:
            return "the server closed the connection"
        if self._transport.fault:
            return self._transport.fault
        status = self._transport.returncode
        return "the server closed its output" if status is None else f"the server ended {_with_status(status)}"


def _with_status(status: int) -> str:
    return f"by signal {-status}" if status < 0 else f"with status {status}"
