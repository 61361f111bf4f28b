"""Adding a source: its secrets kept apart, its tools listed, and nothing changed where it cannot be listed."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import anyio
import anyio.to_thread

from banyan.core.errors import BanyanError, SourceUnavailable, UnknownSource
from banyan.core.source import SourceKind
from banyan.server.config import source_of
from banyan.server.literals import without_secrets

if TYPE_CHECKING:
    from banyan.core.source import Source, SyncReport
    from banyan.server.config import SourceConfig
    from banyan.server.secrets import SecretStores
    from banyan.server.wiring import Parts

logger = logging.getLogger(__name__)

Sync: TypeAlias = Callable[[Sequence[str]], Awaitable["list[SyncReport]"]]


async def add_named(parts: Parts, name: str, config: Mapping[str, Any], sync: Sync) -> SyncReport:
    """Add the source `name`, and return what was found, with where its literal secrets are kept now.

    Raises:
        InvalidArgument: the name or the configuration is wrong.
        SourceUnavailable: the source cannot be listed; sources and secrets are as they were before.
    """
    cleaned = without_secrets(name, config)
    source = source_of(name, cast("SourceConfig", cleaned.config))
    before, kept = await anyio.to_thread.run_sync(_keep, parts.secrets, cleaned.secrets)
    try:
        report = await add_source(parts, source, sync)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_restore, parts.secrets, before)
        raise
    return replace(report, secrets=kept)


async def add_source(parts: Parts, source: Source, sync: Sync) -> SyncReport:
    """Add `source`, and return what was found.

    Raises:
        SourceUnavailable: it cannot be listed; what was there before is kept.
    """
    before = next((one for one in await parts.database.sources.all() if one.name == source.name), None)
    try:
        await _put(parts, source)
        report = await _listed(source, sync)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await _put_back(parts, source, before)
        raise
    return report


async def forget_own(parts: Parts) -> None:
    """Remove the sources whose functions nobody but this program has: after its end nobody could call them."""
    for name, functions in parts.functions.items():
        if any(_importable(one) for one in functions.values()):
            continue
        try:
            source = await parts.database.sources.get(name)
            # Another source may have taken the name since.
            if source.kind is SourceKind.PYTHON and dict(source.config) == {"target": _module_of(functions)}:
                await parts.database.sources.remove(name)
        except UnknownSource:
            continue
        except BanyanError as error:
            logger.warning("source `%s` ends with this program, but was not removed: %s", name, error)


def _module_of(functions: Mapping[str, Callable[..., Any]]) -> str:
    return next((getattr(one, "__module__", "__main__") for one in functions.values()), "__main__")


def _importable(function: Callable[..., Any]) -> bool:
    """Return whether another process finds a function by the name of its module and its own."""
    module = getattr(function, "__module__", "__main__")
    if module == "__main__":
        return False
    found: Any = sys.modules.get(module)
    for part in getattr(function, "__qualname__", "<locals>").split("."):
        found = getattr(found, part, None)
    return found is function


async def _listed(source: Source, sync: Sync) -> SyncReport:
    (report,) = await sync([source.name])
    if report.error is not None:
        raise SourceUnavailable(source.name, report.error)
    return report


async def _put(parts: Parts, source: Source) -> None:
    await parts.database.sources.put(source)
    await parts.backends.drop(source.name)


async def _put_back(parts: Parts, source: Source, before: Source | None) -> None:
    if before is not None:
        await _put(parts, before)
        return
    # It may not have come as far as being there.
    with suppress(UnknownSource):
        await parts.database.sources.remove(source.name)
    await parts.backends.drop(source.name)


def _keep(stores: SecretStores, secrets: Mapping[str, str]) -> tuple[dict[str, str | None], dict[str, str]]:
    """Keep secrets, and return what had their names before, and where each is now."""
    before = {name: stores.get(name) for name in secrets}
    return before, {name: stores.put(name, value) for name, value in secrets.items()}


def _restore(stores: SecretStores, before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            stores.delete(name)
        else:
            stores.put(name, value)
