"""Trees as files, and what is kept of them for how long: `b.tasks.archive`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from banyan.core.archive import Imported, Pruned
from banyan.core.effect import is_unsettled
from banyan.core.errors import BadFile, Conflict, UnknownTree
from banyan.core.task import TreeId, TreeState, task_id
from banyan.memory.graph.batch import make
from banyan.memory.graph.commit import new_tree_id
from banyan.memory.graph.show import tree_view
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import Dump, GraphStore, Intent

CHUNK = 500
"""Tasks that are read at once."""
IDS_TRIED = 4
"""Ids that a tree is given, one after the other, until one is free."""
DRAWN = 500
"""Tasks of a drawing at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Age:
    """How old a tree is, seen from a moment."""

    finished: bool
    held_by: str
    """Why it cannot be removed although it is finished; empty where it can."""
    horizon: int
    """The last revision before that moment, not beyond what a what-if copy parted from."""


class Archive:
    """Exports, imports, prunes and removes trees."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    async def export(self, tree: str) -> dict[str, Any]:
        """Return a tree with its whole record as a JSON document, that `import_` makes the same tree of.

        Raises:
            UnknownTree: there is no such tree.
        """
        from banyan.memory.formats.document import document_of

        return document_of(await self._store.dump(tree))

    async def mermaid(self, tree: str, *, under: str | None = None, limit: int = DRAWN) -> str:
        """Return the tasks of a tree as a Mermaid flowchart.  Raises `UnknownTree` and `UnknownTask`."""
        from banyan.memory.formats.mermaid import mermaid

        return mermaid(await self._store.ask(tree, lambda source: tree_view(source, under=under, limit=limit)))

    async def markdown(self, tree: str, *, under: str | None = None, limit: int = DRAWN) -> str:
        """Return the tasks of a tree as a list in Markdown.  Raises `UnknownTree` and `UnknownTask`."""
        from banyan.memory.formats.markdown import markdown

        return markdown(await self._store.ask(tree, lambda source: tree_view(source, under=under, limit=limit)))

    async def import_(self, text: str, *, name: str = "file") -> list[Imported]:
        """Make trees of a file, and return them: what `export` gave, task-master's `tasks.json`, or beads' JSON lines.

        A tree that was exported is the same again, with its record, its speakers and its times; it has its own id, or a
        new one where that is taken. Of the others each becomes one batch of edits; what was in progress there is
        pending here.

        Args:
            text: the file.
            name: what it is called, for errors and titles.

        Raises:
            BadFile: it is none of these, or one of its lines is wrong.
            BadEdit: what it holds can be no tree: tasks that wait for one another, say.
        """
        from banyan.memory.formats.beads import is_beads, read_beads
        from banyan.memory.formats.document import dump_of, is_document
        from banyan.memory.formats.taskmaster import is_taskmaster, read_taskmaster

        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if is_document(document):
            return [await self._load(dump_of(document, name=name), name)]
        if is_beads(text):
            trees = [read_beads(text, name=name)]
        elif is_taskmaster(document):
            trees = read_taskmaster(document, name=name)
        else:
            raise BadFile(name, "neither an exported tree, nor task-master's `tasks.json`, nor beads' JSON lines")
        return [await self._make(tree.title, tree.edits, tree.notes) for tree in trees]

    async def prune(self, *, before: datetime, tree: str | None = None, dry_run: bool = False) -> Pruned:
        """Drop what nobody needs any more of what was before a moment, and return what that is.

        Of a tree in which something is open, or that was changed since, the record before that moment goes: what is,
        and what was since, can still be asked. A tree that has ended before it goes whole; so does a what-if copy that
        was adopted or dropped. Kept are a tree with an open what-if copy, with the record that adopting it takes, and
        one with effects that nobody knows the end of.

        Args:
            before: the moment.
            tree: only this one.
            dry_run: do nothing, and say what would be done.

        Raises:
            UnknownTree: there is no such tree.
        """
        trees = await self._store.trees()
        if tree is not None:
            trees = [one for one in trees if one.id == tree]
            if not trees:
                raise UnknownTree(tree)
        removed: list[TreeId] = []
        shortened: dict[TreeId, int] = {}
        kept: dict[TreeId, str] = {}
        tasks = changes = 0
        for one in trees:
            age = await self._store.ask(one.id, lambda source: _age(source, before))
            if age.finished and not age.held_by:
                removed.append(one.id)
                tasks += await self._size(one.id) if dry_run else await self._store.remove([one.id])
                continue
            if age.finished:
                kept[one.id] = age.held_by
            if age.horizon > one.pruned:
                shortened[one.id] = age.horizon
                changes += 0 if dry_run else await self._store.forget(one.id, age.horizon)
        return Pruned(removed=removed, shortened=shortened, tasks=tasks, changes=changes, kept=kept)

    async def remove(self, tree: str) -> int:
        """Remove a tree with everything that is known of it, and return how many tasks it had.

        Its what-if copies go with it. Raises `UnknownTree`.
        """
        copies = await self._store.ask(tree, _copies)
        return await self._store.remove([TreeId(tree), *copies])

    async def _load(self, dump: Dump, name: str) -> Imported:
        was = dump.tree.id
        for _ in range(IDS_TRIED):
            try:
                await self._store.load(dump)
            except Conflict:
                dump = _renamed(dump, new_tree_id())
                continue
            tree = dump.tree
            taken = None if tree.id == was else was
            return Imported(tree=tree.id, title=tree.title, tasks=len(dump.tasks), was=taken)
        raise BadFile(name, "it does not hold together: something in it is there twice")

    async def _make(self, title: str, edits: Sequence[Mapping[str, Any]], notes: Iterable[str]) -> Imported:
        intent = Intent(tree=None, title=title, speaker="program", note="import")
        made, result = await self._store.change(intent, lambda ws: make(ws, edits))
        tasks = sum(edit["op"] == "add" for edit in edits)
        return Imported(tree=result.tree, title=title, tasks=tasks, notes=[*notes, *made.notes])

    async def _size(self, tree: TreeId) -> int:
        return await self._store.ask(tree, lambda source: sum(source.counts().values()))


def _age(source: GraphSource, before: datetime) -> _Age:
    tree = source.tree
    ended = tree.state is not TreeState.OPEN or not source.unended(1)
    finished = ended and tree.changed_at < before
    open_copies = [one for one in source.branches() if one.state is TreeState.OPEN]
    held_by = ""
    if finished and open_copies:
        held_by = f"the what-if `{open_copies[0].name or open_copies[0].id}` is open"
    elif finished:
        held_by = _unknown_effect(source)
    parted = [one.origin_revision for one in open_copies if one.origin_revision is not None]
    if tree.state is TreeState.OPEN and tree.origin_revision is not None:
        parted.append(tree.origin_revision)
    return _Age(finished=finished, held_by=held_by, horizon=min([_last_before(source, before), *parted]))


def _last_before(source: GraphSource, before: datetime) -> int:
    """Return the last revision made before a moment; the first that is on record where there is none."""
    low, high = source.tree.pruned, source.tree.revision
    while low < high:
        middle = (low + high + 1) // 2
        revision = source.revision(middle)
        if revision is not None and revision.at < before:
            low = middle
        else:
            high = middle - 1
    return low


def _unknown_effect(source: GraphSource) -> str:
    """Return that a call was sent of which nobody knows whether it changed the world; empty where there is none."""
    numbers = range(1, source.tree.next_number)
    for start in range(0, len(numbers), CHUNK):
        for task in source.tasks(numbers[start : start + CHUNK]):
            if task.fence and any(is_unsettled(call) for call in source.effects(task.number)):
                return f"what came of a call of `{task_id(source.tree.id, task.number)}` is not known"
    return ""


def _copies(source: GraphSource) -> list[TreeId]:
    """Return the what-if copies of a tree, and theirs."""
    found: list[TreeId] = []
    for copy in source.branches():
        found += [copy.id, *_copies(source.other(copy.id))]
    return found


def _renamed(dump: Dump, tree: TreeId) -> Dump:
    return replace(
        dump,
        tree=replace(dump.tree, id=tree),
        revisions=[replace(one, tree=tree) for one in dump.revisions],
        events=[replace(one, tree=tree) for one in dump.events],
    )
