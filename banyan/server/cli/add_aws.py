"""`add aws`: AWS's services, from the models that come with its own SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
import typer

from banyan.server.cli.add import add_source, pairs
from banyan.server.cli.command import verb
from banyan.server.cli.presets import PRESET, SHOW, presets
from banyan.server.cli.shell import Shell

if TYPE_CHECKING:
    from banyan.core.source import Need
    from banyan.tools.preview import Preview

_SHOWN = 40


@verb
async def add_aws(  # noqa: PLR0913 - each parameter is an option of the command
    shell: Shell,
    services: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SERVICE…]", help="As `s3`, or globs as `bedrock*`; all of AWS if none is named."),
    ] = None,
    name: Annotated[str, typer.Option(help="What to call the source; tools are called after their service.")] = "aws",
    region: Annotated[str | None, typer.Option(help="Where calls go that name no `aws_region`.")] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of your AWS configuration to call with.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Where all services are, as an emulator's address.")] = None,
    credential: Annotated[
        list[str] | None,
        typer.Option(
            help="`access_key_id`, `secret_access_key` or `session_token`, instead of your own chain.",
            metavar="PART='${NAME}'",
        ),
    ] = None,
    instance_metadata: Annotated[
        bool, typer.Option("--instance-metadata", help="Let credentials come from the machine's metadata service.")
    ] = False,
    preset: Annotated[list[str] | None, PRESET] = None,
    show: Annotated[list[str] | None, SHOW] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Seconds that a call may take.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be added, and add nothing.")] = False,
) -> None:
    """Add AWS: every operation of its services becomes a tool.

    Calls are made as any AWS tool of yours makes them: with your credentials, profile and region. Name every service
    that you want: another `add` under the same name replaces them. It needs the extra: `pip install
    'banyan-agents[aws]'`.
    """
    given: dict[str, Any] = {
        "region": region,
        "profile": profile,
        "endpoint_url": endpoint_url,
        "credentials": pairs("credential", credential, "="),
        "instance_metadata": instance_metadata,
        "presets": presets(preset, show),
        "timeout_s": timeout_s,
    }
    config = {"aws": services or []} | {key: value for key, value in given.items() if value}
    if dry_run:
        found = await _look(shell, name, config)
        shell.terminal.document(found.to_json(), lambda: _show(shell, found))
        return
    await add_source(shell, name, config)
    for need in await _needs(name, config):
        shell.terminal.warn(f"{need.what}; {need.fix}")


async def _look(shell: Shell, name: str, config: Mapping[str, Any]) -> Preview:
    """Return what would be added.  Raises `BanyanError`."""
    from banyan.server.app import preview
    from banyan.server.literals import without_secrets

    async with shell.banyan() as b:
        return await preview(b, name, **without_secrets(name, config).config)


async def _needs(name: str, config: Mapping[str, Any]) -> Sequence[Need]:
    from banyan.server.config import source_of
    from banyan.server.literals import without_secrets
    from banyan.server.settings import environment
    from banyan.tools.aws.clients import AwsConfig
    from banyan.tools.aws.needs import needs_of

    source = source_of(name, without_secrets(name, config).config)  # type: ignore[arg-type]
    return await anyio.to_thread.run_sync(needs_of, AwsConfig.of(source.config), environment())


def _show(shell: Shell, found: Preview) -> None:
    terminal = shell.terminal
    for server, count in list(found.servers.items())[:_SHOWN]:
        terminal.line(f"{server}: {count:,} tools")
    if len(found.servers) > _SHOWN:
        terminal.line(f"… and {len(found.servers) - _SHOWN:,} services more")
    for tool, reason in found.quarantined:
        terminal.line(f"quarantined: {tool}: {reason}")
    services = f"{len(found.servers):,} {'service' if len(found.servers) == 1 else 'services'}"
    kinds = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in found.effects.items())
    terminal.line(f"{found.tools:,} tools of {services} ({kinds})")
    for need in found.needs:
        terminal.warn(f"{need.what}; {need.fix}")
    terminal.note("\nNothing was added.")
