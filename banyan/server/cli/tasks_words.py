"""What is told of tasks in lines: one task whole, what changed, what happened, what is remembered.

Pure, like the picture of a tree.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from banyan.core.recall import Answer, Checked, Ended, Recall, Verdict
from banyan.core.task import (
    ABSENT,
    Change,
    Edge,
    EdgeKind,
    EditResult,
    Event,
    Json,
    ResultRule,
    Status,
    is_fact_reference,
    is_reference,
)
from banyan.core.taskview import Claimed, Ready, TaskView
from banyan.server.cli.tasks_picture import MARKS, READY, counted, fact_text, one_line, preview, reason
from banyan.server.cli.terminal import Spans

Titles = Mapping[int, str]
"""Titles of tasks by number; those that are not known are shown by number alone."""

UNSHOWN = frozenset({"basis", "attempts"})
"""Fields whose changes say nothing to people that another line does not."""
VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.TRUE: ("true", "green"),
    Verdict.FALSE: ("false", "red"),
    Verdict.WAS_TRUE: ("it was true, and is no longer", "yellow"),
    Verdict.NEVER_SAID: ("never said", "yellow"),
}
_EDGES = {EdgeKind.AFTER_SUCCESS: "", EdgeKind.AFTER_FAILURE: ", if it fails", EdgeKind.AFTER_ANY: ", however it ends"}


def whole(view: TaskView, now: datetime) -> list[Spans]:
    """Return the lines of one task with everything that is known of it."""
    task = view.task
    mark = READY if task.ready else MARKS[task.status]
    why = "done" if task.status is Status.DONE and task.summary is None else reason(view, now)
    lines: list[Spans] = [[(f"{mark.sign} ", mark.style), (one_line(task.title), "bold"), (f"  {view.id}", "dim")]]
    lines += _field("status", why)
    lines += _field("key", task.key or "")
    lines += _field("instruction", task.instruction)
    lines += _inputs(view)
    lines += _field("after", "; ".join(_edge(edge) for edge in task.requires))
    lines += [_said(fact_text(one.key, one.value, one.candidates), one.turn, one.source) for one in view.facts]
    lines += _limits(view)
    lines += _field("parts", _numbers(view.children))
    lines += _field("shared with", _numbers(task.under))
    lines += _field("used by", _numbers(view.dependents))
    lines += _field("made of", _numbers(task.made_of))
    if task.output is not ABSENT:
        lines += _field("output", _laid_out(task.output))
    return lines


def _field(name: str, text: str) -> list[Spans]:
    if not text:
        return []
    first, *rest = text.splitlines()
    return [[(f"  {name}: ", "dim"), (first, "")], *([("    ", ""), (line, "")] for line in rest)]


def _inputs(view: TaskView) -> Iterator[Spans]:
    for name, given in view.task.inputs.items():
        value = preview(view.values[name]) if name in view.values else "not there yet"
        yield [("  input ", "dim"), (f"{one_line(name)} = {value}", ""), (_origin(given), "dim")]


def _origin(given: Json) -> str:
    if is_reference(given):
        return f"  from {given['$from']}{' at ' + given['path'] if given.get('path') else ''}"
    return f"  the fact {given['$fact']}" if is_fact_reference(given) else ""


def _edge(edge: Edge) -> str:
    return f"{edge.source}{_EDGES.get(edge.kind, f', when {edge.when}')}"


def _said(text: str, turn: int, source: str) -> Spans:
    return [("  fact ", "dim"), (text, "blue"), (f"  turn {turn}, {source}", "dim")]


def _limits(view: TaskView) -> list[Spans]:
    task = view.task
    told = [
        ("needs", ", ".join(task.labels)),
        ("priority", str(task.priority) if task.priority else ""),
        ("effort", f"{task.effort:g}" if task.effort != 1 else ""),
        ("budget", preview(dict(task.budget)) if task.budget else ""),
        ("tries", str(task.attempts) if task.attempts > 1 else ""),
        ("result", "of its parts" if task.result is ResultRule.CHILDREN else ""),
        ("optional", "it may fail" if task.optional else ""),
    ]
    return [line for name, text in told for line in _field(name, text)]


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _laid_out(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def edited(result: EditResult, titles: Titles) -> list[Spans]:
    """Return what a batch of edits changed, with the revision that it made."""
    lines = list(changes(result.changes, titles))
    if not lines:
        lines.append([(next(iter(unchanged(result)), "nothing changed"), "dim")])
    for name, tree in result.branches.items():
        lines.append([("what-if ", "dim"), (name, "bold"), (f" is tree {tree}", "")])
    lines.append([(f"{result.tree} · revision {result.revision} · turn {result.turn}", "dim")])
    return lines


def unchanged(result: EditResult) -> list[str]:
    """Return the notes of a batch that say that nothing changed."""
    return [one for one in result.notes if one.startswith("nothing changed")]


def changes(found: Sequence[Change], titles: Titles, *, indent: str = "") -> Iterator[Spans]:
    """Yield what changed, task by task in the order in which they changed first."""
    by_task: dict[int, list[Change]] = {}
    for one in found:
        if one.field not in UNSHOWN:
            by_task.setdefault(one.task, []).append(one)
    for number, of_task in by_task.items():
        named = _come_or_gone(of_task) or _titled(of_task) or titles.get(number, "")
        yield [(indent, ""), *_head(number, one_line(named), of_task)]
        yield from ([(f"{indent}    ", ""), (line, "")] for one in of_task for line in _rest(one))


def _head(number: int, title: str, of_task: Sequence[Change]) -> Spans:
    for one in of_task:
        if one.field == "*":
            sign, style = ("+", "green") if one.before is ABSENT else ("-", "red")
            then = [f"  {after.after}{_because(after)}" for after in of_task if after.field == "status"][-1:]
            told = _because(one) + (then[0] if then and sign == "+" else "")
            return [(f"{sign} ", style), (f"{number} ", "dim"), (title, "bold"), (told, "dim")]
    for one in reversed(of_task):
        if one.field == "status":
            first = next(before.before for before in of_task if before.field == "status")
            mark = MARKS[Status(one.after)]
            return [
                (f"{mark.sign} ", mark.style),
                (f"{number} ", "dim"),
                (title, "bold"),
                (f"  {first} → {one.after}", mark.style),
                (_because(one), "dim"),
            ]
    return [("~ ", "yellow"), (f"{number} ", "dim"), (title, "bold")]


def _because(change: Change) -> str:
    return f"  {one_line(change.reason)}" if change.reason else ""


def _come_or_gone(of_task: Sequence[Change]) -> str:
    records = [one.before if one.after is ABSENT else one.after for one in of_task if one.field == "*"]
    return str(records[-1].get("title", "")) if records and isinstance(records[-1], Mapping) else ""


def _titled(of_task: Sequence[Change]) -> str:
    titles = [one.after for one in of_task if one.field == "title"]
    return str(titles[-1]) if titles else ""


def _rest(change: Change) -> Iterator[str]:
    """Yield what a change says beside the line of its task."""
    if change.field == "status":
        return
    if change.field == "*":
        come = change.after if change.before is ABSENT else {}
        for key, value in (come.get("facts") or {}).items():
            yield f"fact {fact_text(key, value)}"
        return
    if change.field in _TASKS:
        before, after = (
            _TASKS[change.field](() if value in (None, ABSENT) else value) or "nothing"
            for value in (change.before, change.after)
        )
        yield f"{_NAMED[change.field]}: {before} → {after}"
        return
    kind, slash, key = change.field.partition("/")
    name = f"{_KINDS.get(kind, kind)} {one_line(key)}" if slash else change.field
    because = f"  ({one_line(change.reason)})" if change.reason else ""
    if change.before is ABSENT:
        yield f"{name}: {preview(change.after)}{because}"
    elif change.after is ABSENT:
        yield f"{name}: {preview(change.before)} is gone{because}"
    else:
        yield f"{name}: {preview(change.before)} → {preview(change.after)}{because}"


def _records(edges: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(
        _edge(Edge(source=one["from"], kind=EdgeKind(one["kind"]), when=one.get("when", ""))) for one in edges
    )


_TASKS: Mapping[str, Callable[[Any], str]] = {
    "parent": str,
    "under": _numbers,
    "made_of": _numbers,
    "requires": _records,
}
"""Fields that name tasks, with how they are told."""
_NAMED = {"parent": "under", "under": "shared with", "made_of": "made of", "requires": "after"}
_KINDS = {"facts": "fact", "inputs": "input", "candidates": "readings of"}


def happened(events: Sequence[Event], titles: Titles) -> Iterator[Spans]:
    """Yield what happened, revision by revision: when, at which turn, who spoke, what changed."""
    for revision, together in groupby(events, key=lambda one: one.revision):
        group = list(together)
        first = group[0]
        shown = list(changes([one.change for one in group], titles, indent="  "))
        if shown:
            about = f" · turn {first.turn} · {first.source} · {first.at:%Y-%m-%d %H:%M}"
            yield [(f"revision {revision}", "bold"), (about, "dim")]
            yield from shown


def upcoming(ready: Ready) -> list[Spans]:
    """Return what can be done now, and where nothing can, why."""
    lines: list[Spans] = [counted(ready.counts)]
    for view in ready.tasks:
        lines.append(
            [(f"{READY.sign} ", READY.style), (f"{view.task.number} ", "dim"), (one_line(view.task.title), "bold")]
        )
        said = " · ".join(fact_text(name, value) for name, value in view.values.items())
        lines += [[("    ", ""), (line, "")] for line in textwrap.wrap(one_line(view.task.instruction), 92)[:3]]
        lines += [[("    ", ""), (said, "blue")]] if said else []
    if not ready.tasks:
        lines.append([("nothing can be done now", "yellow")])
    for view in ready.blocked:
        mark = MARKS[view.task.status]
        why = "; ".join(view.blockers) or view.task.reason
        lines.append(
            [
                (f"{mark.sign} ", mark.style),
                (f"{view.task.number} {one_line(view.task.title)}", ""),
                (f"  {why}", "dim"),
            ]
        )
    return lines


def held(claimed: Sequence[Claimed], now: datetime) -> list[Spans]:
    """Return what was claimed, each with the fence under which it is held."""
    lines: list[Spans] = []
    for one in claimed:
        lines += whole(one.view, now)
        lines += _field("fence", str(one.fence))
    return lines


def recalled(found: Recall) -> list[Spans]:
    """Return what is remembered: values with their history, whether a claim holds, and what was found by text."""
    lines: list[Spans] = []
    if found.claim is not None:
        lines += _verdict(found.claim)
    told: set[str] = set()
    for one in found.answers:
        lines += _answer(one)
        # How a task came to be is told once, however many of its values are asked for.
        lines += [[("    ", ""), (one_line(sentence), "dim")] for sentence in one.came if sentence not in told]
        told.update(one.came)
    for key, near in (found.unknown or {}).items():
        hint = f"; there is {', '.join(near)}" if near else ""
        lines.append([(f"{one_line(key)}: ", "bold"), (f"nothing was ever known of it{hint}", "yellow")])
    for match in found.matches or ():
        about = f"{match.confidence:.2f}  {match.kind} {match.id}  "
        lines.append([(about, "dim"), (one_line(match.text), "")])
    if found.left_out:
        lines.append([(f"… and {found.left_out:,} more", "dim")])
    return lines or [[("nothing is known of that", "yellow")]]


def _answer(one: Answer) -> Iterator[Spans]:
    place = " ".join(part for part in (one.task, one_line(one.title)) if part)
    about = f"  {place}{f', {one.status}' if one.status else ''}{_by(one.turn, one.source)}"
    yield [(_standing(one), "bold"), (about, "dim")]
    if len(one.history) == 1 and one.history[0].ended_by is None:
        return  # it is what the first line says
    for past in one.history:
        yield [("    ", ""), (preview(past.value), ""), (_by(past.turn, past.source) + _ended(past.ended_by), "dim")]


def _standing(one: Answer) -> str:
    if one.value is ABSENT and not one.candidates:
        return f"{one_line(one.key)}: nothing now"
    return fact_text(one.key, one.value, one.candidates)


def _by(turn: int, source: str) -> str:
    return f"  turn {turn}, {source}"


def _ended(ended: Ended | None) -> str:
    if ended is None:
        return ""
    word = "by" if ended.how == "replaced" else "into"
    by = f" {word} {preview(ended.value)}" if ended.value is not ABSENT else ""
    because = f": {one_line(ended.reason)}" if ended.reason else ""
    return f"; {ended.how}{by} in turn {ended.turn}{because}"


def _verdict(claim: Checked) -> Iterator[Spans]:
    told, style = VERDICTS[claim.verdict]
    yield [(told, style), (f"  now {preview(claim.current)}" if claim.current is not ABSENT else "", "dim")]
    if claim.note:
        yield [("    ", ""), (one_line(claim.note), "")]
    for one in claim.evidence:
        said = f"{one_line(one.key)} = {preview(one.value)}"
        yield [("    ", ""), (said, ""), (f"  {one.task}{_by(one.turn, one.source)}{_ended(one.ended_by)}", "dim")]
