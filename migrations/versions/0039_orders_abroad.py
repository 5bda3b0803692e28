"""Orders of another branch's offers: each names the proposal by which its coins pass between the branches."""

import sqlalchemy as sa
from alembic import op

revision = "0039_orders_abroad"
down_revision = "0038_requests"
branch_labels = None
depends_on = None

# Not by copying the table: a copy would lose the triggers that guard it.
ADD = (
    "ALTER TABLE exchange_order ADD COLUMN proposal_id INTEGER "
    "CONSTRAINT fk_exchange_order_proposal_id REFERENCES proposal (id)"
)


def upgrade() -> None:
    op.execute(ADD)
    op.create_index("uq_exchange_order_proposal_id", "exchange_order", ["proposal_id"], unique=True)


def downgrade() -> None:
    """Not where something was ordered from another branch."""
    if op.get_bind().execute(sa.text("SELECT count(proposal_id) FROM exchange_order")).scalar():
        raise RuntimeError("exchange_order has rows that would be forgotten; restore a backup instead of going down")
    op.drop_index("uq_exchange_order_proposal_id", "exchange_order")
    op.drop_column("exchange_order", "proposal_id")
