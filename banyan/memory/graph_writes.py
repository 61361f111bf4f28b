"""What a change of a tree writes: few statements, each for many rows, in the transaction that decided it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, islice
from typing import Any, Final

from sqlalchemy import Table, bindparam, delete, func, insert, literal, null, select, update
from sqlalchemy.engine import Connection

from banyan.core.errors import Conflict
from banyan.core.task import Fact, Revision, Task, Tree, TreeId, TreeState
from banyan.memory.graph.commit import Commit, written
from banyan.memory.graph.store import Dump
from banyan.memory.graph.workspace import Workspace
from banyan.memory.graph_source import SqlSource
from banyan.memory.journal import write_ended, write_prepared
from banyan.memory.packing import Packer
from banyan.memory.pending import Ended
from banyan.memory.statements import Statement, together
from banyan.memory.tables import storable
from banyan.memory.task_rows import (
    STATUS_CODES,
    changes_values,
    derived_values,
    fact_values,
    links_of,
    micros,
    revision_values,
    task_values,
    tree_values,
)
from banyan.memory.task_tables import (
    TREE_BITS,
    row_id,
    task_changes,
    task_facts,
    task_links,
    task_revisions,
    tasks,
    trees,
)

Values = dict[str, Any]
Pairs = Mapping[int, tuple[Task | None, Task | None]]

DERIVED: Final = frozenset({"gate", "ready", "own", "tail", "children", "unended", "revision"})
"""Fields that may change without the rest of a task's row."""
ROWS_AT_A_TIME = 10_000
"""Rows that one statement adds: those of a million tasks at once would take gigabytes."""
LINKING: Final = ("inputs", "requires", "under", "parent")
"""Fields that other tasks and names lead from."""
_REST: Final = tuple(name for name in Task.__dataclass_fields__ if name not in DERIVED)


def _set(table: Table, names: Iterable[str]) -> Statement:
    """Return an update of one row's columns, by the row's `at_*` key."""
    query = update(table).where(*(key == bindparam(f"at_{key.name}") for key in table.primary_key))
    return Statement(query.values({name: bindparam(name) for name in names}))


def _drop(table: Table) -> Statement:
    """Return a deletion of one row, by the row's `at_*` key."""
    return Statement(delete(table).where(*(key == bindparam(f"at_{key.name}") for key in table.primary_key)))


_SET_TREE = _set(trees, [column.name for column in trees.c if column.name != "id"])
_SET_TASK = _set(tasks, [column.name for column in tasks.c if column.name not in {"id", "tree"}])
_SET_DERIVED = _set(tasks, sorted(DERIVED))
_FREE_KEY = Statement(update(tasks).where(tasks.c.id == bindparam("at_id")).values(key=null()))
_DROP_TASK, _DROP_LINK, _DROP_FACT = _drop(tasks), _drop(task_links), _drop(task_facts)
_ADD = {table.name: Statement(insert(table)) for table in (tasks, task_links, task_facts, task_revisions, task_changes)}
_OF_A_TREE = (task_changes, task_revisions, task_facts, task_links, tasks)


def add_tree(connection: Connection, tree: Tree, *, standing: int = 0, counts: Sequence[int] = ()) -> int:
    """Add the row of a tree, and return its number.  Raises `Conflict` where there is one of this id."""
    if connection.execute(select(trees.c.id).where(trees.c.code == tree.id)).first() is not None:
        raise Conflict(f"there is a tree `{tree.id}`")
    values = tree_values(tree, standing, counts or [0] * len(STATUS_CODES))
    number: int = connection.execute(insert(trees).returning(trees.c.id), values).scalar_one()
    return number


