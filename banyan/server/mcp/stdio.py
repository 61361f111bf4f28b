"""Serving over standard input and output: nothing but the protocol is on either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from banyan.server.mcp.options import ServeOptions

if TYPE_CHECKING:
    from banyan.server.app import Banyan


async def serve_stdio(b: Banyan, *, options: ServeOptions | None = None, stop_on_signals: bool = True) -> None:
    """Serve `b` to the program that started this one, until its input ends or a signal says stop."""
    raise NotImplementedError
