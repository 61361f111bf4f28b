"""A file of edits and questions, applied line by line to a tree: for scenarios, imports and demonstrations.

Each line is a JSON object: `{"turn", "source", "edits"}` or `{"query": arguments of recall}`. Where a task is named,
`@ref` means the task that any earlier line added under it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from banyan.core.errors import BadEdit, BadFile, BanyanError, Conflict, UnknownTask
from banyan.core.recall import Recall
from banyan.core.task import EditResult, TaskId, task_id

_EDIT_KEYS: Final = {"edits", "turn", "source", "base_revision", "title", "said", "refused"}
_QUERY_KEYS: Final = {"query", "turn", "source", "said"}
_RECALL_KEYS: Final = {"keys", "claim", "text", "as_of"}
_NAMES: Final = ("task", "tasks", "parent", "under", "from", "$from")
"""Members of an edit that name a task, or a list of tasks."""


class Trees(Protocol):
    """What a replay needs of the task memory."""

    async def apply(
        self,
        tree: str | None,
        edits: Sequence[Mapping[str, Any]],
        *,
        base_revision: int | None = None,
        turn: int | None = None,
        source: str = "program",
        title: str = "",
    ) -> EditResult:
        """Make edits, and return what changed."""
        ...

    async def recall(
        self,
        tree: str,
        *,
        keys: Sequence[str] = (),
        claim: Mapping[str, Any] | None = None,
        text: str | None = None,
        as_of: Mapping[str, int] | None = None,
    ) -> Recall:
        """Return what is known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a file: a batch of edits, or a question."""

    number: int
    edits: Sequence[Mapping[str, Any]] = ()
    query: Mapping[str, Any] | None = None
    turn: int | None = None
    source: str = "user"
    base_revision: int | None = None
    title: str = ""
    said: str = ""
    """What was said that it follows, for whoever reads along."""
    refused: str = ""
    """Code of the error with which the batch is to be refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A batch that was refused, as its line says it is."""

    code: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        return {"refused": {"code": self.code, "message": self.message}}


def read(path: str, text: str) -> list[Line]:
    """Return the lines of a file, blank ones left out.

    Raises:
        BadFile: a line is not what it should be; nothing has been applied yet.
    """
    numbered = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    lines = [_line(path, number, line) for number, line in numbered]
    if not lines:
        raise BadFile(path, "there is nothing in it")
    return lines


def _line(path: str, number: int, text: str) -> Line:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFile(path, f"malformed JSON: {error}", line=number) from None
    if not isinstance(found, dict) or ("edits" in found) == ("query" in found):
        raise BadFile(path, "should be an object with either `edits` or `query`", line=number)
    _check_keys(path, number, found, _EDIT_KEYS if "edits" in found else _QUERY_KEYS)
    for key, kind, words in _KINDS:
        if key in found and (not isinstance(found[key], kind) or isinstance(found[key], bool)):
            raise BadFile(path, f"`{key}` should be {words}", line=number)
    if "query" in found:
        _check_keys(path, number, found["query"], _RECALL_KEYS)
    return Line(number=number, **found)


_KINDS: Final[tuple[tuple[str, type, str], ...]] = (
    ("edits", list, "a list of edits"),
    ("query", dict, "an object: the arguments of recall"),
    ("turn", int, "a whole number"),
    ("base_revision", int, "a whole number"),
    ("source", str, "text"),
    ("title", str, "text"),
    ("said", str, "text"),
    ("refused", str, "the code of an error"),
)


def _check_keys(path: str, number: int, found: Mapping[str, Any], known: set[str]) -> None:
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(sorted(known))}"
            raise BadFile(path, f"`{key}` means nothing here; {hint}", line=number)


@dataclass(slots=True)
class Replay:
    """A tree while a file is applied to it; the first batch makes one where none is given."""

    trees: Trees
    path: str
    tree: str | None = None
    refs: dict[str, TaskId] = field(default_factory=dict)
    """Tasks that the lines so far have added, by `@ref`."""

    async def play(self, line: Line) -> EditResult | Recall | Refusal:
        """Apply one line, and return its answer.

        Raises:
            BadFile: a question stands before any edit, or a batch was to be refused and was not.
            BanyanError: whatever an edit or a question raises; where it was not to be refused, the file ends here.
        """
        if line.query is not None:
            return await self._ask(line)
        try:
            result = await self.trees.apply(
                self.tree,
                self._named(line.edits),
                base_revision=line.base_revision,
                turn=line.turn,
                source=line.source,
                title=line.title,
            )
        except (BadEdit, Conflict, UnknownTask) as error:
            return self._refusal(line, error)
        self.tree = result.tree
        self.refs.update({f"@{ref.removeprefix('@')}": task_id(result.tree, one) for ref, one in result.refs.items()})
        if line.refused:
            raise BadFile(self.path, f"should have been refused with `{line.refused}`, and was not", line=line.number)
        return result

    async def _ask(self, line: Line) -> Recall:
        if self.tree is None:
            raise BadFile(self.path, "there is no tree yet to ask", line=line.number)
        query = dict(line.query or {})
        if isinstance(query.get("claim"), dict):
            query["claim"] = _with_ids(query["claim"], self.refs)
        if isinstance(query.get("keys"), list):
            query["keys"] = _id(query["keys"], self.refs)
        return await self.trees.recall(self.tree, **query)

    def _refusal(self, line: Line, error: BanyanError) -> Refusal:
        if line.refused != error.code:
            raise error
        return Refusal(code=error.code, message=str(error))

    def _named(self, edits: Sequence[Any]) -> list[Any]:
        """Return edits with the refs of earlier lines as ids; a ref that the batch itself makes is its own."""
        own = {ref for edit in edits for ref in _made(edit)}
        earlier = {ref: one for ref, one in self.refs.items() if ref not in own}
        return [_with_ids(edit, earlier) for edit in edits]


def _made(edit: Any) -> Iterator[str]:
    """Yield the refs that an edit makes."""
    if isinstance(edit, Mapping):
        if isinstance(edit.get("ref"), str):
            yield edit["ref"]
        into = edit.get("into")
        for part in into if isinstance(into, list) else [into]:
            yield from _made(part)


def _with_ids(edit: Any, refs: Mapping[str, TaskId]) -> Any:
    """Return an edit with ids in place of refs, wherever a task is named in it and nowhere else."""
    if not isinstance(edit, Mapping):
        return edit
    found = {key: _id(value, refs) if key in _NAMES else value for key, value in edit.items()}
    if isinstance(found.get("inputs"), Mapping):
        found["inputs"] = {name: _reference(value, refs) for name, value in found["inputs"].items()}
    if isinstance(found.get("requires"), list):
        found["requires"] = [_with_ids(_id(one, refs), refs) for one in found["requires"]]
    into = found.get("into")
    if into is not None:
        found["into"] = [_with_ids(one, refs) for one in into] if isinstance(into, list) else _with_ids(into, refs)
    return found


def _reference(value: Any, refs: Mapping[str, TaskId]) -> Any:
    return {**value, "$from": _id(value["$from"], refs)} if isinstance(value, Mapping) and "$from" in value else value


def _id(name: Any, refs: Mapping[str, TaskId]) -> Any:
    if isinstance(name, list):
        return [_id(one, refs) for one in name]
    return refs.get(name, name) if isinstance(name, str) else name
