"""Whatever sources list, in whatever order, the catalogue is what a simple model says."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banyan.core.ids import SourceName, ToolName
from banyan.core.names import MAX_NAME
from banyan.core.source import Source, SourceKind
from banyan.core.tool import ToolSpec, ToolState
from banyan.memory import Database
from banyan.testing.stores import MemoryDatabase

SOURCES = [SourceName("a"), SourceName("b")]
Key = tuple[SourceName, str, str]

specs = st.builds(
    ToolSpec,
    # Few names that collide in many ways: by case, by letters that the alphabet lacks, by length.
    server=st.sampled_from(["s", "S", "s!", ""]),
    upstream_name=st.sampled_from(["t", "T", "t ", "ü", "", "t" * 60, "t" * 61, "\0"]),
    title=st.sampled_from(["", "one", "two"]),
    fault=st.sampled_from([None, None, None, "broken"]),
)
listings = st.lists(st.tuples(st.sampled_from(SOURCES), st.lists(specs, max_size=8)), min_size=1, max_size=6)


class Model:
    """What ought to be in the catalogue."""

    def __init__(self) -> None:
        self.listed: dict[Key, ToolSpec] = {}
        self.known: dict[Key, ToolSpec] = {}
        self.names: dict[Key, ToolName] = {}

    def sync(self, source: SourceName, given: Sequence[ToolSpec]) -> dict[str, set[Key]]:
        found: dict[Key, ToolSpec] = {}
        for spec in given:
            found.setdefault((source, spec.server, spec.upstream_name), spec)
        before = {key for key in self.listed if key[0] == source}
        said = {
            "new": {key for key in found if key not in self.known},
            "changed": {key for key, spec in found.items() if key in self.known and self.known[key] != spec},
            "gone": {key for key in before if key not in found},
            "back": {key for key, spec in found.items() if key not in before and self.known.get(key) == spec},
            "unchanged": {key for key, spec in found.items() if key in before and self.known[key] == spec},
        }
        for key in before:
            del self.listed[key]
        self.listed |= found
        self.known |= found
        return said


async def check(database: Database | MemoryDatabase, syncs: Sequence[tuple[SourceName, list[ToolSpec]]]) -> None:
    model = Model()
    for source in SOURCES:
        await database.sources.put(Source(name=source, kind=SourceKind.MCP))
    for source, given_specs in syncs:
        version = await database.tools.version()
        report = await database.tools.sync(source, given_specs)
        said = model.sync(source, given_specs)
        for name in report.new:
            (tool,) = await database.tools.get([name])
            model.names[tool.source, tool.spec.server, tool.spec.upstream_name] = name
        told = {
            "new": set(report.new),
            "changed": {change.name for change in report.changed},
            "gone": set(report.gone),
            "back": set(report.back),
        }
        assert told == {kind: {model.names[key] for key in said[kind]} for kind in told}
        assert report.unchanged == len(said["unchanged"])
        assert (await database.tools.version() > version) == report.touched
        await check_state(database, model)


async def check_state(database: Database | MemoryDatabase, model: Model) -> None:
    tools = await database.tools.get(list(model.names.values()))
    found = {(tool.source, tool.spec.server, tool.spec.upstream_name): tool for tool in tools}
    assert {key: tool.name for key, tool in found.items()} == model.names
    assert {key: tool.spec for key, tool in found.items()} == model.known
    for key, tool in found.items():
        state = ToolState.ACTIVE if tool.spec.fault is None else ToolState.QUARANTINED
        assert tool.state is (state if key in model.listed else ToolState.GONE)
    names = [tool.name for tool in tools]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(len(name) <= MAX_NAME for name in names)
    active = {model.names[key] for key, spec in model.listed.items() if spec.fault is None}
    assert set(await database.documents.digests()) == active
    assert {row.name for row in await database.tools.names()} == {model.names[key] for key in model.listed}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(listings)
def test_the_catalogue_in_sqlite_is_what_the_sources_listed(syncs: list[tuple[SourceName, list[ToolSpec]]]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            database = await Database.open(f"sqlite:///{folder}/banyan.db")
            await check(database, syncs)
            await database.close()

    anyio.run(run)


@settings(max_examples=100, deadline=None)
@given(listings)
def test_the_catalogue_in_memory_is_what_the_sources_listed(syncs: list[tuple[SourceName, list[ToolSpec]]]) -> None:
    anyio.run(check, MemoryDatabase(), syncs)


async def test_the_catalogue_in_postgresql_is_what_the_sources_listed(postgres_url: str) -> None:
    one, two = (ToolSpec(server="s", upstream_name=name) for name in ("t", "T"))
    syncs = [
        (SOURCES[0], [one, two]),
        (SOURCES[1], [two, replace(one, fault="broken"), ToolSpec(server="s", upstream_name="\0")]),
        (SOURCES[0], [replace(two, title="new")]),
        (SOURCES[0], [two, one, one]),
        (SOURCES[1], []),
    ]
    database = await Database.open(postgres_url)
    await check(database, syncs)
    await database.close()