def write(source: SqlSource, ws: Workspace, commit: Commit) -> None:
    """Write what a batch has changed."""
    connection, tree, packer = source.connection, source.id, source.packer
    changed = written(ws, commit)
    standing = source.standing if commit.revision is None else commit.revision.state
    counts = _counted(source.stored_counts, changed)
    ended = [Ended(record, result) for record, result in ws.ended]
    # Whether a key is taken is asked, and nothing can be within what is sent in one go.
    asking = any(one.result is not None or one.record.idempotency_key is not None for one in ended)
    with together(connection):
        _write_tasks(connection, tree, changed, packer)
        _write_facts(connection, tree, ws.written_facts(), packer)
        if commit.revision is not None:
            opens = commit.revision.turn > source.tree.turn or commit.revision.number == 1
            _add(connection, task_revisions, [revision_values(tree, commit.revision, opens=opens)])
            _add(connection, task_changes, changes_values(tree, commit.revision.number, commit.changes, packer))
        if commit.tree != source.tree or counts != source.stored_counts:
            _SET_TREE.run(connection, [{"at_id": tree, **tree_values(commit.tree, standing, counts)}])
        write_prepared(connection, ws.prepared)
        if not asking:
            write_ended(connection, ended)
    if asking:
        write_ended(connection, ended)
    for branch in commit.branches:
        _copy(source, commit, branch, standing, counts)
    _close(connection, ws.closed, micros(ws.now))


def write_dump(connection: Connection, dump: Dump) -> None:
    """Write a whole tree.  Raises `Conflict` where there is one of its id."""
    packer = Packer()
    counts = [0] * len(STATUS_CODES)
    for task in dump.tasks:
        counts[STATUS_CODES[task.status]] += 1
    standing = dump.revisions[-1].state if dump.revisions else dump.tree.revision
    tree = add_tree(connection, dump.tree, standing=standing, counts=counts)
    _write_tasks(connection, tree, {task.number: (None, task) for task in dump.tasks}, packer)
    _add(connection, task_facts, (fact_values(tree, fact, packer) for fact in dump.facts))
    _add(connection, task_revisions, _revisions(tree, dump.revisions))
    for revision, events in groupby(dump.events, key=lambda event: event.revision):
        changes = [event.change for event in events]
        _add(connection, task_changes, changes_values(tree, revision, changes, packer))


def forget(source: SqlSource, revision: int) -> int:
    """Drop the record up to `revision`, whose state can still be asked for; return how many changes."""
    connection, tree = source.connection, source.id
    revision = min(revision, source.tree.revision)
    if revision <= source.tree.pruned:
        return 0
    old = (task_changes.c.tree == tree, task_changes.c.revision <= revision)
    dropped = connection.execute(select(func.sum(task_changes.c.size)).where(*old)).scalar()
    connection.execute(delete(task_changes).where(*old))
    numbers = task_revisions.c.number
    connection.execute(delete(task_revisions).where(task_revisions.c.tree == tree, numbers < revision))
    first = (task_revisions.c.tree == tree, numbers == revision)
    connection.execute(update(task_revisions).where(*first).values(opens=True))
    connection.execute(update(trees).where(trees.c.id == tree).values(pruned=revision))
    return int(dropped or 0)


def remove(connection: Connection, codes: Sequence[TreeId]) -> int:
    """Remove trees with everything that is known of them, and return how many tasks they had."""
    found = connection.execute(select(trees.c.id).where(trees.c.code.in_(codes)).with_for_update())
    gone = [row.id for row in found]
    count = 0
    for table in _OF_A_TREE:
        count = connection.execute(delete(table).where(table.c.tree.in_(gone))).rowcount
    connection.execute(delete(trees).where(trees.c.id.in_(gone)))
    return count


def _write_tasks(connection: Connection, tree: int, changed: Pairs, packer: Packer) -> None:
    pairs = list(changed.values())
    gone = [one for one, task in pairs if one is not None and task is None]
    both = [(one, task) for one, task in pairs if one is not None and task is not None]
    come = [task for one, task in pairs if one is None and task is not None]
    whole = [(one, task) for one, task in both if _differs(one, task)]
    light = [task for one, task in both if not _differs(one, task)]
    _DROP_TASK.run(connection, [{"at_id": row_id(tree, task.number)} for task in gone])
    # A key that goes from one task to another is nobody's in between.
    freed = [one.number for one, task in whole if one.key is not None and one.key != task.key]
    _FREE_KEY.run(connection, [{"at_id": row_id(tree, number)} for number in freed])
    _SET_TASK.run(connection, [_at(task_values(tree, task, packer)) for _, task in whole])
    _SET_DERIVED.run(connection, [_at_id(tree, task) for task in light])
    _add(connection, tasks, (task_values(tree, task, packer) for task in come))
    _write_links(connection, tree, changed)


