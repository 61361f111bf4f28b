"""A server of 2026-07-28 whose one tool asks the person before it answers."""

from __future__ import annotations

from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

FORM = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}


async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
    schema = {"type": "object", "properties": {}}
    hints = types.ToolAnnotations(read_only_hint=True)
    return types.ListToolsResult(tools=[types.Tool(name="colour", input_schema=schema, annotations=hints)])


async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> Any:
    if params.input_responses is None:
        question = types.ElicitRequestFormParams(message="Which colour?", requested_schema=FORM)
        return types.InputRequiredResult(
            input_requests={"colour": types.ElicitRequest(params=question)}, request_state="asked"
        )
    answer = params.input_responses["colour"]
    assert isinstance(answer, types.ElicitResult)
    text = f"{answer.action} {(answer.content or {}).get('colour', '')}".strip()
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)])


async def main() -> None:
    server: Server[Any] = Server("asking", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
