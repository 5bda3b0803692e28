"""An index of the months that are still open, so that a book with a thousand closed ones finds them at once."""

import sqlalchemy as sa
from alembic import op

revision = "0025_open_months"
down_revision = "0024_paper_sheets"
branch_labels = None
depends_on = None

STILL_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_period_open", "period", ["book_id", "month"], sqlite_where=STILL_OPEN, postgresql_where=STILL_OPEN
    )


def downgrade() -> None:
    op.drop_index("ix_period_open", table_name="period")
