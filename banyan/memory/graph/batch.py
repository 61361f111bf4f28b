"""A batch of edits: read, checked, made in order, and followed by what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from banyan.core.errors import BadEdit, CycleFound
from banyan.memory.graph.notes import notes
from banyan.memory.graph.ops.define import add, ref_of, update
from banyan.memory.graph.ops.edit import Edit, Shared, brief, list_of
from banyan.memory.graph.ops.fields import DEFINING
from banyan.memory.graph.ops.fold import fold, unfold, unfold_begun
from banyan.memory.graph.ops.parts import merge, split
from banyan.memory.graph.ops.remove import remove
from banyan.memory.graph.ops.rollback import rollback
from banyan.memory.graph.ops.said import confirm, fact, retract
from banyan.memory.graph.ops.swap import swap
from banyan.memory.graph.ops.whatif import adopt, branch, drop
from banyan.memory.graph.ops.work import cancel, complete, fail, reopen, wait
from banyan.memory.graph.settle import settle
from banyan.memory.graph.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a batch tells beside its changes."""

    refs: dict[str, int] = field(default_factory=dict)
    """Tasks that were added, by `@ref`."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What an edit of this name has and does."""

    run: Callable[[Edit], None]
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    settled: bool = True
    """Whether it goes by statuses, so that what follows from the edits before it has to be there."""


def _operation(run: Callable[[Edit], None], needs: str = "", takes: str = "", *, settled: bool = True) -> Operation:
    needed = frozenset(needs.split())
    return Operation(run=run, needs=needed, takes=needed | {"op", "reason", *takes.split()}, settled=settled)


_DEFINING = " ".join(sorted(DEFINING))

OPERATIONS: Final[Mapping[str, Operation]] = {
    "add": _operation(add, "title", f"ref facts {_DEFINING}", settled=False),
    "update": _operation(update, "task", _DEFINING, settled=False),
    "remove": _operation(remove, "task"),
    "complete": _operation(complete, "task", "output fence"),
    "fail": _operation(fail, "task", "fence"),
    "wait": _operation(wait, "task", "fence"),
    "cancel": _operation(cancel, "task", "fence"),
    "reopen": _operation(reopen, "task"),
    "fact": _operation(fact, "key value", "task was candidate", settled=False),
    "confirm": _operation(confirm, "key", "task value", settled=False),
    "retract": _operation(retract, "key", "task", settled=False),
    "replace": _operation(swap, "old new", "task"),
    "rollback": _operation(rollback, "to", "task key"),
    "split": _operation(split, "task into"),
    "merge": _operation(merge, "tasks into"),
    "branch": _operation(branch, "name"),
    "adopt": _operation(adopt, "branch"),
    "drop": _operation(drop, "branch"),
    "fold": _operation(fold, "task", "summary"),
    "unfold": _operation(unfold, "task"),
}
"""Every operation, by its name in an edit."""

NESTED: Final = 40
"""Edits that may be made within one another, where names that are no `@ref` turn out to be those of later ones."""

MEANT: Final[Mapping[str, str]] = {
    "after": "requires",
    "blocked_by": "requires",
    "delete": "remove",
    "dependencies": "requires",
    "depends_on": "requires",
    "description": "instruction",
    "finish": "complete",
    "id": "task",
    "labels": "requires_labels",
    "name": "title",
    "needs": "requires",
    "node": "task",
    "remember": "fact",
    "result": "output",
    "set": "fact",
    "why": "reason",
}
"""Names that others have for what is meant."""


def make(ws: Workspace, edits: Sequence[Mapping[str, Any]] | object) -> Made:
    """Make these edits in order, settle what follows, and return what is worth knowing.

    An edit may name the `@ref` of one after it: that one is then made first.

    Raises:
        BadEdit: one of them cannot be made; carries its place. `CycleFound` and `FalsePremise` are among these.
        ClaimLost: one of them speaks for a task that is held under another claim.
    """
    if not isinstance(edits, Sequence) or isinstance(edits, str | bytes):
        raise BadEdit("the edits should be a list of objects, each with its `op`")
    batch = _Batch(ws, [_at(at, _checked, edit) for at, edit in enumerate(edits)])
    for at in range(len(edits)):
        batch.make(at)
    settle(ws)
    unfold_begun(ws)
    return Made(refs=batch.shared.refs, notes=[*batch.shared.notes, *notes(ws)])


