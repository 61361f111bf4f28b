"""Serving over HTTP."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio
import uvicorn

from banyan.core.errors import InvalidArgument
from banyan.server.http.address import Names, is_loopback, url_host
from banyan.server.http.app import MCP_PATH, make_app
from banyan.server.http.options import HttpOptions
from banyan.server.http.protocol import TimedProtocol
from banyan.server.mcp.options import ServeOptions
from banyan.server.mcp.signals import stopping_on_signals

if TYPE_CHECKING:
    from banyan.server.app import Banyan

logger = logging.getLogger(__name__)


async def serve_http(
    b: Banyan,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    options: ServeOptions | None = None,
    http: HttpOptions | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve `b` at `http://host:port/mcp` until cancelled, or until a signal says stop.

    Args:
        b: what is served.
        host: the address to bind.
        port: the port to bind; 0 takes a free one.
        token: what a client must send as `Authorization: Bearer …`; needed to bind anywhere but loopback.
        options: what is shown, and how much of it.
        http: what a client may take, and the names that the server answers to.
        on_ready: called with the URL of the MCP endpoint as soon as it answers.

    Raises:
        InvalidArgument: no token for an address beyond loopback, or the address cannot be bound.
    """
    if not token and not is_loopback(host):
        raise InvalidArgument("host", f"`{host}` can be reached from other machines: give a token, or bind 127.0.0.1")
    chosen = http or HttpOptions()
    bound = _bind(host, port)
    number = bound.getsockname()[1]
    names = Names(host, number, also=chosen.allowed_hosts)
    app = make_app(b, options or ServeOptions(), chosen, names=names, token=token)
    server = _Server(_config(app, chosen), partial(on_ready or _log, f"http://{url_host(host)}:{number}{MCP_PATH}"))
    async with stopping_on_signals(listen=chosen.stop_on_signals):
        await _until_cancelled(server, bound)


class _Server(uvicorn.Server):
    """uvicorn, which leaves the signals to us and tells when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take no signals: the program that serves decides what they mean."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self._on_ready()


async def _until_cancelled(server: _Server, bound: socket.socket) -> None:
    """Serve; when cancelled, take no more requests and give those in flight their time."""
    async with anyio.create_task_group() as group:
        group.start_soon(_serve, server, bound, group.cancel_scope)
        try:
            await anyio.sleep_forever()
        finally:
            server.should_exit = True


async def _serve(server: _Server, bound: socket.socket, ended: anyio.CancelScope) -> None:
    with anyio.CancelScope(shield=True):
        await server.serve(sockets=[bound])
    ended.cancel()


def _config(app: Any, http: HttpOptions) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=cast("type[TimedProtocol]", partial(TimedProtocol, http)),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=cast("int", http.keep_alive_s),
        timeout_graceful_shutdown=cast("int", http.stop_within_s),
    )


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to the first address of `host`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidArgument("host", f"`{host}` is no address of this machine: {error.strerror}") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise InvalidArgument("port", f"`{host}:{port}` cannot be bound: {error.strerror}") from error
    return bound


def _log(url: str) -> None:
    logger.info("serving at %s", url)
