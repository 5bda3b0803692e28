"""Gifts between members, grants from the fund by two people, and how much may be given in a month.

Gifts are only ever added. A grant that was decided or taken back stays as it is, and who asked, for whom, how much and
why never changes.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0026_giving"
down_revision = "0025_open_months"
branch_labels = None
depends_on = None

ASKED_STAYS = "what a grant was asked for never changes, and a decided one is final"
IDENTITY = ("id", "branch_id", "member_id", "minutes", "reason", "asked_by_id", "asked_at", "form_key")
# Not by copying the table: a copy would lose the triggers that guard it.
ADD = (
    "ALTER TABLE coin_rule ADD COLUMN gift_month_minutes INTEGER DEFAULT 600 "
    "CONSTRAINT ck_coin_rule_gift_month CHECK (gift_month_minutes IS NULL OR gift_month_minutes >= 0)"
)


def _changed(differ: str) -> str:
    return "OLD.status <> 'asked' OR " + " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in IDENTITY)


SQLITE = (
    *(
        f"CREATE TRIGGER gift_never_{verb.lower()} BEFORE {verb} ON gift "
        "BEGIN SELECT RAISE(ABORT, 'gift rows are never changed or deleted'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER fund_grant_final BEFORE UPDATE ON fund_grant WHEN {_changed('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{ASKED_STAYS}'); END",
    "CREATE TRIGGER fund_grant_never_deleted BEFORE DELETE ON fund_grant "
    f"BEGIN SELECT RAISE(ABORT, '{ASKED_STAYS}'); END",
    "CREATE TRIGGER fund_grant_begins BEFORE INSERT ON fund_grant WHEN NEW.status <> 'asked' "
    f"BEGIN SELECT RAISE(ABORT, '{ASKED_STAYS}'); END",
)
REFUSE = f"RAISE EXCEPTION '{ASKED_STAYS}' USING ERRCODE = 'restrict_violation';"
POSTGRESQL = (
    "CREATE TRIGGER gift_append_only BEFORE UPDATE OR DELETE ON gift FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER gift_no_truncate BEFORE TRUNCATE ON gift FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    f"""CREATE FUNCTION fund_grant_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN {REFUSE} END IF;
          IF TG_OP = 'INSERT' THEN IF NEW.status <> 'asked' THEN {REFUSE} END IF; RETURN NEW; END IF;
          IF {_changed("IS DISTINCT FROM")} THEN {REFUSE} END IF;
          RETURN NEW; END $$""",
    """CREATE TRIGGER fund_grant_final BEFORE INSERT OR UPDATE OR DELETE ON fund_grant
       FOR EACH ROW EXECUTE FUNCTION fund_grant_guard()""",
    "CREATE TRIGGER fund_grant_no_truncate BEFORE TRUNCATE ON fund_grant "
    "FOR EACH STATEMENT EXECUTE FUNCTION fund_grant_guard()",
)


def upgrade() -> None:
    op.create_table(
        "gift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=False),
        sa.Column("purse", sa.String(length=8), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(length=100), nullable=False),
        sa.Column("given_at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_gift_minutes_positive")),
        sa.CheckConstraint("from_id <> to_id", name=op.f("ck_gift_to_another")),
        sa.CheckConstraint("purse IN ('giveaway', 'coin')", name=op.f("ck_gift_purse")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_gift_branch_id")),
        sa.ForeignKeyConstraint(["from_id"], ["member.id"], name=op.f("fk_gift_from_id")),
        sa.ForeignKeyConstraint(["to_id"], ["member.id"], name=op.f("fk_gift_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gift")),
        sa.UniqueConstraint("form_key", name=op.f("uq_gift_form_key")),
    )
    op.create_index("ix_gift_from_id_given_at", "gift", ["from_id", "given_at"])
    op.create_index("ix_gift_to_id_given_at", "gift", ["to_id", "given_at"])
    _create_grant()
    for statement in (ADD, *(POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE)):
        op.execute(statement)


def _create_grant() -> None:
    decided = "status NOT IN ('granted', 'declined') OR (decided_by_id <> asked_by_id AND decided_by_id <> member_id)"
    withdrawn = "status <> 'withdrawn' OR decided_by_id = asked_by_id"
    op.create_table(
        "fund_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_fund_grant_minutes_positive")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_fund_grant_has_reason")),
        sa.CheckConstraint(
            "status IN ('asked', 'granted', 'declined', 'withdrawn')", name=op.f("ck_fund_grant_status")
        ),
        sa.CheckConstraint("(status = 'asked') = (decided_at IS NULL)", name=op.f("ck_fund_grant_ended_once")),
        sa.CheckConstraint("(decided_at IS NULL) = (decided_by_id IS NULL)", name=op.f("ck_fund_grant_ended_by")),
        sa.CheckConstraint("asked_by_id <> member_id", name=op.f("ck_fund_grant_not_for_oneself")),
        sa.CheckConstraint(decided, name=op.f("ck_fund_grant_two_people")),
        sa.CheckConstraint(withdrawn, name=op.f("ck_fund_grant_withdrawn_by_asker")),
        sa.CheckConstraint("status <> 'declined' OR note <> ''", name=op.f("ck_fund_grant_declined_why")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_fund_grant_branch_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_fund_grant_member_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["member.id"], name=op.f("fk_fund_grant_asked_by_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["member.id"], name=op.f("fk_fund_grant_decided_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fund_grant")),
        sa.UniqueConstraint("form_key", name=op.f("uq_fund_grant_form_key")),
    )
    op.create_index("ix_fund_grant_branch_id_status", "fund_grant", ["branch_id", "status"])
    op.create_index(op.f("ix_fund_grant_member_id"), "fund_grant", ["member_id"])


def downgrade() -> None:
    """Not where somebody gave, or the fund did: entries would name documents that are gone."""
    own = "coin_rule WHERE COALESCE(gift_month_minutes, -1) <> 600"
    for table in ("gift", "fund_grant", own):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError(
                f"{table.split()[0]} has rows that would be forgotten; restore a backup instead of going down"
            )
    op.drop_table("fund_grant")
    op.drop_table("gift")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION fund_grant_guard()")
    op.drop_column("coin_rule", "gift_month_minutes")
