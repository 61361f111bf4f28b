"""The MCP server itself: one low-level `Server` for every transport and both eras of the protocol."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitResult,
    InputRequiredResult,
    ListToolsResult,
    NotificationParams,
    PaginatedRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    TextContent,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from banyan import __version__
from banyan.core.call import Category
from banyan.core.errors import BanyanError
from banyan.server.mcp import answers, definitions
from banyan.server.mcp.arguments import (
    CallArguments,
    DescribeArguments,
    FindArguments,
    ReadArguments,
    Refused,
    read,
)
from banyan.server.mcp.caller import SessionCaller, askable, client_of
from banyan.server.mcp.changes import Changes
from banyan.server.mcp.native import NativeTools
from banyan.server.mcp.options import Expose
from banyan.server.mcp.prompts import get_prompt, list_prompts
from banyan.server.mcp.resources import TreeResources
from banyan.server.mcp.suspended import QUESTION, Run, StateUnknown, SuspendedCalls, owner_of
from banyan.server.mcp.task_definitions import TASK_TOOLS
from banyan.server.mcp.task_tools import TaskTools

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp.server.models import InitializationOptions

    from banyan.core.ports import Caller
    from banyan.server.app import Banyan
    from banyan.server.mcp.answers import Answer
    from banyan.server.mcp.options import ServeOptions

logger = logging.getLogger(__name__)

_LATE = "Call the tool again. A call that waits for a person can also be approved with `banyan inbox`."


class BanyanServer(Server["Serving"]):
    """The SDK's server, which says of itself that its list of tools changes, on every transport."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """Return what a client of the handshake era is told at the start."""
        options = notification_options or NotificationOptions(tools_changed=True)
        return super().create_initialization_options(options, experimental_capabilities, extensions)


class Serving:
    """What lives while a server runs: the calls that wait for an answer, and who is told of changes."""

    def __init__(self, suspended: SuspendedCalls, changes: Changes) -> None:
        self.suspended = suspended
        self.changes = changes


def make_server(b: Banyan, options: ServeOptions) -> BanyanServer:
    """Return the MCP server for `b`, to be run over any transport."""
    gateway = _Gateway(b, options)
    resources = TreeResources(b, options.answers.answer_chars)
    server = BanyanServer(
        "banyan",
        version=__version__,
        title="Banyan",
        instructions=definitions.INSTRUCTIONS,
        lifespan=gateway.lifespan,
        get_tool_input_schema=gateway.input_schema,
        on_list_tools=gateway.list_tools,
        on_call_tool=gateway.call_tool,
        on_subscriptions_listen=_listen,
        on_list_resources=resources.list,
        on_list_resource_templates=resources.templates,
        on_read_resource=resources.read,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )
    server.add_notification_handler("notifications/initialized", NotificationParams, _initialized)
    return server


async def _listen(
    ctx: ServerRequestContext[Serving], params: SubscriptionsListenRequestParams
) -> SubscriptionsListenResult:
    return await ctx.lifespan_context.changes.listen(ctx, params)


async def _initialized(ctx: ServerRequestContext[Serving], params: NotificationParams) -> None:
    ctx.lifespan_context.changes.add(ctx.session)


