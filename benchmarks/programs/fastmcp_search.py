"""fastmcp's BM25 search over many tools, in fastmcp's own environment: milliseconds of each search, as JSON.

`fastmcp_search.py TOOLS.json QUERIES.json`: the search tool is called through fastmcp's own in-memory client, which is
the fastest way to it. What a first search costs, where the index is made, is told apart.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from fastmcp import Client, FastMCP
from fastmcp.server.transforms.search import BM25SearchTransform
from fastmcp.tools.base import Tool, ToolResult


class Stored(Tool):
    """A tool that is only ever searched for."""

    async def run(self, arguments: dict) -> ToolResult:
        """Return nothing."""
        return ToolResult(content="")


async def main(tools: list[dict], queries: list[str]) -> None:
    server = FastMCP("many")
    for tool in tools:
        server.add_tool(Stored(name=tool["name"], description=tool["description"], parameters=tool["input_schema"]))
    server.add_transform(BM25SearchTransform())
    async with Client(server) as client:
        started = time.perf_counter()
        await client.call_tool("search_tools", {"query": queries[0]})
        first_ms = (time.perf_counter() - started) * 1_000
        took_ms = []
        for query in queries:
            started = time.perf_counter()
            await client.call_tool("search_tools", {"query": query})
            took_ms.append((time.perf_counter() - started) * 1_000)
    print(json.dumps({"first_ms": first_ms, "took_ms": took_ms}))


asyncio.run(main(*(json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:])))
