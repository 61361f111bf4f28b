"""What a tree knows of something, found by words and by meaning."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import anyio

from banyan.core.errors import InvalidArgument
from banyan.core.find import Filters, Hit
from banyan.core.ports import DocumentFeed, SearchIndex
from banyan.core.recall import Match
from banyan.core.task import ABSENT, Status, Task, TreeId, task_id
from banyan.memory.graph.asof import tree_at
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import GraphStore
from banyan.memory.graph.view import View
from banyan.memory.task_documents import FACT, TASK, TreeDocuments, parts_of, told

MATCHES: Final = 10
"""What one search returns at most."""
SHOWN_CHARS: Final = 300
"""Characters of a text that is found which are shown."""
LEAST_CONFIDENCE: Final = 0.05
"""What is less likely to be meant is not shown."""
OPEN_TREES: Final = 16
"""Trees whose index is kept ready; the one that was asked longest ago goes first."""
MOST_CHARS: Final = 10_000


class IndexedRecall:
    """The `TextRecall` over an index of each tree, made when a tree is first asked by text and kept in step with it.

    Args:
        store: the trees.
        make_index: makes an index of documents, which may be kept under the name of their tree; under none if None.
    """

    def __init__(self, store: GraphStore, make_index: Callable[[DocumentFeed, TreeId | None], SearchIndex]) -> None:
        self._store = store
        self._make_index = make_index
        self._open: OrderedDict[TreeId, _Layers] = OrderedDict()

    async def search(self, tree: str, text: str, *, until: int) -> Sequence[Match]:
        """Return what fits `text` best, best first, as it was at revision `until`.

        What was not there then is left out; what is no longer there is not found.

        Raises:
            InvalidArgument: the text is empty or too long.
            UnknownTree: there is no such tree.
        """
        if not text.strip() or len(text) > MOST_CHARS:
            raise InvalidArgument("text", f"should be 1 to {MOST_CHARS:,} characters, and not blank")
        # Its own id: what was asked for may be no tree at all, and an index has a folder of its name.
        layers = self._layers(await self._store.ask(tree, lambda source: source.tree.id))
        # More than are shown: some were not there yet.
        likely = await layers.search(text, 3 * MATCHES)
        return await self._store.ask(tree, lambda source: _matches(tree_at(source, until), likely)[:MATCHES])

    def _layers(self, tree: TreeId) -> _Layers:
        if tree not in self._open:
            documents = TreeDocuments(self._store, tree)
            self._open[tree] = _Layers(
                documents, self._make_index(documents.base, tree), self._make_index(documents.recent, None)
            )
            if len(self._open) > OPEN_TREES:
                self._open.popitem(last=False)
        self._open.move_to_end(tree)
        return self._open[tree]


class _Layers:
    """The indexes of one tree: of most of it as it was a while ago, and of what has changed since."""

    def __init__(self, documents: TreeDocuments, base: SearchIndex, recent: SearchIndex) -> None:
        self._documents = documents
        self._base = base
        self._recent = recent
        self._following = anyio.Lock()  # one reads what changed, and the others find it read

    async def search(self, text: str, count: int) -> list[Hit]:
        """Return what is likely to be meant, best first."""
        async with self._following:
            await self._documents.follow()
            await self._base.refresh()
            await self._recent.refresh()
        changed = self._documents.changed
        base = await self._base.search(text, k=count + min(len(changed), count), filters=Filters())
        hits = [hit for hit in base.hits if hit.key not in changed]
        if self._documents.recent.held:
            hits += (await self._recent.search(text, k=count, filters=Filters())).hits
        hits.sort(key=lambda hit: (-hit.confidence, hit.key))
        return [hit for hit in hits[:count] if hit.confidence >= LEAST_CONFIDENCE]


def _matches(source: GraphSource, hits: Sequence[Hit]) -> list[Match]:
    view = View(source)
    view.load(parts_of(hit.key)[1] for hit in hits)
    found = []
    for hit in hits:
        kind, number, key = parts_of(hit.key)
        task = view.find(number)
        text = None if task is None else _text(view, task, kind, key)
        if text is not None:
            name = task_id(source.tree.id, number)
            where = f"{name}/facts/{key}" if kind == FACT else name
            found.append(Match(kind=kind, id=where, text=text, confidence=hit.confidence))
    return found


def _text(view: View, task: Task, kind: str, key: str) -> str | None:
    """Return what is shown of a document; None where it was not there."""
    if kind == TASK:
        more = f": {' '.join(task.instruction.split())}" if task.instruction.strip() else ""
        return told(f"{task.title}{more}", SHOWN_CHARS)
    if kind == FACT:
        fact = view.facts(task.number).get(key)
        return None if fact is None or fact.value is ABSENT else f"{key} = {told(fact.value, SHOWN_CHARS)}"
    if task.summary is not None:
        return f"{task.title}: {told(task.summary, SHOWN_CHARS)}"
    if task.output is ABSENT or task.status is Status.FAILED:
        return None
    return f"{task.title}: {told(task.output, SHOWN_CHARS)}"
