"""What is and was known of a tree, answered without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from banyan.core.errors import InvalidArgument
from banyan.core.recall import Answer, Recall, Said
from banyan.core.task import ABSENT, Json, task_id
from banyan.memory.graph.asof import revision_at, value_at, waiting
from banyan.memory.graph.checking import check, check_name
from banyan.memory.graph.meaning import Meanings
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.subjects import OUTPUT, Subject, subjects
from banyan.memory.graph.timeline import came, recorded, timeline

KEYS = 50
"""Keys that are asked for at once."""
ANSWERS = 20
"""Answers to one key."""
HISTORY = 20
"""Values of the history of one answer."""
GONE = "removed"
"""What stands for the status of a task that is there no more."""


def recall(
    source: GraphSource,
    *,
    keys: Sequence[str] = (),
    claim: Mapping[str, Any] | None = None,
    as_of: Mapping[str, Any] | None = None,
) -> Recall:
    """Return what is known under these keys, and whether a claim holds, at a turn or revision.

    Args:
        source: the tree.
        keys: of facts (and of those under them: `hotel` is `hotel/name` too), of inputs, or keys, titles and ids of
            tasks, whose output is meant.
        claim: `{"key", "value", "task"?}`.
        as_of: `{"turn": n}` or `{"revision": n}`; now if None.

    Raises:
        InvalidArgument: `as_of`, `claim` or a key is not as it should be, or there are more than 50 keys.
        UnknownTask: there is not, and never was, the task that the claim is about.
    """
    if len(keys) > KEYS:
        raise InvalidArgument("keys", f"at most {KEYS}")
    for key in keys:
        check_name(key, "keys")
    revision = revision_at(source, as_of)
    made = source.revision(revision)
    answers: list[Answer] = []
    unknown: dict[str, Sequence[str]] = {}
    left_out = 0
    for key in dict.fromkeys(keys):
        found = subjects(source, key, revision)
        told = [answer for one in found[:ANSWERS] if (answer := _answer(source, one, key, revision)) is not None]
        left_out += max(0, len(found) - ANSWERS)
        answers += sorted(told, key=lambda one: one.value is ABSENT and one.status in {"", GONE})
        if not told:
            unknown[key] = source.titles_like(key)[:5]
    return Recall(
        revision=revision,
        turn=made.turn if made else 0,
        answers=answers,
        unknown=unknown,
        claim=None if claim is None else check(source, claim, revision),
        left_out=left_out,
    )


def _answer(source: GraphSource, subject: Subject, key: str, revision: int) -> Answer | None:
    """Return what is known of a subject; None where nothing was yet at that revision."""
    # An input that stands for something without a value is told as it was given.
    history = Meanings(source, revision).of(subject.task, subject.field) or timeline(
        source, subject.task, subject.field, revision
    )
    status, title = _task_at(source, subject.task, revision)
    candidates = waiting(source, subject.task, subject.key, revision) if subject.field.startswith("facts/") else ()
    if not history and not candidates and (not status or subject.field != OUTPUT):
        return None
    turn, speaker = _when(source, subject, history, revision)
    return Answer(
        task=task_id(source.tree.id, subject.task),
        title=title,
        key=subject.key or key,
        field=subject.field,
        value=_value(history),
        turn=turn,
        source=speaker,
        status=status if subject.field == OUTPUT or status == GONE else "",
        candidates=candidates,
        history=history[-HISTORY:],
        came=came(source, subject.task, revision),
    )


def _value(history: Sequence[Said]) -> Json:
    return next((one.value for one in history if one.ended_by is None), ABSENT)


def _task_at(source: GraphSource, number: int, revision: int) -> tuple[str, str]:
    """Return the status and title of a task; of one that was gone the title that it had, and neither before it came."""
    if revision == source.tree.revision:
        for task in source.tasks([number]):
            return task.status.value, task.title
    elif (status := value_at(source, number, "status", revision)) is not ABSENT:
        return str(status), str(value_at(source, number, "title", revision))
    for event in recorded(source, tasks=[number], fields=["*"], until=revision)[-1:]:
        if event.change.after is ABSENT:
            return GONE, str(event.change.before.get("title", ""))
    return "", ""


def _when(source: GraphSource, subject: Subject, history: Sequence[Said], revision: int) -> tuple[int, str]:
    """Return the turn in which the value of a subject was said, or went, and who said so."""
    if history:
        last = next((one for one in history if one.ended_by is None), history[-1])
        return (last.turn, last.source) if last.ended_by is None else (last.ended_by.turn, last.ended_by.source)
    names = ["*", "status"] if subject.field == OUTPUT else ["*", f"candidates/{subject.key}"]
    for event in recorded(source, tasks=[subject.task], fields=names, until=revision)[-1:]:
        return event.turn, event.source
    return 0, ""
