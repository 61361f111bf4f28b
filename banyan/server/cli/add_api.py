"""`add openapi`: an API by its document, which is looked at before anything is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from banyan.core.errors import InvalidArgument
from banyan.server.cli.add import add_source, pairs
from banyan.server.cli.command import verb
from banyan.server.cli.presets import PRESET, SHOW, presets
from banyan.server.cli.shell import Shell

if TYPE_CHECKING:
    from banyan.tools.openapi.check import SpecReport
    from banyan.tools.openapi.needs import Need

_SHOWN = 20


@verb
async def add_openapi(  # noqa: PLR0913 - each parameter is an option of the command
    shell: Shell,
    name: Annotated[str, typer.Argument(help="What to call it; its tools will be `NAME__operation`.")],
    document: Annotated[str, typer.Argument(metavar="FILE|URL", help="OpenAPI 2.0, 3.0 or 3.1, in JSON or YAML.")],
    base_url: Annotated[str | None, typer.Option(help="Where the API is, instead of where its document says.")] = None,
    credential: Annotated[
        list[str] | None,
        typer.Option(
            help="For a security scheme of the document. With `.PART`, as `oauth.client_id`, one part of several.",
            metavar="SCHEME='${NAME}'",
        ),
    ] = None,
    header: Annotated[list[str] | None, typer.Option(help="Sent with every call.", metavar="'K: V'")] = None,
    server_variable: Annotated[
        list[str] | None, typer.Option(help="For a variable in the document's addresses.", metavar="K=V")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Calls may go there though it is not public: a host, a network, `loopback` or `private`."),
    ] = None,
    allow_ref: Annotated[
        list[str] | None, typer.Option(help="A file beside the document that its references may lead to.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Only operations whose name, path or tag matches.", metavar="GLOB")
    ] = None,
    preset: Annotated[list[str] | None, PRESET] = None,
    show: Annotated[list[str] | None, SHOW] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Seconds that a call may take.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is in the document, and add nothing.")] = False,
) -> None:
    """Add an API: every operation of its OpenAPI document becomes a tool.

    The document is looked at first, and what it holds and asks for is told before anything is kept. A credential
    that is not given as `${NAME}` is itself kept in the system's keyring or a file that you alone can read.
    """
    given: dict[str, Any] = {
        "openapi": document,
        "base_url": base_url,
        "credentials": _credentials(credential),
        "headers": pairs("header", header, ":"),
        "server_variables": pairs("server-variable", server_variable, "="),
        "allow_hosts": allow_host,
        "allow_refs": allow_ref,
        "include": include,
        "presets": presets(preset, show),
        "timeout_s": timeout_s,
    }
    config = {key: value for key, value in given.items() if value}
    report, needs = await _look(shell, name, config)
    if dry_run:
        shell.terminal.document(
            report.to_json() | {"needs": [one.to_json() for one in needs]}, lambda: _show(shell, report, needs)
        )
        return
    if not report.active:
        raise InvalidArgument("document", "none of its operations can be offered; `--dry-run` says why")
    if not shell.terminal.json:
        _tell(shell, report, needs)
    await add_source(shell, name, config)


async def _look(shell: Shell, name: str, config: Mapping[str, Any]) -> tuple[SpecReport, list[Need]]:
    """Return what the document holds, and what it needs beside what is given here.  Raises `BanyanError`."""
    from banyan.server.config import source_of
    from banyan.server.literals import without_secrets
    from banyan.tools.openapi.source import look

    cleaned = without_secrets(name, config)

    def secret(one: str) -> str | None:
        return cleaned.secrets.get(one) or shell.secrets.get(one)

    return await look(source_of(name, cleaned.config), secret)  # type: ignore[arg-type]


def _credentials(given: Sequence[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs("credential", given, "=").items():
        scheme, dot, part = key.rpartition(".")
        if dot and part in _PARTS:
            inner = found.setdefault(scheme, {})
            if not isinstance(inner, dict):
                raise InvalidArgument("credential", f"`{scheme}` is given whole and in parts")
            inner[part] = value
        else:
            found[key] = value
    return found


_PARTS = frozenset({"client_id", "client_secret", "token_url", "scopes", "username", "password", "audience"})
"""What a credential of several texts consists of."""


def _tell(shell: Shell, report: SpecReport, needs: Sequence[Need]) -> None:
    """Say in a few lines, beside the result, what will be added."""
    quarantined = f", {len(report.quarantined):,} of them quarantined" if report.quarantined else ""
    shell.terminal.note(f"{report.title} {report.version}: {report.operations:,} operations{quarantined}")
    for one in needs:
        shell.terminal.warn(f"{one.operations:,} operations cannot be called yet: {one.what}; {one.fix}")


def _show(shell: Shell, report: SpecReport, needs: Sequence[Need]) -> None:
    terminal = shell.terminal
    terminal.line(f"{report.title} {report.version} (OpenAPI {report.dialect})")
    terminal.line(f"  operations: {report.operations:,}, of which {report.active:,} can be offered")
    for server in report.servers:
        terminal.line(f"  server: {server}")
    for scheme in report.security:
        place = f", {scheme.place}" if scheme.place else ""
        used = f"{scheme.operations:,} operations, needed by {scheme.needed:,}"
        terminal.line(f"  security: {scheme.name} ({scheme.kind}{place}): {used}")
    for name, reason in report.quarantined[:_SHOWN]:
        terminal.line(f"  quarantined: {name}: {reason}")
    if len(report.quarantined) > _SHOWN:
        terminal.line(f"  … and {len(report.quarantined) - _SHOWN:,} more are quarantined")
    for one in needs:
        terminal.line(f"  missing for {one.operations:,} operations: {one.what}")
        terminal.line(f"    {one.fix}")
    for note in report.notes:
        terminal.warn(note)
    terminal.note("\nNothing was added.")
