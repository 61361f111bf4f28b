"""The catalogue of tools, in SQL."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.engine import Connection

from banyan.core.canonical import canonical
from banyan.core.diff import differences
from banyan.core.errors import UnknownTool
from banyan.core.ids import SourceName, ToolName
from banyan.core.ports import Clock, ServerSummary, ToolNameRow
from banyan.core.source import Difference, SyncReport, ToolChange
from banyan.core.tool import Tool, ToolSpec, ToolState, search_digest, spec_from_json, spec_json
from banyan.memory.batches import batches
from banyan.memory.packing import Packer
from banyan.memory.reconcile import Known, Plan, by_identity, reconcile, standing
from banyan.memory.sources import get_source, grow_version, lock_catalogue
from banyan.memory.tables import catalogue, sources, specs, tools
from banyan.memory.transactions import Transactions

Values = dict[str, Any]

STATES = {state.value: state for state in ToolState}
"""A look-up here takes a third of `ToolState(value)`, for each of tens of thousands of rows."""


class SqlTools:
    """The `ToolStore` of a database."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def version(self) -> int:
        """Return a number that grows with every change of the catalogue, by any process."""
        return await self._transactions.read(read_version)

    async def sync(
        self,
        source: SourceName,
        specs: Sequence[ToolSpec],
        *,
        servers: frozenset[str] | None = None,
        notes: Sequence[str] = (),
    ) -> SyncReport:
        """Make the catalogue hold exactly `specs` for `source`, in one transaction, and say what changed.

        With `servers` only the tools of these servers are compared, and the others left as they are.

        The source's `synced_at` becomes now and its `sync_error` None. What is unchanged is not written.
        """
        started = time.perf_counter()
        now = self._clock()

        def prepare(connection: Connection) -> _Listed:
            return _listed(connection, source, specs, servers)

        # Digests are made and bodies packed before the write, which others wait for.
        listed = await self._transactions.read(prepare)
        plan, changes = await self._transactions.write(lambda connection: _sync(connection, source, listed, now))
        return SyncReport(
            source=source,
            new=tuple(name for _, name, _ in plan.new),
            changed=tuple(changes),
            gone=tuple(sorted(tool.name for tool in plan.gone)),
            back=tuple(tool.name for tool, _ in plan.back),
            unchanged=plan.unchanged,
            quarantined=tuple(plan.quarantined),
            notes=(*notes, *listed.notes),
            took_ms=(time.perf_counter() - started) * 1000,
        )

    async def get(self, names: Sequence[str]) -> list[Tool]:
        """Return the tools of these exact wire names, in that order; names nobody has are left out."""
        return await self._transactions.read(lambda connection: _get(connection, names))

    async def names(self) -> list[ToolNameRow]:
        """Return every tool that is not gone, by name."""
        columns = (tools.c.name, tools.c.source, tools.c.server, tools.c.upstream_name, tools.c.state)
        query = select(*columns).where(tools.c.state != ToolState.GONE.value).order_by(tools.c.name)

        def read(connection: Connection) -> list[ToolNameRow]:
            return [
                ToolNameRow(name=name, source=source, server=server, upstream_name=upstream, state=STATES[state])
                for name, source, server, upstream, state in connection.execute(query)
            ]

        return await self._transactions.read(read)

    async def servers(self) -> list[ServerSummary]:
        """Return every server of every source, by source and server."""
        return await self._transactions.read(_servers)

    async def set_disabled(self, name: str, *, disabled: bool) -> Tool:
        """Switch one tool off or on again for good, and return it.  Raises `UnknownTool`."""
        return await self._transactions.write(lambda connection: _set_disabled(connection, name, disabled))

    async def last_change(self, name: str) -> tuple[Difference, ...]:
        """Return how a tool differed from what it was, when it last changed; empty where it never did."""
        query = select(specs.c.last_change).join(tools).where(tools.c.name == name)
        packed = await self._transactions.read(lambda connection: connection.execute(query).scalar())
        found = orjson.loads(Packer().unpack(packed)) if packed else []
        return tuple(Difference(path=path, before=before, after=after) for path, before, after in found)


