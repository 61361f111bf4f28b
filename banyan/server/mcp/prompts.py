"""The one prompt: start, or go on with, work on a goal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    TextContent,
)

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

NAME = "work_on"
GOAL_CHARS = 10_000

_TEXT = """Work on this goal, and keep the work in Banyan's task memory, so that anybody can take it up at any time:

{goal}

1. Look with next_tasks (without a tree) whether a tree for this goal is open; if so, go on with it.
2. Otherwise plan: one edit_tasks with the goal as the first task, and under it the steps that you can see now, each \
with what it requires. Keep what the goal says (names, dates, amounts) as facts. A step that you cannot see into yet \
is one task; it is planned when it is reached.
3. Then, until nothing is left: claim with next_tasks, read the task with get_task (view context), find_tools for it \
in its own words, call_tool with its task, and hand in what later steps need with finish_task.
4. Before you act on a claim about what was said or done, check it with recall. Ask the user where the record and the \
user disagree."""


async def list_prompts(ctx: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None) -> ListPromptsResult:
    """Return the prompts: one."""
    return ListPromptsResult(
        prompts=[
            Prompt(
                name=NAME,
                title="Work on a goal",
                description="Plan a goal as a tree of tasks and work it off, or go on where it was left.",
                arguments=[PromptArgument(name="goal", description="what is to be reached", required=True)],
            )
        ]
    )


async def get_prompt(ctx: ServerRequestContext[Any, Any], params: GetPromptRequestParams) -> GetPromptResult:
    """Return the prompt for a goal.

    Raises:
        MCPError: there is no such prompt, or the goal is missing or too long.
    """
    if params.name != NAME:
        raise MCPError(INVALID_PARAMS, f"no prompt `{params.name[:80]}`; there is `{NAME}`")
    goal = (params.arguments or {}).get("goal", "").strip()
    if not goal or len(goal) > GOAL_CHARS:
        raise MCPError(INVALID_PARAMS, f"`goal` should be 1 to {GOAL_CHARS:,} characters")
    return GetPromptResult(
        description="Plan a goal as a tree of tasks and work it off.",
        messages=[PromptMessage(role="user", content=TextContent(type="text", text=_TEXT.format(goal=goal)))],
    )
