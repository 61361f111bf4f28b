"""Trees of tasks, to be asked: the half of `b.tasks` that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from banyan.core.context import Context
from banyan.core.errors import InvalidArgument, UnknownTask
from banyan.core.ports import TextRecall, TokenCounter
from banyan.core.recall import Recall
from banyan.core.task import Change, Event, Tree, TreeId, split_id
from banyan.core.taskview import TaskView, TreeView
from banyan.memory.context.synthesis import BUDGET_TOKENS, context
from banyan.memory.context.tokens import count_tokens
from banyan.memory.graph.compare import compare, compare_trees
from banyan.memory.graph.history import history
from banyan.memory.graph.names import resolve
from banyan.memory.graph.ops.edit import brief
from banyan.memory.graph.recall import recall
from banyan.memory.graph.show import task_view, tree_view
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import GraphStore
from banyan.memory.graph.view import View

MOST_REVISIONS = 2**53
"""No tree has more of them."""


class TaskQuestions:
    """What can be asked of the trees of a database; nothing is changed by asking.

    A task is named by its id, or, where its tree is given, by its key or its title. Every method raises `UnknownTree`
    and `UnknownTask` for what is not there.
    """

    def __init__(self, store: GraphStore, texts: TextRecall | None = None) -> None:
        self._store = store
        self._texts = texts

    async def trees(self) -> list[Tree]:
        """Return every tree, the last changed first."""
        return await self._store.trees()

    async def view(
        self, tree: str, *, under: str | None = None, as_of: Mapping[str, int] | None = None, limit: int = 500
    ) -> TreeView:
        """Return the tasks of a tree in order, at most `limit`; `as_of` is `{"turn": n}` or `{"revision": n}`."""
        in_range("limit", limit, 1, 100_000)
        return await self._store.ask(tree, lambda source: tree_view(source, under=under, as_of=as_of, limit=limit))

    async def get(self, task: str, *, tree: str | None = None) -> TaskView:
        """Return one task with what holds for it, what it waits for, and what uses it."""
        return await self._store.ask(tree_of(task, tree), lambda source: task_view(View(source), named(source, task)))

    async def history(
        self, tree: str | None, task: str | None = None, *, since: int = 0, limit: int = 100
    ) -> list[Event]:
        """Return what changed after revision `since`, in a tree or one task and what it was made of, oldest first.

        Of more than `limit` events the newest are returned.
        """
        in_range("limit", limit, 1, 10_000)
        in_range("since", since, 0, MOST_REVISIONS)

        def question(source: GraphSource) -> list[Event]:
            numbers = None if task is None else [named(source, task)]
            return history(source, numbers, since=since, limit=limit)

        return await self._store.ask(tree_of(task or "", tree), question)

    async def diff(self, tree: str, since: int | str) -> list[Change]:
        """Return how a tree differs from what it was at a revision, or a what-if from the tree that it is a copy of.

        Args:
            tree: the tree.
            since: a revision of it; or the id or name of a what-if copy of it, to be compared with it.
        """

        def question(source: GraphSource) -> list[Change]:
            if isinstance(since, int):
                return compare(source, since, source.tree.revision)
            for branch in source.branches():
                if since in {branch.id, branch.name}:
                    return compare_trees(source, source.other(branch.id))
            raise InvalidArgument("since", f"`{since}` is neither a revision nor a what-if copy of `{tree}`")

        return await self._store.ask(tree, question)

    async def recall(
        self,
        tree: str,
        *,
        keys: Sequence[str] = (),
        claim: Mapping[str, Any] | None = None,
        text: str | None = None,
        as_of: Mapping[str, int] | None = None,
    ) -> Recall:
        """Return what is or was known, with no model: values by key, whether a claim holds, what speaks of a text.

        Args:
            tree: the tree.
            keys: names of facts, inputs, or tasks, whose output is meant.
            claim: `{"key", "value", "task"?}`: is it so, was it ever?
            text: words to search tasks, facts and results for, by meaning too.
            as_of: `{"turn": n}` or `{"revision": n}`; now if None.
        """

        def question(source: GraphSource) -> Recall:
            return recall(source, keys=keys, claim=claim, as_of=as_of)

        found = await self._store.ask(tree, question)
        if text is None:
            return found
        if self._texts is None:
            raise InvalidArgument("text", "nothing searches this memory by text")
        return replace(found, matches=await self._texts.search(tree, text, until=found.revision))

    async def context(
        self,
        task: str,
        budget_tokens: int = BUDGET_TOKENS,
        *,
        tree: str | None = None,
        counter: TokenCounter = count_tokens,
    ) -> Context:
        """Return what the worker of a task needs to know: what changes least comes first, the task last.

        Args:
            task: the task.
            budget_tokens: tokens of the text at most, 50 to 1,000,000.
            tree: the tree, where `task` is no id.
            counter: counts them; the default never counts fewer than cl100k_base takes.
        """
        return await self._store.ask(
            tree_of(task, tree),
            lambda source: context(source, named(source, task), budget_tokens=budget_tokens, counter=counter),
        )


def named(source: GraphSource, task: str) -> int:
    """Return the number of a task of a tree.  Raises `UnknownTask`."""
    return resolve(View(source), task, {})


def tree_of(task: str, tree: str | None) -> TreeId:
    """Return the tree that is meant: the one given, or that of the task's id.  Raises `UnknownTask` for no id."""
    if tree is not None:
        return TreeId(tree)
    parts = split_id(task)
    if parts is None:
        raise UnknownTask(task)
    return parts[0]


def in_range(name: str, value: object, least: float, most: float) -> None:
    """Raise `InvalidArgument` for a value that is not from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidArgument(name, f"{brief(value)} should be from {least} to {most:,}")
