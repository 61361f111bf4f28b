"""Workers are killed at every commit and at random: nothing acknowledged is lost, and nothing happens twice.

What happened in the world is read from the world's own log, never from Banyan's ledger.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

import banyan
from banyan.core.call import CallRecord, CallState, OutcomeKind
from banyan.core.task import ABSENT, Status
from banyan.server.app import Banyan

ROOT = Path(__file__).parents[2]
LEASE_S = 1.0
"""Of those that die: their tasks are free again after it."""
PATIENT_LEASE_S = 3.0
"""Of those that work while others look after what was left: a slow one must not be taken for a dead one."""
KILLED = -signal.SIGKILL

CHAIN: list[dict[str, Any]] = [
    {"op": "add", "title": "job", "result": "children"},
    {"op": "add", "ref": "@a", "title": "a"},
    {"op": "add", "title": "b", "inputs": {"a": {"$from": "@a", "path": "/line"}}},
]
"""Two effects, one after the other."""
WIDE: list[dict[str, Any]] = [
    {"op": "add", "title": "job", "result": "children"},
    *({"op": "add", "title": f"t{number}", "ref": f"@t{number}"} for number in range(12)),
    *(
        {"op": "add", "title": f"u{number}", "requires": [{"from": f"@t{number % 12}", "kind": "after_success"}]}
        for number in range(24)
    ),
]
"""Many that can be done in any order, and after each two more."""


@dataclass
class Site:
    """A database, the world beside it, and what workers have said."""

    url: str
    home: Path
    log: Path
    acks: Path

    def effects(self) -> Counter[str]:
        """Return how often each effect was had, by the world's own log."""
        text = self.log.read_text() if self.log.exists() else ""
        return Counter(json.loads(line) for line in text.splitlines())

    def said(self) -> list[str]:
        """Return what workers acknowledged; a line that was cut short by their end is none."""
        text = self.acks.read_text() if self.acks.exists() else ""
        return [line for line in text.split("\n")[:-1] if line]

    def order(self, trees: Sequence[str], mode: str = "steps", **rest: Any) -> dict[str, Any]:
        usual = {"lease_s": LEASE_S, "worker": "w", "reconcile": False}
        places = {"home": str(self.home), "url": self.url, "acks": str(self.acks)}
        return {**usual, **places, "trees": list(trees), "mode": mode, **rest}


class Nursery:
    """Starts workers quickly, one at a time."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        assert process.stdin is not None
        self._lines = BufferedByteReceiveStream(process.stdout)
        self._orders = process.stdin

    async def run(self, order: Mapping[str, Any]) -> int:
        """Start a worker, and return its status once it has ended."""
        await self._orders.send(json.dumps(order).encode() + b"\n")
        return int(await self.line())

    async def line(self) -> bytes:
        """Return what the nursery says next."""
        return await self._lines.receive_until(b"\n", 100)


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    command = [sys.executable, "-m", "tests.servers.workers"]
    async with await anyio.open_process(command, cwd=ROOT, stderr=None) as process:
        made = Nursery(process)
        assert await made.line() == b"ready"
        yield made
        assert process.stdin is not None
        await process.stdin.aclose()
        await process.wait()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder on a disk: in memory nothing would have to be synchronised."""
    with tempfile.TemporaryDirectory(prefix="banyan-crash-") as made:
        yield Path(made)


