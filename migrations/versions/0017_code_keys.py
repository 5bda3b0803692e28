"""Generations of the keys that codes are made with: numbers and times, no key material."""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0017_code_keys"
down_revision = "0016_covering_indexes"
branch_labels = None
depends_on = None

NEWEST = sa.text("accepted_until IS NULL")


def upgrade() -> None:
    op.create_table(
        "code_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(12), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("from_at", UTCDateTime()),
        sa.Column("accepted_until", UTCDateTime()),
        sa.Column("rotated_by_id", sa.Integer()),
        sa.Column("form_key", sa.String(80)),
        sa.CheckConstraint("purpose IN ('personal', 'venue', 'poster')", name=op.f("ck_code_key_purpose")),
        sa.CheckConstraint("generation >= 0", name=op.f("ck_code_key_generation_not_negative")),
        sa.CheckConstraint("(from_at IS NULL) = (generation = 0)", name=op.f("ck_code_key_first_since_ever")),
        sa.CheckConstraint("generation = 0 OR form_key IS NOT NULL", name=op.f("ck_code_key_made_by_a_form")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_key")),
        sa.UniqueConstraint("purpose", "generation", name=op.f("uq_code_key_purpose_generation")),
        sa.UniqueConstraint("form_key", name=op.f("uq_code_key_form_key")),
    )
    op.create_index(
        "uq_code_key_in_use", "code_key", ["purpose"], unique=True, sqlite_where=NEWEST, postgresql_where=NEWEST
    )


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT COUNT(*) FROM code_key")):
        raise RuntimeError("keys were rotated; restore a backup instead of going down")
    op.drop_index("uq_code_key_in_use", table_name="code_key")
    op.drop_table("code_key")
