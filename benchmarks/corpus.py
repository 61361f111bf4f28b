"""Real tools for the benchmarks: read from a data folder, and put into homes that are kept between runs."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import anyio
import zstandard

from banyan.core.ids import SourceName
from banyan.core.source import Source, SourceKind
from banyan.core.tool import ToolSpec
from banyan.server.secrets import SecretStores
from benchmarks import NeedsData

HOMES = Path(__file__).parents[1] / ".demo" / "bench"
FILES = (
    "docker_mcp",
    "github_mcp",
    "mtb_mcp",
    "apisguru",
    "google",
    "aws",
    "vendors",
    "apizoo",
    "sealtools",
    "bfcl",
    "metatool",
    "nestful",
    "restbench",
    "gnn_tmdb",
    "autotools",
    "apibank",
)
"""Corpora in the order in which they are taken: real MCP servers first, then APIs."""


def read_tools(data: Path | None, count: int) -> list[ToolSpec]:
    """Return the first `count` tools of the data folder, those of one (server, name) once.

    Raises:
        NeedsData: there is no folder, or it holds fewer.
    """
    if data is None:
        raise NeedsData
    found: dict[tuple[str, str], ToolSpec] = {}
    for spec in chain(_corpora(data), _apis()):
        found.setdefault((spec.server, spec.upstream_name), spec)
        if len(found) == count:
            return list(found.values())
    raise NeedsData


def _corpora(data: Path) -> Iterator[ToolSpec]:
    for row in _rows(data):
        yield ToolSpec(
            server=row["server"],
            upstream_name=row["name"],
            description=row["description"],
            input_schema=row.get("input_schema") or {"type": "object", "properties": {}},
        )


def _apis() -> Iterator[ToolSpec]:
    """Yield the tools that AWS and Google have today, beyond the data folder's; read in a loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield from pool.submit(anyio.run, _listed).result()


async def _listed() -> list[ToolSpec]:
    from banyan.tools.aws import AwsBackend
    from banyan.tools.google import GoogleBackend

    secrets = SecretStores(HOMES, environ={})
    aws = AwsBackend(Source(name=SourceName("aws"), kind=SourceKind.AWS), secrets=secrets)
    google = GoogleBackend(
        Source(name=SourceName("google"), kind=SourceKind.GOOGLE, config={"apis": []}), secrets=secrets, environment={}
    )
    return [spec for backend in (aws, google) async for part in backend.listings() for spec in part.tools]


def fresh(specs: list[ToolSpec], *, changed_every: int = 0) -> list[ToolSpec]:
    """Return copies without digests, as a listing gives them; every `changed_every`th says something else."""
    copies = [replace(spec) for spec in specs]
    if changed_every:
        for place in range(0, len(copies), changed_every):
            copies[place] = replace(copies[place], description=f"{copies[place].description} Changed.")
    return copies


async def prepared_home(data: Path | None, count: int) -> Path:
    """Return a home whose catalogue holds `count` real tools, embedded; it is made once and kept."""
    import banyan
    from banyan.memory.database import Database

    folder = HOMES / str(count)
    folder.mkdir(parents=True, exist_ok=True)
    specs = read_tools(data, count)
    database = await Database.open(f"sqlite:///{folder / 'banyan.db'}")
    try:
        source = Source(name=SourceName("corpus"), kind=SourceKind.MCP, config={"command": ["none"]})
        await database.sources.put(source)
        await database.tools.sync(source.name, specs)
    finally:
        await database.close()
    async with banyan.open(folder, watch=False) as opened:
        await opened.embed()
    return folder


def _rows(data: Path) -> Iterator[Mapping[str, Any]]:
    for name in FILES:
        with (data / "tools" / f"{name}.jsonl.zst").open("rb") as packed:
            text = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed), encoding="utf-8", newline="\n")
            yield from (json.loads(line) for line in text)