@pytest.fixture
def world(folder: Path) -> Iterator[str]:
    """The address of the world."""
    command = [sys.executable, str(ROOT / "tests/servers/world.py"), str(folder / "world.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


@pytest.fixture
async def site(database_url: str, folder: Path, world: str) -> Site:
    made = Site(url=database_url, home=folder / "home", log=folder / "world.log", acks=folder / "acks")
    async with opened(made) as b:
        await b.add("world", openapi=f"{world}/openapi.json", base_url=world)
    return made


@asynccontextmanager
async def opened(site: Site) -> AsyncIterator[Banyan]:
    async with banyan.open(site.home, site.url, watch=False) as b:
        yield b


async def planted(b: Banyan, edits: Sequence[Mapping[str, Any]], count: int) -> list[str]:
    return [(await b.tasks.apply(None, edits)).tree for _ in range(count)]


async def check_whole(b: Banyan, tree: str) -> None:
    """Nothing is half applied: the record leads to what is there, and what is done has its output."""
    events = await b.tasks.history(tree, limit=10_000)
    view = await b.tasks.view(tree, limit=10_000)
    assert sorted({one.revision for one in events}) == list(range(1, view.tree.revision + 1))
    told: dict[int, dict[str, Any]] = {}
    for event in events:
        change = event.change
        if change.field == "*":
            told[change.task] = dict(change.after)
        else:
            told[change.task][change.field] = change.after
    tasks = [one.task for _, one in view.tasks]
    assert {task.number for task in tasks} == told.keys()
    for task in tasks:
        record = told[task.number]
        assert record.get("status", "pending") == task.status.value
        assert record.get("output", ABSENT) == task.output
        assert (task.status is Status.DONE) == (task.output is not ABSENT)
        assert task.holder is not None or task.status is not Status.RUNNING


async def check_acknowledged(b: Banyan, site: Site) -> None:
    """Nothing that a worker was told is done has got lost, nor was it done without its effect."""
    effects, said = site.effects(), set(site.said())
    for task in {line for line in said if " " not in line}:
        found = (await b.tasks.get(task)).task
        assert found.status is Status.DONE
        # Of an effect that was looked for, all that is known is that it is there.
        assert found.output["key"] == task if found.output else f"flagged {task}" in said
        assert effects[task] == 1


async def check_flagged(b: Banyan, site: Site, trees: Sequence[str]) -> int:
    """What happened and is not known to have, is told of; nothing else was done twice.  Returns how many these are."""
    unknown = {call.task for tree in trees for call in await b.tasks.effects.unsettled(tree)}
    known = {call.task for call in await calls_of(b) if call.outcome is OutcomeKind.OK}
    assert site.effects().keys() - known <= unknown
    return len(unknown)


async def calls_of(b: Banyan) -> list[CallRecord]:
    from banyan.server.calls import recent_calls

    return await recent_calls(b, limit=10_000)


async def check_finished(b: Banyan, site: Site, trees: Sequence[str]) -> None:
    """Everything is done, each effect once, and of every call it is known how it ended."""
    wanted = []
    for tree in trees:
        await check_whole(b, tree)
        tasks = [one.task for _, one in (await b.tasks.view(tree)).tasks]
        assert {task.status for task in tasks} == {Status.DONE}
        wanted += [f"{tree}.{task.number}" for task in tasks if task.number > 1]
    assert site.effects() == Counter(wanted)
    assert await b.tasks.effects.unsettled() == []
    assert all(call.state is CallState.ENDED for call in await calls_of(b))


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_worker_killed_at_any_commit_leaves_work_that_another_finishes_without_a_second_effect(
    site: Site,
) -> None:
    async with nursery() as workers, opened(site) as b:
        dead: list[str] = []
        for mode in ("steps", "whole"):
            (tree,) = await planted(b, CHAIN, 1)
            assert await workers.run(site.order([tree], mode)) == 0
            writes = int(site.said()[-1].removeprefix("writes "))
            assert writes >= {"steps": 8, "whole": 5}[mode]
            deaths = [(at, side) for at in range(1, writes + 1) for side in ("before", "after")]
            trees = await planted(b, CHAIN, len(deaths))
            for tree_, (at, side) in zip(trees, deaths, strict=True):
                assert await workers.run(site.order([tree_], mode, die_at=at, side=side)) == KILLED
                await check_whole(b, tree_)
            dead += [tree, *trees]
        await check_acknowledged(b, site)
        await anyio.sleep(LEASE_S)
        for tree in dead:
            await b.tasks.ready(tree)
        # In each mode, of two calls: one dies right after it was prepared, one before its end is written.
        assert await check_flagged(b, site, dead) >= 8
        assert await workers.run(site.order(dead, "steps", lease_s=60, reconcile=True)) == 0
        await check_acknowledged(b, site)
        await check_finished(b, site, dead)


async def kill_at_random(site: Site, kills: int, seed: int) -> str:
    """Kill workers, two at a time, and finish what they left; return what there was, in words."""
    chance = random.Random(seed)
    trees: list[str] = []
    deaths = 0
    async with opened(site) as b:

        async def kill(count: int, name: str) -> None:
            nonlocal deaths
            async with nursery() as workers:
                while count:
                    if deaths % 4 == 0:
                        # What the dead hold is out of reach for a while: there is always something else to do.
                        trees.extend(await planted(b, WIDE, 1))
                    places = chance.sample(trees[-4:], k=min(len(trees), 4))
                    mode = chance.choice(["steps", "whole"])
                    order = site.order(places, mode, worker=name, reconcile=True, lease_s=PATIENT_LEASE_S)
                    status = await workers.run({**order, "die_after_s": chance.uniform(0.0, 0.25)})
                    assert status in {0, KILLED}
                    count -= status == KILLED
                    deaths += status == KILLED

        async with anyio.create_task_group() as group:
            group.start_soon(kill, kills // 2, "left")
            group.start_soon(kill, kills - kills // 2, "right")
        for tree in trees:
            await check_whole(b, tree)
        await check_acknowledged(b, site)
        await anyio.sleep(PATIENT_LEASE_S)
        async with nursery() as workers:
            assert await workers.run(site.order(trees, lease_s=60, reconcile=True)) == 0
        await check_acknowledged(b, site)
        await check_finished(b, site, trees)
    flagged = sum(line.startswith("flagged") for line in site.said())
    return f"{deaths} kills, {site.effects().total():,} effects, each once; {flagged} were in doubt, and looked for"


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_workers_killed_at_random_lose_nothing_and_do_nothing_twice(site: Site) -> None:
    result = await kill_at_random(site, 34, seed=4)
    assert result.startswith("34 kills"), result
    # They died while they worked, not before and not when all was done.
    assert site.effects().total() > 100


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_five_hundred_kills_of_workers_lose_nothing_and_do_nothing_twice(site: Site) -> None:
    result = await kill_at_random(site, 500, seed=5)
    print(f"\n{site.url.partition(':')[0]}: {result}")
    assert result.startswith("500 kills")
