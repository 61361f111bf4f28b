"""Plays a scenario of `tests/scenarios` turn by turn, and looks at the tree in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from banyan.core.recall import Recall
from banyan.core.task import EditResult, Event, Status, Task
from banyan.memory.tasks import Tasks
from banyan.server.replay import Line, Refusal, Replay, read

FOLDER = Path(__file__).parent
NAMES = ["trip", "kitchen", "meeting", "cart", "form"]


def lines_of(name: str) -> list[Line]:
    """Return the lines of a scenario."""
    path = FOLDER / f"{name}.jsonl"
    return read(path.name, path.read_text(encoding="utf-8"))


class Story:
    """A scenario that is being told to a store of trees."""

    def __init__(self, tasks: Tasks, name: str) -> None:
        self.tasks = tasks
        self.rest = lines_of(name)
        self.replay = Replay(tasks, name)

    @property
    def tree(self) -> str:
        """The tree that the first line made."""
        assert self.replay.tree is not None
        return self.replay.tree

    @property
    def refs(self) -> dict[str, Any]:
        """The ids of the tasks that were added, by `@ref`."""
        return dict(self.replay.refs)

    async def turn(self, number: int) -> list[EditResult | Recall]:
        """Play every line of a turn, and return what each came to."""
        found: list[EditResult | Recall] = []
        assert self.rest[0].turn == number
        while self.rest and self.rest[0].turn == number:
            found.append(await self.line())
        return found

    async def line(self) -> EditResult | Recall:
        """Play the next line: edits, or a question, which changes nothing."""
        line = self.rest.pop(0)
        before = None if line.query is None else await self.everything()
        answer = await self.replay.play(line)
        assert not isinstance(answer, Refusal)
        assert before is None or await self.everything() == before
        return answer

    async def asked(self) -> Recall:
        """Play the next line, a question."""
        found = await self.line()
        assert isinstance(found, Recall)
        return found

    async def told(self) -> EditResult:
        """Play the next line, a batch of edits."""
        found = await self.line()
        assert isinstance(found, EditResult)
        return found

    async def everything(self) -> tuple[int, dict[str, Task], list[Event]]:
        """Return the revision of the tree, every task and the whole record."""
        view = await self.tasks.view(self.tree)
        record = await self.tasks.history(self.tree, limit=10_000)
        return view.tree.revision, {one.id: one.task for _, one in view.tasks}, record

    async def statuses(self) -> dict[str, str]:
        """Return the status of every task, by title; `ready` where it is pending and can be claimed."""
        view = await self.tasks.view(self.tree)
        return {
            one.task.title: "ready" if one.task.ready and one.task.status is Status.PENDING else one.task.status.value
            for _, one in view.tasks
        }

    async def stale(self) -> dict[str, str]:
        """Return why each stale task is so, by title."""
        view = await self.tasks.view(self.tree)
        return {one.task.title: one.task.reason for _, one in view.tasks if one.task.status is Status.STALE}

    async def facts(self) -> dict[str, Any]:
        """Return what is said in the tree now, by key; each key is said at one task in a scenario."""
        view = await self.tasks.view(self.tree)
        return {fact.key: fact.value for _, one in view.tasks for fact in one.facts}


def values(recall: Recall) -> dict[str, Any]:
    """Return what an answer says holds, by key."""
    return {one.key: one.value for one in recall.answers}
