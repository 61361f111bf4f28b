"""A tree in a real store and the same tree in the model, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from banyan.core.call import CallRecord, CallState, OutcomeKind
from banyan.core.claim import Claim
from banyan.core.errors import BadEdit, BanyanError, Conflict, UnknownTask
from banyan.core.ids import CallId, uuid7
from banyan.core.lifecycle import ENDED
from banyan.core.task import Fact, RevisionKind, Status, Task, TreeId, task_id
from banyan.memory.graph.batch import make
from banyan.memory.graph.records import edge_json
from banyan.memory.graph.settle import settle
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import GraphStore, Intent
from banyan.memory.graph.workspace import Workspace
from banyan.memory.tasks import Tasks
from banyan.testing.clock import StillClock
from tests.memory.model import Model, Node, Refused, Said, shown_node, text_of

REFUSALS = (BadEdit, Conflict, UnknownTask)
LEASE_S = 10.0


class Crashed(Exception):
    """The process ended in the middle of a change."""


def everything(source: GraphSource) -> tuple[list[Task], list[Fact]]:
    """Return every task and fact of a tree."""
    numbers = range(1, source.tree.next_number)
    return source.tasks(numbers), source.facts(numbers)


def stored(task: Task) -> dict[str, Any]:
    """Return a task as the engine has it, in the form of the model."""
    return {
        "number": task.number,
        "title": task.title,
        "instruction": task.instruction,
        "key": task.key,
        "parent": task.parent,
        "under": list(task.under),
        "inputs": {name: text_of(value) for name, value in sorted(task.inputs.items())},
        "requires": [text_of(edge_json(edge)) for edge in task.requires],
        "labels": list(task.labels),
        "priority": task.priority,
        "effort": task.effort,
        "optional": task.optional,
        "result": task.result.value,
        "budget": dict(task.budget),
        "status": task.status.value,
        "output": text_of(task.output),
        "attempts": task.attempts,
        "summary": task.summary,
    }


def derived(task: Task) -> dict[str, Any]:
    """Return what the engine keeps of what it derived."""
    return {
        "gate": task.gate if task.status not in ENDED else None,
        "ready": task.ready,
        "children": task.children,
        "unended": task.unended,
        "own": task.own,
        "tail": task.tail,
        "holder": task.holder if task.status is Status.RUNNING else None,
        "fence": task.fence if task.status is Status.RUNNING else None,
    }


def node_of(task: Task) -> Node:
    """Return a task of the engine as the model has it."""
    return Node(
        number=task.number,
        title=task.title,
        instruction=task.instruction,
        key=task.key,
        parent=task.parent,
        under=list(task.under),
        inputs=dict(task.inputs),
        requires=[edge_json(edge) for edge in task.requires],
        labels=list(task.labels),
        priority=task.priority,
        effort=task.effort,
        optional=task.optional,
        result=task.result.value,
        budget=dict(task.budget),
        status=task.status,
        output=task.output,
        attempts=task.attempts,
        summary=task.summary,
    )


class World:
    """Does everything twice, and compares."""

    def __init__(self, store: GraphStore, clock: StillClock) -> None:
        self.store = store
        self.clock = clock
        self.tasks = Tasks(store, clock)
        self.tree = TreeId("")
        self.model = Model("")
        self.calls: dict[tuple[int, int], CallRecord] = {}
        """The calls that were sent, by task and fence."""

    @property
    def now(self) -> float:
        """Seconds on the clock."""
        return self.clock.now.timestamp()

    async def begin(self, edits: Sequence[Mapping[str, Any]]) -> None:
        """Make the tree."""
        result = await self.tasks.apply(None, edits)
        self.tree = result.tree
        self.model = Model(result.tree)
        self.model.apply(edits)
        await self.compare()

    async def apply(self, edits: Sequence[Mapping[str, Any]]) -> bool:
        """Make a batch of edits, or have it refused; whether it was made."""
        refused = wanted = None
        try:
            await self.tasks.apply(self.tree, edits)
        except REFUSALS as error:
            refused = error
        try:
            self.model.apply(edits)
        except Refused as error:
            wanted = error
        assert (refused is None) == (wanted is None), (edits, refused, wanted)
        await self.compare()
        return refused is None

    async def reshape(self, edits: Sequence[Mapping[str, Any]]) -> bool:
        """Make edits that the model does not know, and check that all that follows has followed; whether they were."""
        try:
            await self.tasks.apply(self.tree, edits)
        except REFUSALS:
            await self.compare()
            return False
        tasks, facts = await self.store.ask(self.tree, everything)
        nodes = {one.number: node_of(one) for one in tasks}
        said = {(one.task, one.key): Said(one.value, list(one.candidates)) for one in facts}
        next_number = await self.store.ask(self.tree, lambda source: source.tree.next_number)
        self.model.take(nodes, said, next_number)
        await self.compare()
        return True

    async def crash(self, edits: Sequence[Mapping[str, Any]]) -> None:
        """Have the process end in the middle of a batch: nothing of it is kept."""

        def work(ws: Workspace) -> None:
            make(ws, edits)
            raise Crashed

        try:
            await self.store.change(Intent(tree=self.tree), work)
        except (Crashed, BanyanError):
            await self.compare()

    async def claim(self, limit: int, *, sends: bool = False) -> None:
        """Claim what comes first; with `sends` each with a call that may change the world."""
        prepare = self._call if sends else None
        claimed = await self.tasks.claim(self.tree, Claim(worker="w", limit=limit, lease_s=LEASE_S, prepare=prepare))
        self.model.lapse(self.now)
        wanted = self.model.order()[:limit]
        assert [one.view.task.number for one in claimed] == wanted
        for one in claimed:
            self.model.claim(one.view.task.number, "w", self.now + LEASE_S, one.fence, sends=sends)
        await self.compare()

    def _call(self, tree: TreeId, task: Task) -> CallRecord:
        call = CallRecord(
            call_id=CallId(uuid7()),
            tool="send",
            source=None,
            tool_digest=None,
            arguments_digest="",
            surface="python",
            state=CallState.PREPARED,
            started_at=self.clock(),
            task=task_id(tree, task.number),
            fence=task.fence,
            effectful=True,
        )
        self.calls[task.number, task.fence] = call
        return call

    async def learn(self, number: int) -> None:
        """Learn what came of the calls that were sent under a task."""
        unknown = [fence for fence, known in self.model.effects.get(number, {}).items() if not known]

        def work(ws: Workspace) -> None:
            for fence in unknown:
                call = replace(self.calls[number, fence], state=CallState.ENDED, outcome=OutcomeKind.OK)
                ws.ended.append((call, None))
                ws.touch(number, "it is known what came of its call")
            settle(ws)

        await self.store.change(Intent(tree=self.tree, kind=RevisionKind.WORK), work)
        self.model.effects.get(number, {}).update(dict.fromkeys(unknown, True))
        self.model.settle()
        await self.compare()

    async def wait(self, seconds: float) -> None:
        """Let time pass, and have somebody look what is next."""
        self.clock.forward(seconds)
        ready = await self.tasks.ready(self.tree, limit=1000)
        self.model.lapse(self.now)
        assert [one.task.number for one in ready.tasks] == self.model.order()
        await self.compare()

    async def undo(self) -> None:
        """Undo, where there is anything to undo."""
        await self.go("undo")

    async def go(self, way: str) -> bool:
        """Undo or redo, or have it refused; whether it was done."""
        refused = wanted = None
        try:
            await (self.tasks.undo(self.tree) if way == "undo" else self.tasks.redo(self.tree))
        except BadEdit as error:
            refused = error
        try:
            getattr(self.model, way)()
        except Refused as error:
            wanted = error
        assert (refused is None) == (wanted is None), (way, refused, wanted)
        await self.compare()
        return refused is None

    async def compare(self) -> None:
        """Check that the store has what the model says, and that nothing is where it should not be."""
        tasks, facts = await self.store.ask(self.tree, everything)
        model = self.model
        for one in tasks:
            model.choose(one.number, one.status)
        wanted = {one.number: {**shown_node(one), **self.wanted(one)} for one in model.each()}
        found = {one.number: {**stored(one), **derived(one)} for one in tasks}
        assert [*found] == [*wanted], (list(found), list(wanted))
        wrong = differences(found, wanted)
        assert not wrong, wrong
        assert [(one.task, one.key, text_of(one.value), text_of(list(one.candidates))) for one in facts] == [
            (*place, text_of(said.value), text_of(said.candidates)) for place, said in sorted(model.facts.items())
        ]

    def wanted(self, node: Node) -> dict[str, Any]:
        """Return what the model derives of a task."""
        running = node.status is Status.RUNNING
        return {
            "gate": self.model.gate(node) if node.status not in ENDED else None,
            "ready": self.model.ready(node),
            "children": len(self.model.children(node.number)),
            "unended": self.model.unended(node),
            "own": self.model.own(node),
            "tail": self.model.tail(node),
            "holder": node.holder if running else None,
            "fence": node.fence if running else None,
        }


def differences(found: Mapping[int, Mapping[str, Any]], wanted: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """Return where the store has something else than the model."""
    return [
        f"{number}.{name}: {found[number][name]!r}, not {value!r}"
        for number in wanted
        for name, value in wanted[number].items()
        if found[number][name] != value
    ]
