"""Times proposed by either side, orders fulfilled in part, orders in dispute, and how long an offer lets things wait.

Proposed times are only ever added. What of an order was taken never changes once it was fulfilled; while a case about it
is open an order does not end, and a decided case stays decided.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0035_order_life"
down_revision = "0034_finding"
branch_labels = None
depends_on = None

BY_DECISION = "an order in dispute ends by the decision alone"
SETTLED_STAYS = "what a decision did to an order stays"
PART_STAYS = "what of an order was taken never changes"
PROPOSALS_STAY = "order_proposal rows are never changed or deleted"
MORE_THAN_PAID = "no more is given back than was paid"
# Not by copying the tables: a copy would lose triggers.
ADD = (
    "ALTER TABLE offer ADD COLUMN answer_days INTEGER "
    "CONSTRAINT ck_offer_answer_days CHECK (answer_days IS NULL OR answer_days BETWEEN 1 AND 30)",
    "ALTER TABLE offer ADD COLUMN serve_days INTEGER "
    "CONSTRAINT ck_offer_serve_days CHECK (serve_days IS NULL OR serve_days BETWEEN 1 AND 90)",
    "ALTER TABLE offer ADD COLUMN posted_by_id INTEGER",
    "ALTER TABLE exchange_order ADD COLUMN latest_at {instant}",
    "ALTER TABLE exchange_order ADD COLUMN fulfilled_minutes INTEGER CONSTRAINT ck_exchange_order_part_of_minutes CHECK "
    "(fulfilled_minutes IS NULL OR "
    "(status = 'fulfilled' AND fulfilled_minutes > 0 AND fulfilled_minutes < amount_minutes))",
    "ALTER TABLE exchange_order ADD COLUMN fulfilled_quantity INTEGER CONSTRAINT ck_exchange_order_part_of_quantity CHECK "
    "(fulfilled_quantity IS NULL OR "
    "(fulfilled_minutes IS NOT NULL AND fulfilled_quantity > 0 AND fulfilled_quantity < quantity))",
    "ALTER TABLE exchange_order ADD COLUMN part_reason VARCHAR(200) DEFAULT '' NOT NULL",
    "ALTER TABLE exchange_order ADD COLUMN disputed_at {instant}",
    "ALTER TABLE exchange_order ADD COLUMN settled_at {instant} "
    "CONSTRAINT ck_exchange_order_settled_after_dispute CHECK (settled_at IS NULL OR disputed_at IS NOT NULL) "
    "CONSTRAINT ck_exchange_order_stays_while_disputed CHECK "
    "(disputed_at IS NULL OR settled_at IS NOT NULL OR status IN ('accepted', 'fulfilled'))",
)
IN_DISPUTE = "OLD.disputed_at IS NOT NULL AND OLD.settled_at IS NULL AND NEW.settled_at IS NULL"
ENDS = f"{IN_DISPUTE} AND NEW.status <> OLD.status"


def _unsettled(differ: str) -> str:
    return (
        f"OLD.settled_at IS NOT NULL AND (NEW.settled_at {differ} OLD.settled_at "
        f"OR NEW.disputed_at {differ} OLD.disputed_at)"
    )


def _part_changed(differ: str) -> str:
    return (
        "OLD.status = 'fulfilled' AND (NEW.status <> OLD.status "
        f"OR NEW.fulfilled_minutes {differ} OLD.fulfilled_minutes "
        f"OR NEW.fulfilled_quantity {differ} OLD.fulfilled_quantity OR NEW.amount_minutes <> OLD.amount_minutes)"
    )


def _overpaid(amount: str) -> str:
    """More given back by NEW than is left of what was taken."""
    return f"""(SELECT {amount} FROM exchange_order o WHERE o.id = NEW.order_id) + NEW.amount_minutes
    + COALESCE((SELECT SUM(c.amount_minutes) FROM order_correction c WHERE c.order_id = NEW.order_id), 0) < 0"""


TAKEN, ORDERED = "COALESCE(o.fulfilled_minutes, o.amount_minutes)", "o.amount_minutes"
FULFILLED = "EXISTS (SELECT 1 FROM exchange_order o WHERE o.id = NEW.order_id AND o.status = 'fulfilled')"
REVERSAL = "EXISTS (SELECT 1 FROM entry r WHERE r.id = NEW.entry_id AND r.reverses_id = NEW.corrects_id)"


def _sqlite_guard(name: str, when: str, text: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE UPDATE ON exchange_order WHEN {when} BEGIN SELECT RAISE(ABORT, '{text}'); END"


def _sqlite_paid(amount: str) -> tuple[str, str]:
    return (
        "DROP TRIGGER order_correction_paid",
        f"CREATE TRIGGER order_correction_paid BEFORE INSERT ON order_correction WHEN {_overpaid(amount)} "
        f"BEGIN SELECT RAISE(ABORT, '{MORE_THAN_PAID}'); END",
    )


SQLITE = (
    *(
        f"CREATE TRIGGER order_proposal_never_{verb.lower()} BEFORE {verb} ON order_proposal "
        f"BEGIN SELECT RAISE(ABORT, '{PROPOSALS_STAY}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    _sqlite_guard("exchange_order_in_dispute", ENDS, BY_DECISION),
    _sqlite_guard("exchange_order_settled", _unsettled("IS NOT"), SETTLED_STAYS),
    _sqlite_guard("exchange_order_part", _part_changed("IS NOT"), PART_STAYS),
    *_sqlite_paid(TAKEN),
)


def _refuse(when: str, text: str) -> str:
    return f"IF {when} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF;"


def _correction_guard(amount: str) -> str:
    checks = (
        _refuse(f"NOT {FULFILLED}", "only fulfilled orders are corrected")
        + _refuse(_overpaid(amount), MORE_THAN_PAID)
        + _refuse(f"NOT {REVERSAL}", "no reversal of this entry")
    )
    return f"""CREATE OR REPLACE FUNCTION order_correction_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN {checks} RETURN NEW; END $$"""


POSTGRESQL = (
    "CREATE TRIGGER order_proposal_append_only BEFORE UPDATE OR DELETE ON order_proposal "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER order_proposal_no_truncate BEFORE TRUNCATE ON order_proposal "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE FUNCTION exchange_order_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    + _refuse(ENDS, BY_DECISION)
    + _refuse(_unsettled("IS DISTINCT FROM"), SETTLED_STAYS)
    + _refuse(_part_changed("IS DISTINCT FROM"), PART_STAYS)
    + " RETURN NEW; END $$",
    "CREATE TRIGGER exchange_order_guarded BEFORE UPDATE ON exchange_order "
    "FOR EACH ROW EXECUTE FUNCTION exchange_order_guard()",
    _correction_guard(TAKEN),
)


def _postgresql() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")


def upgrade() -> None:
    instant = "TIMESTAMP WITH TIME ZONE" if _postgresql() else "DATETIME"
    for statement in ADD:
        op.execute(statement.format(instant=instant))
    op.create_table(
        "order_proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("meet_at", UTCDateTime(), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=True),
        sa.CheckConstraint("side IN ('member', 'provider')", name=op.f("ck_order_proposal_side")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_order_proposal_by_id")),
        sa.ForeignKeyConstraint(["order_id"], ["exchange_order.id"], name=op.f("fk_order_proposal_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_proposal")),
        sa.UniqueConstraint("form_key", name=op.f("uq_order_proposal_form_key")),
    )
    op.create_index(op.f("ix_order_proposal_order_id"), "order_proposal", ["order_id"])
    for statement in POSTGRESQL if _postgresql() else SQLITE:
        op.execute(statement)


LOST = (
    "order_proposal",
    "offer WHERE answer_days IS NOT NULL OR serve_days IS NOT NULL",
    "exchange_order WHERE fulfilled_minutes IS NOT NULL OR disputed_at IS NOT NULL",
)


def downgrade() -> None:
    """Not where it would be forgotten who proposed what, how much was taken, or that there is a case."""
    for rows in LOST:
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {rows}").scalar():
            raise RuntimeError(
                f"{rows.split()[0]} has rows that would be forgotten; restore a backup instead of going down"
            )
    op.drop_table("order_proposal")
    if _postgresql():
        op.execute("DROP TRIGGER exchange_order_guarded ON exchange_order")
        op.execute("DROP FUNCTION exchange_order_guard()")
        op.execute(_correction_guard(ORDERED))
    else:
        for name in ("in_dispute", "settled", "part"):
            op.execute(f"DROP TRIGGER exchange_order_{name}")
        for statement in _sqlite_paid(ORDERED):
            op.execute(statement)
    for column in ("settled_at", "disputed_at", "part_reason", "fulfilled_quantity", "fulfilled_minutes", "latest_at"):
        op.drop_column("exchange_order", column)
    for column in ("posted_by_id", "serve_days", "answer_days"):
        op.drop_column("offer", column)
