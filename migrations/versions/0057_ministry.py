"""Batches for the ministry's system, and what became of each record.

A batch is handed out once, submitted once, cancelled once; a record keeps what it was and is answered once.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0057_ministry"
down_revision = "0056_evidence"
branch_labels = None
depends_on = None

BATCH_STAYS = "a batch is handed out, submitted and cancelled once, and never deleted"
RECORD_STAYS = "a record of a batch keeps what it was, and is answered once"
MADE = ("id", "branch_id", "number", "reason", "made_by_id", "made_at", "form_key")
ONCE = (
    ("handed_by_id", "handed_at", "handed_hash"),
    ("submitted_by_id", "submitted_at"),
    ("cancelled_by_id", "cancelled_at", "cancelled_why"),
)
RECORDED = ("id", "batch_id", "kind", "source_id", "member_id", "digest")
STEPS = (
    ("prepared", "submitted"), ("prepared", "cancelled"), ("submitted", "cancelled"), ("submitted", "accepted"),
    ("submitted", "rejected"),
)  # fmt: skip


def _differ(names: tuple[str, ...], differ: str) -> str:
    return " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in names)


def _batch_refused(differ: str) -> str:
    again = " OR ".join(f"(OLD.{names[1]} IS NOT NULL AND ({_differ(names, differ)}))" for names in ONCE)
    return f"{_differ(MADE, differ)} OR {again}"


def _record_refused(differ: str) -> str:
    steps = " OR ".join(f"(OLD.state = '{old}' AND NEW.state = '{new}')" for old, new in STEPS)
    return f"{_differ(RECORDED, differ)} OR NOT ({steps})"


def _sqlite(table: str, refused: str, text: str) -> tuple[str, str]:
    return (
        f"CREATE TRIGGER {table}_final BEFORE UPDATE ON {table} WHEN {refused} BEGIN SELECT RAISE(ABORT, '{text}'); END",
        f"CREATE TRIGGER {table}_never_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{text}'); END",
    )


def _postgresql(table: str, refused: str, text: str) -> tuple[str, str, str]:
    return (
        f"""CREATE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF TG_OP = 'DELETE' THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF;
              IF {refused} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF;
              RETURN NEW; END $$""",
        f"CREATE TRIGGER {table}_final BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_guard()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    )


SQLITE = (
    *_sqlite("ministry_batch", _batch_refused("IS NOT"), BATCH_STAYS),
    *_sqlite("ministry_record", _record_refused("IS NOT"), RECORD_STAYS),
)
POSTGRESQL = (
    *_postgresql("ministry_batch", _batch_refused("IS DISTINCT FROM"), BATCH_STAYS),
    *_postgresql("ministry_record", _record_refused("IS DISTINCT FROM"), RECORD_STAYS),
)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _by_and_at(what: str) -> tuple[sa.Column[int], sa.Column[object]]:
    return (
        sa.Column(f"{what}_by_id", sa.Integer(), nullable=True),
        sa.Column(f"{what}_at", UTCDateTime(), nullable=True),
    )


def upgrade() -> None:
    _batches()
    _records()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _batches() -> None:
    op.create_table(
        "ministry_batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        *_by_and_at("handed"),
        sa.Column("handed_hash", sa.String(length=64), nullable=False),
        *_by_and_at("submitted"),
        *_by_and_at("cancelled"),
        sa.Column("cancelled_why", sa.String(length=200), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check("ministry_batch", "number_positive", "number > 0"),
        _check("ministry_batch", "has_reason", "reason <> ''"),
        *(
            _check("ministry_batch", f"{what}_by", f"({what}_at IS NULL) = ({what}_by_id IS NULL)")
            for what in ("handed", "submitted", "cancelled")
        ),
        _check("ministry_batch", "handed_what", "(handed_at IS NULL) = (handed_hash = '')"),
        _check("ministry_batch", "handed_first", "submitted_at IS NULL OR handed_at IS NOT NULL"),
        _check("ministry_batch", "cancelled_why", "cancelled_at IS NULL OR cancelled_why <> ''"),
        _key("ministry_batch", "branch_id", "branch"),
        *(_key("ministry_batch", f"{who}_by_id", "member") for who in ("made", "handed", "submitted", "cancelled")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ministry_batch")),
        sa.UniqueConstraint("branch_id", "number", name=op.f("uq_ministry_batch_branch_id_number")),
        sa.UniqueConstraint("form_key", name=op.f("uq_ministry_batch_form_key")),
    )


def _records() -> None:
    states = "state IN ('prepared', 'submitted', 'accepted', 'rejected', 'cancelled')"
    op.create_table(
        "ministry_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        *_by_and_at("answered"),
        _check("ministry_record", "kind", "kind IN ('person', 'service')"),
        _check("ministry_record", "state", states),
        _check("ministry_record", "rejected_why", "state <> 'rejected' OR words <> ''"),
        _check("ministry_record", "answered", "(state IN ('accepted', 'rejected')) = (answered_at IS NOT NULL)"),
        _check("ministry_record", "answered_by", "(answered_at IS NULL) = (answered_by_id IS NULL)"),
        _key("ministry_record", "batch_id", "ministry_batch"),
        _key("ministry_record", "member_id", "member"),
        _key("ministry_record", "answered_by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ministry_record")),
        sa.UniqueConstraint("batch_id", "kind", "source_id", name=op.f("uq_ministry_record_batch_id_kind_source_id")),
    )
    op.create_index(op.f("ix_ministry_record_member_id"), "ministry_record", ["member_id"])
    op.create_index(
        "uq_ministry_record_unanswered",
        "ministry_record",
        ["kind", "source_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('prepared', 'submitted')"),
        postgresql_where=sa.text("state IN ('prepared', 'submitted')"),
    )


def downgrade() -> None:
    """Not where a batch was made."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM ministry_batch").scalar():
        raise RuntimeError("ministry_batch has rows that would be forgotten; restore a backup instead of going down")
    for table in ("ministry_record", "ministry_batch"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for table in ("ministry_record", "ministry_batch"):
            op.execute(f"DROP FUNCTION {table}_guard()")
