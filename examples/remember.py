"""A weekend is planned: work is handed out, a mind is changed, and the memory is asked.

It takes a second, and needs nothing but Banyan. Everything lies in `.demo/memory`, or in the folder that it is given.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console

import banyan
from banyan import Banyan
from banyan.core.claim import Claim
from banyan.core.taskview import TaskView
from banyan.server.cli.search import shell_width
from banyan.server.cli.tasks_picture import picture, preview
from banyan.server.cli.tasks_words import VERDICTS
from banyan.server.cli.terminal import Terminal

FOLDER = Path(__file__).resolve().parents[1] / ".demo" / "memory"

PLAN: Sequence[dict[str, Any]] = (
    {"op": "add", "ref": "@trip", "key": "trip", "title": "Plan a weekend away", "result": "children"},
    {"op": "add", "key": "train", "title": "Find a train", "inputs": {"to": {"$fact": "city"}, "on": {"$fact": "day"}}},
    {"op": "add", "key": "hotel", "title": "Choose a hotel", "inputs": {"city": {"$fact": "city"}}},
    {"op": "add", "key": "weather", "title": "Look at the forecast", "inputs": {"day": {"$fact": "day"}}},
    {
        "op": "add",
        "key": "booking",
        "title": "Book both",
        "inputs": {"train": {"$from": "train", "path": "/number"}, "hotel": {"$from": "hotel", "path": "/name"}},
    },
    {"op": "fact", "key": "city", "value": "Ghent"},
    {"op": "fact", "key": "day", "value": "10 May"},
)

HOTELS = {"Ghent": "The Quay", "Bruges": "The Belfry"}

console = Console(highlight=False)


async def main(words: Sequence[str]) -> None:
    """Tell the story."""
    home = Path(words[0] if words else FOLDER)
    async with banyan.open(home, watch=False) as b:
        tell("A plan, in one batch: all of it is made, or nothing")
        tree = (await b.tasks.apply(None, PLAN, turn=1, source="user")).tree
        await show(b, tree)
        tell("Two workers take what can be done, each task once; what follows is ready as soon as its inputs are there")
        await work(b, tree)
        await show(b, tree)
        tell("“Not Ghent: Bruges.”  Exactly what used the city is stale, and says why; the forecast is not")
        changed = {"op": "fact", "key": "city", "value": "Bruges", "was": "Ghent"}
        await b.tasks.apply(tree, [changed], turn=2, source="user")
        await show(b, tree)
        tell("The two do again what is stale, and nothing else")
        await work(b, tree)
        tell("“Was it ever Ghent?  And did I say Antwerp?”  Asked of the record, without a model")
        for city in ("Ghent", "Antwerp"):
            checked = (await b.tasks.recall(tree, claim={"key": "city", "value": city})).claim
            console.print(f"  {city}: [bold]{VERDICTS[checked.verdict][0] if checked else ''}")
        tell("What to type next, to ask this memory")
        program = f"{_relative(Path(sys.executable).parent / 'banyan')} --home {_relative(home)} tasks {tree}"
        for rest in ("", " recall city", " history hotel", " show --as-of-turn 1", " undo"):
            console.print(f"    {program}{rest}", soft_wrap=True)


def _relative(path: Path) -> str:
    return os.path.relpath(path, Path.cwd())


def tell(text: str) -> None:
    """Begin a chapter."""
    console.print(f"\n[bold cyan]{text}\n")


async def show(b: Banyan, tree: str) -> None:
    """Draw a tree."""
    Terminal().lines(picture(await b.tasks.view(tree), datetime.now(UTC), width=shell_width()))


async def work(b: Banyan, tree: str) -> None:
    """Have two workers at it until nothing is ready for either of them."""
    async with anyio.create_task_group() as group:
        for name in ("Ana", "Ben"):
            group.start_soon(take_and_do, b, tree, name)


async def take_and_do(b: Banyan, tree: str, worker: str) -> None:
    """Claim what is ready, do it, and go on with what has become ready."""
    while held := await b.tasks.claim(tree, Claim(worker=worker, lease_s=60)):
        for one in held:
            output = do(one.view)
            console.print(f"  {worker}: {one.view.task.title} → {preview(output)}", markup=False)
            await b.tasks.finish(one.view.id, "done", fence=one.fence, output=output, source="assistant")


def do(view: TaskView) -> Any:
    """Do a task, as far as this story goes."""
    values = view.values
    match view.task.key:
        case "train":
            return {"number": f"IC {len(values['to']) * 100}", "to": values["to"]}
        case "hotel":
            return {"name": HOTELS[values["city"]], "city": values["city"]}
        case "weather":
            return "sunny"
        case _:
            return {"booked": dict(values)}


if __name__ == "__main__":
    anyio.run(main, sys.argv[1:])
