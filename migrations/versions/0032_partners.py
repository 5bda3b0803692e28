"""Desks at which organisations take vouchers, and which voucher was taken at which.

A desk stays whose it is; it is claimed once and closed once. Uses are only ever added.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0032_partners"
down_revision = "0031_providers"
branch_labels = None
depends_on = None

STAYS = "a desk stays whose it is, is claimed once and closed once"
IDENTITY = (
    *("id", "branch_id", "organisation_id", "name", "opened_by_id", "opened_at"),
    *("link_until", "expires_at", "form_key"),
)
ONCE = ("claimed_at", "closed_at", "closed_by_id")


def _changed(differ: str) -> str:
    fixed = [f"NEW.{name} {differ} OLD.{name}" for name in IDENTITY]
    once = [f"(OLD.{name} IS NOT NULL AND NEW.{name} {differ} OLD.{name})" for name in ONCE]
    return " OR ".join([*fixed, *once])


SQLITE = (
    *(
        f"CREATE TRIGGER desk_use_never_{verb.lower()} BEFORE {verb} ON desk_use "
        "BEGIN SELECT RAISE(ABORT, 'desk_use rows are never changed or deleted'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER partner_desk_stays BEFORE UPDATE ON partner_desk WHEN {_changed('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{STAYS}'); END",
    f"CREATE TRIGGER partner_desk_never_deleted BEFORE DELETE ON partner_desk BEGIN SELECT RAISE(ABORT, '{STAYS}'); END",
)
REFUSE = f"RAISE EXCEPTION '{STAYS}' USING ERRCODE = 'restrict_violation';"
POSTGRESQL = (
    "CREATE TRIGGER desk_use_append_only BEFORE UPDATE OR DELETE ON desk_use FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER desk_use_no_truncate BEFORE TRUNCATE ON desk_use FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    f"""CREATE FUNCTION partner_desk_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP <> 'UPDATE' THEN {REFUSE} END IF;
          IF {_changed("IS DISTINCT FROM")} THEN {REFUSE} END IF;
          RETURN NEW; END $$""",
    """CREATE TRIGGER partner_desk_stays BEFORE UPDATE OR DELETE ON partner_desk
       FOR EACH ROW EXECUTE FUNCTION partner_desk_guard()""",
    "CREATE TRIGGER partner_desk_no_truncate BEFORE TRUNCATE ON partner_desk "
    "FOR EACH STATEMENT EXECUTE FUNCTION partner_desk_guard()",
)


def upgrade() -> None:
    op.create_table(
        "partner_desk",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("opened_by_id", sa.Integer(), nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("link_until", UTCDateTime(), nullable=False),
        sa.Column("claimed_at", UTCDateTime(), nullable=True),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint(
            "expires_at > opened_at AND link_until > opened_at", name=op.f("ck_partner_desk_ends_later")
        ),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_by_id IS NULL)", name=op.f("ck_partner_desk_closed_by")),
        sa.CheckConstraint("name <> ''", name=op.f("ck_partner_desk_has_name")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_partner_desk_branch_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_partner_desk_organisation_id")),
        sa.ForeignKeyConstraint(["opened_by_id"], ["member.id"], name=op.f("fk_partner_desk_opened_by_id")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["member.id"], name=op.f("fk_partner_desk_closed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_desk")),
        sa.UniqueConstraint("form_key", name=op.f("uq_partner_desk_form_key")),
    )
    op.create_index(op.f("ix_partner_desk_branch_id"), "partner_desk", ["branch_id"])
    op.create_index(op.f("ix_partner_desk_organisation_id"), "partner_desk", ["organisation_id"])
    op.create_table(
        "desk_use",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("desk_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["desk_id"], ["partner_desk.id"], name=op.f("fk_desk_use_desk_id")),
        sa.ForeignKeyConstraint(["order_id"], ["exchange_order.id"], name=op.f("fk_desk_use_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_use")),
        sa.UniqueConstraint("order_id", name=op.f("uq_desk_use_order_id")),
    )
    op.create_index(op.f("ix_desk_use_desk_id"), "desk_use", ["desk_id"])
    op.execute("ALTER TABLE exchange_order ADD COLUMN desk_name VARCHAR(90) DEFAULT '' NOT NULL")
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Not where there are desks: nobody could say who handed things out."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM partner_desk").scalar():
        raise RuntimeError("partner_desk has rows that would be forgotten; restore a backup instead of going down")
    op.drop_column("exchange_order", "desk_name")
    op.drop_table("desk_use")
    op.drop_table("partner_desk")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION partner_desk_guard()")
