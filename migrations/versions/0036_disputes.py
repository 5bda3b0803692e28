"""Cases about orders: what both sides say, and what somebody without a part decided.

What was said is only ever added, and while a case is open. A case begins as open and ends once; what it is about never
changes. It is decided by one final ruling; who rules or agrees is no side, has said nothing for one, and did not take
the voucher.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0036_disputes"
down_revision = "0035_order_life"
branch_labels = None
depends_on = None

SAID_STAYS = "dispute_statement rows are never changed or deleted"
OPEN_ONLY = "something is said and decided only while a case is open"
CASE_STAYS = "what a case is about never changes, and an ended one is final"
RULED_STAYS = "a decision never changes, and an answered one is final"
BY_RULING = "a case is decided by a final ruling"
NO_PART = "who has a part in a case does not decide it"
CASE = (
    "id", "branch_id", "order_id", "opened_by_id", "other_id", "stage", "wanted", "words", "opened_at", "heard_by",
    "due_on", "form_key",
)  # fmt: skip
RULING = ("id", "dispute_id", "outcome", "minutes", "reason", "by_id", "at", "form_key")

IS_OPEN = "EXISTS (SELECT 1 FROM dispute d WHERE d.id = NEW.dispute_id AND d.status = 'open')"
HAS_RULING = """EXISTS (SELECT 1 FROM dispute_ruling r
    WHERE r.dispute_id = NEW.id AND r.status = 'final' AND r.by_id = NEW.ended_by_id)"""


def _has_part(person: str) -> str:
    return f"""EXISTS (
      SELECT 1 FROM dispute d JOIN exchange_order o ON o.id = d.order_id
      WHERE d.id = NEW.dispute_id AND (
        d.opened_by_id = {person} OR COALESCE(d.other_id, 0) = {person} OR (
          d.stage = 'booked' AND COALESCE(o.fulfilled_by_id, 0) = {person})
        OR EXISTS (SELECT 1 FROM dispute_statement s WHERE s.dispute_id = d.id AND s.by_id = {person})))"""


PART_IN_IT = f"({_has_part('NEW.by_id')} OR {_has_part('COALESCE(NEW.second_id, -1)')})"


def _changed(columns: tuple[str, ...], differ: str) -> str:
    return " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in columns)


def _sqlite(name: str, event: str, when: str, text: str) -> str:
    condition = f" WHEN {when}" if when else ""
    return f"CREATE TRIGGER {name} BEFORE {event}{condition} BEGIN SELECT RAISE(ABORT, '{text}'); END"


SQLITE = (
    _sqlite("dispute_statement_never_update", "UPDATE ON dispute_statement", "", SAID_STAYS),
    _sqlite("dispute_statement_never_delete", "DELETE ON dispute_statement", "", SAID_STAYS),
    _sqlite("dispute_statement_open", "INSERT ON dispute_statement", f"NOT {IS_OPEN}", OPEN_ONLY),
    _sqlite("dispute_begins", "INSERT ON dispute", "NEW.status <> 'open'", CASE_STAYS),
    _sqlite("dispute_final", "UPDATE ON dispute", f"OLD.status <> 'open' OR {_changed(CASE, 'IS NOT')}", CASE_STAYS),
    _sqlite("dispute_ruled", "UPDATE ON dispute", f"NEW.status = 'decided' AND NOT {HAS_RULING}", BY_RULING),
    _sqlite("dispute_never_delete", "DELETE ON dispute", "", CASE_STAYS),
    _sqlite("dispute_ruling_open", "INSERT ON dispute_ruling", f"NOT {IS_OPEN}", OPEN_ONLY),
    _sqlite("dispute_ruling_no_part", "INSERT ON dispute_ruling", PART_IN_IT, NO_PART),
    _sqlite("dispute_ruling_second", "UPDATE ON dispute_ruling", PART_IN_IT, NO_PART),
    _sqlite(
        "dispute_ruling_final",
        "UPDATE ON dispute_ruling",
        f"OLD.status <> 'waiting' OR {_changed(RULING, 'IS NOT')}",
        RULED_STAYS,
    ),
    _sqlite("dispute_ruling_never_delete", "DELETE ON dispute_ruling", "", RULED_STAYS),
)


def _refuse(when: str, text: str) -> str:
    return f"IF {when} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF;"


def _function(name: str, *checks: str) -> str:
    body = " ".join(checks)
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$"


POSTGRESQL = (
    "CREATE TRIGGER dispute_statement_append_only BEFORE UPDATE OR DELETE ON dispute_statement "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    _function("dispute_said", _refuse(f"NOT {IS_OPEN}", OPEN_ONLY)),
    _function("dispute_begun", _refuse("NEW.status <> 'open'", CASE_STAYS)),
    _function(
        "dispute_changed",
        _refuse("TG_OP = 'DELETE'", CASE_STAYS),
        _refuse(f"OLD.status <> 'open' OR {_changed(CASE, 'IS DISTINCT FROM')}", CASE_STAYS),
        _refuse(f"NEW.status = 'decided' AND NOT {HAS_RULING}", BY_RULING),
    ),
    _function("dispute_ruled", _refuse(f"NOT {IS_OPEN}", OPEN_ONLY), _refuse(PART_IN_IT, NO_PART)),
    _function(
        "dispute_ruling_changed",
        _refuse("TG_OP = 'DELETE'", RULED_STAYS),
        _refuse(f"OLD.status <> 'waiting' OR {_changed(RULING, 'IS DISTINCT FROM')}", RULED_STAYS),
        _refuse(PART_IN_IT, NO_PART),
    ),
    *(
        f"CREATE TRIGGER {function} BEFORE {event} FOR EACH ROW EXECUTE FUNCTION {function}()"
        for function, event in (
            ("dispute_said", "INSERT ON dispute_statement"),
            ("dispute_begun", "INSERT ON dispute"),
            ("dispute_changed", "UPDATE OR DELETE ON dispute"),
            ("dispute_ruled", "INSERT ON dispute_ruling"),
            ("dispute_ruling_changed", "UPDATE OR DELETE ON dispute_ruling"),
        )
    ),
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in ("dispute", "dispute_statement", "dispute_ruling")
    ),
)
FUNCTIONS = ("dispute_said", "dispute_begun", "dispute_changed", "dispute_ruled", "dispute_ruling_changed")


def upgrade() -> None:
    _create_dispute()
    _create_statement()
    _create_ruling()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _create_dispute() -> None:
    decided = "status <> 'decided' OR (ended_by_id <> opened_by_id AND (other_id IS NULL OR ended_by_id <> other_id))"
    op.create_table(
        "dispute",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("opened_by_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(length=8), nullable=False),
        sa.Column("wanted", sa.String(length=8), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("heard_by", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("stage IN ('held', 'booked')", name=op.f("ck_dispute_stage")),
        sa.CheckConstraint("wanted IN ('whole', 'part', 'none', 'talk')", name=op.f("ck_dispute_wanted")),
        sa.CheckConstraint("words <> ''", name=op.f("ck_dispute_has_words")),
        sa.CheckConstraint("opened_by_id <> other_id", name=op.f("ck_dispute_two_sides")),
        sa.CheckConstraint("status IN ('open', 'decided', 'withdrawn')", name=op.f("ck_dispute_status")),
        sa.CheckConstraint("(status = 'open') = (ended_at IS NULL)", name=op.f("ck_dispute_ended_once")),
        sa.CheckConstraint("(status = 'open') = (ended_by_id IS NULL)", name=op.f("ck_dispute_ended_by")),
        sa.CheckConstraint(
            "status <> 'withdrawn' OR ended_by_id = opened_by_id", name=op.f("ck_dispute_withdrawn_by_opener")
        ),
        sa.CheckConstraint(decided, name=op.f("ck_dispute_decided_by_neither")),
        *(
            sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_dispute_{column}"))
            for column, target in (
                ("branch_id", "branch.id"),
                ("order_id", "exchange_order.id"),
                ("opened_by_id", "member.id"),
                ("other_id", "member.id"),
                ("ended_by_id", "member.id"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("form_key", name=op.f("uq_dispute_form_key")),
    )
    alive = sa.text("status IN ('open', 'decided')")
    op.create_index("uq_dispute_once_per_side", "dispute", ["order_id", "opened_by_id"], unique=True)
    op.create_index(
        "uq_dispute_alive", "dispute", ["order_id"], unique=True, sqlite_where=alive, postgresql_where=alive
    )
    op.create_index("ix_dispute_branch_id_status_due_on", "dispute", ["branch_id", "status", "due_on"])
    op.create_index(op.f("ix_dispute_opened_by_id"), "dispute", ["opened_by_id"])
    op.create_index(op.f("ix_dispute_other_id"), "dispute", ["other_id"])


def _create_statement() -> None:
    op.create_table(
        "dispute_statement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dispute_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("words <> ''", name=op.f("ck_dispute_statement_has_words")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_dispute_statement_by_id")),
        sa.ForeignKeyConstraint(["dispute_id"], ["dispute.id"], name=op.f("fk_dispute_statement_dispute_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_statement")),
        sa.UniqueConstraint("form_key", name=op.f("uq_dispute_statement_form_key")),
    )
    op.create_index(op.f("ix_dispute_statement_dispute_id"), "dispute_statement", ["dispute_id"])


def _create_ruling() -> None:
    op.create_table(
        "dispute_ruling",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dispute_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=180), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.Column("note", sa.String(length=180), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("outcome IN ('whole', 'part', 'none')", name=op.f("ck_dispute_ruling_outcome")),
        sa.CheckConstraint(
            "minutes >= 0 AND (outcome = 'none') = (minutes = 0)", name=op.f("ck_dispute_ruling_minutes")
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_dispute_ruling_has_reason")),
        sa.CheckConstraint("status IN ('waiting', 'final', 'declined')", name=op.f("ck_dispute_ruling_status")),
        sa.CheckConstraint(
            "(status = 'waiting') = (answered_at IS NULL)", name=op.f("ck_dispute_ruling_answered_once")
        ),
        sa.CheckConstraint("second_id <> by_id", name=op.f("ck_dispute_ruling_two_people")),
        sa.CheckConstraint("status <> 'waiting' OR second_id IS NULL", name=op.f("ck_dispute_ruling_not_answered")),
        sa.CheckConstraint(
            "status <> 'declined' OR (second_id IS NOT NULL AND note <> '')",
            name=op.f("ck_dispute_ruling_declined_why"),
        ),
        sa.ForeignKeyConstraint(["dispute_id"], ["dispute.id"], name=op.f("fk_dispute_ruling_dispute_id")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_dispute_ruling_by_id")),
        sa.ForeignKeyConstraint(["second_id"], ["member.id"], name=op.f("fk_dispute_ruling_second_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_ruling")),
        sa.UniqueConstraint("form_key", name=op.f("uq_dispute_ruling_form_key")),
    )
    standing = sa.text("status IN ('waiting', 'final')")
    op.create_index(op.f("ix_dispute_ruling_dispute_id"), "dispute_ruling", ["dispute_id"])
    op.create_index(
        "uq_dispute_ruling_standing",
        "dispute_ruling",
        ["dispute_id"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )


def downgrade() -> None:
    """Not where there is a case: what was said and decided would be forgotten."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM dispute").scalar():
        raise RuntimeError("dispute has rows that would be forgotten; restore a backup instead of going down")
    for table in ("dispute_ruling", "dispute_statement", "dispute"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for function in FUNCTIONS:
            op.execute(f"DROP FUNCTION {function}()")