class _Batch:
    """The edits of a batch, and how far they are made."""

    def __init__(self, ws: Workspace, edits: Sequence[Mapping[str, Any]]) -> None:
        self.shared = Shared(ws=ws)
        self._edits = edits
        self._made: set[int] = set()
        self._begun: list[int] = []
        self._nested = 0
        self._unsettled = False
        self._adding = {
            ref_of(edit["ref"]): at
            for at, edit in enumerate(edits)
            if edit["op"] == "add" and isinstance(edit.get("ref"), str) and edit["ref"].strip()
        }

    def make(self, at: int) -> None:
        """Make one edit, unless it was made already, and before it the tasks that it names by `@ref`."""
        if at in self._made:
            return
        # A plan may be told from its end, each edit naming the next: so these are gone through in a loop.
        self._begun.append(at)
        named = [_refs(self._edits[at])]
        while named:
            first = next((one for ref in named[-1] if (one := self._later(ref)) is not None), None)
            if first is not None:
                self._begun.append(first)
                named.append(_refs(self._edits[first]))
                continue
            now = self._begun[-1]
            _at(now, self._run, self._edits[now])
            self._made.add(self._begun.pop())
            named.pop()

    def _run(self, fields: Mapping[str, Any]) -> None:
        operation = OPERATIONS[fields["op"]]
        if self.shared.ws.touched and (operation.settled or self._unsettled):
            settle(self.shared.ws)
        self._unsettled = operation.settled
        operation.run(Edit(op=fields["op"], fields=fields, shared=self.shared, ahead=self._ahead))

    def _ahead(self, ref: str) -> int | None:
        """Add the task of a ref that is added later on."""
        at = self._later(ref)
        if at is None:
            return None
        if self._nested == NESTED:
            raise BadEdit(f"`{ref[1:]}` is added too long after it is named: name it `{ref}`, or add it first")
        self._nested += 1
        self.make(at)
        self._nested -= 1
        return self.shared.refs[ref]

    def _later(self, ref: str) -> int | None:
        """Return which edit adds the task of a ref; None where none does, or it is made already."""
        at = self._adding.get(ref)
        if at is None or at in self._made or ref in self.shared.refs:
            return None
        if at in self._begun:
            circle = [self._edits[one]["title"] for one in (*self._begun[self._begun.index(at) :], at)]
            raise CycleFound([str(title) for title in circle], at=self._begun[-1])
        return at


def _refs(fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield each `@ref` that an `add` says it stands under or takes from, in the order in which it is looked up."""
    if fields["op"] != "add":
        return
    inputs = fields.get("inputs")
    given = inputs.values() if isinstance(inputs, Mapping) else ()
    named = [
        fields.get("parent"),
        *(_field(entry, "from", "task") for entry in list_of(fields.get("requires"))),
        *list_of(fields.get("under")),
        *(_field(value, "$from") for value in given if isinstance(value, Mapping)),
    ]
    yield from (name.strip() for name in named if isinstance(name, str) and name.strip().startswith("@"))


def _field(value: object, *names: str) -> object:
    """Return the first of these fields that an object has; anything else as it is."""
    return next((value[name] for name in names if name in value), None) if isinstance(value, Mapping) else value


def _checked(edit: object) -> Mapping[str, Any]:
    """Return an edit that has an operation, and the fields that this needs and takes."""
    if not isinstance(edit, Mapping) or not all(isinstance(name, str) for name in edit):
        raise BadEdit("should be an object with its operation in `op`")
    op = edit.get("op")
    if not isinstance(op, str) or op not in OPERATIONS:
        given = op[:80] if isinstance(op, str) else brief(op)
        name = "the operation is missing: give it in `op`" if op is None else f"there is no operation `{given}`"
        raise BadEdit(f"{name}{_hint(given, OPERATIONS)}")
    operation = OPERATIONS[op]
    for unknown in sorted(edit.keys() - operation.takes):
        raise BadEdit(f"`{op}` has no field `{unknown[:80]}`{_hint(unknown, operation.takes - {'op'})}")
    for missing in sorted(name for name in operation.needs if name not in edit):
        raise BadEdit(f"`{op}` needs `{missing}`")
    return edit


def _hint(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    plain = name.strip().lower().replace("-", "_")
    meant = [MEANT[plain]] if MEANT.get(plain) in known else get_close_matches(plain, known, 1, 0.6)
    return f"; did you mean `{meant[0]}`?" if meant else f"; there is {', '.join(f'`{one}`' for one in known)}"


def _at(at: int, make_one: Callable[[Any], Any], edit: Any) -> Any:
    """Do something with one edit; what is wrong with it carries its place."""
    try:
        return make_one(edit)
    except CycleFound as error:
        raise (error if error.at is not None else CycleFound(error.circle, at=at)) from None
    except BadEdit as error:
        raise (error if error.at is not None else type(error)(error.problem, at=at)) from None
