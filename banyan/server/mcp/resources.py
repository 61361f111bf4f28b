"""Trees of tasks as resources: what a client can put before a person, or into a conversation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from banyan.core.errors import UserError
from banyan.server.mcp.fit import fit_text
from banyan.server.sanitise import fragment, sanitise

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

    from banyan.server.app import Banyan

LISTED = 50
"""Trees listed, the last changed first; any other can be read by its id."""
TASKS = 500
"""Tasks of a tree that is read."""
TITLE_CHARS = 80

_URI = re.compile(r"banyan://tree/([a-z0-9]{1,64})(/mermaid)?")


class TreeResources:
    """Handlers for `banyan://tree/ID` (Markdown) and `banyan://tree/ID/mermaid`."""

    def __init__(self, b: Banyan, limit: int) -> None:
        self._b = b
        self._limit = limit

    async def list(
        self, ctx: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        """Return the trees that changed last."""
        found = (await self._b.tasks.trees())[:LISTED]
        return ListResourcesResult(
            resources=[
                Resource(
                    name=f"tree {tree.id}",
                    title=fragment(tree.title, TITLE_CHARS),
                    uri=f"banyan://tree/{tree.id}",
                    mime_type="text/markdown",
                )
                for tree in found
            ]
        )

    async def templates(
        self, ctx: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """Return the shapes of the addresses of trees."""
        return ListResourceTemplatesResult(
            resource_templates=[
                ResourceTemplate(
                    name="tree",
                    title="A tree of tasks",
                    uri_template="banyan://tree/{tree}",
                    mime_type="text/markdown",
                    description="its tasks, where each stands and why",
                ),
                ResourceTemplate(
                    name="tree-diagram",
                    title="A tree of tasks as a diagram",
                    uri_template="banyan://tree/{tree}/mermaid",
                    mime_type="text/vnd.mermaid",
                    description="a Mermaid flowchart",
                ),
            ]
        )

    async def read(self, ctx: ServerRequestContext[Any, Any], params: ReadResourceRequestParams) -> ReadResourceResult:
        """Return a tree as Markdown, or as a Mermaid flowchart.

        Raises:
            MCPError: there is no such tree, or the address has another shape.
        """
        match = _URI.fullmatch(params.uri)
        if match is None:
            raise MCPError(
                INVALID_PARAMS, "no such resource; addresses are banyan://tree/ID and banyan://tree/ID/mermaid"
            )
        try:
            shown = await self._drawn(match[1], as_diagram=match[2] is not None)
        except UserError as error:
            raise MCPError(INVALID_PARAMS, str(error)) from error
        media_type = "text/vnd.mermaid" if match[2] else "text/markdown"
        return ReadResourceResult(contents=[TextResourceContents(uri=params.uri, mime_type=media_type, text=shown)])

    async def _drawn(self, tree: str, *, as_diagram: bool) -> str:
        """Return as many tasks of a tree as fit: a diagram that is cut off in its middle would be none."""
        archive = self._b.tasks.archive
        tasks, room = TASKS, self._limit * 4
        while True:
            text = sanitise(await (archive.mermaid if as_diagram else archive.markdown)(tree, limit=tasks))
            shown = fit_text(text, room)
            if shown == text or tasks == 1:
                return shown
            tasks = max(1, tasks * 4 // 5)
