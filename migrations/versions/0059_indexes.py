"""Service records are found by their entry; those that were approved and not booked are found without the others."""

import sqlalchemy as sa
from alembic import op

revision = "0059_indexes"
down_revision = "0058_retention"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _some("ix_attendance_entry_id", "entry_id", "entry_id IS NOT NULL")
    _some("ix_attendance_unbooked", "id", "status = 'approved' AND entry_id IS NULL")


def _some(name: str, column: str, where: str) -> None:
    op.create_index(name, "attendance", [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    op.drop_index("ix_attendance_unbooked", table_name="attendance")
    op.drop_index("ix_attendance_entry_id", table_name="attendance")