@dataclass(slots=True, kw_only=True)
class _Listed:
    """What a source lists, made ready for the write."""

    version: int
    """Version of the catalogue that it was compared with."""
    servers: frozenset[str] | None
    """What the listing is complete for; None means the source."""
    known: dict[str, Known]
    specs: dict[str, ToolSpec]
    notes: tuple[str, ...]
    packed: dict[str, bytes]
    """Bodies to be stored, by digest; as good as complete."""

    def body(self, spec: ToolSpec, packer: Packer) -> bytes:
        return self.packed.get(spec.digest) or packer.pack(orjson.dumps(spec_json(spec)))


def read_version(connection: Connection) -> int:
    """Return the version of the catalogue."""
    version: int = connection.execute(select(catalogue.c.version)).scalar_one()
    return version


def _listed(
    connection: Connection, source: SourceName, listed: Sequence[ToolSpec], servers: frozenset[str] | None
) -> _Listed:
    found, notes = by_identity(listed)
    version, known = read_version(connection), _known(connection, source, servers)
    packer, packed = Packer(), {}
    for key, spec in found.items():
        if key not in known or known[key].digest != spec.digest:
            packed[spec.digest] = packer.pack(orjson.dumps(spec_json(spec)))
    return _Listed(version=version, servers=servers, known=known, specs=found, notes=notes, packed=packed)


def _sync(connection: Connection, source: SourceName, listed: _Listed, now: datetime) -> tuple[Plan, list[ToolChange]]:
    next_id = lock_catalogue(connection)
    get_source(connection, source)
    known = listed.known if read_version(connection) == listed.version else _known(connection, source, listed.servers)
    plan = reconcile(known, listed.specs, lambda names: _taken(connection, names))
    changes = _write_changed(connection, plan, listed, now)
    _write_new(connection, source, plan, listed, next_id, now)
    _write_standing(connection, plan)
    connection.execute(update(sources).where(sources.c.name == source).values(synced_at=now, sync_error=None))
    if plan.touches:
        grow_version(connection, new_tools=len(plan.new))
    return plan, changes


def _taken(connection: Connection, names: Collection[str]) -> Iterator[str]:
    """Yield those of these case-folded names that tools have."""
    for part in batches(list(names)):
        yield from connection.scalars(select(tools.c.name_fold).where(tools.c.name_fold.in_(part)))


def _known(connection: Connection, source: SourceName, servers: frozenset[str] | None) -> dict[str, Known]:
    query = select(tools.c.identity, tools.c.id, tools.c.name, tools.c.digest, tools.c.state, tools.c.disabled).where(
        tools.c.source == source
    )
    if servers is not None:
        query = query.where(tools.c.server.in_(servers))
    return {
        key: Known(id=id_, name=name, digest=digest, state=STATES[state], disabled=disabled)
        for key, id_, name, digest, state, disabled in connection.execute(query)
    }


def _write_new(
    connection: Connection, source: SourceName, plan: Plan, listed: _Listed, next_id: int, now: datetime
) -> None:
    packer = Packer()
    rows: list[Values] = []
    bodies: list[Values] = []
    for id_, (key, name, spec) in enumerate(plan.new, start=next_id):
        state, reason = standing(spec, disabled=False)
        rows.append(
            {
                "id": id_,
                "name": name,
                "name_fold": name.casefold(),
                "source": source,
                "identity": key,
                "server": spec.server,
                "upstream_name": spec.upstream_name,
                "digest": spec.digest,
                "search_digest": search_digest(spec),
                "state": state.value,
                "state_reason": reason,
                "disabled": False,
                "first_seen": now,
                "changed_at": now,
            }
        )
        bodies.append({"tool_id": id_, "spec": listed.body(spec, packer)})
    _execute(connection, insert(tools), rows)
    _execute(connection, insert(specs), bodies)


