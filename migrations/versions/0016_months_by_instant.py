"""The index of a month's entries also knows when they were posted: what stood at an instant asks the table for less."""

from alembic import op

revision = "0016_months_by_instant"
down_revision = "0015_second_person"
branch_labels = None
depends_on = None


def _index(*columns: str) -> None:
    op.drop_index("ix_entry_period_id", table_name="entry")
    op.create_index("ix_entry_period_id", "entry", ["period_id", *columns])


def upgrade() -> None:
    _index("id", "posted_at")


def downgrade() -> None:
    _index("id")
