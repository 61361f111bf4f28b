"""A server's list of tools, entry by entry: a bad one hides no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcp.shared.inbound import find_invalid_x_mcp_header

from banyan.core.source import Listing
from banyan.core.tool import Effects, ToolSpec
from banyan.tools.faults import deeper_than, schema_fault
from banyan.tools.mcp.limits import SessionLimits
from banyan.tools.mcp.session import Session

MAX_NAME = 256
MAX_TITLE = 200
MAX_DESCRIPTION = 32_000
"""Characters."""
MAX_INSTRUCTIONS = 8_000
MAX_NOTES = 50

_EMPTY_SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {}}

_HIDDEN = dict.fromkeys(
    [
        *(code for code in range(0x20) if chr(code) not in "\t\n\r"),
        *range(0x7F, 0xA0),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        0x200B,
        0x2060,
        0xFEFF,
        *range(0xE0000, 0xE0080),
    ]
)
"""Characters that a person does not see and a model does: controls, text direction, zero width, tags."""


async def fetch(session: Session, limits: SessionLimits) -> tuple[list[Any], list[str]]:
    """Return a server's raw entries, page by page up to the limits, and what was odd about the pages.

    Raises:
        CallFailed: a page cannot be had; half a list would look as if the other half's tools were gone.
    """
    entries: list[Any] = []
    seen: set[str] = set()
    params: dict[str, Any] = {}
    for _ in range(limits.max_pages):
        page = await session.request("tools/list", params)
        found = page.get("tools")
        entries += found if isinstance(found, list) else []
        cursor = page.get("nextCursor")
        if not isinstance(cursor, str):
            return entries, []
        if cursor in seen:
            return entries, ["the server gave one page's cursor twice; its list was taken to end there"]
        if len(entries) > limits.max_tools:
            break
        seen.add(cursor)
        params = {"cursor": cursor}
    return entries, [f"the server's list does not end; {min(len(entries), limits.max_tools):,} tools of it were taken"]


def listing(
    server: str, entries: Sequence[Any], notes: Sequence[str], instructions: str | None, limits: SessionLimits
) -> Listing:
    """Return what raw entries offer; blocks for thousands of them.  What cannot be offered has a `fault` or a note."""
    specs: dict[str, ToolSpec] = {}
    found = list(notes)
    for place, entry in enumerate(entries[: limits.max_tools]):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME:
            found.append(f"entry {place} of the list has no usable name, and was left out")
        elif name in specs:
            found.append(f"`{_shown(name, 80)}` is listed twice; the first counts")
        else:
            specs[name] = _spec(server, name, entry)
    if len(found) > MAX_NOTES:
        found = [*found[:MAX_NOTES], f"and {len(found) - MAX_NOTES:,} more such notes"]
    return Listing(
        tools=tuple(specs.values()),
        instructions=_shown(instructions, MAX_INSTRUCTIONS),
        notes=tuple(found),
    )


def _spec(server: str, name: str, entry: Mapping[str, Any]) -> ToolSpec:
    hints = entry.get("annotations")
    hints = hints if isinstance(hints, dict) else {}
    schema = entry.get("inputSchema", _EMPTY_SCHEMA)
    fault = schema_fault(schema) or _header_fault(schema)
    return ToolSpec(
        server=server,
        upstream_name=name,
        title=_shown(entry.get("title") or hints.get("title"), MAX_TITLE),
        description=_shown(entry.get("description"), MAX_DESCRIPTION),
        # What is at fault may be too much to keep, and is not needed: the tool is not offered.
        input_schema=_EMPTY_SCHEMA if fault else schema,
        output_schema=_output_schema(entry.get("outputSchema")),
        effects=effects(hints),
        fault=fault,
    )


def _header_fault(schema: Mapping[str, Any]) -> str | None:
    """The newest protocol forbids to use a tool whose arguments ask for impossible HTTP headers."""
    reason = None if deeper_than(schema, 100) else find_invalid_x_mcp_header(schema)
    return f"its input schema has a faulty x-mcp-header: {reason}" if reason else None


def _output_schema(schema: Any) -> Mapping[str, Any] | None:
    """A tool works without its output schema, so a faulty one is just not kept."""
    return schema if isinstance(schema, dict) and schema_fault(schema) is None else None


def effects(hints: Mapping[str, Any]) -> Effects:
    """Return the effects that a tool's annotations state; what they leave open has the protocol's default."""
    read_only, destructive = hints.get("readOnlyHint"), hints.get("destructiveHint")
    idempotent = hints.get("idempotentHint") is True
    open_world = hints.get("openWorldHint") is not False
    if read_only is True:
        return Effects(read_only=True, idempotent=True, open_world=open_world, guessed=False)
    if destructive is True:
        return Effects(destructive=True, idempotent=idempotent, open_world=open_world, guessed=False)
    stated = read_only is False and destructive is False
    return Effects(idempotent=idempotent, open_world=open_world, guessed=not stated)


def _shown(text: object, limit: int) -> str:
    """Return what a server says of itself or a tool, without hidden characters; where it was cut, it says so."""
    if not isinstance(text, str):
        return ""
    clean = text.translate(_HIDDEN).strip()
    if len(clean) <= limit:
        return clean
    return f"{clean[:limit]} … [cut by Banyan: the server's text has {len(clean):,} characters]"
