"""Trees of tasks with their record, and calls that are made for a task."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from banyan.memory.tables import Line

revision = "0002"
down_revision = "0001"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("calls", sa.Column("fence", sa.BigInteger(), nullable=True))
    op.add_column("calls", sa.Column("effectful", sa.Boolean(), nullable=True))
    index("ix_calls_task", "calls", ["task"], where="task IS NOT NULL")
    op.create_table(
        "trees",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", Line(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("standing", sa.BigInteger(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("next_number", sa.BigInteger(), nullable=False),
        sa.Column("pruned", sa.BigInteger(), nullable=False),
        sa.Column("state", Line(), nullable=False),
        sa.Column("origin", Line(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trees"),
    )
    op.create_index("ix_trees_code", "trees", ["code"], unique=True)
    index("ix_trees_origin", "trees", ["origin", "code"], where="origin IS NOT NULL")
    create_tasks()
    create_record()


def create_tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", ROW_ID, nullable=False, autoincrement=False),
        sa.Column("tree", sa.Integer(), nullable=False),
        sa.Column("parent", sa.BigInteger(), nullable=True),
        sa.Column("key", Line(), nullable=True),
        sa.Column("title_hash", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("gate", sa.Boolean(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("own", sa.Float(), nullable=False),
        sa.Column("tail", sa.Float(), nullable=False),
        sa.Column("children", sa.Integer(), nullable=False),
        sa.Column("unended", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("holder", Line(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    )
    op.create_index("ix_tasks_parent", "tasks", ["tree", "parent"])
    op.create_index("ix_tasks_title", "tasks", ["tree", "title_hash"])
    index("ix_tasks_key", "tasks", ["tree", "key"], unique=True, where="key IS NOT NULL")
    index("ix_tasks_failed", "tasks", ["tree", "parent"], where="status = 4")
    index("ix_tasks_unended", "tasks", ["tree"], where="status IN (0, 1, 2, 7)")
    index("ix_tasks_lease", "tasks", ["tree", "lease_until"], where="lease_until IS NOT NULL")
    order: list[str | sa.TextClause] = ["tree", sa.text("tail DESC"), sa.text("priority DESC"), "id"]
    index("ix_tasks_ready", "tasks", order, where="ready")
    op.create_table(
        "task_links",
        sa.Column("tree", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("source", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("task", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("tree", "kind", "source", "task", name="pk_task_links"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "task_facts",
        sa.Column("tree", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("task", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("key", Line(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("speaker", Line(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tree", "task", "key", name="pk_task_facts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_task_facts_key", "task_facts", ["tree", "key"])


def create_record() -> None:
    op.create_table(
        "task_revisions",
        sa.Column("tree", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("opens", sa.Boolean(), nullable=False),
        sa.Column("speaker", Line(), nullable=False),
        sa.Column("kind", Line(), nullable=False),
        sa.Column("state", sa.BigInteger(), nullable=True),
        sa.Column("base", sa.BigInteger(), nullable=True),
        sa.Column("note", Line(), nullable=True),
        sa.PrimaryKeyConstraint("tree", "number", name="pk_task_revisions"),
        sqlite_with_rowid=False,
    )
    index("ix_task_revisions_opens", "task_revisions", ["tree", "turn"], where="opens")
    op.create_table(
        "task_changes",
        sa.Column("tree", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("revision", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("task", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tree", "revision", "seq", name="pk_task_changes"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_task_changes_task", "task_changes", ["tree", "task", "revision", "field"])
    index("ix_task_changes_field", "task_changes", ["tree", "field", "revision"], where="field < 0")
    index("ix_task_changes_named", "task_changes", ["tree", "revision"], where="field > 0 AND (field & 10) <> 0")
    index("ix_task_changes_gone", "task_changes", ["tree", "revision"], where="field >= 1073741824")


def index(name: str, table: str, columns: Sequence[str | sa.TextClause], *, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
