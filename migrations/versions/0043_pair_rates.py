"""What a minute of one branch is worth at another, and the two accounts on which a branch that converts keeps it.

A rate is asked for by one branch and agreed to by the other, before the day it holds from; then it stays. Every book gets
``conversion``, ``rounding`` and the two accounts for coins that found no taker; the one there was keeps what stands on it.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime
from timebank.core.sqlite import change_rule

revision = "0043_pair_rates"
down_revision = "0041_pair_keys"
branch_labels = None
depends_on = None

OLD_KINDS = (
    "member", "fund", "issuance", "redeemed", "expired", "clearing", "suspense", "adjustment", "giveaway",
)  # fmt: skip
NEW_KINDS = (*OLD_KINDS, "conversion", "rounding")
HOUSE = (
    ("suspense:inbound", "suspense"),
    ("suspense:outbound", "suspense"),
    ("conversion", "conversion"),
    ("rounding", "rounding"),
)

AGREED_STAYS = "a rate stays what was asked for, and is answered once, before the day it holds from"
NEVER_DELETED = "pair_rate rows are never deleted"
IDENTITY = (
    "id", "pair_id", "low_units", "high_units", "valid_from", "asked_for_id", "asked_by_id", "asked_at", "words",
    "form_key",
)  # fmt: skip

PROPOSAL_STAYS = "a proposal stays what it was, and ends once"
PROPOSAL_FINAL = "OLD.status IN ('settled', 'cancelled', 'expired', 'refused')"
PROPOSAL_WAS = ("id", "uid", "payer_id", "payee_id", "amount_minutes", "source_type", "reverses_id", "reserved_at")
PROPOSAL_IS = (*PROPOSAL_WAS, "payer_units", "payee_units", "payee_minutes")

# Not by copying the table: a copy would lose the triggers that guard it.
ADD = (
    "ALTER TABLE proposal ADD COLUMN payer_units INTEGER DEFAULT 1 NOT NULL",
    "ALTER TABLE proposal ADD COLUMN payee_units INTEGER DEFAULT 1 NOT NULL "
    "CONSTRAINT ck_proposal_units_positive CHECK (payer_units > 0 AND payee_units > 0)",
    "ALTER TABLE proposal ADD COLUMN payee_minutes INTEGER "
    "CONSTRAINT ck_proposal_payee_positive CHECK (payee_minutes IS NULL OR payee_minutes > 0)",
    "ALTER TABLE proposal ADD COLUMN payee_settled_minutes INTEGER "
    "CONSTRAINT ck_proposal_both_amounts CHECK (payer_units = payee_units OR payee_minutes IS NOT NULL)",
)


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _change_kinds(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    """Let accounts be of other kinds."""
    was, is_ = (f"kind IN ({', '.join(repr(kind) for kind in kinds)})" for kinds in (old, new))
    if not _sqlite():
        op.drop_constraint(op.f("ck_account_kind"), "account", type_="check")
        op.create_check_constraint(op.f("ck_account_kind"), "account", is_)
        return
    change_rule(op.get_bind(), "account", was, is_)


def _differ(names: tuple[str, ...], differs: str) -> str:
    return " OR ".join(f"NEW.{name} {differs} OLD.{name}" for name in names)


def _guard_proposal(names: tuple[str, ...]) -> None:
    changed = f"({PROPOSAL_FINAL}) OR {_differ(names, 'IS NOT' if _sqlite() else 'IS DISTINCT FROM')}"
    if _sqlite():
        op.execute("DROP TRIGGER proposal_guarded")
        op.execute(
            f"CREATE TRIGGER proposal_guarded BEFORE UPDATE ON proposal WHEN {changed} "
            f"BEGIN SELECT RAISE(ABORT, '{PROPOSAL_STAYS}'); END"
        )
        return
    refuse = f"RAISE EXCEPTION '{PROPOSAL_STAYS}' USING ERRCODE = 'restrict_violation';"
    op.execute(
        f"""CREATE OR REPLACE FUNCTION proposal_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF TG_OP <> 'UPDATE' THEN {refuse} END IF;
              IF {changed} THEN {refuse} END IF;
              RETURN NEW; END $$"""
    )


# All branches live by Asia/Shanghai, eight hours ahead all year; a rate never reaches back.
LATE = "NEW.status = 'agreed' AND NEW.valid_from <= "
SQLITE = (
    "CREATE TRIGGER pair_rate_begins BEFORE INSERT ON pair_rate WHEN NEW.status <> 'asked' "
    "OR NEW.valid_from <= date(NEW.asked_at, '+8 hours') "
    f"BEGIN SELECT RAISE(ABORT, '{AGREED_STAYS}'); END",
    "CREATE TRIGGER pair_rate_final BEFORE UPDATE ON pair_rate WHEN OLD.status <> 'asked' "
    f"OR {_differ(IDENTITY, 'IS NOT')} OR ({LATE} date(NEW.answered_at, '+8 hours')) "
    f"BEGIN SELECT RAISE(ABORT, '{AGREED_STAYS}'); END",
    "CREATE TRIGGER pair_rate_never_deleted BEFORE DELETE ON pair_rate "
    f"BEGIN SELECT RAISE(ABORT, '{NEVER_DELETED}'); END",
)
REFUSE = f"RAISE EXCEPTION '{AGREED_STAYS}' USING ERRCODE = 'restrict_violation';"
POSTGRESQL = (
    f"""CREATE FUNCTION pair_rate_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
            RAISE EXCEPTION '{NEVER_DELETED}' USING ERRCODE = 'restrict_violation'; END IF;
          IF TG_OP = 'INSERT' THEN
            IF NEW.status <> 'asked' OR NEW.valid_from <= (NEW.asked_at AT TIME ZONE 'Asia/Shanghai')::date
              THEN {REFUSE} END IF;
            RETURN NEW; END IF;
          IF OLD.status <> 'asked' OR {_differ(IDENTITY, "IS DISTINCT FROM")}
            OR ({LATE} (NEW.answered_at AT TIME ZONE 'Asia/Shanghai')::date) THEN {REFUSE} END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER pair_rate_final BEFORE INSERT OR UPDATE OR DELETE ON pair_rate "
    "FOR EACH ROW EXECUTE FUNCTION pair_rate_guard()",
    "CREATE TRIGGER pair_rate_no_truncate BEFORE TRUNCATE ON pair_rate "
    "FOR EACH STATEMENT EXECUTE FUNCTION pair_rate_guard()",
)


