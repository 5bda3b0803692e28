"""Yearly agreements with organisations, what both sides promise, and what was done towards it.

What was signed stays as it was signed: an agreement is drafted, proposed and confirmed by two people, and after that it
can only end; its promises are then only added to, by two people; what was done is only ever added.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0040_agreements"
down_revision = "0039_orders_abroad"
branch_labels = None
depends_on = None

SIGNED_STAYS = "a signed agreement never changes"
PROMISE_STAYS = "what was promised in a signed agreement never changes"
DEED_STAYS = "promise_deed rows are never changed or deleted"
DEED_FITS = "a deed belongs to the first row of a promise, and takes back one of its own whole"

# Written out: what may be different between the old row and the new one.
AGREEMENT_IDENTITY = ("id", "branch_id", "organisation_id", "year", "drafted_by_id", "drafted_at", "form_key")
AGREEMENT_TERMS = (
    "words", "signed_on", "branch_signer", "organisation_signer", "proposed_by_id", "proposed_at",
    "confirmed_by_id", "confirmed_at",
)  # fmt: skip
PROMISE_IDENTITY = (
    "id", "agreement_id", "root_id", "side", "category", "words", "quantity", "unit", "due_on", "reason",
    "asked_by_id", "asked_at", "form_key",
)  # fmt: skip
STEPS = (
    ("draft", "draft"), ("draft", "proposed"), ("draft", "dropped"), ("proposed", "draft"), ("proposed", "signed"),
    ("proposed", "dropped"), ("signed", "ended"),
)  # fmt: skip


def _differ(names: tuple[str, ...], differ: str) -> str:
    return " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in names)


def _agreement_refused(differ: str) -> str:
    steps = " OR ".join(f"(OLD.status = '{old}' AND NEW.status = '{new}')" for old, new in STEPS)
    proposed = f"OLD.status = 'proposed' AND NEW.status = 'signed' AND ({_differ(AGREEMENT_TERMS[:-2], differ)})"
    signed = f"OLD.status = 'signed' AND ({_differ(AGREEMENT_TERMS, differ)})"
    return f"NOT ({steps}) OR {_differ(AGREEMENT_IDENTITY, differ)} OR ({proposed}) OR ({signed})"


def _status_of(row: str) -> str:
    return f"(SELECT status FROM agreement WHERE id = {row}.agreement_id)"


PROMISE_BEGINS = (
    f"(NEW.status = 'written' AND {_status_of('NEW')} = 'draft') OR "
    f"(NEW.status = 'asked' AND {_status_of('NEW')} = 'signed' AND (NEW.root_id IS NULL OR EXISTS (SELECT 1 FROM promise "
    "r WHERE r.id = NEW.root_id AND r.root_id IS NULL AND r.agreement_id = NEW.agreement_id AND r.side = NEW.side)))"
)


def _promise_refused(differ: str) -> str:
    decided = f"OLD.status = 'asked' AND NEW.status IN ('agreed', 'declined') AND {_status_of('OLD')} = 'signed'"
    return f"NOT ({decided}) OR {_differ(PROMISE_IDENTITY, differ)}"


PROMISE_STRUCK = f"OLD.status = 'written' AND {_status_of('OLD')} = 'draft'"
DEED_BEGINS = (
    "EXISTS (SELECT 1 FROM promise p JOIN agreement a ON a.id = p.agreement_id WHERE p.id = NEW.promise_id "
    "AND p.root_id IS NULL AND p.status IN ('written', 'agreed') AND a.status = 'signed') AND "
    "(NEW.takes_back_id IS NULL OR EXISTS (SELECT 1 FROM promise_deed d WHERE d.id = NEW.takes_back_id "
    "AND d.promise_id = NEW.promise_id AND d.quantity = -NEW.quantity))"
)
SQLITE = (
    "CREATE TRIGGER agreement_begins BEFORE INSERT ON agreement WHEN NEW.status <> 'draft' "
    f"BEGIN SELECT RAISE(ABORT, '{SIGNED_STAYS}'); END",
    f"CREATE TRIGGER agreement_final BEFORE UPDATE ON agreement WHEN {_agreement_refused('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{SIGNED_STAYS}'); END",
    f"CREATE TRIGGER agreement_never_deleted BEFORE DELETE ON agreement BEGIN SELECT RAISE(ABORT, '{SIGNED_STAYS}'); END",
    f"CREATE TRIGGER promise_begins BEFORE INSERT ON promise WHEN NOT ({PROMISE_BEGINS}) "
    f"BEGIN SELECT RAISE(ABORT, '{PROMISE_STAYS}'); END",
    f"CREATE TRIGGER promise_final BEFORE UPDATE ON promise WHEN {_promise_refused('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{PROMISE_STAYS}'); END",
    f"CREATE TRIGGER promise_struck BEFORE DELETE ON promise WHEN NOT ({PROMISE_STRUCK}) "
    f"BEGIN SELECT RAISE(ABORT, '{PROMISE_STAYS}'); END",
    f"CREATE TRIGGER promise_deed_begins BEFORE INSERT ON promise_deed WHEN NOT ({DEED_BEGINS}) "
    f"BEGIN SELECT RAISE(ABORT, '{DEED_FITS}'); END",
    *(
        f"CREATE TRIGGER promise_deed_never_{verb.lower()} BEFORE {verb} ON promise_deed "
        f"BEGIN SELECT RAISE(ABORT, '{DEED_STAYS}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
)


def _refuse(why: str) -> str:
    return f"RAISE EXCEPTION '{why}' USING ERRCODE = 'restrict_violation';"


POSTGRESQL = (
    f"""CREATE FUNCTION agreement_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN {_refuse(SIGNED_STAYS)} END IF;
          IF TG_OP = 'INSERT' THEN IF NEW.status <> 'draft' THEN {_refuse(SIGNED_STAYS)} END IF; RETURN NEW; END IF;
          IF {_agreement_refused("IS DISTINCT FROM")} THEN {_refuse(SIGNED_STAYS)} END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER agreement_final BEFORE INSERT OR UPDATE OR DELETE ON agreement "
    "FOR EACH ROW EXECUTE FUNCTION agreement_guard()",
    "CREATE TRIGGER agreement_no_truncate BEFORE TRUNCATE ON agreement "
    "FOR EACH STATEMENT EXECUTE FUNCTION agreement_guard()",
    f"""CREATE FUNCTION promise_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP = 'TRUNCATE' THEN {_refuse(PROMISE_STAYS)} END IF;
          IF TG_OP = 'INSERT' THEN
            IF NOT ({PROMISE_BEGINS}) THEN {_refuse(PROMISE_STAYS)} END IF; RETURN NEW; END IF;
          IF TG_OP = 'DELETE' THEN
            IF NOT ({PROMISE_STRUCK}) THEN {_refuse(PROMISE_STAYS)} END IF; RETURN OLD; END IF;
          IF {_promise_refused("IS DISTINCT FROM")} THEN {_refuse(PROMISE_STAYS)} END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER promise_final BEFORE INSERT OR UPDATE OR DELETE ON promise "
    "FOR EACH ROW EXECUTE FUNCTION promise_guard()",
    "CREATE TRIGGER promise_no_truncate BEFORE TRUNCATE ON promise FOR EACH STATEMENT EXECUTE FUNCTION promise_guard()",
    f"""CREATE FUNCTION promise_deed_begins() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NOT ({DEED_BEGINS}) THEN {_refuse(DEED_FITS)} END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER promise_deed_begins BEFORE INSERT ON promise_deed "
    "FOR EACH ROW EXECUTE FUNCTION promise_deed_begins()",
    "CREATE TRIGGER promise_deed_append_only BEFORE UPDATE OR DELETE ON promise_deed "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER promise_deed_no_truncate BEFORE TRUNCATE ON promise_deed "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)


