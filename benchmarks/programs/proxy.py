"""The least a proxy can be: a low-level server before one held-open client.

`proxy.py stdio COMMAND...` or `proxy.py http PORT URL`.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

KIND, *REST = sys.argv[1:]
UPSTREAM = StdioServerParameters(command=REST[0], args=REST[1:]) if KIND == "stdio" else REST[1]


@asynccontextmanager
async def held_open(server: Server[Any]) -> AsyncIterator[Client]:
    async with Client(UPSTREAM) as client:
        yield client


async def list_tools(ctx: Any, params: Any) -> Any:
    return await ctx.lifespan_context.list_tools()


async def call_tool(ctx: Any, params: Any) -> Any:
    return await ctx.lifespan_context.call_tool(params.name, params.arguments)


async def serve_stdio(server: Server[Any]) -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


proxy = Server("proxy", on_list_tools=list_tools, on_call_tool=call_tool, lifespan=held_open)
if KIND == "stdio":
    anyio.run(serve_stdio, proxy)
else:
    app = proxy.streamable_http_app(json_response=True)
    uvicorn.run(app, host="127.0.0.1", port=int(REST[0]), log_level="warning", ws="none")