def _write_links(connection: Connection, tree: int, changed: Pairs) -> None:
    come: list[Values] = []
    gone: list[Values] = []
    for number, (one, task) in changed.items():
        if one is not None and task is not None and all(getattr(one, name) is getattr(task, name) for name in LINKING):
            continue
        before, after = links_of(one), links_of(task)
        come += [_link(tree, number, link) for link in after - before]
        gone += [{f"at_{name}": value for name, value in _link(tree, number, link).items()} for link in before - after]
    _DROP_LINK.run(connection, gone)
    _add(connection, task_links, come)


def _write_facts(
    connection: Connection, tree: int, changed: Mapping[tuple[int, str], Fact | None], packer: Packer
) -> None:
    _DROP_FACT.run(connection, [{"at_tree": tree, "at_task": task, "at_key": storable(key)} for task, key in changed])
    _add(connection, task_facts, [fact_values(tree, fact, packer) for fact in changed.values() if fact is not None])


def _copy(source: SqlSource, commit: Commit, branch: Tree, standing: int, counts: Sequence[int]) -> None:
    """Copy the rows of a tree as it now is, and the revision at which its record parts from that of the copy."""
    connection, tree = source.connection, source.id
    copy = add_tree(connection, branch, standing=standing, counts=counts)
    changed = {"tree": literal(copy), "holder": null(), "lease_until": null()}
    for table in (tasks, task_links, task_facts):
        columns = [changed.get(column.name, column) for column in table.c]
        if table is tasks:
            columns[0] = tasks.c.id + ((copy - tree) << TREE_BITS)
        rows = select(*columns).where(table.c.tree == tree)
        connection.execute(insert(table).from_select([column.name for column in table.c], rows))
    last = source.revision(commit.tree.revision)
    if last is not None:
        _add(connection, task_revisions, [revision_values(copy, last, opens=True)])


def _close(connection: Connection, closed: Mapping[TreeId, TreeState], at: int) -> None:
    for code, state in sorted(closed.items()):
        connection.execute(update(trees).where(trees.c.code == code).values(state=state.value, changed_at=at))


def _counted(counts: Sequence[int], changed: Pairs) -> list[int]:
    found = list(counts)
    for before, after in changed.values():
        for task, by in ((before, -1), (after, 1)):
            if task is not None:
                found[STATUS_CODES[task.status]] += by
    return found


def _revisions(tree: int, revisions: Iterable[Revision]) -> Iterable[Values]:
    turn = -1
    for revision in revisions:
        yield revision_values(tree, revision, opens=revision.turn > turn)
        turn = revision.turn


def _differs(one: Task, other: Task) -> bool:
    """Whether more of a task changed than what is derived.  A value that was not changed is the same object."""
    return any(getattr(one, name) is not getattr(other, name) for name in _REST)


def _at(values: Values) -> Values:
    values["at_id"] = values.pop("id")
    values.pop("tree")
    return values


def _at_id(tree: int, task: Task) -> Values:
    return {"at_id": row_id(tree, task.number), **derived_values(task)}


def _link(tree: int, task: int, link: tuple[int, int]) -> Values:
    kind, source = link
    return {"tree": tree, "kind": kind, "source": source, "task": task}


def _add(connection: Connection, table: Table, rows: Iterable[Values]) -> None:
    rest = iter(rows)
    while part := list(islice(rest, ROWS_AT_A_TIME)):
        _ADD[table.name].run(connection, part)
