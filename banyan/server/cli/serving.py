"""`serve`: Banyan as an MCP server, over stdio or HTTP."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from banyan.server.cli.command import verb
from banyan.server.cli.shell import Shell

if TYPE_CHECKING:
    from banyan.server.http import HttpOptions
    from banyan.server.mcp import ServeOptions

TOKEN = "BANYAN_HTTP_TOKEN"  # noqa: S105 - the name of a secret, not one
"""The secret that clients over HTTP must send, as `Authorization: Bearer …`."""

DEFAULT_PORT = 8848

app = typer.Typer()


class Shown(StrEnum):
    """Which tools a client is shown."""

    SEARCH = "search"
    ALL = "all"


@app.command("serve", rich_help_panel="Assistants")
@verb
async def serve(
    shell: Shell,
    http: Annotated[bool, typer.Option("--http", help="Over streamable HTTP instead of stdio.")] = False,
    host: Annotated[
        str, typer.Option(help="The address to bind; beyond this machine a token is needed.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to bind; 0 takes a free one.", min=0, max=65535)] = DEFAULT_PORT,
    expose: Annotated[
        Shown, typer.Option(help="`search`: the few tools that find and call the others. `all`: every tool natively.")
    ] = Shown.SEARCH,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name that clients call this server by.", metavar="HOST[:PORT]")
    ] = None,
) -> None:
    """Serve assistants over MCP, until the input ends or a signal says stop.

    Over HTTP the secret BANYAN_HTTP_TOKEN, where it is set, must be sent by clients; see `banyan secret set`.
    """
    options = _options(shell, expose)
    async with shell.banyan(watch=True) as b:
        if not http:
            from banyan.server.mcp import serve_stdio

            await serve_stdio(b, options=options)
            return
        from banyan.server.http import serve_http

        await serve_http(
            b,
            host=host,
            port=port,
            token=shell.secrets.get(TOKEN),
            options=options,
            http=_http(shell, allow_host or ()),
            on_ready=lambda url: _ready(shell, url),
        )


def _options(shell: Shell, expose: Shown) -> ServeOptions:
    from banyan.server.mcp import AnswerLimits, Expose, ServeOptions

    settings = shell.settings
    return ServeOptions(
        expose=Expose(expose.value),
        answers=AnswerLimits(answer_chars=settings.serve.answer_chars),
        lease_s=settings.tasks.lease_s,
    )


def _http(shell: Shell, hosts: list[str] | tuple[str, ...]) -> HttpOptions:
    from banyan.server.http import HttpOptions

    serve = shell.settings.serve
    return HttpOptions(
        max_body_bytes=serve.max_body_bytes, read_timeout_s=serve.read_timeout_s, allowed_hosts=tuple(hosts)
    )


def _ready(shell: Shell, url: str) -> None:
    """Say where the server answers: one JSON line, or a sentence."""
    shell.terminal.document({"url": url}, lambda: shell.terminal.note(f"serving at {url}"))
