"""Coins between branches that found no taker: what waits where, since when, for whom, and what was decided.

An amount stays what it was and ends once; so does what somebody wanted to be done with it. A case about it is settled by
the branch where it waits alone. What stood on ``suspense`` before stays there and waits like the rest.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime
from timebank.core.sqlite import change_rule

revision = "0044_parked_payments"
down_revision = "0043_pair_rates"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GUARDED = {
    "parked_payment": (
        "OLD.ended_at IS NOT NULL",
        ("id", "branch_id", "direction", "pair_id", "proposal_id", "case_id", "account_id", "due_id", "minutes",
         "entry_id", "parked_at"),
        "what waits stays what it was, and ends once",
    ),
    "parked_move": (
        "OLD.status <> 'asked'",
        ("id", "parked_id", "how", "member_id", "reason", "asked_by_id", "asked_at", "form_key"),
        "what was wanted stays what it was, and is decided once",
    ),
}  # fmt: skip
BOTH_SIDES = "(settled_at IS NULL) = (low_by_id IS NULL OR high_by_id IS NULL)"
ONE_SIDE = f"{BOTH_SIDES} OR (kind = 'unpaid' AND (low_by_id IS NOT NULL OR high_by_id IS NOT NULL))"

WAITING_BEFORE = """
INSERT INTO parked_payment (branch_id, direction, pair_id, proposal_id, case_id, account_id, minutes, entry_id, parked_at)
SELECT p.payee_id, 'inbound', c.pair_id, p.id, c.id, a.id, t.amount, t.entry_id, p.settled_at
FROM clearing_case c
JOIN proposal p ON c.key = 'unpaid:' || p.uid
JOIN transfer t ON t.entry_id = p.payee_entry_id
JOIN account a ON a.id = t.credit_id AND a.code = 'suspense'
WHERE c.kind = 'unpaid' AND NOT EXISTS (SELECT 1 FROM entry r WHERE r.reverses_id = t.entry_id)
ORDER BY c.id
"""


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _changed(table: str, differs: str) -> str:
    final, names, _ = GUARDED[table]
    return f"({final}) OR " + " OR ".join(f"NEW.{name} {differs} OLD.{name}" for name in names)


def _guards(table: str) -> list[str]:
    words = GUARDED[table][2]
    if _sqlite():
        return [
            f"CREATE TRIGGER {table}_guarded BEFORE UPDATE ON {table} WHEN {_changed(table, 'IS NOT')} "
            f"BEGIN SELECT RAISE(ABORT, '{words}'); END",
            f"CREATE TRIGGER {table}_never_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END",
        ]
    refuse = f"RAISE EXCEPTION '{words}' USING ERRCODE = 'restrict_violation';"
    return [
        f"""CREATE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF TG_OP <> 'UPDATE' THEN {refuse} END IF;
              IF {_changed(table, "IS DISTINCT FROM")} THEN {refuse} END IF;
              RETURN NEW; END $$""",
        f"CREATE TRIGGER {table}_guarded BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_guard()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_guard()",
    ]


def _change_case(was: str, becomes: str) -> None:
    if _sqlite():
        change_rule(op.get_bind(), "clearing_case", f"CHECK ({was})", f"CHECK ({becomes})")
        return
    name = op.f("ck_clearing_case_settled_by_both_sides")
    op.drop_constraint(name, "clearing_case", type_="check")
    op.create_check_constraint(name, "clearing_case", becomes)


def _foreign(table: str, name: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [f"{target}.id"], name=op.f(f"fk_{table}_{name}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    _create_parked_payment()
    _create_parked_move()
    op.execute(WAITING_BEFORE)
    _change_case(BOTH_SIDES, ONE_SIDE)
    for table in GUARDED:
        for statement in _guards(table):
            op.execute(statement)


def _create_parked_payment() -> None:
    table = "parked_payment"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("due_id", sa.Integer(), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("entry_id", BIG, nullable=False),
        sa.Column("parked_at", UTCDateTime(), nullable=False),
        sa.Column("how", sa.String(length=8), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("ended_entry_id", BIG, nullable=True),
        _check(table, "direction", "direction IN ('inbound', 'outbound')"),
        _check(table, "minutes_positive", "minutes > 0"),
        _check(table, "how", "how IS NULL OR how IN ('due', 'member', 'fund', 'back')"),
        _check(table, "ended_once", "(how IS NULL) = (ended_at IS NULL)"),
        _check(table, "only_inbound_goes_back", "how <> 'back' OR direction = 'inbound'"),
        _check(table, "ended_by_entry", "(ended_at IS NULL) = (ended_entry_id IS NULL)"),
        *(
            _foreign(table, name, target)
            for name, target in (
                ("branch_id", "branch"), ("pair_id", "branch_pair"), ("proposal_id", "proposal"),
                ("case_id", "clearing_case"), ("account_id", "account"), ("due_id", "account"), ("entry_id", "entry"),
                ("ended_entry_id", "entry"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked_payment")),
        sa.UniqueConstraint("case_id", name=op.f("uq_parked_payment_case_id")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_parked_payment_entry_id")),
        sa.UniqueConstraint("ended_entry_id", name=op.f("uq_parked_payment_ended_entry_id")),
    )  # fmt: skip
    op.create_index("ix_parked_payment_branch_id_ended_at", table, ["branch_id", "ended_at"])
    op.create_index(op.f("ix_parked_payment_proposal_id"), table, ["proposal_id"])


def _create_parked_move() -> None:
    table = "parked_move"
    four_eyes = "status <> 'done' OR how = 'due' OR (decided_by_id IS NOT NULL AND decided_by_id <> asked_by_id)"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("parked_id", sa.Integer(), nullable=False),
        sa.Column("how", sa.String(length=8), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check(table, "how", "how IN ('due', 'member', 'fund')"),
        _check(table, "to_member", "(how = 'member') = (member_id IS NOT NULL)"),
        _check(table, "has_reason", "reason <> ''"),
        _check(table, "status", "status IN ('asked', 'done', 'declined', 'withdrawn')"),
        _check(table, "decided_once", "(status = 'asked') = (decided_at IS NULL)"),
        _check(table, "four_eyes", four_eyes),
        _check(table, "declined_why", "status <> 'declined' OR note <> ''"),
        _foreign(table, "parked_id", "parked_payment"),
        *(_foreign(table, name, "member") for name in ("member_id", "asked_by_id", "decided_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked_move")),
        sa.UniqueConstraint("form_key", name=op.f("uq_parked_move_form_key")),
    )
    alive = sa.text("status IN ('asked', 'done')")
    op.create_index(
        "uq_parked_move_alive", table, ["parked_id"], unique=True, sqlite_where=alive, postgresql_where=alive
    )


def downgrade() -> None:
    """Not where coins wait or waited."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM parked_payment").scalar():
        raise RuntimeError("parked_payment has rows that would be forgotten; restore a backup instead of going down")
    _change_case(ONE_SIDE, BOTH_SIDES)
    for table in ("parked_move", "parked_payment"):
        op.drop_table(table)
        if not _sqlite():
            op.execute(f"DROP FUNCTION {table}_guard()")
