"""Every tool under its own name: for clients that pick tools themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_types import Tool, ToolAnnotations

from banyan.core.tool import ToolState
from banyan.server.mcp.fit import compact, fit_text
from banyan.server.sanitise import sanitise, sanitise_json

if TYPE_CHECKING:
    from banyan.core.ports import ToolStore
    from banyan.core.tool import Tool as Record

PAGE_TOOLS = 100
PAGE_CHARS = 200_000
"""Size of one page of the list: whichever is reached first ends it."""

DESCRIPTION_CHARS = 1_000
SCHEMA_CHARS = 20_000
"""A larger input schema is offered as an object of anything; the call checks the arguments all the same."""


class NativeTools:
    """The active tools of the catalogue, as a client lists them."""

    def __init__(self, catalogue: ToolStore, limit: int) -> None:
        self._catalogue = catalogue
        self._limit = limit

    async def page(self, cursor: str | None) -> tuple[list[Tool], str | None]:
        """Return the tools after `cursor`, by name, and the cursor of the next page.

        A cursor is the last name of a page, so a catalogue that changes between two pages loses no other tool.
        """
        rows = await self._catalogue.names()
        names = sorted(row.name for row in rows if row.state is ToolState.ACTIVE)[: self._limit]
        waiting = [name for name in names if cursor is None or name > cursor]
        tools: list[Tool] = []
        size = 0
        for record in await self._catalogue.get(waiting[:PAGE_TOOLS]):
            tool = _native(record)
            size += len(compact(tool.input_schema)) + len(tool.description or "")
            if tools and size > PAGE_CHARS:
                break
            tools.append(tool)
        more = bool(tools) and tools[-1].name != waiting[-1]
        return tools, tools[-1].name if more else None


def _native(record: Record) -> Tool:
    spec = record.spec
    whole = compact(spec.input_schema)
    schema: dict[str, Any] = sanitise_json(spec.input_schema) if len(whole) <= SCHEMA_CHARS else {"type": "object"}
    return Tool(
        name=record.name,
        title=fit_text(sanitise(spec.title), 120) or None,
        description=fit_text(sanitise(spec.description), DESCRIPTION_CHARS),
        input_schema=schema,
        annotations=ToolAnnotations(
            read_only_hint=spec.effects.read_only,
            destructive_hint=spec.effects.destructive,
            idempotent_hint=spec.effects.idempotent,
            open_world_hint=spec.effects.open_world,
        ),
    )
