"""Indexes that hold what balances read, so that they need not look into the tables.

Sums go through an account's transfers with their amounts and entries; what stood at an instant asks when a month's
entries were posted.
"""

from alembic import op

revision = "0016_covering_indexes"
down_revision = "0015_second_person"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_entry_period_id", "entry", ["period_id", "id"], ["posted_at"]),
    ("ix_transfer_debit_id", "transfer", ["debit_id", "period_id", "id"], ["amount", "entry_id"]),
    ("ix_transfer_credit_id", "transfer", ["credit_id", "period_id", "id"], ["amount", "entry_id"]),
)


def upgrade() -> None:
    for name, table, columns, more in INDEXES:
        op.drop_index(name, table_name=table)
        op.create_index(name, table, [*columns, *more])


def downgrade() -> None:
    for name, table, columns, _more in INDEXES:
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns)
