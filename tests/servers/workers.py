"""Workers that are made to die: each claims tasks, has an effect in the world for each, and finishes them.

`python -m tests.servers.workers` loads what a worker needs, then reads orders, one JSON object a line, and for each
splits off a process that carries it out, and prints its status once it has ended, or was ended.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import cel
import httpx
import psycopg
from sqlalchemy.engine import Connection

import banyan.memory.graph_store
import banyan.tools.openapi.backend
from banyan import open as open_banyan
from banyan.core.call import Category
from banyan.core.claim import Claim, Held
from banyan.core.errors import ClaimLost, Conflict
from banyan.memory.transactions import Transactions
from banyan.server.app import Banyan
from banyan.server.effects import Work

LOADED = (cel, httpx, psycopg, banyan.memory.graph_store, banyan.tools.openapi.backend)
"""What is loaded where it is needed first, and here before processes are split off."""

Order = dict[str, Any]
Ack = Callable[[str], None]


@contextlib.contextmanager
def dying(order: Order) -> Iterator[itertools.count[int]]:
    """Count transactions that write, and end this process right before or after the commit of one of them."""
    counter = itertools.count(1)
    at, side = order.get("die_at"), order.get("side")
    run = Transactions.run

    def counted(self: Transactions, work: Callable[[Connection], Any], *, writes: bool) -> Any:
        if not writes:
            return run(self, work, writes=writes)
        here = next(counter) == at

        def last(connection: Connection) -> Any:
            found = work(connection)
            if here and side == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        found = run(self, last, writes=writes)
        if here:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    Transactions.run = counted  # type: ignore[method-assign]
    try:
        yield counter
    finally:
        Transactions.run = run  # type: ignore[method-assign]


async def step_by_step(b: Banyan, tree: str, order: Order, ack: Ack) -> None:
    """Claim, call and finish each in a transaction of its own, as an assistant does."""
    while held := await b.tasks.claim(tree, Claim(worker=order["worker"], lease_s=order["lease_s"])):
        task, fence = held[0].view.id, held[0].fence
        claim = Held(task=task, fence=fence)
        try:
            outcome = await b.call("world__act", {"key": task}, task=claim, idempotency_key=f"do {task}")
            if outcome.category is Category.CLAIM_LOST:
                continue
            assert outcome.ok, outcome
            # Of an effect that was looked for, the answer is not known.
            output = outcome.data or {"key": task, "line": None}
            await b.tasks.finish(task, "done", fence=fence, output=output)
        except ClaimLost:
            continue
        ack(task)


async def at_once(b: Banyan, tree: str, order: Order, ack: Ack) -> None:
    """Write the end of a call, the end of its task and the next claim in one transaction, as a program does."""
    claim = Claim(worker=order["worker"], lease_s=order["lease_s"])
    held = list(await b.tasks.claim(tree, claim))
    while held:
        one = held.pop()
        work = Work(
            task=one.view.id,
            fence=one.fence,
            tool="world__act",
            arguments={"key": one.view.id},
            idempotency_key=f"do {one.view.id}",
            then=claim,
        )
        done = await b.tasks.effects.perform(work)
        if done.finished is not None:
            assert done.outcome.ok, done
            ack(one.view.id)
        held = list(done.claimed) or await b.tasks.claim(tree, claim)


async def reconcile(b: Banyan, tree: str, ack: Ack) -> int:
    """Look whether effects that nobody knows of are there, say so, and return how many they were."""
    settled = 0
    for call in await b.tasks.effects.unsettled(tree):
        try:
            found = await b.tasks.effects.probe(call.call_id, "world__seen", {"key": call.task}, "result.count > 0")
        except Conflict:
            continue  # another worker was quicker
        assert found.verdict is not None, found
        ack(f"flagged {call.task}")
        settled += 1
    return settled


async def carry_out(order: Order, working: int) -> None:
    acks = os.open(Path(order["acks"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def ack(text: str) -> None:
        os.write(acks, f"{text}\n".encode())

    work = {"steps": step_by_step, "whole": at_once}[order["mode"]]
    async with open_banyan(order["home"], order["url"], watch=False) as b:
        os.close(working)
        with dying(order) as counter:
            for tree in order["trees"]:
                await work(b, tree, order, ack)
                while order["reconcile"] and await reconcile(b, tree, ack):
                    await work(b, tree, order, ack)
            ack(f"writes {next(counter) - 1}")


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        begun, working = os.pipe()
        process = os.fork()
        if process == 0:
            status = 1
            try:
                anyio.run(carry_out, order, working)
                status = 0
            finally:
                if status:
                    traceback.print_exc()
                os._exit(status)
        os.close(working)
        os.read(begun, 1)  # it ends once the worker has begun, or is no more
        os.close(begun)
        if order.get("die_after_s") is not None:
            time.sleep(order["die_after_s"])
            # Where it has ended by itself its number is still its own: nobody has asked for its status yet.
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
