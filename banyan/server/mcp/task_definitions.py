"""The task tools that a client sees, as they are written for a model to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types import Tool, ToolAnnotations

INSTRUCTIONS = (
    "For work of more than two or three steps keep a task tree: `edit_tasks` plans it and remembers what is said, "
    "`next_tasks` tells what can be done now, `finish_task` hands in a result, `recall` answers what was said. "
    "It outlives this conversation: start by `next_tasks` without a tree to see what is open."
)

_EDIT = (
    "Plan work as a tree of tasks, and remember what is said. One batch of edits, all or none; leave out `tree` to "
    "start one (its first task is the goal). Make a tree when work takes several steps, may be interrupted, or when "
    "the user may change their mind. Keep every value the user gives as a fact (a correction is the same fact said "
    "again: its history is kept, and what depended on it becomes stale). Check what a user says was so with `recall` "
    "before you change anything for it. Answers with what changed and why, and notes of contradictions.\n"
    "Edits by `op`: add {ref '@a', parent, title, instruction, inputs, requires, key}: an input is a literal, "
    "{'$from': task, 'path': '/x'} or {'$fact': key}; requires: [{from, kind: after_success|after_failure|after_any|"
    "when, when}] · update {task, …} · remove {task} · fact {task?, key, value, was?, candidate?} · retract {key} · "
    "confirm {key, value?} · replace {task?, old, new}: everywhere in scope · rollback {task, key?, to: {turn}} · "
    "split {task, into: [{title, …}]} · merge {tasks, into} · complete {task, output} · fail, cancel, wait, reopen "
    "{task, reason} · fold, unfold {task} · branch {name}, adopt, drop {branch}: what-if. A task is named by id, title "
    "or '@ref' of the same batch."
)
_NEXT = (
    "What can be done now in a tree, most urgent first; where nothing can, what it waits for. With `claim` the tasks "
    "are yours, with a `fence` to give to finish_task; nobody else gets them meanwhile. Claim before you act in the "
    "world. Without `tree`: the trees that are open."
)
_GET = (
    "One task. brief: state and why; full: inputs with their values, facts in scope, what uses it, calls made; "
    "context: all that is needed to work on it, within `budget_tokens` (read this before you start, or take over); "
    "history: what happened to it. A tree's id shows the tree."
)
_FINISH = (
    "Hand in a task: done with its output (what later tasks need, not prose), failed or cancelled with a reason, or "
    "waiting for an answer. Answers with what changed by it, and what can be done now."
)
_RECALL = (
    "What was said and done, from the record, with its history: changes nothing. `keys`: facts, inputs or tasks by "
    "name. "
    "`claim`: was it so? true, false, was_true or never_said, with evidence: ask before you act on 'but I said …'. "
    "`text`: search in words. `as_of`: {turn} or {revision}."
)

_TEXT = {"type": "string"}
_POSITION = {"type": "object", "properties": {"turn": {"type": "integer"}, "revision": {"type": "integer"}}}


def _object(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


_EDIT_INPUT = _object(
    ["edits"],
    tree=_TEXT,
    base_revision={"type": "integer", "minimum": 0, "description": "refuse if the tree has changed since"},
    turn={"type": "integer", "minimum": 0, "description": "number of the user's message this follows"},
    source={"enum": ["user", "assistant", "tool", "program"], "default": "assistant"},
    edits={
        "type": "array",
        "minItems": 1,
        "items": {"type": "object", "properties": {"op": _TEXT}, "required": ["op"]},
    },
)
_NEXT_INPUT = _object(
    [],
    tree=_TEXT,
    claim={"type": "boolean", "default": False},
    limit={"type": "integer", "minimum": 1, "maximum": 50, "default": 5},
)
_GET_INPUT = _object(
    ["task"],
    task=_TEXT,
    view={"enum": ["brief", "full", "context", "history"], "default": "brief"},
    budget_tokens={"type": "integer", "minimum": 50, "maximum": 100_000, "default": 1_500},
)
_FINISH_INPUT = _object(
    ["task", "outcome"],
    task=_TEXT,
    fence={"type": "integer", "description": "of your claim"},
    outcome={"enum": ["done", "failed", "waiting", "cancelled"]},
    output={"description": "any JSON value"},
    reason=_TEXT,
)
_RECALL_INPUT = _object(
    ["tree"],
    tree=_TEXT,
    keys={"type": "array", "items": _TEXT, "maxItems": 50},
    claim={"type": "object", "properties": {"key": _TEXT, "value": {}, "task": _TEXT}, "required": ["key", "value"]},
    text=_TEXT,
    as_of=_POSITION,
)

_READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)

INPUT_SCHEMAS: Mapping[str, dict[str, Any]] = {
    "edit_tasks": _EDIT_INPUT,
    "next_tasks": _NEXT_INPUT,
    "get_task": _GET_INPUT,
    "finish_task": _FINISH_INPUT,
    "recall": _RECALL_INPUT,
}
"""What each task tool takes, by its name."""


def _tool(name: str, title: str, description: str, annotations: ToolAnnotations) -> Tool:
    return Tool(
        name=name, title=title, description=description, input_schema=INPUT_SCHEMAS[name], annotations=annotations
    )


TASK_TOOLS = (
    _tool("edit_tasks", "Edit tasks", _EDIT, _WRITES),
    _tool("next_tasks", "Next tasks", _NEXT, _WRITES),
    _tool("get_task", "Get a task", _GET, _READS),
    _tool("finish_task", "Finish a task", _FINISH, _WRITES),
    _tool("recall", "Recall", _RECALL, _READS),
)
"""The task tools, in the order in which they are listed."""
