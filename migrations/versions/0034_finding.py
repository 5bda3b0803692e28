"""Where an offer is at home in the area tree, for finding what is near; what members look for.

Of a need and an offer that fit each other somebody is told once.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

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
    op.create_table(
        "need",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("words", sa.String(length=60), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("words <> ''", name=op.f("ck_need_has_words")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_need_branch_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_need_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_need")),
        sa.UniqueConstraint("form_key", name=op.f("uq_need_form_key")),
    )
    op.create_index("ix_need_branch_id_until", "need", ["branch_id", "until"])
    op.create_index("ix_need_category", "need", ["category"])
    op.create_index(op.f("ix_need_member_id"), "need", ["member_id"])
    op.create_table(
        "need_match",
        sa.Column("need_id", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["need_id"], ["need.id"], name=op.f("fk_need_match_need_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_need_match_offer_id")),
        sa.PrimaryKeyConstraint("need_id", "offer_id", name=op.f("pk_need_match")),
    )
    op.create_index(op.f("ix_need_match_offer_id"), "need_match", ["offer_id"])


def downgrade() -> None:
    """Not where somebody looks for something."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM need").scalar():
        raise RuntimeError("need has rows that would be forgotten; restore a backup instead of going down")
    op.drop_table("need_match")
    op.drop_table("need")
    op.drop_index("ix_offer_category", table_name="offer")
    op.drop_index("ix_offer_home_id", table_name="offer")
    op.drop_column("offer", "home_id")