def _open_house_accounts() -> None:
    for code, kind in HOUSE:
        op.execute(
            "INSERT INTO account (book_id, code, kind, unit, runs, posted_in, posted_out, held, floor, closed) "
            f"SELECT id, '{code}', '{kind}', 'coin', false, 0, 0, 0, 0, false FROM book ORDER BY id"
        )


def upgrade() -> None:
    op.create_table(
        "pair_rate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("low_units", sa.Integer(), nullable=False),
        sa.Column("high_units", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("asked_for_id", sa.Integer(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check("units", "low_units BETWEEN 1 AND 600 AND high_units BETWEEN 1 AND 600"),
        _check("status", "status IN ('asked', 'agreed', 'declined', 'withdrawn')"),
        _check("answered_once", "(status = 'asked') = (answered_at IS NULL)"),
        _check("answered_by", "(answered_at IS NULL) = (answered_by_id IS NULL)"),
        _check("two_people", "status <> 'agreed' OR answered_by_id <> asked_by_id"),
        _check("declined_why", "status <> 'declined' OR note <> ''"),
        sa.ForeignKeyConstraint(["pair_id"], ["branch_pair.id"], name=op.f("fk_pair_rate_pair_id")),
        sa.ForeignKeyConstraint(["asked_for_id"], ["branch.id"], name=op.f("fk_pair_rate_asked_for_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["member.id"], name=op.f("fk_pair_rate_asked_by_id")),
        sa.ForeignKeyConstraint(["answered_by_id"], ["member.id"], name=op.f("fk_pair_rate_answered_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_rate")),
        sa.UniqueConstraint("form_key", name=op.f("uq_pair_rate_form_key")),
    )
    op.create_index("ix_pair_rate_pair_id_valid_from", "pair_rate", ["pair_id", "valid_from"])
    waits = sa.text("status = 'asked'")
    op.create_index(
        "uq_pair_rate_asked", "pair_rate", ["pair_id"], unique=True, sqlite_where=waits, postgresql_where=waits
    )
    for statement in (*ADD, *(SQLITE if _sqlite() else POSTGRESQL)):
        op.execute(statement)
    _guard_proposal(PROPOSAL_IS)
    _change_kinds(OLD_KINDS, NEW_KINDS)
    _open_house_accounts()


def _check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_pair_rate_{name}"))


def downgrade() -> None:
    """Not where a rate was asked for, or something moved on an account that would go."""
    codes = ", ".join(f"'{code}'" for code, _ in HOUSE)
    mine = f"SELECT id FROM account WHERE code IN ({codes}) AND unit = 'coin'"
    used = f"transfer WHERE debit_id IN ({mine}) OR credit_id IN ({mine})"
    for table in ("pair_rate", used):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError(
                f"{table.split()[0]} has rows that would be forgotten; restore a backup instead of going down"
            )
    _close_house_accounts(codes)
    _change_kinds(NEW_KINDS, OLD_KINDS)
    _guard_proposal(PROPOSAL_WAS)
    for column in ("payee_settled_minutes", "payee_minutes", "payee_units", "payer_units"):
        op.drop_column("proposal", column)
    op.drop_table("pair_rate")
    if not _sqlite():
        op.execute("DROP FUNCTION pair_rate_guard()")


def _close_house_accounts(codes: str) -> None:
    """Take away accounts on which nothing ever stood, with the guard at rest that keeps every account."""
    gone = f"DELETE FROM account WHERE code IN ({codes}) AND unit = 'coin'"
    if not _sqlite():
        op.execute("ALTER TABLE account DISABLE TRIGGER USER")
        op.execute(gone)
        op.execute("ALTER TABLE account ENABLE TRIGGER USER")
        return
    kept = op.get_bind().exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'account_never_delete'").scalar()
    op.execute("DROP TRIGGER account_never_delete")
    op.execute(gone)
    op.execute(str(kept))
