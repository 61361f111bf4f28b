"""A source's document, read and listed as tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread

from banyan.core.errors import BadFile, CallFailed, SourceUnavailable
from banyan.core.shorten import cut
from banyan.core.source import Listing, Source
from banyan.core.tool import ToolSpec
from banyan.tools.openapi.binding import Place
from banyan.tools.openapi.check import SpecReport, check
from banyan.tools.openapi.document import MAX_BYTES, Document, load
from banyan.tools.openapi.needs import Need, needs
from banyan.tools.openapi.operations import Operation, operations
from banyan.tools.replay import KEY_ARGUMENT
from banyan.tools.web import Allowed, fetch_document

_KEY_HEADERS = frozenset({"idempotency-key", "x-idempotency-key"})
_INSTRUCTIONS_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The tools of a document, and the document itself for what else is to be told of it."""

    document: Document
    tools: tuple[ToolSpec, ...]

    def listing(self) -> Listing:
        """Return what the catalogue takes in."""
        about = ": ".join(filter(None, (self.document.title, self.document.description.strip())))
        return Listing(tools=self.tools, instructions=cut(about, _INSTRUCTIONS_CHARS), notes=self.document.notes.all())


async def fetch(name: str, config: Mapping[str, Any]) -> bytes:
    """Return the document of a source, from its file or address.

    Raises:
        BadFile: the file cannot be read.
        CallFailed: the address may not be read, or does not answer.
    """
    where = str(config["document"])
    if is_url(where):
        # A person named this address, so it may be read though it is not public; references in it may not.
        return await fetch_document(where, source=name, allowed=Allowed.of(config).with_url(where))
    return await anyio.to_thread.run_sync(_file, where)


def read(name: str, config: Mapping[str, Any], data: bytes) -> Read:
    """Return the tools of the document that `data` is; blocks for a second or two for a large one.

    Raises:
        BadFile: it is no OpenAPI document that can be read.
    """
    document = load(data, origin=str(config["document"]), allow_refs=tuple(config.get("allow_refs") or ()))
    wanted = tuple(config.get("include") or ())
    found = (one for one in operations(document, server=name) if not wanted or _included(one, wanted))
    return Read(document=document, tools=tuple(_with_key(one.spec) for one in found))


async def look(source: Source, secret: Callable[[str], str | None]) -> tuple[SpecReport, list[Need]]:
    """Return what the document of a source holds, and what a person must still give; nothing is kept.

    Raises:
        BadFile: the document cannot be read, or is none.
        SourceUnavailable: its address may not be read, or does not answer.
    """
    try:
        data = await fetch(source.name, source.config)
    except CallFailed as failure:
        raise SourceUnavailable(source.name, failure.message, category=failure.category) from failure

    def work() -> tuple[SpecReport, list[Need]]:
        found = read(source.name, source.config, data)
        active = (one.binding for one in found.tools if not one.fault)
        return check(found.document, found.tools), needs(active, source.config, secret)

    return await anyio.to_thread.run_sync(work)


def is_url(where: str) -> bool:
    """Return whether a document is at an address, and not a file."""
    return urlsplit(where).scheme.lower() in ("http", "https")


def _file(where: str) -> bytes:
    path = Path(where)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadFile(where, f"it cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise BadFile(where, f"it has more than {MAX_BYTES:,} bytes")
    return data


def _included(operation: Operation, wanted: Sequence[str]) -> bool:
    spec = operation.spec
    about = (spec.upstream_name, operation.path, f"{operation.method} {operation.path}", *spec.tags)
    return any(fnmatchcase(one.casefold(), glob.casefold()) for one in about for glob in wanted)


def _with_key(spec: ToolSpec) -> ToolSpec:
    """Return `spec` with the argument marked by which the API knows a call that is made twice."""
    argument = next(_key_arguments(spec), None)
    return spec if argument is None else replace(spec, binding={**spec.binding, KEY_ARGUMENT: argument})


def _key_arguments(spec: ToolSpec) -> Iterator[str]:
    for one in spec.binding.get("parameters", ()):
        if one["in"] == Place.HEADER.value and one["name"].lower() in _KEY_HEADERS:
            yield one.get("argument", one["name"])