def _member(table: str, name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], ["member.id"], name=op.f(f"fk_{table}_{name}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    _create_agreement()
    _create_promise()
    _create_deed()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _create_agreement() -> None:
    signed = (
        "status IN ('draft', 'dropped') OR (signed_on IS NOT NULL AND proposed_by_id IS NOT NULL "
        "AND branch_signer <> '' AND organisation_signer <> '')"
    )
    op.create_table(
        "agreement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("drafted_by_id", sa.Integer(), nullable=True),
        sa.Column("drafted_at", UTCDateTime(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=True),
        sa.Column("branch_signer", sa.String(length=60), nullable=False),
        sa.Column("organisation_signer", sa.String(length=60), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("proposed_at", UTCDateTime(), nullable=True),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", UTCDateTime(), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("end_reason", sa.String(length=200), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check("agreement", "status", "status IN ('draft', 'proposed', 'signed', 'ended', 'dropped')"),
        _check("agreement", "year", "year BETWEEN 2000 AND 2999"),
        _check("agreement", "confirmed_once", "(status IN ('signed', 'ended')) = (confirmed_at IS NOT NULL)"),
        _check("agreement", "confirmed_by", "(confirmed_at IS NULL) = (confirmed_by_id IS NULL)"),
        _check("agreement", "two_people", "confirmed_by_id IS NULL OR confirmed_by_id <> proposed_by_id"),
        _check("agreement", "signed_by_both", signed),
        _check("agreement", "ended_once", "(status IN ('ended', 'dropped')) = (ended_at IS NOT NULL)"),
        _check("agreement", "ended_why", "ended_at IS NULL OR end_reason <> ''"),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_agreement_branch_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_agreement_organisation_id")),
        *(_member("agreement", f"{who}_by_id") for who in ("drafted", "proposed", "confirmed", "ended")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
        sa.UniqueConstraint("form_key", name=op.f("uq_agreement_form_key")),
    )
    op.create_index(
        "uq_agreement_year",
        "agreement",
        ["organisation_id", "year"],
        unique=True,
        sqlite_where=sa.text("status <> 'dropped'"),
        postgresql_where=sa.text("status <> 'dropped'"),
    )
    op.create_index("ix_agreement_branch_id_year", "agreement", ["branch_id", "year"])


def _create_promise() -> None:
    op.create_table(
        "promise",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agreement_id", sa.Integer(), nullable=False),
        sa.Column("root_id", sa.Integer(), nullable=True),
        sa.Column("side", sa.String(length=12), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check("promise", "side", "side IN ('branch', 'organisation')"),
        _check("promise", "status", "status IN ('written', 'asked', 'agreed', 'declined')"),
        _check("promise", "quantity", "quantity > 0 OR (quantity = 0 AND root_id IS NOT NULL)"),
        _check("promise", "written_is_root", "status <> 'written' OR root_id IS NULL"),
        _check("promise", "added_why", "status = 'written' OR reason <> ''"),
        _check("promise", "decided_once", "(status IN ('agreed', 'declined')) = (decided_at IS NOT NULL)"),
        _check("promise", "decided_by", "(decided_at IS NULL) = (decided_by_id IS NULL)"),
        _check("promise", "two_people", "status <> 'agreed' OR decided_by_id <> asked_by_id"),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_promise_agreement_id")),
        sa.ForeignKeyConstraint(["root_id"], ["promise.id"], name=op.f("fk_promise_root_id")),
        *(_member("promise", f"{who}_by_id") for who in ("asked", "decided")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promise")),
        sa.UniqueConstraint("form_key", name=op.f("uq_promise_form_key")),
    )
    op.create_index("ix_promise_agreement_id", "promise", ["agreement_id"])
    op.create_index(
        "uq_promise_asked",
        "promise",
        ["root_id"],
        unique=True,
        sqlite_where=sa.text("status = 'asked'"),
        postgresql_where=sa.text("status = 'asked'"),
    )


def _create_deed() -> None:
    quantity = "(takes_back_id IS NULL AND quantity > 0) OR (takes_back_id IS NOT NULL AND quantity < 0)"
    op.create_table(
        "promise_deed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("promise_id", sa.Integer(), nullable=False),
        sa.Column("takes_back_id", sa.Integer(), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=True),
        sa.Column("order_id", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check("promise_deed", "quantity", quantity),
        _check("promise_deed", "has_words", "words <> ''"),
        sa.ForeignKeyConstraint(["promise_id"], ["promise.id"], name=op.f("fk_promise_deed_promise_id")),
        sa.ForeignKeyConstraint(["takes_back_id"], ["promise_deed.id"], name=op.f("fk_promise_deed_takes_back_id")),
        sa.ForeignKeyConstraint(["activity_id"], ["activity.id"], name=op.f("fk_promise_deed_activity_id")),
        sa.ForeignKeyConstraint(["order_id"], ["exchange_order.id"], name=op.f("fk_promise_deed_order_id")),
        _member("promise_deed", "by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promise_deed")),
        sa.UniqueConstraint("takes_back_id", name=op.f("uq_promise_deed_takes_back_id")),
        sa.UniqueConstraint("form_key", name=op.f("uq_promise_deed_form_key")),
    )
    op.create_index("ix_promise_deed_promise_id", "promise_deed", ["promise_id"])


def downgrade() -> None:
    """Not where an agreement was begun."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM agreement").scalar():
        raise RuntimeError("agreement has rows that would be forgotten; restore a backup instead of going down")
    for table in ("promise_deed", "promise", "agreement"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for function in ("promise_deed_begins", "promise_guard", "agreement_guard"):
            op.execute(f"DROP FUNCTION {function}()")
