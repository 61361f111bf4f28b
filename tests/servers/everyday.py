"""An ordinary server on the SDK, with a tool for each thing that a server can do.

`python everyday.py` speaks stdio; with a port after it streamable HTTP, with `sse` after that the older one.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve
from mcp_types import ImageContent, ToolAnnotations
from pydantic import BaseModel, Field

server = MCPServer("everyday", version="1.0.0", instructions="A server for tests.")


class Colour(BaseModel):
    colour: Annotated[str, Field(description="any colour")]


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def echo(text: str) -> str:
    """Return the text."""
    return text


@server.tool(structured_output=False)
async def slow(seconds: float) -> str:
    """Answer after a while."""
    await anyio.sleep(seconds)
    return "at last"


@server.tool(structured_output=False)
async def steps(count: int, ctx: Context[Any, Any]) -> str:
    """Report progress."""
    for done in range(1, count + 1):
        await ctx.report_progress(done, count, f"step {done}")
    return "done"


async def which() -> Elicit[Colour]:
    return Elicit("Which colour?", Colour)


@server.tool(structured_output=False)
async def ask(answer: Annotated[ElicitationResult[Colour], Resolve(which)]) -> str:
    """Ask the person for a colour."""
    return answer.data.colour if isinstance(answer, AcceptedElicitation) else answer.action


@server.tool(structured_output=False)
def picture() -> ImageContent:
    """Return a picture."""
    return ImageContent(type="image", data="aGVsbG8=", mime_type="image/png")


@server.tool(structured_output=False)
def fail() -> str:
    """Fail."""
    raise ValueError("out of cheese")


@server.tool()
def whoami() -> dict[str, Any]:
    """Return the process id and the environment."""
    return {"pid": os.getpid(), "environment": dict(os.environ)}


@server.tool(structured_output=False)
def route(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    """Be reached by way of a header, which the newest protocol checks over HTTP."""
    return region


@server.tool(structured_output=False)
async def grow(ctx: Context[Any, Any]) -> str:
    """Add a tool, and say so."""
    server.add_tool(echo, name=f"echo{os.urandom(4).hex()}")
    await ctx.notify_tools_changed()
    await ctx.session.send_tool_list_changed()
    return "grown"


if __name__ == "__main__":
    if len(sys.argv) == 1:
        server.run("stdio")
    else:
        server.run("sse" if "sse" in sys.argv else "streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
