"""What search reads of a tree: its tasks, what is said in it, and what came out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from banyan.core.find import Document
from banyan.core.shorten import compact, cut, shorten
from banyan.core.task import ABSENT, Fact, Json, Status, Task
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.store import GraphStore

TASK, FACT, RESULT = "task", "fact", "result"
"""Kinds of documents; each is a tag of its documents, so that a search can ask for some of them."""
TEXT_CHARS: Final = 2_000
"""Characters of an instruction, a value or an output that are searched."""
DETAILS_CHARS: Final = 500
READ_AT_ONCE: Final = 1_000
"""Tasks that are read in one transaction."""
RECENT_TASKS: Final = 500
RECENT_SHARE: Final = 0.02
"""Changed tasks, and the part of all, that are kept apart; with more of them the base is made anew."""


class TreeDocuments:
    """The documents of one tree: what was read once is read again only where the tree has changed since.

    They are two feeds, so that an index of a large tree is not made anew for every change: `base` stands still for a
    while, and `recent` holds what differs from it.
    """

    def __init__(self, store: GraphStore, tree: str) -> None:
        self._store = store
        self._tree = tree
        self._revision = 0
        self._known: dict[int, dict[str, str]] = {}
        self._recent: set[int] = set()
        self.base = Layer(self)
        self.recent = Layer(self)
        self.changed: frozenset[str] = frozenset()
        """Documents of `base` that are no longer so, or no longer there."""

    async def follow(self) -> None:
        """Bring both feeds up to what the tree is now."""
        revision, numbers = await self._store.ask(self._tree, self._since)
        if revision == self._revision:
            return
        found = await self._read(numbers)
        for number in numbers:
            self._known[number] = {}
        for document in found:
            self._known[number_of(document.key)][document.key] = document.digest
        self._recent.update(numbers)
        # What changed while this was read is read again the next time.
        self._revision = revision
        if len(self._recent) > max(RECENT_TASKS, int(len(self._known) * RECENT_SHARE)):
            self._recent.clear()
            self.base.put({key: digest for known in self._known.values() for key, digest in known.items()}, revision)
        now = {key: digest for number in self._recent for key, digest in self._known[number].items()}
        before = {key: digest for key, digest in self.base.held.items() if number_of(key) in self._recent}
        self.changed = frozenset(key for key, digest in before.items() if now.get(key) != digest)
        self.recent.put({key: digest for key, digest in now.items() if before.get(key) != digest}, revision)

    async def read(self, keys: Sequence[str]) -> list[Document]:
        """Return these documents; keys that are gone are left out."""
        wanted = set(keys)
        found = await self._read(sorted({number_of(key) for key in keys}))
        return [document for document in found if document.key in wanted]

    async def _read(self, numbers: Sequence[int]) -> list[Document]:
        found: list[Document] = []
        for start in range(0, len(numbers), READ_AT_ONCE):
            chunk = numbers[start : start + READ_AT_ONCE]
            found += await self._store.ask(self._tree, partial(documents_of, numbers=chunk))
        return found

    def _since(self, source: GraphSource) -> tuple[int, Sequence[int]]:
        tree = source.tree
        if not self._revision or tree.pruned > self._revision or tree.revision < self._revision:
            # Those that are gone are read too, and found not to be there.
            return tree.revision, range(1, max([tree.next_number - 1, *self._known]) + 1)
        changed = {event.change.task for event in source.events(after=self._revision)}
        return tree.revision, sorted(changed)


class Layer:
    """A `DocumentFeed` of some documents of a tree, as they were when they were put there."""

    def __init__(self, documents: TreeDocuments) -> None:
        self._documents = documents
        self._version = 0
        self.held: Mapping[str, str] = {}
        """Digests by key."""

    def put(self, digests: Mapping[str, str], version: int) -> None:
        """Hold these documents, as of this revision of the tree."""
        self.held, self._version = digests, version

    async def version(self) -> int:
        """Return the revision of the tree that this is of."""
        return self._version

    async def digests(self) -> dict[str, str]:
        """Return the digest of every document."""
        return dict(self.held)

    async def documents(self, keys: Sequence[str]) -> list[Document]:
        """Return these documents as they are now."""
        return await self._documents.read(keys)


def documents_of(source: GraphSource, numbers: Collection[int]) -> list[Document]:
    """Return what search reads of these tasks."""
    tasks = {task.number: task for task in source.tasks(numbers)}
    found = [document for task in tasks.values() for document in _of_task(task)]
    return found + [_of_fact(fact, tasks[fact.task]) for fact in source.facts(list(tasks)) if _is_said(fact)]


def key_of(kind: str, number: int, fact: str = "") -> str:
    """Return the key of a document."""
    return f"{kind}:{number}:{fact}" if kind == FACT else f"{kind}:{number}"


def parts_of(key: str) -> tuple[str, int, str]:
    """Return kind, task and key of the fact of a document's key."""
    kind, number, *rest = key.split(":", 2)
    return kind, int(number), rest[0] if rest else ""


def number_of(key: str) -> int:
    """Return the task that a document's key belongs to."""
    return parts_of(key)[1]


def told(value: Json, most_chars: int) -> str:
    """Return a value as it is searched and shown."""
    return cut(value, most_chars) if isinstance(value, str) else shorten(value, most_chars)


def _of_task(task: Task) -> Iterator[Document]:
    details = shorten(dict(task.inputs), DETAILS_CHARS) if task.inputs else ""
    text = cut(task.instruction, TEXT_CHARS)
    yield _document(key_of(TASK, task.number), name=task.title, title=task.key or "", text=text, details=details)
    if task.summary is not None:
        yield _document(key_of(RESULT, task.number), name=task.title, text=cut(task.summary, TEXT_CHARS))
    elif task.output is not ABSENT and task.status is not Status.FAILED:
        yield _document(key_of(RESULT, task.number), name=task.title, text=told(task.output, TEXT_CHARS))


def _of_fact(fact: Fact, task: Task) -> Document:
    values = [] if fact.value is ABSENT else [fact.value]
    text = "; ".join(told(value, TEXT_CHARS) for value in (*values, *fact.candidates))
    return _document(key_of(FACT, fact.task, fact.key), name=fact.key, text=text, details=task.title)


def _is_said(fact: Fact) -> bool:
    return fact.value is not ABSENT or bool(fact.candidates)


def _document(key: str, *, name: str, text: str, title: str = "", details: str = "") -> Document:
    return Document(
        key=key,
        kind=parts_of(key)[0],
        digest=_digest((name, title, text, details)),
        name=name,
        title=title,
        text=text,
        details=details,
        tags=(parts_of(key)[0],),
    )


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(compact(list(parts)).encode("utf-8", "surrogatepass")).hexdigest()
