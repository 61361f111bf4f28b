"""Answers of the task tools: what changed, never the whole graph, within the limit of every answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from banyan.core.errors import RevisionConflict
from banyan.server.mcp.answers import Answer, refusal
from banyan.server.mcp.fit import compact, fit, fit_text, most
from banyan.server.sanitise import sanitise, sanitise_json

if TYPE_CHECKING:
    from banyan.core.context import Context
    from banyan.core.task import EditResult, Event, Tree
    from banyan.core.taskview import Claimed, Finished, Ready, TaskView, TreeView

_SILENT = frozenset({"attempts"})
"""Fields of which the text of an answer tells nothing: its JSON does."""
_REF_CHARS = 100
"""Characters of a ref that is told; nobody writes a longer one."""


def bounded(data: dict[str, Any], key: str, render: Callable[[dict[str, Any]], str], limit: int) -> Answer:
    """Show as many items of the list `key` as fit, from the start; where not all do, long ones are cut inside."""
    items: Sequence[Any] = data[key]

    def shown(count: int) -> Answer:
        part = data | {key: list(items[:count])}
        if count < len(items):
            part["left_out"] = data.get("left_out", 0) + len(items) - count
        return Answer(text=render(part), data=part)

    if (whole := shown(len(items))).size_chars <= limit:
        return whole
    items = [fit(one, limit // (2 + 2 * min(len(items), 3))) for one in items]
    count = most(len(items), lambda n: shown(n).size_chars, limit)
    answer = shown(count)
    return answer if answer.size_chars <= limit else _cut(data, limit)


def _cut(data: dict[str, Any], limit: int) -> Answer:
    """Return what is left of an answer that is too long even without its list: as JSON, for its shape is gone."""
    part = fit(data, limit // 3)
    return Answer(text=compact(part), data=part)


def edited(result: EditResult, limit: int) -> Answer:
    """Return what a batch of edits changed."""
    data: dict[str, Any] = sanitise_json(result.to_json())
    if "notes" in data:
        data["notes"] = _first(data["notes"], limit // 8, f"… of {len(data['notes'])} notes")
    if len(compact(data.get("refs"))) > limit // 8:
        refs = [(ref, task) for ref, task in data["refs"].items() if len(ref) <= _REF_CHARS]
        kept = most(len(refs), lambda n: len(compact(dict(refs[:n]))), limit // 8)
        data["refs_left_out"] = len(data["refs"]) - kept
        data["refs"] = dict(refs[:kept])
    return bounded(data, "delta", _edit_text, limit)


def _first(notes: Sequence[str], budget: int, rest: str) -> list[str]:
    """Return the notes that fit, each of them cut, and `rest` where there are more."""
    short = [fit(note, budget // 3) for note in notes]
    kept = most(len(short), lambda n: len(compact(short[:n])), budget)
    return short if kept == len(short) else [*short[:kept], rest]


def finished(result: Finished, upcoming: Ready, limit: int) -> Answer:
    """Return what ending a task changed, and what can be done now."""
    data: dict[str, Any] = sanitise_json(result.to_json())
    data["next"] = [{"id": one.id, "title": sanitise(fit_text(one.task.title, 100))} for one in upcoming.tasks]
    return bounded(data, "delta", _edit_text, limit)


def _edit_text(data: dict[str, Any]) -> str:
    refs = {task: ref for ref, task in data.get("refs", {}).items()}
    lines = [f"tree {data['tree']}, revision {data['revision']}, turn {data['turn']}"]
    for one in _without_steps_between(data["delta"]):
        # A ref that two edits gave to one task is told below.
        ref = refs.pop(one["task"], "") if one["field"] == "*" and one["to"] is not None else ""
        lines.append(f"{change_line(one)}, {ref}" if ref else change_line(one))
    lines += rest(data)
    lines += [f"{ref} is {task}" for task, ref in refs.items()]
    if data.get("refs_left_out"):
        lines.append(f"… {data['refs_left_out']} more refs: get_task of the tree names every task")
    lines += [f"what-if {name} is tree {tree}" for name, tree in data.get("branches", {}).items()]
    lines += [f"note: {note}" for note in data.get("notes", ())]
    if "next" in data:
        lines += [f"can be done now: {one['id']} {one['title']}" for one in data["next"]] or ["nothing is ready now"]
    return "\n".join(lines)


def _without_steps_between(delta: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return changes without those that only lead to others: a task that was begun and done at once was done."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    shown: list[dict[str, Any]] = []
    for one in delta:
        before = found.get((one["task"], "status"))
        if one["field"] in _SILENT:
            continue
        if one["field"] == "status" and before is not None:
            before |= {"to": one["to"], "reason": one["reason"]}
            continue
        shown.append(one := dict(one))
        found[one["task"], one["field"]] = one
    return shown


def change_line(change: dict[str, Any]) -> str:
    """Return one change as a line."""
    task, field, before, after = change["task"], change["field"], change["from"], change["to"]
    why = f" ({change['reason']})" if change.get("reason") else ""
    if field == "*":
        if after is None:
            return f"- {task} {_title(before)}: gone{why}"
        return f"+ {task} {_title(after)}{why}"
    if field == "status":
        return f"{task} {before} → {after}{why}"
    if before is None:
        return f"{task} {field} = {compact(after)}{why}"
    if after is None:
        return f"{task} {field}: gone, was {compact(before)}{why}"
    return f"{task} {field}: {compact(before)} → {compact(after)}{why}"


def _title(record: Any) -> str:
    return str(record.get("title", "")) if isinstance(record, dict) else ""


def rest(data: dict[str, Any]) -> list[str]:
    """Return the line that says how many items are not shown; none where all are."""
    return [f"… {data['left_out']} more"] if data.get("left_out") else []


def upcoming(ready: Ready, limit: int, *, claimed: Sequence[Claimed] | None = None) -> Answer:
    """Return what can be done now, or what was claimed."""
    shown = ready.to_json()
    if claimed is not None:
        shown |= {"claimed": [one.to_json() for one in claimed], "ready": []}
    data: dict[str, Any] = sanitise_json(shown)
    return bounded(data, "claimed" if "claimed" in data else "ready", _ready_text, limit)


def _ready_text(data: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in data["counts"].items())
    lines = [f"tree {data['tree']}, revision {data['revision']}: {counts}"]
    for one in data.get("claimed", ()):
        until = one["lease_until"].replace("T", " ").split(".")[0]
        lines += [f"yours, fence {one['fence']}, until {until} UTC:", _task_text(one["task"], without=_OF_A_CLAIM)]
    if "claimed" not in data:
        lines += [_task_text(one, without=_OF_ONE_READY) for one in data["ready"]]
    if not data["ready"] and not data.get("claimed"):
        lines.append("nothing can be done now")
        lines += [_blocked_line(one) for one in data.get("blocked", ())]
    return "\n".join(lines + rest(data))


def _blocked_line(task: dict[str, Any]) -> str:
    return f"{task['id']} {task['title']} ({task['status']}): {'; '.join(task['why'])}"


_OF_A_LINE = frozenset({"attempts", "effort", "priority", "parent", "used_by"})
_OF_ONE_READY = _OF_A_LINE | {"facts", "tools", "children"}
_OF_A_CLAIM = _OF_A_LINE | {"reason", "blocked", "holder", "lease_until"}


def _task_text(task: dict[str, Any], *, without: frozenset[str] = frozenset()) -> str:
    """Return a task as a line of what it is, and one for each thing known of it."""
    head = f"{task['id']} {task['title']}: {task['status']}{', ready' if task.get('ready') else ''}"
    hidden = without | {"id", "title", "status", "ready", "revision"}
    if (
        without
        and isinstance(task.get("values"), dict)
        and set(task["values"]) == set(task.get("inputs", task["values"]))
    ):
        hidden |= {"inputs"}
    shown = {key: value for key, value in task.items() if key not in hidden}
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
    return bounded(data, "tasks", _tree_text, limit)


def _line(task: dict[str, Any]) -> dict[str, Any]:
    kept = {key: task[key] for key in ("depth", "id", "title", "status", "ready") if key in task}
    why = task.get("blocked") or ([task["reason"]] if task.get("reason") else [])
    return kept | ({"why": fit("; ".join(why), 200)} if why else {})


def _tree_text(data: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in data["counts"].items())
    lines = [f"tree {data['tree']} `{data['title']}`, revision {data['revision']}: {counts}"]
    lines += [_tree_line(one) for one in data["tasks"]]
    return "\n".join(lines + rest(data))


def _tree_line(task: dict[str, Any]) -> str:
    why = f" ({task['why']})" if task.get("why") else ""
    state = "ready" if task["ready"] else task["status"]
    return f"{'  ' * task['depth']}{task['id']} {task['title']}: {state}{why}"


def events(found: Sequence[Event], limit: int, *, calls: Sequence[dict[str, Any]] = ()) -> Answer:
    """Return what happened, the newest last; of what does not fit the oldest is left out."""
    newest_first = [event.to_json() for event in reversed(found)]
    data: dict[str, Any] = sanitise_json({"events": newest_first, "calls": list(calls)})
    return bounded(data, "events", _events_text, limit)


def _events_text(data: dict[str, Any]) -> str:
    lines = [f"r{one['revision']} turn {one['turn']} {one['source']}: {change_line(one)}" for one in data["events"]]
    lines += [f"call {one['call_id']} {one['tool']}: {one['outcome']} {one['handle'] or ''}" for one in data["calls"]]
    return "\n".join(["newest first", *lines, *rest(data)])


def context(found: Context) -> Answer:
    """Return the context of a task, as large as its budget."""
    data: dict[str, Any] = sanitise_json(found.to_json())
    # No limit but the budget that was asked for: it is never exceeded.
    return Answer(text=data["text"], data=data)


def trees(found: Sequence[Tree], limit: int) -> Answer:
    """Return the trees that are open, the last changed first."""
    listed = [_tree_json(one) for one in found]
    return bounded(sanitise_json({"trees": listed}), "trees", _trees_text, limit)


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
    return "\n".join(lines + rest(data)) or "no tree is open: start one with edit_tasks"


def conflict(error: RevisionConflict, limit: int) -> Answer:
    """Return that a tree has changed, with what changed."""
    data = refusal("conflict", str(error), fix="Look at `since`, then send the batch again with this revision.").data
    since = [one.to_json() for one in error.since]
    data = sanitise_json(data | {"tree": error.tree, "revision": error.revision, "since": since})
    answer = bounded(data, "since", _conflict_text, limit)
    return Answer(text=answer.text, data=answer.data, failed=True)


def _conflict_text(data: dict[str, Any]) -> str:
    lines = [f"failed (conflict): {data['message']}", data["fix"]]
    return "\n".join([*lines, *(f"r{one['revision']} {change_line(one)}" for one in data["since"]), *rest(data)])
