"""The issues of beads as JSON lines: one issue a line, with what it depends on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from banyan.core.errors import BadFile
from banyan.memory.formats.foreign import Foreign, Item, State, foreign

_GONE: Final = "tombstone"
"""The status of an issue that was deleted."""
_EDGES: Final[Mapping[str, str]] = {
    "blocks": "after_success",
    "waits-for": "after_success",
    "conditional-blocks": "after_failure",
}
"""Kinds of dependency that hold something up, with our kinds of edge."""
_PARENT: Final = "parent-child"
_TEXTS: Final[Mapping[str, str]] = {
    "description": "",
    "design": "Design",
    "acceptance_criteria": "Acceptance criteria",
    "notes": "Notes",
}
_KEPT: Final = ("issue_type", "labels", "assignee", "external_ref")
"""Fields that are kept as inputs: what they mean is for whoever works on the task."""
_NORMAL: Final = 2
"""The priority of an issue that has none, of 0 (first) to 4 (last)."""


def is_beads(text: str) -> bool:
    """Whether a text looks like issues in JSON lines."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        issue = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(issue, dict)
        and "id" in issue
        and "title" in issue
        and {"issue_type", "status"} & issue.keys() != set()
    )


def read_beads(text: str, *, name: str) -> Foreign:
    """Return a tree of the issues of a file; what was deleted is left out.

    Args:
        text: the file.
        name: of the file, for errors and for the title of the tree.

    Raises:
        BadFile: a line is no issue; carries the line.
    """
    issues = {issue["id"]: issue for _, issue in _issues(text, name)}
    gone = {one for one, issue in issues.items() if issue.get("status") == _GONE}
    notes: list[str] = []
    items = [_item(issue, issues, gone, notes) for one, issue in issues.items() if one not in gone]
    return foreign(name, items, notes)


def _issues(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            issue = json.loads(line)
        except ValueError as error:
            raise BadFile(name, f"not JSON: {error}", line=number) from None
        if isinstance(issue, dict) and issue.get("_type", "issue") != "issue":
            continue
        if not isinstance(issue, dict) or not all(isinstance(issue.get(one), str) for one in ("id", "title")):
            raise BadFile(name, "an issue needs an `id` and a `title`", line=number)
        if issue["id"] in seen:
            raise BadFile(name, f"the id `{issue['id']}` is given twice", line=number)
        seen.add(issue["id"])
        yield number, issue


def _item(issue: Mapping[str, Any], issues: Mapping[str, Any], gone: set[str], notes: list[str]) -> Item:
    own, status = issue["id"], str(issue.get("status") or "open")
    state = State.DONE if status == "closed" else State.OPEN
    inputs = {name: issue[name] for name in _KEPT if issue.get(name) not in (None, "", [])}
    if state is State.OPEN and status != "open":
        inputs["status"] = status
    if status == "in_progress":
        notes.append(f"`{issue['title']}` ({own}) was in progress: it is pending, and can be claimed")
    parents: list[str] = []
    requires: dict[str, str] = {}
    for one in _objects(issue.get("dependencies")):
        source, kind = str(one.get("depends_on_id", "")), str(one.get("type") or "blocks")
        if source in gone:
            continue
        if kind == _PARENT:
            parents.append(source)
        elif kind in _EDGES:
            requires[source] = _EDGES[kind]
        else:
            inputs.setdefault(kind.replace("-", "_"), []).append(source)
    minutes = issue.get("estimated_minutes")
    return Item(
        id=own,
        key=own,
        title=issue["title"].strip() or own,
        instruction=_instruction(issue),
        parents=parents or _by_name(own, issues, gone),
        requires=requires,
        state=state,
        output=issue.get("close_reason") or None,
        priority=_NORMAL - _whole(issue.get("priority"), _NORMAL),
        effort=minutes / 60 if isinstance(minutes, int | float) and minutes > 0 else 1.0,
        inputs=inputs,
    )


def _by_name(own: str, issues: Mapping[str, Any], gone: set[str]) -> list[str]:
    """Return the parent that the id itself tells: `x-1.2` stands under `x-1`."""
    above, dot, _ = own.rpartition(".")
    return [above] if dot and above in issues and above not in gone else []


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _instruction(issue: Mapping[str, Any]) -> str:
    parts = []
    for name, heading in _TEXTS.items():
        text = issue.get(name)
        if isinstance(text, str) and text.strip():
            parts.append(f"{heading}:\n{text.strip()}" if heading else text.strip())
    comments = [one for one in _objects(issue.get("comments")) if one.get("text")]
    if comments:
        parts.append(
            "Comments:\n" + "\n".join(f"- {one.get('author') or 'somebody'}: {one['text']}" for one in comments)
        )
    return "\n\n".join(parts)
