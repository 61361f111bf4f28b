"""What changed, happened and is known, told in lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from banyan.core.recall import Answer, Checked, Ended, Evidence, Match, Recall, Said, Verdict
from banyan.core.task import (
    ABSENT,
    Change,
    Edge,
    EdgeKind,
    EditResult,
    Event,
    Fact,
    ResultRule,
    Status,
    Task,
    TaskId,
    TreeId,
)
from banyan.core.taskview import Ready, TaskView
from banyan.server.cli.tasks_words import edited, happened, recalled, upcoming, whole
from banyan.server.cli.terminal import Spans

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TREE = TreeId("k7f3a2")


def text(lines: Any) -> list[str]:
    return ["".join(piece for piece, _ in line).rstrip() for line in lines]


def change(task: int, field: str, before: Any, after: Any, reason: str = "") -> Change:
    return Change(task=task, field=field, before=before, after=after, reason=reason)


def result(*changes: Change, **more: Any) -> EditResult:
    return EditResult(tree=TREE, revision=3, turn=2, changes=changes, **more)


def test_an_edit_is_told_task_by_task_with_its_sign_and_reason() -> None:
    told = edited(
        result(
            change(1, "facts/destination", "Lisbon", "Porto"),
            change(2, "status", "done", "stale", "`destination` changed"),
            change(2, "basis", "a", "b"),
            change(3, "*", ABSENT, {"title": "Pack", "facts": {"bags": 2}}),
            change(4, "*", {"title": "Rest"}, ABSENT, "no time"),
            change(5, "title", "Eat", "Dine"),
            change(5, "inputs/where", ABSENT, "in"),
            change(5, "inputs/when", "late", ABSENT),
            change(6, "attempts", 0, 1),
            change(7, "parent", 1, 3),
            change(7, "under", [], [1, 2]),
            change(
                7, "requires", [], [{"from": 5, "kind": "after_any"}, {"from": 6, "kind": "when", "when": "output"}]
            ),
        ),
        {1: "Plan a trip", 2: "Book a hotel", 5: "Eat"},
    )
    assert text(told) == [
        "~ 1 Plan a trip",
        "    fact destination: Lisbon → Porto",
        "↻ 2 Book a hotel  done → stale  `destination` changed",
        "+ 3 Pack",
        "    fact bags = 2",
        "- 4 Rest  no time",
        "~ 5 Dine",
        "    title: Eat → Dine",
        "    input where: in",
        "    input when: late is gone",
        "~ 7",
        "    under: 1 → 3",
        "    shared with: nothing → 1, 2",
        "    after: nothing → 5, however it ends; 6, when output",
        "k7f3a2 · revision 3 · turn 2",
    ]


def test_two_steps_of_one_task_are_told_as_one() -> None:
    steps = [
        change(1, "status", "running", "failed", "no answer"),
        change(1, "status", "failed", "pending", "try 2 of 3"),
    ]
    assert text(edited(result(*steps), {}))[0] == "○ 1   running → pending  try 2 of 3"


def test_an_edit_that_changes_nothing_says_so_and_a_what_if_is_named() -> None:
    assert text(edited(result(branches={"cheaper": TreeId("bbbbbb")}), {})) == [
        "nothing changed",
        "what-if cheaper is tree bbbbbb",
        "k7f3a2 · revision 3 · turn 2",
    ]


def test_what_comes_and_moves_on_at_once_is_told_in_one_line_and_why_nothing_changed_is_said() -> None:
    steps = [change(1, "*", ABSENT, {"title": "Ask"}), change(1, "status", "pending", "waiting", "for an answer")]
    assert text(edited(result(*steps), {}))[0] == "+ 1 Ask  waiting  for an answer"
    assert (
        text(edited(result(notes=["nothing changed: it is so already"]), {}))[0] == "nothing changed: it is so already"
    )


def test_history_is_told_revision_by_revision() -> None:
    def event(revision: int, seq: int, one: Change) -> Event:
        return Event(tree=TREE, revision=revision, seq=seq, at=NOW, turn=revision, source="user", change=one)

    told = happened(
        [
            event(1, 0, change(1, "*", ABSENT, {"title": "Plan a trip"})),
            event(2, 0, change(1, "facts/day", ABSENT, "10 May")),
            event(2, 1, change(1, "basis", ABSENT, "x")),
            event(3, 0, change(1, "basis", "x", "y")),
        ],
        {1: "Plan a trip"},
    )
    assert text(told) == [
        "revision 1 · turn 1 · user · 2026-05-01 12:00",
        "  + 1 Plan a trip",
        "revision 2 · turn 2 · user · 2026-05-01 12:00",
        "  ~ 1 Plan a trip",
        "      fact day: 10 May",
    ]


def test_one_task_is_told_whole() -> None:
    task = Task(
        number=4,
        title="Book a hotel",
        key="hotel",
        instruction="Near the river.\nNot too dear.",
        parent=1,
        under=(9,),
        inputs={"city": {"$from": 2, "path": "/name"}, "day": {"$fact": "day"}, "beds": 2},
        requires=(
            Edge(source=2, kind=EdgeKind.AFTER_SUCCESS),
            Edge(source=3, kind=EdgeKind.WHEN, when="output.price < 100"),
            Edge(source=5, kind=EdgeKind.AFTER_FAILURE),
            Edge(source=6, kind=EdgeKind.AFTER_ANY),
        ),
        labels=("web",),
        priority=2,
        effort=0.5,
        optional=True,
        result=ResultRule.CHILDREN,
        budget={"attempts": 3},
        attempts=2,
        status=Status.DONE,
        output={"name": "Casa"},
        made_of=(7, 8),
    )
    fact = Fact(task=1, key="from", value="Oslo", turn=2, source="user", revision=1)
    view = TaskView(
        tree=TREE, task=task, values={"city": "Lisbon", "beds": 2}, facts=(fact,), dependents=(11,), children=(12, 13)
    )
    assert text(whole(view, NOW)) == [
        "✓ Book a hotel  k7f3a2.4",
        "  status: done",
        "  key: hotel",
        "  instruction: Near the river.",
        "    Not too dear.",
        "  input city = Lisbon  from 2 at /name",
        "  input day = not there yet  the fact day",
        "  input beds = 2",
        "  after: 2; 3, when output.price < 100; 5, if it fails; 6, however it ends",
        "  fact from = Oslo  turn 2, user",
        "  needs: web",
        "  priority: 2",
        "  effort: 0.5",
        '  budget: {"attempts": 3}',
        "  tries: 2",
        "  result: of its parts",
        "  optional: it may fail",
        "  parts: 12, 13",
        "  shared with: 9",
        "  used by: 11",
        "  made of: 7, 8",
        "  output: {",
        '      "name": "Casa"',
        "    }",
    ]


def test_what_is_next_is_told_with_what_it_goes_by_and_else_why_nothing_is() -> None:
    task = Task(number=4, title="Book a hotel", instruction="Near the river.", ready=True)
    ready = TaskView(tree=TREE, task=task, values={"city": "Lisbon"})
    told = upcoming(Ready(tree=TREE, revision=3, tasks=[ready], counts={Status.PENDING: 1}))
    assert text(told) == ["○ 1 pending", "● 4 Book a hotel", "    Near the river.", "    city = Lisbon"]
    blocked = TaskView(tree=TREE, task=Task(number=4, title="Book a hotel"), blockers=["the fact `day` is not known"])
    told = upcoming(Ready(tree=TREE, revision=3, tasks=[], blocked=[blocked]))
    assert text(told)[1:] == ["nothing can be done now", "○ 4 Book a hotel  the fact `day` is not known"]


def test_what_is_remembered_is_told_with_how_it_came_and_went() -> None:
    task = TaskId("k7f3a2.1")
    gone = Ended(how="replaced", turn=5, source="user", revision=5, value="Porto", reason="changed his mind")
    said = Said(task=task, value="Lisbon", turn=2, source="user", revision=2, at=NOW, ended_by=gone)
    about: dict[str, Any] = {"task": task, "title": "Trip", "turn": 5, "source": "user"}
    found = Recall(
        revision=9,
        turn=6,
        answers=[
            Answer(
                key="destination", field="facts/destination", value="Porto", history=[said], came=["split"], **about
            ),
            Answer(key="day", field="facts/day", value=ABSENT, candidates=["10 May"], **about),
            Answer(key="guide", field="facts/guide", value=ABSENT, **about),
        ],
        unknown={"hotl": ["hotel"], "x": []},
        claim=Checked(
            verdict=Verdict.WAS_TRUE,
            current="Porto",
            evidence=[
                Evidence(task=task, key="destination", value="Lisbon", turn=2, source="user", revision=2, ended_by=gone)
            ],
            note="in another letter case",
        ),
        matches=[Match(kind="fact", id="k7f3a2.1/destination", text="destination\nPorto", confidence=0.5)],
        left_out=3,
    )
    assert text(recalled(found)) == [
        "it was true, and is no longer  now Porto",
        "    in another letter case",
        "    destination = Lisbon  k7f3a2.1  turn 2, user; replaced by Porto in turn 5: changed his mind",
        "destination = Porto  k7f3a2.1 Trip  turn 5, user",
        "    Lisbon  turn 2, user; replaced by Porto in turn 5: changed his mind",
        "    split",
        "day = 10 May?  k7f3a2.1 Trip  turn 5, user",
        "guide: nothing now  k7f3a2.1 Trip  turn 5, user",
        "hotl: nothing was ever known of it; there is hotel",
        "x: nothing was ever known of it",
        "0.50  fact k7f3a2.1/destination  destination Porto",
        "… and 3 more",
    ]
    nothing: list[Spans] = recalled(Recall(revision=1, turn=1))
    assert text(nothing) == ["nothing is known of that"]