class _Gateway:
    """The handlers, and what they share."""

    def __init__(self, b: Banyan, options: ServeOptions) -> None:
        self._b = b
        self._options = options
        self._limit = options.answers.answer_chars
        self._native = NativeTools(b.catalogue, options.native_tools) if options.expose is Expose.ALL else None
        self._tasks = TaskTools(b, self._limit, options.lease_s)
        self._tools = {
            "find_tools": self._find,
            "describe_tools": self._describe,
            "read_result": self._read,
        }

    @asynccontextmanager
    async def lifespan(self, server: Server[Serving]) -> AsyncIterator[Serving]:
        """Run what a server needs beside its requests."""
        async with anyio.create_task_group() as group:
            changes = Changes(self._b, self._options.answers.blurb_chars)
            group.start_soon(changes.run)
            yield Serving(SuspendedCalls(group, self._options.questions), changes)
            changes.close()
            group.cancel_scope.cancel()

    def input_schema(self, name: str) -> dict[str, Any] | None:
        """Return the input schema of one of this server's tools; headers of requests are checked against it."""
        return definitions.INPUT_SCHEMAS.get(name)

    async def list_tools(
        self, ctx: ServerRequestContext[Serving], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        """Return the tools of this server, in a fixed order."""
        if self._native is not None:
            cursor = params.cursor if params is not None else None
            tools, after = await self._native.page(cursor)
            ours = [] if cursor else [definitions.READ_RESULT, *TASK_TOOLS]
            return ListToolsResult(tools=[*ours, *tools], next_cursor=after)
        blurb = await ctx.lifespan_context.changes.blurb()
        return ListToolsResult(
            tools=[
                definitions.find_tools(blurb),
                definitions.DESCRIBE_TOOLS,
                definitions.CALL_TOOL,
                definitions.READ_RESULT,
                *TASK_TOOLS,
            ]
        )

    async def call_tool(
        self, ctx: ServerRequestContext[Serving], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """Run one of this server's tools; whatever goes wrong is a result that a model can read."""
        try:
            if params.name in self._tools:
                return _result(await self._tools[params.name](params))
            if params.name in self._tasks.handlers:
                return _result(await self._tasks.handlers[params.name](params.arguments, client_of(ctx)))
            if params.name == "call_tool":
                return await self._call(ctx, params, read(CallArguments, params.arguments))
            if self._native is not None:
                given = CallArguments(name=params.name, arguments=params.arguments)
                return await self._call(ctx, params, given)
            answer = self._unknown(params.name)
        except Refused as refused:
            answer = answers.refusal(refused.category, refused.message, fix=refused.fix, limit=self._limit)
        except StateUnknown:
            answer = answers.refusal(
                Category.DENIED, "no call waits under this requestState any more", fix=_LATE, limit=self._limit
            )
        except BanyanError as error:
            answer = answers.failure(error, self._limit)
        except Exception:
            logger.exception("tool `%s` of this server failed", params.name[:80])
            answer = answers.refusal(
                "internal", "something went wrong inside Banyan; its log has the details", limit=self._limit
            )
        return _result(answer)

    async def _find(self, params: CallToolRequestParams) -> Answer:
        given = read(FindArguments, params.arguments)
        if not given.query and given.task is None:
            raise Refused(Category.MISSING_ARGUMENT, "`query` is missing", "Say what is wanted, or for which `task`.")
        found = await self._b.find(given.query, given.k, server=given.server, effects=given.effects, task=given.task)
        return answers.found(found, self._limit)

    async def _describe(self, params: CallToolRequestParams) -> Answer:
        given = read(DescribeArguments, params.arguments)
        return answers.described(await self._b.describe(given.names, path=given.path), self._limit)

    async def _read(self, params: CallToolRequestParams) -> Answer:
        given = read(ReadArguments, params.arguments)
        page = await self._b.read(given.handle, path=given.path, offset=given.offset, limit=given.limit)
        return answers.paged(page, self._limit)

    async def _call(
        self, ctx: ServerRequestContext[Serving], params: CallToolRequestParams, given: CallArguments
    ) -> CallToolResult | InputRequiredResult:
        task = None if given.task is None else await self._tasks.held(given.task)

        async def run(caller: Caller) -> CallToolResult:
            outcome = await self._b.call(
                given.name,
                given.arguments,
                task=task,
                idempotency_key=given.idempotency_key,
                caller=caller,
                policy=self._b.policies.mcp,
            )
            return _result(answers.called(outcome, self._limit))

        return await self._with_caller(ctx, params, run)

    async def _with_caller(
        self, ctx: ServerRequestContext[Serving], params: CallToolRequestParams, run: Run
    ) -> CallToolResult | InputRequiredResult:
        """Run a call so that its client's person can be asked, in the way of the client's era."""
        if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS or not askable(ctx):
            return await run(SessionCaller(ctx, self._options.questions.answer_within_s))
        suspended, owner = ctx.lifespan_context.suspended, owner_of(ctx, params.name, params.arguments)
        if params.request_state is None:
            return await suspended.start(ctx, owner, run)
        answer = (params.input_responses or {}).get(QUESTION)
        return await suspended.resume(
            ctx, owner, params.request_state, answer if isinstance(answer, ElicitResult) else None
        )

    def _unknown(self, name: str) -> Answer:
        return answers.refusal(
            Category.UNKNOWN_TOOL,
            f"this server has no tool `{name[:80]}`",
            fix="Find tools with find_tools, and run them with call_tool, their name in `name`.",
            limit=self._limit,
        )


def _result(answer: Answer) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=answer.text)],
        structured_content=answer.data,
        is_error=answer.failed,
    )
