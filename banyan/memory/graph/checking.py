"""Whether something that was said holds, with what shows it; nothing is changed by asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from banyan.core.errors import BadEdit, InvalidArgument, UnknownTask
from banyan.core.recall import Checked, Evidence, Said, Verdict
from banyan.core.task import ABSENT, STATE_FIELDS, Json, Status
from banyan.memory.graph.asof import waiting
from banyan.memory.graph.meaning import Meanings
from banyan.memory.graph.ops.edit import INSTRUCTION_CHARS, text_of
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.subjects import OUTPUT, Subject, called, subjects
from banyan.memory.graph.timeline import scope_then
from banyan.memory.graph.view import same

EVIDENCE = 20
"""Values that a verdict shows at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of one subject."""

    subject: Subject
    history: Sequence[Said]

    @property
    def current(self) -> Said | None:
        return next((one for one in self.history if one.ended_by is None), None)


def check(source: GraphSource, claim: Mapping[str, Any], revision: int) -> Checked:
    """Return whether `claim` holds at a revision, or ever did.

    With a task, what holds in its scope decides, the nearest first, and what is said under it where nothing does;
    without one, anything of this key. Text agrees without regard to case and space, a list with each of its members.

    Raises:
        InvalidArgument: it is not `{"key", "value", "task"?}`.
        UnknownTask: there is not, and never was, such a task.
    """
    key, value = _read(claim)
    found = _subjects(source, key, value, claim.get("task"), revision)
    meanings = Meanings(source, revision)
    known = [_Known(subject=one, history=meanings.of(one.task, one.field)) for one in found]
    known = [one for one in known if one.history]
    deciding = _deciding(known, scoped="task" in claim)
    note = _note(source, found, value, revision)
    holding = [(one, said) for one in deciding if (said := one.current) and agrees(said.value, value)]
    if holding:
        current = holding[0][1].value
        return Checked(
            verdict=Verdict.TRUE,
            current=current,
            evidence=_evidence(holding),
            note=_others(deciding, current) or note,
        )
    held = [(one, said) for one in known for said in one.history if agrees(said.value, value)]
    standing = [(one, said) for one in deciding if (said := one.current)]
    current = standing[0][1].value if standing else ABSENT
    if held:
        return Checked(verdict=Verdict.WAS_TRUE, current=current, evidence=_evidence(held), note=note)
    verdict = Verdict.FALSE if standing else Verdict.NEVER_SAID
    if not note and source.tree.pruned and source.tree.origin is None:
        note = f"the record begins at revision {source.tree.pruned}: what was said before is not known"
    return Checked(verdict=verdict, current=current, evidence=_evidence(standing), note=note)


def agrees(value: Json, claimed: Json) -> bool:
    """Whether a value is what was claimed: text without regard to case and space, a list by any of its members."""
    if isinstance(value, str) and isinstance(claimed, str):
        return value.casefold().split() == claimed.casefold().split()
    if isinstance(value, list) and not isinstance(claimed, list):
        return any(agrees(one, claimed) for one in value)
    return same(value, claimed)


def check_name(name: object, where: str) -> None:
    """Raise `InvalidArgument` for what can be the name of nothing: no text, or one that cannot be kept."""
    try:
        text_of(name, where, most=INSTRUCTION_CHARS)
    except BadEdit as error:
        raise InvalidArgument(where, error.problem.removeprefix(f"`{where}` ")) from None


def _read(claim: object) -> tuple[str, Json]:
    wrong = InvalidArgument("claim", 'should be {"key": name, "value": JSON value, "task"?: task}')
    if not isinstance(claim, Mapping) or claim.keys() - {"key", "value", "task"}:
        raise wrong
    if not isinstance(claim.get("key"), str) or not claim["key"] or "value" not in claim:
        raise wrong
    check_name(claim["key"], "claim")
    if "task" in claim:
        check_name(str(claim["task"]), "claim")
    return claim["key"], claim["value"]


def _subjects(source: GraphSource, key: str, value: Json, task: object, revision: int) -> list[Subject]:
    """Return what a claim may be about, what decides first."""
    found = subjects(source, key, revision)
    if isinstance(value, str) and value in list(Status):
        # Of a task, that it is done or failed may be meant.
        found = [Subject(task=one.task, field="status") if one.field == OUTPUT else one for one in found]
    if task is None:
        return found
    named = called(source, str(task).strip(), revision)
    if not named:
        raise UnknownTask(str(task), nearest=source.titles_like(str(task))[:3])
    chain = [up for one in named for up in scope_then(source, one, revision)]
    places = {number: place for place, number in enumerate(dict.fromkeys(chain))}
    near = sorted((one for one in found if one.task in places), key=lambda one: places[one.task])
    below = [
        one for one in found if one.task not in places and set(named) & set(scope_then(source, one.task, revision))
    ]
    if near or below or key not in STATE_FIELDS:
        return near + below
    return [Subject(task=one, field=key) for one in named]


def _deciding(known: Sequence[_Known], *, scoped: bool) -> list[_Known]:
    """Return what decides: in the scope of a task the nearest that holds, alone."""
    standing = [one for one in known if one.current is not None]
    return standing[:1] if scoped and standing and standing[0].subject.field.startswith("facts/") else standing


def _evidence(found: Sequence[tuple[_Known, Said]]) -> list[Evidence]:
    return [
        Evidence(
            task=said.task,
            key=known.subject.key or known.subject.field,
            value=said.value,
            turn=said.turn,
            source=said.source,
            revision=said.revision,
            ended_by=said.ended_by,
        )
        for known, said in found[:EVIDENCE]
    ]


def _others(deciding: Sequence[_Known], current: Json) -> str:
    other = [said for one in deciding if (said := one.current) and not agrees(said.value, current)]
    return f"`{other[0].task}` has another value" if other else ""


def _note(source: GraphSource, found: Sequence[Subject], value: Json, revision: int) -> str:
    """Return that the value is a reading that waits to be confirmed, where it is."""
    for one in found:
        readings = waiting(source, one.task, one.key, revision) if one.field.startswith("facts/") else ()
        if any(agrees(reading, value) for reading in readings):
            return "it is one of several readings that wait to be confirmed"
    return ""
