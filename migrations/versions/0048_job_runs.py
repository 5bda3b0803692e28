"""Runs of the schedule's jobs, and who leads it."""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0048_job_runs"
down_revision = "0047_close_checks"
branch_labels = None
depends_on = None

CAUSES = ("schedule", "start", "retry", "hand")
RESULTS = ("running", "done", "failed", "interrupted")


def upgrade() -> None:
    op.create_table(
        "job_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("cause", sa.String(length=8), nullable=False),
        sa.Column("planned_at", UTCDateTime(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("result", sa.String(length=12), nullable=False),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("words", sa.String(length=400), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retry_at", UTCDateTime(), nullable=True),
        sa.Column("process", sa.String(length=80), nullable=False),
        sa.CheckConstraint(f"cause IN {CAUSES}", name=op.f("ck_job_run_cause")),
        sa.CheckConstraint(f"result IN {RESULTS}", name=op.f("ck_job_run_result")),
        sa.CheckConstraint("(result = 'running') = (ended_at IS NULL)", name=op.f("ck_job_run_ended_once")),
        sa.CheckConstraint(
            "(result IN ('failed', 'interrupted')) = (retry_at IS NOT NULL)", name=op.f("ck_job_run_retried")
        ),
        sa.CheckConstraint("attempt > 0", name=op.f("ck_job_run_attempt_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_run")),
    )
    op.create_index("ix_job_run_job_id", "job_run", ["job", "id"])
    op.create_index("ix_job_run_started_at", "job_run", ["started_at"])
    op.create_table(
        "job_watch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("process", sa.String(length=80), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.Column("left_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_job_watch_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_watch")),
    )


def downgrade() -> None:
    """What ran when is a log of the past few weeks: nothing depends on it."""
    op.drop_table("job_watch")
    op.drop_table("job_run")
