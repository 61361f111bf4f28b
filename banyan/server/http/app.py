"""The HTTP application: the MCP endpoint and health, behind the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from banyan import __version__
from banyan.core.errors import BanyanError
from banyan.server.http.guard import Guard
from banyan.server.mcp.gateway import make_server

if TYPE_CHECKING:
    from starlette.requests import Request

    from banyan.server.app import Banyan
    from banyan.server.http.address import Names
    from banyan.server.http.options import HttpOptions
    from banyan.server.mcp.options import ServeOptions

MCP_PATH = "/mcp"


def make_app(b: Banyan, options: ServeOptions, http: HttpOptions, *, names: Names, token: str | None) -> Guard:
    """Return the application that serves `b`.

    Clients of 2026-07-28 are answered with one JSON body, unless the call has progress to tell; those of the
    handshake era with a stream, since nothing else can carry a question or progress to them.

    Args:
        b: what is served.
        options: what is shown, and how much of it.
        http: what a client may take.
        names: the names that the server answers to.
        token: what clients must send; None lets every client in.
    """
    sessions = StreamableHTTPSessionManager(
        make_server(b, options),
        # The guard checks both, and more exactly.
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        session_idle_timeout=http.session_idle_s,
        max_request_body_size=http.max_body_bytes,
        max_sessions=http.sessions,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with sessions.run():
            yield

    async def health(request: Request) -> Response:
        return await _health(b)

    routes = [Route(MCP_PATH, StreamableHTTPASGIApp(sessions)), Route("/healthz", health, methods=["GET"])]
    app = Starlette(routes=routes, lifespan=lifespan)
    return Guard(app, names=names, token=token, max_body_bytes=http.max_body_bytes)


async def _health(b: Banyan) -> Response:
    """Answer that the process lives, and whether its database can be read."""
    try:
        await b.servers()
    except BanyanError as error:
        return JSONResponse({"status": "unavailable", "ready": False, "code": error.code}, status_code=503)
    return JSONResponse({"status": "ok", "ready": True, "version": __version__})
