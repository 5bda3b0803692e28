"""Where an offer is at home in the area tree, for finding what is near."""

from alembic import op

revision = "0034_finding"
down_revision = "0033_details"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE offer ADD COLUMN home_id INTEGER CONSTRAINT fk_offer_home_id REFERENCES area (id)")
    op.execute(
        "UPDATE offer SET home_id = COALESCE(area_id, (SELECT area_id FROM branch WHERE branch.id = offer.branch_id))"
    )
    op.create_index("ix_offer_home_id", "offer", ["home_id"])
    op.create_index("ix_offer_category", "offer", ["category"])


def downgrade() -> None:
    op.drop_index("ix_offer_category", table_name="offer")
    op.drop_index("ix_offer_home_id", table_name="offer")
    op.drop_column("offer", "home_id")
