"""A tree of tasks as a picture in lines: what stands where, why, and what is next.

Pure: values come in, lines in pieces come out, for a terminal, a file or a test.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from banyan.core.lifecycle import ENDED
from banyan.core.task import ABSENT, Fact, Json, Status, Tree, TreeState
from banyan.core.taskview import TaskView, TreeView
from banyan.server.cli.terminal import Spans

VALUE_CHARS = 60
"""Characters of a value that a line shows; the JSON has it whole."""
NEXT_SHOWN = 3
"""Tasks that the last line names as next."""
NARROW_CHARS = 24
"""Characters that a reason gets at least, however deep its task is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How a status is shown: a sign and a colour, beside its word."""

    sign: str
    style: str


MARKS: Final[Mapping[Status, Mark]] = {
    Status.PENDING: Mark(sign="○", style="dim"),
    Status.RUNNING: Mark(sign="▸", style="bold cyan"),
    Status.WAITING: Mark(sign="◔", style="yellow"),
    Status.DONE: Mark(sign="✓", style="green"),
    Status.FAILED: Mark(sign="✗", style="bold red"),
    Status.SKIPPED: Mark(sign="↷", style="dim"),
    Status.CANCELLED: Mark(sign="⊘", style="dim"),
    Status.STALE: Mark(sign="↻", style="magenta"),
}
READY: Final = Mark(sign="●", style="bold yellow")
FOLDED: Final = "▤"
SHARED: Final = "↗"


@dataclass(slots=True, eq=False)
class _Node:
    """A task with what is drawn under it."""

    view: TaskView
    children: list[_Node] = field(default_factory=list)
    shared: bool = False
    """It stands elsewhere in full: here only its name is."""


def picture(
    tree: TreeView, now: datetime, *, width: int | None = None, ready: Sequence[TaskView] | None = None
) -> list[Spans]:
    """Return the lines of a tree: a heading, its tasks with their reasons, and what is next.

    Args:
        tree: what is to be drawn.
        now: what the time left of a claim is counted from.
        width: characters of a line, in which reasons are wrapped; None leaves every line whole.
        ready: what can be done now; None takes it from the tasks that are shown.
    """
    lines = [*heading(tree), []]
    for root in _grown(tree.tasks):
        lines += _drawn(root, now, width)
    if tree.left_out:
        lines.append([(f"… and {_count(tree.left_out)} more, folded or beyond the limit", "dim")])
    return [*lines, [], upcoming(tree, ready)]


def heading(tree: TreeView) -> list[Spans]:
    """Return the lines that say which tree it is, and how far it is."""
    what = tree.tree
    about = f"  {what.id} · revision {tree.revision} · turn {what.turn}"
    first: Spans = [(one_line(what.title) or what.id, "bold"), (about, "dim"), (_kind(what), "yellow")]
    return [first, counted(tree.counts)]


def _kind(tree: Tree) -> str:
    what_if = f" · what-if `{tree.name or tree.id}` of {tree.origin}" if tree.origin else ""
    return what_if + (f" · {tree.state.value}" if tree.state is not TreeState.OPEN else "")


def counted(counts: Mapping[Status, int]) -> Spans:
    """Return how many tasks there are of each status, which is at once the key to the signs."""
    found: list[tuple[str, str]] = []
    for status, count in counts.items():
        mark = MARKS[status]
        found += [("   " if found else "", ""), (f"{mark.sign} {count:,} {status.value}", mark.style)]
    return found or [("no tasks", "dim")]


def upcoming(tree: TreeView, known: Sequence[TaskView] | None = None) -> Spans:
    """Return the line that says what is next in a tree, where `known` can be done now."""
    views = [view for _, view in tree.tasks]
    ready = sorted((one for one in (views if known is None else known) if one.task.ready), key=_order)
    if ready:
        named = ", ".join(_named(one) for one in ready[:NEXT_SHOWN])
        rest = f", and {_count(len(ready) - NEXT_SHOWN)} more" if len(ready) > NEXT_SHOWN else ""
        return [("next: ", "bold"), (named + rest, READY.style)]
    running = [one for one in views if one.task.status is Status.RUNNING]
    if running:
        return [("next: ", "bold"), (f"what follows {', '.join(_named(one) for one in running[:NEXT_SHOWN])}", "")]
    open_tasks = any(status not in ENDED for status in tree.counts)
    if not open_tasks and all(one.task.status in ENDED for one in views):
        return [("every task has ended" if views else "there is nothing to do", "dim")]
    if known is None and open_tasks and all(one.task.status in ENDED for one in views):
        return [("what is shown here has ended; other tasks have not", "dim")]
    return [("next: ", "bold"), ("nothing can be done now; what waits says why", "yellow")]


def _order(view: TaskView) -> tuple[float, int, int]:
    return -view.task.tail, -view.task.priority, view.task.number


def _named(view: TaskView) -> str:
    return f"{view.task.number} {one_line(view.task.title)}"


def _grown(tasks: Sequence[tuple[int, TaskView]]) -> list[_Node]:
    """Return the roots of what is drawn; under every further parent of a task stands its name."""
    roots: list[_Node] = []
    nodes: dict[int, _Node] = {}
    drawn_under: dict[int, int] = {}
    way: list[_Node] = []
    for depth, view in tasks:
        node = nodes[view.task.number] = _Node(view)
        del way[depth:]
        if way:
            drawn_under[view.task.number] = way[-1].view.task.number
        (way[-1].children if way else roots).append(node)
        way.append(node)
    for number, node in nodes.items():
        task = node.view.task
        for parent in dict.fromkeys((task.parent, *task.under)):
            if parent is not None and parent in nodes and parent != drawn_under.get(number):
                nodes[parent].children.append(_Node(node.view, shared=True))
    for node in nodes.values():
        node.children.sort(key=lambda one: one.view.task.number)
    return roots


def _drawn(root: _Node, now: datetime, width: int | None) -> Iterator[Spans]:
    """Yield the lines of a node and of everything under it."""
    # An explicit stack: trees may be deeper than Python's own.
    stack = [(root, "", "")]
    while stack:
        node, first, rest = stack.pop()
        below = "│  " if node.children else "   "
        yield from _entry(node, (first, rest + below), now, width)
        last = len(node.children) - 1
        for place, child in reversed(list(enumerate(node.children))):
            turn, on = ("└─ ", "   ") if place == last else ("├─ ", "│  ")
            stack.append((child, rest + turn, rest + on))


def _entry(node: _Node, guides: tuple[str, str], now: datetime, width: int | None) -> Iterator[Spans]:
    """Yield the lines of one task: its name with its reason, and what was said in it."""
    view, (first, rest) = node.view, guides
    task = view.task
    if node.shared:
        yield [(f"{first}{SHARED} {task.number} {one_line(task.title)}  shared, and shown once", "dim")]
        return
    mark = READY if task.ready else MARKS[task.status]
    sign = FOLDED if task.summary is not None else mark.sign
    title, why = one_line(task.title), reason(view, now)
    head: list[tuple[str, str]] = [(first, "dim"), (f"{sign} ", mark.style), (f"{task.number} ", "dim")]
    head.append((title, _title_style(view)))
    used = sum(cells(text) for text, _ in head)
    if width is None or used + 2 + cells(why) <= width:
        yield [*head, (f"  {why}" if why else "", _reason_style(view, mark))]
    else:
        yield head
        yield from _wrapped(why, rest, width, _reason_style(view, mark))
    said = facts(view.facts)
    if said:
        yield from _wrapped(said, rest, width, "blue")


def _wrapped(text: str, guide: str, width: int | None, style: str) -> Iterator[Spans]:
    room = None if width is None else max(NARROW_CHARS, width - len(guide))
    for line in [text] if room is None else textwrap.wrap(text, room, break_on_hyphens=False):
        yield [(guide, "dim"), (line, style)]


def _title_style(view: TaskView) -> str:
    if view.task.ready or view.task.status is Status.RUNNING:
        return "bold"
    return "dim" if view.task.status in {Status.SKIPPED, Status.CANCELLED} else ""


def _reason_style(view: TaskView, mark: Mark) -> str:
    return "dim" if view.task.status in {Status.PENDING, Status.DONE} and not view.task.ready else mark.style


def reason(view: TaskView, now: datetime) -> str:
    """Return why a task stands where it stands, or what it came to, in one line."""
    task = view.task
    if task.summary is not None:
        return f"folded: {one_line(task.summary)}" if task.summary else "folded"
    if task.status is Status.DONE:
        return "" if task.output in (ABSENT, None) else f"→ {preview(task.output)}"
    told = _reason_of(view, now)
    return f"{told}; may fail" if task.optional and task.status not in ENDED else told


def _reason_of(view: TaskView, now: datetime) -> str:
    task = view.task
    waits = "; ".join(one_line(one) for one in view.blockers)
    if task.status is Status.RUNNING:
        return f"running: {task.holder or 'somebody'} holds it{_left(task.lease_until, now)}"
    told = "" if task.status is Status.PENDING else task.status.value
    told += f": {one_line(task.reason)}" if told and task.reason else ""
    if task.ready:
        return f"{told}; ready" if told else "ready"
    if task.status is Status.WAITING and task.reason and view.blockers:
        # What it waits for says the reason already.
        told = ""
    return "; ".join(one for one in (told, waits) if one) or task.status.value


def _left(until: datetime | None, now: datetime) -> str:
    if until is None:
        return ""
    left_s = int((until - now).total_seconds())
    if left_s <= 0:
        return ", its time is up"
    return f" for {left_s // 60} min more" if left_s >= 120 else f" for {left_s} s more"


def facts(said: Sequence[Fact]) -> str:
    """Return facts as one line."""
    return " · ".join(fact_text(one.key, one.value, one.candidates) for one in said)


def fact_text(key: str, value: Json, candidates: Sequence[Json] = ()) -> str:
    """Return one fact, with the readings of it that wait to be confirmed."""
    readings = "".join(f" or {preview(one)}?" for one in candidates)
    if value is ABSENT:
        return f"{one_line(key)} = {readings.removeprefix(' or ')}"
    if isinstance(value, Mapping) and "$rule" in value:
        return f"rule {one_line(key)}: {one_line(str(value.get('says') or value['$rule']))}"
    return f"{one_line(key)} = {preview(value)}{readings}"


def preview(value: Json, chars: int = VALUE_CHARS) -> str:
    """Return a value as it is read in a line: text as it is, anything else as JSON, and no more than fits."""
    if value is ABSENT:
        return "nothing"
    text = value if isinstance(value, str) and value else _compact(value)
    line = one_line(text)
    return line if len(line) <= chars else line[: chars - 1] + "…"


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def one_line(text: str) -> str:
    """Return `text` with its line ends and runs of blanks as single blanks."""
    return " ".join(text.split())


def _count(number: int) -> str:
    return f"{number:,}"


def cells(text: str) -> int:
    """Return how many columns of a terminal `text` takes: signs of East Asia take two."""
    if text.isascii():
        return len(text)
    measure: Callable[[str], int]
    from rich.cells import cell_len as measure

    return measure(text)
