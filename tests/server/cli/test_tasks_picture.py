"""A tree as it is drawn: every task once, each with its sign and its reason, and what is next."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.task import ABSENT, Fact, Status, Task, Tree, TreeId, TreeState
from banyan.core.taskview import TaskView, TreeView
from banyan.server.cli.tasks_picture import MARKS, READY, cells, picture, preview
from banyan.server.cli.terminal import Spans, Terminal

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TREE = Tree(id=TreeId("k7f3a2"), title="Plan a trip", revision=12, turn=7, created_at=NOW, changed_at=NOW)


def view(number: int, title: str, status: Status = Status.PENDING, **more: Any) -> TaskView:
    about = {key: more.pop(key) for key in ("blockers", "facts") if key in more}
    return TaskView(tree=TREE.id, task=Task(number=number, title=title, status=status, **more), **about)


def fact(key: str, value: Any, *candidates: Any) -> Fact:
    return Fact(task=1, key=key, value=value, turn=1, source="user", revision=1, candidates=candidates)


def tree(*tasks: tuple[int, TaskView], left_out: int = 0, shown: Tree = TREE) -> TreeView:
    counts = {status: sum(one.task.status is status for _, one in tasks) for status in Status}
    there = {status: count for status, count in counts.items() if count}
    return TreeView(tree=shown, tasks=tasks, counts=there, left_out=left_out, revision=shown.revision)


def text(lines: list[Spans]) -> list[str]:
    return ["".join(piece for piece, _ in line).rstrip() for line in lines]


TRIP = tree(
    (0, view(1, "Plan a trip", blockers=["waits for 2 of its parts"], facts=[fact("day", ABSENT, "10 May", "12 May")])),
    (1, view(2, "Choose where to go", Status.DONE, output="Lisbon", parent=1)),
    (1, view(3, "Find flights", Status.RUNNING, parent=1, holder="desk", lease_until=NOW + timedelta(minutes=4))),
    (2, view(4, "Compare prices", ready=True, parent=3, under=(6,))),
    (2, view(7, "Ask the airline", Status.FAILED, reason="nobody answers", parent=3)),
    (1, view(5, "Book a hotel", Status.STALE, reason="`destination` changed", ready=True, parent=1, tail=3.0)),
    (1, view(6, "Pack", parent=1, optional=True)),
    left_out=4,
)


def test_a_tree_is_drawn_with_signs_reasons_facts_and_what_is_next() -> None:
    assert text(picture(TRIP, NOW)) == [
        "Plan a trip  k7f3a2 · revision 12 · turn 7",
        "○ 3 pending   ▸ 1 running   ✓ 1 done   ✗ 1 failed   ↻ 1 stale",
        "",
        "○ 1 Plan a trip  waits for 2 of its parts",
        "│  day = 10 May? or 12 May?",
        "├─ ✓ 2 Choose where to go  → Lisbon",
        "├─ ▸ 3 Find flights  running: desk holds it for 4 min more",
        "│  ├─ ● 4 Compare prices  ready",
        "│  └─ ✗ 7 Ask the airline  failed: nobody answers",
        "├─ ● 5 Book a hotel  stale: `destination` changed; ready",
        "└─ ○ 6 Pack  pending; may fail",
        "   └─ ↗ 4 Compare prices  shared, and shown once",
        "… and 4 more, folded or beyond the limit",
        "",
        "next: 5 Book a hotel, 4 Compare prices",
    ]


def test_where_there_is_little_room_reasons_stand_below_and_nothing_is_lost() -> None:
    why = "`destination` is another than the one that it went by, so the hotel would be in the wrong town"
    narrow = picture(tree((0, view(1, "A")), (1, view(2, "Book a hotel", Status.STALE, reason=why))), NOW, width=50)
    assert max(cells(line) for line in text(narrow)[3:]) <= 50
    told = " ".join(line.strip(" │") for line in text(narrow)[5:-2])
    assert told == f"stale: {why}"


@pytest.mark.parametrize(
    ("tasks", "last"),
    [
        ([view(1, "A", Status.RUNNING), view(2, "B")], "next: what follows 1 A"),
        ([view(1, "A", Status.WAITING)], "next: nothing can be done now; what waits says why"),
        ([view(1, "A", Status.DONE), view(2, "B", Status.SKIPPED)], "every task has ended"),
        ([], "there is nothing to do"),
        ([view(n, f"T{n}", ready=True, priority=n) for n in (1, 2, 3, 4, 5)], "next: 5 T5, 4 T4, 3 T3, and 2 more"),
    ],
)
def test_the_last_line_says_what_is_next(tasks: list[TaskView], last: str) -> None:
    assert text(picture(tree(*((0, one) for one in tasks)), NOW))[-1] == last


@pytest.mark.parametrize(
    ("task", "line"),
    [
        (view(1, "Pack", Status.DONE, summary="two bags"), "▤ 1 Pack  folded: two bags"),
        (view(1, "Pack", Status.DONE, output=None), "✓ 1 Pack"),
        (view(1, "Pack", Status.DONE, output={"bags": [1, 2]}), '✓ 1 Pack  → {"bags": [1, 2]}'),
        (view(1, "Two\n lines", Status.CANCELLED, reason="not\nnow"), "⊘ 1 Two lines  cancelled: not now"),
        (
            view(1, "Pack", Status.RUNNING, holder="desk", lease_until=NOW),
            "▸ 1 Pack  running: desk holds it, its time is up",
        ),
        (
            view(1, "Pack", Status.RUNNING, holder="desk", lease_until=NOW + timedelta(seconds=90)),
            "▸ 1 Pack  running: desk holds it for 90 s more",
        ),
        (view(1, "Pack", Status.WAITING, blockers=["waits for an answer"]), "◔ 1 Pack  waiting; waits for an answer"),
        (view(1, "Pack", Status.WAITING, reason="where?", blockers=["it waits: where?"]), "◔ 1 Pack  it waits: where?"),
    ],
)
def test_each_task_says_in_its_line_why_it_stands_where_it_stands(task: TaskView, line: str) -> None:
    assert text(picture(tree((0, task)), NOW))[3] == line


def test_a_what_if_and_a_closed_tree_say_so() -> None:
    copy = replace(TREE, origin=TreeId("aaaaaa"), name="cheaper", state=TreeState.DROPPED)
    assert text(picture(tree(shown=copy), NOW))[0].endswith("· what-if `cheaper` of aaaaaa · dropped")


def test_every_status_has_a_sign_of_its_own() -> None:
    signs = [READY.sign, *(mark.sign for mark in MARKS.values())]
    assert MARKS.keys() == set(Status)
    assert len(set(signs)) == len(signs)
    assert all(cells(sign) == 1 for sign in signs)


def test_values_are_shown_in_one_line_and_no_longer_than_a_line() -> None:
    assert preview("a\nb") == "a b"
    assert preview("") == '""'
    assert preview(None) == "null"
    assert preview(ABSENT) == "nothing"
    assert preview([{"é": 1.5}]) == '[{"é": 1.5}]'
    assert len(preview("x" * 100)) == 60


def test_a_rule_is_told_by_what_it_says() -> None:
    ruled = view(1, "A", facts=[fact("ben", {"$rule": "start < '15:00'", "says": "Ben only before three"})])
    assert text(picture(tree((0, ruled)), NOW))[4].strip() == "rule ben: Ben only before three"


def test_a_terminal_gets_colours_and_a_file_gets_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    Terminal().lines(picture(TRIP, NOW))
    plain = capsys.readouterr().out
    assert plain.splitlines() == text(picture(TRIP, NOW))
    screen = Tty()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    Terminal().lines(picture(TRIP, NOW))
    assert "\x1b[" in screen.getvalue()
    assert "Book a hotel" in screen.getvalue()


def test_what_steers_a_terminal_is_taken_out_of_titles_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().lines(picture(tree((0, view(1, "a\x1b[31mb", Status.FAILED, reason="c\u202ed"))), NOW))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "a\ufffd[31mb" in shown


@given(st.lists(st.integers(min_value=0, max_value=6), max_size=30), st.sampled_from([None, 20, 40, 100]))
def test_every_task_is_drawn_once_whatever_the_shape(depths: list[int], width: int | None) -> None:
    tasks, deepest = [], 0
    for number, depth in enumerate(depths, start=1):
        tasks.append((min(depth, deepest), view(number, f"task{number}x", blockers=["waits for another thing"])))
        deepest = tasks[-1][0] + 1
    drawn = "\n".join(text(picture(tree(*tasks), NOW, width=width))[3:])
    for number in range(1, len(depths) + 1):
        assert drawn.count(f"task{number}x") == 1
