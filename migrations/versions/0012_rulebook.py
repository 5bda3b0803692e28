"""Coin rules by version, group activities, give-away accounts, and minutes above a day's cap.

A version is never changed or deleted, and holds from a day after the one on which it was saved: so no rule reaches back.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0012_rulebook"
down_revision = "0011_ledger_figures"
branch_labels = None
depends_on = None

APPEND_ONLY = "coin_rule rows are never changed or deleted"
NEVER_BACK = "a rule holds from a later day than it was saved on"

SQLITE = [
    *(
        f"CREATE TRIGGER coin_rule_never_{verb.lower()} BEFORE {verb} ON coin_rule "
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    # Instants are kept in UTC; all branches live by Asia/Shanghai, eight hours ahead all year.
    f"""CREATE TRIGGER coin_rule_never_back BEFORE INSERT ON coin_rule
        WHEN NEW.valid_from <= date(NEW.created_at, '+8 hours')
        BEGIN SELECT RAISE(ABORT, '{NEVER_BACK}'); END""",
]
POSTGRESQL = [
    "CREATE TRIGGER coin_rule_append_only BEFORE UPDATE OR DELETE ON coin_rule FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER coin_rule_no_truncate BEFORE TRUNCATE ON coin_rule FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    f"""CREATE FUNCTION coin_rule_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.valid_from <= (NEW.created_at AT TIME ZONE 'Asia/Shanghai')::date THEN
            RAISE EXCEPTION '{NEVER_BACK}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    "CREATE TRIGGER coin_rule_never_back BEFORE INSERT ON coin_rule FOR EACH ROW EXECUTE FUNCTION coin_rule_guard()",
]

# Added one by one, not by copying the table: a copy would lose the triggers that guard approved attendance.
ADD = [
    "ALTER TABLE member ADD COLUMN giveaway_account_id INTEGER "
    "CONSTRAINT fk_member_giveaway_account_id REFERENCES account (id)",
    "ALTER TABLE activity ADD COLUMN group_activity BOOLEAN NOT NULL DEFAULT false",
    "ALTER TABLE attendance ADD COLUMN capped_minutes INTEGER NOT NULL DEFAULT 0 "
    "CONSTRAINT ck_attendance_capped_minutes CHECK (capped_minutes >= 0)",
]


def upgrade() -> None:
    op.create_table(
        "coin_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("points_per_hour", sa.Integer(), nullable=False),
        sa.Column("daily_cap_minutes", sa.Integer(), nullable=True),
        sa.Column("holding_cap_minutes", sa.Integer(), nullable=True),
        sa.Column("first_redemption_minutes", sa.Integer(), nullable=False),
        sa.Column("group_hours_give_away", sa.Boolean(), nullable=False),
        sa.Column("expiry_months", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_by_name", sa.String(length=80), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_coin_rule_number_positive")),
        sa.CheckConstraint("points_per_hour BETWEEN 1 AND 1000", name=op.f("ck_coin_rule_points_per_hour")),
        sa.CheckConstraint("daily_cap_minutes IS NULL OR daily_cap_minutes > 0", name=op.f("ck_coin_rule_daily_cap")),
        sa.CheckConstraint(
            "holding_cap_minutes IS NULL OR holding_cap_minutes > 0", name=op.f("ck_coin_rule_holding_cap")
        ),
        sa.CheckConstraint("first_redemption_minutes >= 0", name=op.f("ck_coin_rule_first_redemption")),
        sa.CheckConstraint("expiry_months IS NULL OR expiry_months > 0", name=op.f("ck_coin_rule_expiry_months")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_coin_rule_has_reason")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_coin_rule_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coin_rule")),
        sa.UniqueConstraint("branch_id", "number", name=op.f("uq_coin_rule_branch_id_number")),
        sa.UniqueConstraint("form_key", name=op.f("uq_coin_rule_form_key")),
    )
    for statement in [*ADD, *(POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE)]:
        op.execute(statement)


def downgrade() -> None:
    """Not where a branch has saved its rules: entries name them for good."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM coin_rule").scalar():
        raise RuntimeError("there are saved rules; restore a backup instead of going down")
    op.drop_table("coin_rule")
    op.drop_column("attendance", "capped_minutes")
    op.drop_column("activity", "group_activity")
    op.drop_column("member", "giveaway_account_id")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION coin_rule_guard()")
