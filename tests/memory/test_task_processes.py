"""Several processes in one tree."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from banyan.core.task import Status
from banyan.memory import Database
from banyan.memory.database import now
from banyan.memory.tasks import Tasks

PROCESSES, TURNS, TASKS = 8, 6, 40

PROGRAM = """
import anyio, json, os, sys, traceback
from banyan.core.claim import Claim
from banyan.core.errors import RevisionConflict
from banyan.memory import Database
from banyan.memory.database import now
from banyan.memory.tasks import Tasks

async def count(tasks, tree, name, turn):
    # What was read must be what is there still, or it is read again.
    refused = 0
    while True:
        found = await tasks.view(tree, limit=1)
        count = next(fact.value for fact in found.tasks[0][1].facts if fact.key == "count")
        edits = [{"op": "fact", "key": "count", "value": count + 1}, {"op": "add", "title": f"{name} {turn}"}]
        try:
            await tasks.apply(tree, edits, base_revision=found.tree.revision)
            return refused
        except RevisionConflict as conflict:
            assert conflict.since, "it is not said what changed"
            refused += 1

async def work(tasks, tree, name):
    held = []
    for one in await tasks.claim(tree, Claim(worker=name, limit=2, lease_s=600)):
        held.append([one.view.id, one.fence])
        await tasks.finish(one.view.id, "done", fence=one.fence, output=name)
    return held

async def main(url, tree, name, turns):
    database = await Database.open(url)
    tasks, held, refused = Tasks(database.graphs, now), [], 0
    for turn in range(turns):
        refused += await count(tasks, tree, name, turn)
        held += await work(tasks, tree, name)
    while more := await work(tasks, tree, name):
        held += more
    await database.close()
    print(json.dumps({"held": held, "refused": refused, "name": name}), flush=True)

url, tree, processes, turns = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
start, go = os.pipe()
for number in range(processes):
    if not os.fork():
        status = 1
        try:
            os.close(go)
            os.read(start, 1)
            anyio.run(main, url, tree, f"worker {number}", turns)
            status = 0
        finally:
            if status:
                traceback.print_exc()
            os._exit(status)
os.close(go)
sys.exit(max(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(processes)))
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_eight_processes_in_one_tree_lose_no_update_hold_no_task_twice_and_make_one_history(
    database_url: str,
) -> None:
    database = await Database.open(database_url)
    tasks = Tasks(database.graphs, now)
    plan: list[dict[str, Any]] = [
        # A child may come while somebody holds its parent: so the children are the parent's whole result.
        {"op": "add", "title": "job", "result": "children", "facts": {"count": 0}},
        *({"op": "add", "title": f"task {number}"} for number in range(TASKS)),
    ]
    tree = (await tasks.apply(None, plan)).tree
    command = [sys.executable, "-c", PROGRAM, database_url, tree, str(PROCESSES), str(TURNS)]
    done = await anyio.run_process(command, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    told = [json.loads(line) for line in done.stdout.splitlines()]
    view, events = await tasks.view(tree), await tasks.history(tree, limit=10_000)
    await database.close()

    edits = PROCESSES * TURNS
    assert [one.change.after for one in events if one.change.field == "facts/count"] == list(range(1, edits + 1))
    assert sorted({one.revision for one in events}) == list(range(1, view.tree.revision + 1))
    # They did meet: otherwise nothing of this would have been tried.
    assert sum(one["refused"] for one in told) > 0

    holders = {(task, fence): one["name"] for one in told for task, fence in one["held"]}
    assert len(holders) == sum(len(one["held"]) for one in told)
    assert view.counts == {Status.DONE: TASKS + edits + 1}
    ended = {one.id: one.task for _, one in view.tasks if one.task.parent is not None}
    assert {task: (one.fence, one.output) for task, one in ended.items()} == {
        task: (fence, name) for (task, fence), name in holders.items()
    }
