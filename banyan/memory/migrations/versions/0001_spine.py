"""The first tables: sources, tools with their specs, vectors, calls with their results, approvals."""

import sqlalchemy as sa
from alembic import op

from banyan.memory.tables import Instant, Line

revision = "0001"
down_revision = None

TOOL_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    catalogue = op.create_table(
        "catalogue",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("next_tool_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalogue"),
    )
    op.bulk_insert(catalogue, [{"id": 1, "version": 0, "next_tool_id": 1}])
    op.create_table(
        "sources",
        sa.Column("name", Line(), nullable=False),
        sa.Column("kind", Line(), nullable=False),
        sa.Column("config", sa.LargeBinary(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("instructions", Line(), nullable=False),
        sa.Column("synced_at", Instant(), nullable=True),
        sa.Column("sync_error", Line(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_sources"),
    )
    op.create_table(
        "tools",
        sa.Column("id", TOOL_ID, nullable=False, autoincrement=False),
        sa.Column("name", Line(), nullable=False),
        sa.Column("name_fold", Line(), nullable=False),
        sa.Column("source", Line(), nullable=False),
        sa.Column("identity", Line(), nullable=False),
        sa.Column("server", Line(), nullable=False),
        sa.Column("upstream_name", Line(), nullable=False),
        sa.Column("digest", Line(), nullable=False),
        sa.Column("search_digest", Line(), nullable=False),
        sa.Column("state", Line(), nullable=False),
        sa.Column("state_reason", Line(), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tools"),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name="fk_tools_source", ondelete="CASCADE"),
        sa.UniqueConstraint("name", name="uq_tools_name"),
        sa.UniqueConstraint("name_fold", name="uq_tools_name_fold"),
        sa.UniqueConstraint("source", "identity", name="uq_tools_source_identity"),
    )
    op.create_table(
        "specs",
        sa.Column("tool_id", TOOL_ID, nullable=False, autoincrement=False),
        sa.Column("spec", sa.LargeBinary(), nullable=False),
        sa.Column("last_change", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("tool_id", name="pk_specs"),
        sa.ForeignKeyConstraint(["tool_id"], ["tools.id"], name="fk_specs_tool_id", ondelete="CASCADE"),
    )
    op.create_table(
        "vectors",
        sa.Column("model", Line(), nullable=False),
        sa.Column("digest", Line(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("model", "digest", name="pk_vectors"),
    )
    op.create_table(
        "calls",
        sa.Column("call_id", Line(), nullable=False),
        sa.Column("tool", Line(), nullable=False),
        sa.Column("source", Line(), nullable=True),
        sa.Column("tool_digest", Line(), nullable=True),
        sa.Column("arguments_digest", Line(), nullable=False),
        sa.Column("surface", Line(), nullable=False),
        sa.Column("state", Line(), nullable=False),
        sa.Column("outcome", Line(), nullable=True),
        sa.Column("category", Line(), nullable=True),
        sa.Column("message", Line(), nullable=True),
        sa.Column("handle", Line(), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("took_ms", sa.Float(), nullable=True),
        sa.Column("idempotency_key", Line(), nullable=True),
        sa.Column("idempotency_digest", Line(), nullable=True),
        sa.Column("task", Line(), nullable=True),
        sa.PrimaryKeyConstraint("call_id", name="pk_calls"),
        sa.UniqueConstraint("idempotency_digest", name="uq_calls_idempotency_digest"),
    )
    op.create_index("ix_calls_started_at", "calls", ["started_at"])
    op.create_index("ix_calls_state_outcome", "calls", ["state", "outcome"])
    op.create_table(
        "artifacts",
        sa.Column("handle", Line(), nullable=False),
        sa.Column("media_type", Line(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("kept_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("handle", name="pk_artifacts"),
    )
    op.create_index("ix_artifacts_created_at_kept_bytes", "artifacts", ["created_at", "kept_bytes"])
    op.create_table(
        "bodies",
        sa.Column("handle", Line(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("handle", name="pk_bodies"),
        sa.ForeignKeyConstraint(["handle"], ["artifacts.handle"], name="fk_bodies_handle", ondelete="CASCADE"),
    )
    op.create_table(
        "approvals",
        sa.Column("id", Line(), nullable=False),
        sa.Column("tool", Line(), nullable=False),
        sa.Column("tool_digest", Line(), nullable=False),
        sa.Column("arguments_digest", Line(), nullable=False),
        sa.Column("arguments_preview", Line(), nullable=False),
        sa.Column("reason", Line(), nullable=False),
        sa.Column("state", Line(), nullable=False),
        sa.Column("scope", Line(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", Line(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
    )
    op.create_index("ix_approvals_tool_state", "approvals", ["tool", "state"])
