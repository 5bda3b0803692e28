"""Documents that staff have seen, and who belongs to whose family."""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0023_family_and_papers"
down_revision = "0022_sign_up_life"
branch_labels = None
depends_on = None

MADE = ("family_link", "qualification")


def upgrade() -> None:
    op.create_table(
        "qualification",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("note", sa.String(length=100), nullable=False),
        sa.Column("seen_by_id", sa.Integer(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.Column("withdrawn_at", UTCDateTime(), nullable=True),
        sa.Column("withdrawn_by_id", sa.Integer(), nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)", name=op.f("ck_qualification_withdrawn_by")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_qualification_member_id")),
        sa.ForeignKeyConstraint(["seen_by_id"], ["member.id"], name=op.f("fk_qualification_seen_by_id")),
        sa.ForeignKeyConstraint(["withdrawn_by_id"], ["member.id"], name=op.f("fk_qualification_withdrawn_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qualification")),
        sa.UniqueConstraint("form_key", name=op.f("uq_qualification_form_key")),
    )
    op.create_index(op.f("ix_qualification_member_id"), "qualification", ["member_id"], unique=False)
    op.create_table(
        "family_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("relative_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", UTCDateTime(), nullable=True),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("kind IN ('family', 'guardian')", name=op.f("ck_family_link_kind")),
        sa.CheckConstraint(
            "(confirmed_at IS NULL) = (confirmed_by_id IS NULL)", name=op.f("ck_family_link_confirmed_by")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by_id IS NULL)", name=op.f("ck_family_link_ended_by")),
        sa.CheckConstraint("member_id <> relative_id", name=op.f("ck_family_link_two_people")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["member.id"], name=op.f("fk_family_link_asked_by_id")),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["member.id"], name=op.f("fk_family_link_confirmed_by_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["member.id"], name=op.f("fk_family_link_ended_by_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_family_link_member_id")),
        sa.ForeignKeyConstraint(["relative_id"], ["member.id"], name=op.f("fk_family_link_relative_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family_link")),
    )
    op.create_index(op.f("ix_family_link_relative_id"), "family_link", ["relative_id"], unique=False)
    op.create_index(
        "uq_family_link_open",
        "family_link",
        ["member_id", "relative_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    if any(op.get_bind().exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1").first() for table in MADE):
        raise RuntimeError("there are families or documents; restore a backup instead of going down")
    for table in MADE:
        op.drop_table(table)