def _write_changed(connection: Connection, plan: Plan, listed: _Listed, now: datetime) -> list[ToolChange]:
    packer = Packer()
    before = _specs(connection, [tool.id for tool, _ in plan.changed], packer)
    changes: list[ToolChange] = []
    rows: list[Values] = []
    bodies: list[Values] = []
    for tool, spec in plan.changed:
        found = differences(before[tool.id], orjson.loads(canonical(spec_json(spec))))
        changes.append(ToolChange(name=tool.name, differences=found))
        rows.append({"of": tool.id, "digest": spec.digest, "search_digest": search_digest(spec), "changed_at": now})
        told = packer.pack(orjson.dumps([(one.path, one.before, one.after) for one in found]))
        bodies.append({"of": tool.id, "spec": listed.body(spec, packer), "last_change": told})
    _execute(connection, update(tools).where(tools.c.id == bindparam("of")), rows)
    _execute(connection, update(specs).where(specs.c.tool_id == bindparam("of")), bodies)
    return changes


def _write_standing(connection: Connection, plan: Plan) -> None:
    """Write the states of the tools that are gone, back or changed."""
    rows: list[Values] = [{"of": tool.id, "state": ToolState.GONE.value, "state_reason": None} for tool in plan.gone]
    for tool, spec in (*plan.back, *plan.changed):
        state, reason = standing(spec, disabled=tool.disabled)
        rows.append({"of": tool.id, "state": state.value, "state_reason": reason})
    _execute(connection, update(tools).where(tools.c.id == bindparam("of")), rows)


def _execute(connection: Connection, statement: Any, rows: Sequence[Values]) -> None:
    # Without rows SQLAlchemy would run the statement once, with defaults.
    if rows:
        connection.execute(statement, rows)


def _specs(connection: Connection, ids: Sequence[int], packer: Packer) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for part in batches(ids):
        rows = connection.execute(select(specs.c.tool_id, specs.c.spec).where(specs.c.tool_id.in_(part)))
        found.update({id_: orjson.loads(packer.unpack(body)) for id_, body in rows})
    return found


def _get(connection: Connection, names: Sequence[str]) -> list[Tool]:
    packer = Packer()
    found: dict[str, Tool] = {}
    for part in batches(list(dict.fromkeys(names))):
        query = select(tools, specs.c.spec).join(specs).where(tools.c.name.in_(part))
        found.update({row.name: _tool(row, packer) for row in connection.execute(query)})
    return [found[name] for name in names if name in found]


def _tool(row: Row[Any], packer: Packer) -> Tool:
    return Tool(
        name=ToolName(row.name),
        source=SourceName(row.source),
        spec=spec_from_json(orjson.loads(packer.unpack(row.spec))),
        digest=row.digest,
        state=ToolState(row.state),
        state_reason=row.state_reason,
        changed_at=row.changed_at,
    )


def _servers(connection: Connection) -> list[ServerSummary]:
    columns = (tools.c.source, tools.c.server, tools.c.state)
    query = select(*columns, func.count()).group_by(*columns).order_by(tools.c.source, tools.c.server)
    counts: Mapping[tuple[str, str], dict[ToolState, int]] = defaultdict(dict)
    for source, server, state, count in connection.execute(query):
        counts[source, server][ToolState(state)] = count
    return [
        ServerSummary(source=SourceName(source), server=server, counts=found)
        for (source, server), found in counts.items()
    ]


def _set_disabled(connection: Connection, name: str, disabled: bool) -> Tool:
    lock_catalogue(connection)
    found = _get(connection, [name])
    if not found:
        raise UnknownTool(name)
    tool = found[0]
    values: Values = {"disabled": disabled}
    if tool.state is not ToolState.GONE:
        state, reason = standing(tool.spec, disabled=disabled)
        values |= {"state": state.value, "state_reason": reason}
    connection.execute(update(tools).where(tools.c.name == name).values(values))
    grow_version(connection)
    return _get(connection, [name])[0]
