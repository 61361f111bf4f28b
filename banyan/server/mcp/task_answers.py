"""Answers of the task tools: what changed, never the whole graph, within the limit of every answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from banyan.core.errors import RevisionConflict
from banyan.server.mcp.answers import Answer, refusal
from banyan.server.mcp.fit import compact, fit, most
from banyan.server.sanitise import sanitise_json

if TYPE_CHECKING:
    from banyan.core.context import Context
    from banyan.core.recall import Recall
    from banyan.core.task import EditResult, Event, Tree
    from banyan.core.taskview import Claimed, Finished, Ready, TaskView, TreeView

_NOTED = 10
"""Notes shown of one batch."""


def _bounded(data: dict[str, Any], key: str, render: Callable[[dict[str, Any]], str], limit: int) -> Answer:
    """Show as many items of the list `key` as fit, from the start; one alone that does not is cut inside."""
    items: Sequence[Any] = data[key]

    def shown(count: int, first: Any = None) -> Answer:
        part = data | {key: list(items[:count]) if first is None else [first]}
        if count < len(items):
            part["left_out"] = data.get("left_out", 0) + len(items) - count
        return Answer(text=render(part), data=part)

    count = most(len(items), lambda n: shown(n).size_chars, limit)
    if count or not items:
        answer = shown(count)
        return answer if answer.size_chars <= limit else _cut(data, render, limit)
    return shown(1, fit(items[0], limit // 4))


def _cut(data: dict[str, Any], render: Callable[[dict[str, Any]], str], limit: int) -> Answer:
    part = fit(data, limit // 3)
    return Answer(text=render(part), data=part)


def edited(result: EditResult, limit: int) -> Answer:
    """Return what a batch of edits changed."""
    data: dict[str, Any] = sanitise_json(result.to_json())
    if "notes" in data:
        data["notes"] = [fit(note, 400) for note in data["notes"][:_NOTED]]
    return _bounded(data, "delta", _edit_text, limit)


def finished(result: Finished, limit: int) -> Answer:
    """Return what ending a task changed."""
    return _bounded(sanitise_json(result.to_json()), "delta", _edit_text, limit)


def _edit_text(data: dict[str, Any]) -> str:
    lines = [f"tree {data['tree']}, revision {data['revision']}, turn {data['turn']}"]
    lines += [_change_line(one) if isinstance(one, dict) else str(one) for one in data["delta"]]
    lines += _rest(data)
    lines += [f"{ref} is {task}" for ref, task in data.get("refs", {}).items()]
    lines += [f"what-if {name} is tree {tree}" for name, tree in data.get("branches", {}).items()]
    lines += [f"note: {note}" for note in data.get("notes", ())]
    return "\n".join(lines)


def _change_line(change: dict[str, Any]) -> str:
    task, field, before, after = change["task"], change["field"], change["from"], change["to"]
    why = f" ({change['reason']})" if change.get("reason") else ""
    if field == "*":
        if after is None:
            return f"- {task} {_title(before)}: gone{why}"
        return f"+ {task} {_title(after)}{why}"
    if field == "status":
        return f"{task} {before} → {after}{why}"
    return f"{task} {field}: {compact(before)} → {compact(after)}{why}"


def _title(record: Any) -> str:
    return str(record.get("title", "")) if isinstance(record, dict) else ""


def _rest(data: dict[str, Any]) -> list[str]:
    return [f"… {data['left_out']} more"] if data.get("left_out") else []


def upcoming(ready: Ready, limit: int, *, claimed: Sequence[Claimed] | None = None) -> Answer:
    """Return what can be done now, or what was claimed."""
    shown = ready.to_json()
    if claimed is not None:
        shown |= {"claimed": [one.to_json() for one in claimed], "ready": []}
    data: dict[str, Any] = sanitise_json(shown)
    return _bounded(data, "claimed" if "claimed" in data else "ready", _ready_text, limit)


def _ready_text(data: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in data["counts"].items())
    lines = [f"tree {data['tree']}, revision {data['revision']}: {counts}"]
    for one in data.get("claimed", ()):
        lines += [f"yours, fence {one['fence']}, until {one['lease_until']}:", _task_text(one["task"])]
    if "claimed" not in data:
        lines += [_task_text(one) for one in data["ready"]]
    if not data["ready"] and not data.get("claimed"):
        lines.append("nothing can be done now")
        lines += [
            f"{one['id']} {one['title']} ({one['status']}): {'; '.join(one['why'])}" for one in data.get("blocked", ())
        ]
    return "\n".join(lines + _rest(data))


def _blocked_line(task: dict[str, Any]) -> str:
    return f"{task['id']} {task['title']} ({task['status']}): {'; '.join(task['why'])}"


def _task_text(task: dict[str, Any]) -> str:
    """Return a task as a line of what it is, and one for each thing known of it."""
    head = f"{task['id']} {task['title']}: {task['status']}{', ready' if task.get('ready') else ''}"
    shown = {key: value for key, value in task.items() if key not in {"id", "title", "status", "ready", "revision"}}
    return "\n".join([head, *(f"  {key}: {_plain(value)}" for key, value in shown.items())])


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "; ".join(value)
    return compact(value)


def task(view: TaskView, limit: int, *, brief: bool) -> Answer:
    """Return one task; `brief` leaves out what its worker alone needs."""
    data: dict[str, Any] = sanitise_json(view.to_json())
    if brief:
        data = {key: value for key, value in data.items() if key in _BRIEF}
    data = fit(data, limit // 3)
    return Answer(text=_task_text(data), data=data)


_BRIEF = frozenset(
    {"id", "title", "status", "ready", "reason", "blocked", "parent", "holder", "summary", "output", "revision"}
)


def tree(view: TreeView, limit: int) -> Answer:
    """Return a tree, a line for each task; those that do not fit are counted."""
    data: dict[str, Any] = sanitise_json(view.to_json())
    data["tasks"] = [_line(one) for one in data["tasks"]]
    return _bounded(data, "tasks", _tree_text, limit)


def _line(task: dict[str, Any]) -> dict[str, Any]:
    kept = {key: task[key] for key in ("depth", "id", "title", "status", "ready") if key in task}
    why = task.get("blocked") or ([task["reason"]] if task.get("reason") else [])
    return kept | ({"why": fit("; ".join(why), 200)} if why else {})


def _tree_text(data: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in data["counts"].items())
    lines = [f"tree {data['tree']} `{data['title']}`, revision {data['revision']}: {counts}"]
    lines += [_tree_line(one) for one in data["tasks"]]
    return "\n".join(lines + _rest(data))


def _tree_line(task: dict[str, Any]) -> str:
    why = f" ({task['why']})" if task.get("why") else ""
    state = "ready" if task["ready"] else task["status"]
    return f"{'  ' * task['depth']}{task['id']} {task['title']}: {state}{why}"


def events(found: Sequence[Event], limit: int, *, calls: Sequence[dict[str, Any]] = ()) -> Answer:
    """Return what happened, the newest last; of what does not fit the oldest is left out."""
    newest_first = [event.to_json() for event in reversed(found)]
    data: dict[str, Any] = sanitise_json({"events": newest_first, "calls": list(calls)})
    return _bounded(data, "events", _events_text, limit)


def _events_text(data: dict[str, Any]) -> str:
    lines = [f"r{one['revision']} turn {one['turn']} {one['source']}: {_change_line(one)}" for one in data["events"]]
    lines += [f"call {one['call_id']} {one['tool']}: {one['outcome']} {one['handle'] or ''}" for one in data["calls"]]
    return "\n".join(["newest first", *lines, *_rest(data)])


def context(found: Context) -> Answer:
    """Return the context of a task, as large as its budget."""
    data: dict[str, Any] = sanitise_json(found.to_json())
    # No limit but the budget that was asked for: it is never exceeded.
    return Answer(text=data["text"], data=data)


def recalled(found: Recall, limit: int) -> Answer:
    """Return what was recalled."""
    data: dict[str, Any] = sanitise_json(found.to_json())
    return _bounded(data, "answers", _recall_text, limit)


def _recall_text(data: dict[str, Any]) -> str:
    lines = []
    for one in data["answers"]:
        if not isinstance(one, dict):
            lines.append(str(one))
            continue
        lines.append(f"{one['key']} of {one['task']}: {compact(one['value'])} (turn {one['turn']}, {one['source']})")
        lines += [f"  {_past(past)}" for past in one["history"]]
    claim = data.get("claim")
    if claim:
        lines.append(f"claim: {claim['verdict']}; now {compact(claim['current'])}")
        lines += [f"  turn {one['turn']}: {compact(one['value'])}" for one in claim["evidence"]]
    lines += [f"{one['kind']} {one['id']} ({one['confidence']}): {one['text']}" for one in data.get("matches", ())]
    return "\n".join(lines + _rest(data)) or "nothing is known of that"


def _past(past: Any) -> str:
    if not isinstance(past, dict):
        return str(past)
    ended = f", until {past['ended_by']}" if past.get("ended_by") else ""
    return f"turn {past['turn']}, {past['source']}: {compact(past['value'])}{ended}"


def trees(found: Sequence[Tree], limit: int) -> Answer:
    """Return the trees that are open, the last changed first."""
    listed = [_tree_json(one) for one in found]
    return _bounded(sanitise_json({"trees": listed}), "trees", _trees_text, limit)


def _tree_json(tree: Tree) -> dict[str, Any]:
    found = {
        "tree": tree.id,
        "title": tree.title,
        "revision": tree.revision,
        "turn": tree.turn,
        "changed_at": tree.changed_at.isoformat(),
    }
    return found | {"what_if_of": tree.origin, "name": tree.name} if tree.origin else found


def _trees_text(data: dict[str, Any]) -> str:
    lines = [f"{one['tree']} {one['title']} (revision {one['revision']})" for one in data["trees"]]
    return "\n".join(lines + _rest(data)) or "no tree is open: start one with edit_tasks"


def conflict(error: RevisionConflict, limit: int) -> Answer:
    """Return that a tree has changed, with what changed."""
    data = refusal("conflict", str(error), fix="Look at `since`, then send the batch again with this revision.").data
    since = [one.to_json() for one in error.since]
    data = sanitise_json(data | {"tree": error.tree, "revision": error.revision, "since": since})
    answer = _bounded(data, "since", _conflict_text, limit)
    return Answer(text=answer.text, data=answer.data, failed=True)


def _conflict_text(data: dict[str, Any]) -> str:
    lines = [f"failed (conflict): {data['message']}", data["fix"]]
    return "\n".join([*lines, *(f"r{one['revision']} {_change_line(one)}" for one in data["since"]), *_rest(data)])
