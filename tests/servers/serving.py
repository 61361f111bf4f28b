"""`python serving.py HOME`: Banyan over stdio, with a tool that prints and one that starts a program that prints."""

from __future__ import annotations

import subprocess
import sys

import anyio

import banyan
from banyan.server.mcp import serve_stdio


@banyan.tool(read_only=True)
def chatter(lines: int) -> str:
    """Print, and let a child print, where the protocol would be."""
    print("noise\n" * lines, flush=True)
    subprocess.run([sys.executable, "-c", "print('more noise'); import sys; print(sys.stdin.read())"], check=True)
    return "said"


@banyan.tool(read_only=True)
def story(lines: int) -> str:
    """Tell a long story."""
    return "line\n" * lines


async def main(home: str) -> None:
    async with banyan.open(home) as b:
        await b.add(chatter)
        await b.add(story)
        await serve_stdio(b)
    print("stopped in good order", file=sys.stderr)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
