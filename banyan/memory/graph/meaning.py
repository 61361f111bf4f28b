"""How the value of an input came and went: of one that stands for something else, the value that it stood for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from banyan.core.recall import Ended, Said
from banyan.core.task import ABSENT, Json, Status, is_fact_reference, is_reference, split_id
from banyan.memory.graph.basis import at_pointer
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.timeline import REMOVED, REPLACED, scope_then, timeline
from banyan.memory.graph.view import same

_Held = tuple[Json, Said | None]
"""A value, and the saying that it comes from."""


class Meanings:
    """The values of fields up to a revision, each reference told by the values that were behind it."""

    def __init__(self, source: GraphSource, until: int) -> None:
        self._source = source
        self._until = until
        self._lines: dict[tuple[int, str], list[Said]] = {}

    def of(self, number: int, name: str) -> list[Said]:
        """Return every value that a field of a task had, the first first; nothing for a reference without a value."""
        told = self._line(number, name)
        if not name.startswith("inputs/"):
            return told
        found = [one for said in told for one in self._behind(said)]
        return [_ended_by_value(one, found[at + 1 :]) for at, one in enumerate(found)]

    def _line(self, number: int, name: str) -> list[Said]:
        if (number, name) not in self._lines:
            self._lines[number, name] = timeline(self._source, number, name, self._until)
        return self._lines[number, name]

    def _behind(self, said: Said) -> list[Said]:
        """Return the values that an input had while it stood for one thing."""
        if is_fact_reference(said.value):
            holder = _number(said.task)
            near = scope_then(self._source, holder, self._until)
            lines = [self._line(one, f"facts/{said.value['$fact']}") for one in near]
            return list(_periods(said, lines, self._until, lambda at: _nearest(lines, at)))
        if is_reference(said.value):
            producer, path = _number(said.value["$from"]), said.value.get("path", "")
            lines = [self._line(producer, "output"), self._line(producer, "status")]
            return list(_periods(said, lines, self._until, lambda at: _handed_over(lines, path, at)))
        return [said]


def _periods(
    said: Said, lines: Sequence[Sequence[Said]], until: int, value_at: Callable[[int], _Held]
) -> Iterator[Said]:
    last = until if said.ended_by is None else said.ended_by.revision - 1
    when: dict[int, Said | Ended] = {}
    for one in (one for line in lines for one in line):
        when.update({end.revision: end for end in (one, one.ended_by) if end is not None})
    when = {revision: one for revision, one in when.items() if said.revision < revision <= last}
    held: Said | None = None
    for revision, by in [(said.revision, said), *sorted(when.items())]:
        value, behind = value_at(revision)
        if held is not None and same(held.value, value):
            continue
        if held is not None:
            how = REMOVED if value is ABSENT else REPLACED
            yield replace(held, ended_by=Ended(how=how, turn=by.turn, source=by.source, revision=revision, value=value))
        held = None
        if behind is not None:
            held = replace(
                said, value=value, turn=by.turn, source=by.source, revision=revision, at=max(said.at, behind.at)
            )
    if held is not None:
        yield replace(held, ended_by=said.ended_by)


def _nearest(lines: Sequence[Sequence[Said]], revision: int) -> _Held:
    """Return the value of the nearest fact that held."""
    for line in lines:
        if (found := _holding(line, revision)) is not None:
            return found.value, found
    return ABSENT, None


def _handed_over(lines: Sequence[Sequence[Said]], path: str, revision: int) -> _Held:
    """Return what a task handed over at a path: nothing while it was not done."""
    output, status = (_holding(line, revision) for line in lines)
    if output is None or status is None or status.value != Status.DONE:
        return ABSENT, None
    value = at_pointer(output.value, path)
    return value, None if value is ABSENT else output


def _holding(line: Sequence[Said], revision: int) -> Said | None:
    held = [
        one for one in line if one.revision <= revision and (one.ended_by is None or revision < one.ended_by.revision)
    ]
    return held[-1] if held else None


def _ended_by_value(said: Said, later: Sequence[Said]) -> Said:
    """Return a saying whose end tells what came in its place by value too."""
    end = said.ended_by
    if end is None or not (is_reference(end.value) or is_fact_reference(end.value)):
        return said
    value = next((one.value for one in later if one.revision == end.revision), ABSENT)
    return replace(said, ended_by=replace(end, value=value))


def _number(task: str) -> int:
    parts = split_id(task)
    if parts is None:
        raise LookupError(f"`{task}` is no id of a task")
    return parts[1]
