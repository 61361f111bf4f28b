"""A worker of Banyan: claims tasks, prepares their effects, writes their ends; ends and next claims go together.

task_worker.py URL TREE WORKER LIMIT   works until none is left, once a line comes in; prints how many it did
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import anyio

from banyan.core.call import CallRecord, CallState, OutcomeKind
from banyan.core.claim import Claim, Ending
from banyan.core.ids import CallId, uuid7
from banyan.core.task import Task, TreeId, task_id
from banyan.core.taskview import Claimed
from banyan.memory import Database
from banyan.memory.database import now
from banyan.memory.tasks import Tasks


def prepared(tree: TreeId, task: Task) -> CallRecord:
    """Return the record of the call that a task's work is."""
    return CallRecord(
        call_id=CallId(uuid7()),
        tool="mail__send",
        source=None,
        tool_digest="d" * 64,
        arguments_digest="a" * 64,
        surface="python",
        state=CallState.PREPARED,
        started_at=now(),
        task=task_id(tree, task.number),
        fence=task.fence,
        effectful=True,
    )


async def main(*arguments: str) -> None:
    """Work until nothing is left."""
    url, tree, worker, limit = arguments
    database = await Database.open(url)
    tasks = Tasks(database.graphs, now)
    calls: dict[str, CallRecord] = {}

    def prepare(of: TreeId, task: Task) -> CallRecord:
        record = prepared(of, task)
        calls[record.task or ""] = record
        return record

    def ended(held: Claimed) -> Ending:
        record = replace(calls.pop(held.view.id), state=CallState.ENDED, outcome=OutcomeKind.OK, took_ms=1.0)
        return Ending(task=held.view.id, outcome="done", fence=held.fence, output={"ok": True}, call=(record, None))

    claim = Claim(worker=worker, limit=int(limit), prepare=prepare)
    print("ready", flush=True)
    sys.stdin.readline()
    count, started = 0, time.time()
    held: Sequence[Claimed] = await tasks.claim(tree, claim)
    while held:
        done = await tasks.advance(tree, [ended(one) for one in held], claim)
        count += len(held)
        held = done.claimed
    print(count, started, time.time())
    await database.close()


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
