"""Files of other trackers become trees: what stood there stands here, and what cannot is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from banyan.core.archive import Imported
from banyan.core.errors import BadFile, CycleFound
from banyan.core.task import Edge, EdgeKind, Status, Task
from banyan.memory.archive import Archive
from banyan.testing.graph import MemoryGraphs

GARDEN: dict[str, Any] = {
    "master": {
        "tasks": [
            {
                "id": 1,
                "title": "Dig the bed",
                "description": "Two metres by one.",
                "details": "Mind the pipe.",
                "testStrategy": "Knee deep.",
                "status": "done",
                "priority": "high",
                "dependencies": [],
                "subtasks": [
                    {"id": 1, "title": "Mark it out", "status": "done", "dependencies": []},
                    {"id": 2, "title": "Turn the soil", "status": "done", "dependencies": [1]},
                ],
            },
            {
                "id": 2,
                "title": "Sow peas",
                "status": "in-progress",
                "dependencies": [1],
                "subtasks": [
                    {"id": 1, "title": "Buy seed", "status": "done"},
                    {"id": 2, "title": "Soak seed", "status": "pending", "dependencies": [1, "3.1"]},
                ],
            },
            {
                "id": 3,
                "title": "Put up a fence",
                "status": "pending",
                "priority": "low",
                "dependencies": [5, 9],
                "subtasks": [{"id": "3.1", "title": "Find posts", "status": "review"}],
            },
            {"id": 4, "title": "Water", "status": "done", "dependencies": [2]},
            {"id": 5, "title": "Borrow a saw", "status": "cancelled", "subtasks": [{"id": 1, "title": "Ask Ben"}]},
        ],
        "metadata": {"description": "ours"},
    },
    "balcony": {"tasks": [{"id": 1, "title": "Fill the pots", "status": "deferred", "dependencies": []}]},
}

ISSUES: list[dict[str, Any]] = [
    {
        "id": "gd-1",
        "title": "Garden",
        "status": "open",
        "priority": 1,
        "issue_type": "epic",
        "description": "All of it.",
    },
    {
        "id": "gd-1.1",
        "title": "Shed",
        "status": "closed",
        "priority": 0,
        "issue_type": "task",
        "close_reason": "stands",
        "estimated_minutes": 90,
        "labels": ["wood"],
        "closed_at": "2026-02-01T10:00:00Z",
    },
    {
        "id": "gd-2",
        "title": "Roof leaks",
        "status": "in_progress",
        "priority": 4,
        "issue_type": "bug",
        "design": "Felt.",
        "acceptance_criteria": "Dry.",
        "notes": "North side.",
        "comments": [{"id": 1, "author": "ana", "text": "It rains."}],
        "dependencies": [
            {"issue_id": "gd-2", "depends_on_id": "gd-1", "type": "parent-child"},
            {"issue_id": "gd-2", "depends_on_id": "gd-1.1", "type": "blocks"},
            {"issue_id": "gd-2", "depends_on_id": "gd-3", "type": "conditional-blocks"},
            {"issue_id": "gd-2", "depends_on_id": "gd-3", "type": "discovered-from"},
            {"issue_id": "gd-2", "depends_on_id": "gd-4", "type": "blocks"},
        ],
    },
    {"id": "gd-3", "title": "Gutter", "status": "open", "priority": 2, "issue_type": "chore"},
    {"id": "gd-4", "title": "Deleted", "status": "tombstone", "priority": 2, "issue_type": "task"},
]


class Garden:
    """What was made of a file, with its tasks by key."""

    def __init__(self, graphs: MemoryGraphs, imported: Imported) -> None:
        source = graphs.source(imported.tree)
        self.imported = imported
        self.tasks = {task.key or "root": task for task in source.tasks(range(1, source.tree.next_number))}
        self.numbers = {key: task.number for key, task in self.tasks.items()}

    def status(self) -> dict[str, str]:
        return {key: task.status.value for key, task in self.tasks.items()}

    def after(self, key: str) -> dict[str, str]:
        """Return what a task waits for, by key, with the kind of the edge."""
        keys = {number: one for one, number in self.numbers.items()}
        return {keys[edge.source]: edge.kind.value for edge in self.tasks[key].edges}

    def parent(self, key: str) -> str:
        return next(one for one, number in self.numbers.items() if number == self.tasks[key].parent)


async def imported(text: str) -> list[Garden]:
    graphs = MemoryGraphs()
    return [Garden(graphs, one) for one in await Archive(graphs).import_(text, name="garden")]


def lines(issues: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, issues)) + "\n"


async def test_every_tag_of_task_master_becomes_a_tree() -> None:
    master, balcony = await imported(json.dumps(GARDEN))

    assert [one.imported.title for one in (master, balcony)] == ["master", "balcony"]
    assert (master.imported.tasks, balcony.imported.tasks) == (12, 2)
    assert balcony.tasks["task-1"].inputs == {"status": "deferred"}
    dig = master.tasks["task-1"]
    assert dig.instruction == "Two metres by one.\n\nDetails:\nMind the pipe.\n\nHow to verify it:\nKnee deep."
    assert [master.tasks[f"task-{n}"].priority for n in (1, 2, 3)] == [1, 0, -1]
    assert [master.parent(key) for key in ("task-1", "task-1.2", "task-3.1")] == ["root", "task-1", "task-3"]


async def test_what_was_done_there_is_done_here_and_the_rest_waits_as_it_did() -> None:
    master, _ = await imported(json.dumps(GARDEN))

    assert master.status() == {
        "root": "pending",
        "task-1": "done",
        "task-1.1": "done",
        "task-1.2": "done",
        "task-2": "pending",
        "task-2.1": "done",
        "task-2.2": "pending",
        "task-3": "pending",
        "task-3.1": "pending",
        "task-4": "done",
        "task-5": "cancelled",
        "task-5.1": "cancelled",
    }
    assert master.after("task-2") == {"task-1": "after_success"}
    assert master.after("task-2.2") == {"task-2.1": "after_success", "task-3.1": "after_success"}
    assert master.after("task-3") == {"task-5": "after_any"}, "what was cancelled must not skip it"
    assert master.after("task-4") == {}, "it was done before what it waited for"
    assert [key for key, task in master.tasks.items() if task.ready] == ["task-3.1"]


async def test_what_could_not_be_taken_over_is_told() -> None:
    master, _ = await imported(json.dumps(GARDEN))

    told = "\n".join(master.imported.notes)
    assert "`Put up a fence` (3) names `9`" in told
    assert "`Sow peas` (2) was in progress" in told


async def test_a_list_without_a_tag_is_named_after_its_file() -> None:
    [tree] = await imported(json.dumps({"tasks": GARDEN["balcony"]["tasks"]}))

    assert tree.imported.title == "garden"


async def test_a_done_task_with_something_open_under_it_is_left_open_all_the_way_up() -> None:
    under = [{"id": 1, "title": "Open", "status": "pending"}]
    [tree] = await imported(json.dumps({"tasks": [{"id": 1, "title": "Done", "status": "done", "subtasks": under}]}))

    assert tree.status()["task-1"] == "pending"
    assert "something under it is open" in tree.imported.notes[0]


async def test_done_tasks_that_wait_for_one_another_are_left_open() -> None:
    tasks = [{"id": n, "title": f"t{n}", "status": "done", "dependencies": [3 - n]} for n in (1, 2)]

    with pytest.raises(CycleFound):
        await imported(json.dumps({"tasks": tasks}))


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([{"title": "no id"}], "task 1: a task needs"),
        ([{"id": 1, "title": " "}], "task 1: a task needs"),
        ([{"id": 1, "title": "a"}, {"id": "1", "title": "b"}], "id 1 is given twice"),
        ([{"id": 1, "title": "a", "subtasks": [3]}], "subtasks"),
    ],
)
async def test_a_list_with_something_wrong_in_it_is_refused(tasks: list[Any], told: str) -> None:
    with pytest.raises(BadFile, match=told):
        await imported(json.dumps({"tasks": tasks}))


async def test_issues_become_a_tree_with_their_parents_and_what_holds_them_up() -> None:
    [tree] = await imported(lines(ISSUES))

    assert tree.status() == {
        "root": "pending",
        "gd-1": "pending",
        "gd-1.1": "done",
        "gd-2": "pending",
        "gd-3": "pending",
    }
    assert [tree.parent(key) for key in ("gd-1", "gd-1.1", "gd-2", "gd-3")] == ["root", "gd-1", "gd-1", "root"]
    assert tree.after("gd-2") == {"gd-1.1": "after_success", "gd-3": "after_failure"}
    assert (tree.tasks["gd-1.1"].output, tree.tasks["gd-1.1"].effort) == ("stands", 1.5)
    assert [tree.tasks[key].priority for key in ("gd-1", "gd-1.1", "gd-2", "gd-3")] == [1, 2, -2, 0]


async def test_what_an_issue_says_is_what_its_worker_reads() -> None:
    [tree] = await imported(lines(ISSUES))

    leak = tree.tasks["gd-2"]
    assert leak.instruction == (
        "Design:\nFelt.\n\nAcceptance criteria:\nDry.\n\nNotes:\nNorth side.\n\nComments:\n- ana: It rains."
    )
    assert leak.inputs == {"issue_type": "bug", "status": "in_progress", "discovered_from": ["gd-3"]}
    assert tree.tasks["gd-1.1"].inputs == {"issue_type": "task", "labels": ["wood"]}


@pytest.mark.parametrize(
    ("line", "told"),
    [("{oops", "line 2: not JSON"), ('{"id": 3, "title": "x"}', "line 2: an issue needs"), ("[]", "line 2: an issue")],
)
async def test_a_line_that_is_no_issue_is_refused_with_its_number(line: str, told: str) -> None:
    with pytest.raises(BadFile, match=told):
        await imported(lines(ISSUES[:1]) + line)


async def test_an_issue_that_is_given_twice_is_refused() -> None:
    with pytest.raises(BadFile, match="`gd-1` is given twice"):
        await imported(lines(ISSUES[:1] * 2))


async def test_lines_that_are_no_issues_are_passed_over_and_long_titles_are_cut() -> None:
    long = {"id": "gd-9", "title": "w" * 600, "status": "closed", "issue_type": "task"}
    [tree] = await imported(lines([*ISSUES[:1], {"_type": "memory", "id": "m", "text": "x"}, long]))

    assert len(tree.tasks["gd-9"].title) == 500
    assert tree.tasks["gd-9"].instruction == "w" * 600
    assert tree.tasks["gd-9"].status is Status.DONE


async def test_an_issue_that_waits_for_what_it_stands_under_does_not() -> None:
    child = {
        "id": "gd-1.1",
        "title": "Child",
        "status": "open",
        "issue_type": "task",
        "dependencies": [{"depends_on_id": "gd-1", "type": "blocks"}],
    }
    [tree] = await imported(lines([*ISSUES[:1], child]))

    assert tree.tasks["gd-1.1"].requires == ()
    assert "which it stands under" in tree.imported.notes[0]
    assert tree.tasks["gd-1.1"].ready


async def test_a_thousand_issues_in_a_row_become_a_tree() -> None:
    def issue(n: int) -> dict[str, Any]:
        before = [{"depends_on_id": f"x-{n - 1}", "type": "blocks"}] if n else []
        status = "closed" if n < 500 else "open"
        return {"id": f"x-{n}", "title": f"Step {n}", "status": status, "issue_type": "task", "dependencies": before}

    [tree] = await imported(lines([issue(n) for n in range(1000)]))

    assert sum(task.status is Status.DONE for task in tree.tasks.values()) == 500
    assert [key for key, task in tree.tasks.items() if task.ready] == ["x-500"]
    last: Task = tree.tasks["x-999"]
    assert last.requires == (Edge(source=tree.numbers["x-998"], kind=EdgeKind.AFTER_SUCCESS),)
