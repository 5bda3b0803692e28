"""Offers are shared with their own branch, with chosen ones, or with all."""

import sqlalchemy as sa
from alembic import op

revision = "0029_sharing"
down_revision = "0028_clearing"
branch_labels = None
depends_on = None

# Not by copying the table: a copy would lose whatever guards it.
ADD = (
    "ALTER TABLE offer ADD COLUMN shared_with VARCHAR(8) DEFAULT 'branch' NOT NULL "
    "CONSTRAINT ck_offer_shared_with CHECK (shared_with IN ('branch', 'chosen', 'all'))"
)


def upgrade() -> None:
    op.execute(ADD)
    op.create_table(
        "offer_share",
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_offer_share_offer_id")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_offer_share_branch_id")),
        sa.PrimaryKeyConstraint("offer_id", "branch_id", name=op.f("pk_offer_share")),
    )
    op.create_index(op.f("ix_offer_share_branch_id"), "offer_share", ["branch_id"])


def downgrade() -> None:
    """Not where somebody shares: a member would find their offer hidden from those they meant it for."""
    shared = "SELECT count(*) FROM offer WHERE shared_with <> 'branch'"
    if op.get_bind().exec_driver_sql(shared).scalar():
        raise RuntimeError("offer has rows that would be forgotten; restore a backup instead of going down")
    op.drop_table("offer_share")
    op.drop_column("offer", "shared_with")
