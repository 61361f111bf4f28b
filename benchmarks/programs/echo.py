"""The upstream server of the call benchmark: `echo` reads, `note` writes.  `echo.py stdio` or `echo.py http PORT`."""

from __future__ import annotations

import sys
from typing import Any

import anyio
import mcp_types as types
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
TOOLS = [
    types.Tool(
        name="echo",
        description="Say the text again.",
        input_schema=SCHEMA,
        annotations=types.ToolAnnotations(read_only_hint=True),
    ),
    types.Tool(
        name="note",
        description="Write the text down.",
        input_schema=SCHEMA,
        annotations=types.ToolAnnotations(read_only_hint=False, destructive_hint=False),
    ),
]


async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
    return types.ListToolsResult(tools=TOOLS)


async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=str((params.arguments or {})["text"]))])


async def serve_stdio(server: Server[Any]) -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    echo = Server("echo", on_list_tools=list_tools, on_call_tool=call_tool)
    if sys.argv[1] == "stdio":
        anyio.run(serve_stdio, echo)
    else:
        app = echo.streamable_http_app(json_response=True)
        uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", ws="none")
