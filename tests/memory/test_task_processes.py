"""Several processes in one tree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from banyan.core.task import ABSENT, Status
from banyan.memory import Database
from banyan.memory.database import now
from banyan.memory.tasks import Tasks
from tests.memory.test_processes import run_together

IMPORTS = """
import json
from typing import Any
from banyan.core.claim import Claim
from banyan.core.errors import RevisionConflict
from banyan.core.task import ABSENT
from banyan.memory.database import now
from banyan.memory.tasks import Tasks
tasks = Tasks(database.graphs, now)
[tree] = [one.id for one in await tasks.trees()]
"""

NAMES = [f"worker{number}" for number in range(8)]
PLAN: list[dict[str, Any]] = [
    {"op": "add", "title": "job", "result": "children", "facts": {"count": 0}},
    *({"op": "add", "title": f"task {number}"} for number in range(40)),
]


async def finished(url: str) -> tuple[Database, Tasks, str]:
    database = await Database.open(url)
    tasks = Tasks(database.graphs, now)
    return database, tasks, (await tasks.trees())[0].id


async def plant(url: str) -> None:
    database = await Database.open(url)
    await Tasks(database.graphs, now).apply(None, PLAN)
    await database.close()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_eight_processes_that_edit_one_tree_lose_no_update_and_make_one_history(database_url: str) -> None:
    await plant(database_url)
    # Each adds one to a number that all share: what it read must be what is there, or it reads again.
    body = f"""{IMPORTS}
refused = 0
for turn in range(10):
    while True:
        found = await tasks.view(tree, limit=1)
        count = next(fact.value for fact in found.tasks[0][1].facts if fact.key == "count")
        edit = {{"op": "fact", "key": "count", "value": count + 1}}
        add = {{"op": "add", "title": f"{{name}} {{turn}}"}}
        try:
            await tasks.apply(tree, [edit, add], base_revision=found.tree.revision)
            break
        except RevisionConflict as conflict:
            assert conflict.since, "it is said what changed"
            refused += 1
print(refused)
"""
    refused = await run_together(body, database_url, NAMES)
    database, tasks, tree = await finished(database_url)
    view = await tasks.view(tree)
    events = await tasks.history(tree, limit=10_000)
    await database.close()
    counts = [one.change.after for one in events if one.change.field == "facts/count"]
    assert counts == list(range(1, 81))
    assert sorted({one.revision for one in events}) == list(range(1, 82))
    assert view.tree.revision == 81
    assert sum(view.counts.values()) == len(PLAN) + 80
    # They did meet: without a single conflict nothing of this would have been tried.
    assert sum(map(int, refused)) > 0


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_eight_processes_that_claim_in_one_tree_hold_no_task_twice(database_url: str) -> None:
    await plant(database_url)
    body = f"""{IMPORTS}
held = []
while True:
    claimed = await tasks.claim(tree, Claim(worker=name, limit=2, lease_s=600))
    if not claimed:
        break
    for one in claimed:
        held.append([one.view.id, one.fence])
        await tasks.finish(one.view.id, "done", fence=one.fence, output=name)
print(json.dumps(held))
"""
    printed = [json.loads(one) for one in await run_together(body, database_url, NAMES)]
    database, tasks, tree = await finished(database_url)
    view = await tasks.view(tree)
    await database.close()
    held = [task for one in printed for task, _ in one]
    assert len(held) == len(set(held)) == 40
    assert view.counts == {Status.DONE: 41}
    by_worker = dict(zip(NAMES, printed, strict=True))
    for _, one in view.tasks:
        if one.task.number > 1:
            assert [one.id, one.task.fence] in by_worker[one.task.output]
    assert view.tasks[0][1].task.output is not ABSENT
