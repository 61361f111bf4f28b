"""What search reads of a tree: its tasks, what is said in it, and what came out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
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


class TreeDocuments:
    """The `DocumentFeed` of one tree: what it has read once it reads again only where the tree has changed since."""

    def __init__(self, store: GraphStore, tree: str) -> None:
        self._store = store
        self._tree = tree
        self._revision = 0
        self._known: dict[int, dict[str, str]] = {}

    async def version(self) -> int:
        """Return the tree's revision."""
        return await self._store.ask(self._tree, lambda source: source.tree.revision)

    async def digests(self) -> dict[str, str]:
        """Return the digest of every document of the tree as it is now."""
        revision, numbers = await self._store.ask(self._tree, self._changed)
        for start in range(0, len(numbers), READ_AT_ONCE):
            chunk = numbers[start : start + READ_AT_ONCE]
            found = await self._store.ask(self._tree, partial(documents_of, numbers=chunk))
            self._known.update({number: {} for number in chunk})
            for document in found:
                self._known[number_of(document.key)][document.key] = document.digest
        # What changed while this was read is read again the next time.
        self._revision = revision
        return {key: digest for known in self._known.values() for key, digest in known.items()}

    async def documents(self, keys: Sequence[str]) -> list[Document]:
        """Return these documents; keys that are gone are left out."""
        wanted, numbers = set(keys), sorted({number_of(key) for key in keys})
        found: list[Document] = []
        for start in range(0, len(numbers), READ_AT_ONCE):
            chunk = numbers[start : start + READ_AT_ONCE]
            found += await self._store.ask(self._tree, partial(documents_of, numbers=chunk))
        return [document for document in found if document.key in wanted]

    def _changed(self, source: GraphSource) -> tuple[int, Sequence[int]]:
        tree = source.tree
        if not self._revision or tree.pruned > self._revision or tree.revision < self._revision:
            self._known.clear()
            return tree.revision, range(1, tree.next_number)
        changed = {event.change.task for event in source.events(after=self._revision)}
        return tree.revision, sorted(changed)


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
