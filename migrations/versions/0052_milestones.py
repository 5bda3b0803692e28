"""Trainings, awards and evaluations of members, and what their holders asked about them.

What was recorded never changes: a second person may withdraw it once, with a reason. A question is answered once, by
somebody who did not record what it is about.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0052_milestones"
down_revision = "0051_recognition"
branch_labels = None
depends_on = None

STAYS = "what was recorded of a member never changes, and is withdrawn once"
ASKED_STAYS = "a question never changes, and is answered once"
BY_OTHER = "who recorded it does not answer for it"
MILESTONE = (
    "id", "branch_id", "member_id", "kind", "title", "giver", "on_day", "length_minutes", "grade", "words",
    "recorded_by_id", "recorded_at", "agreed_by_id", "commendation_id", "commended_year", "form_key",
)  # fmt: skip
QUESTION = ("id", "milestone_id", "asked_by_id", "words", "asked_at", "form_key")

RECORDED_IT = """EXISTS (SELECT 1 FROM milestone m
    WHERE m.id = NEW.milestone_id AND m.recorded_by_id = NEW.answered_by_id)"""
NOT_THEIRS = """NOT EXISTS (SELECT 1 FROM milestone m
    WHERE m.id = NEW.milestone_id AND m.member_id = NEW.asked_by_id)"""


def _changed(columns: tuple[str, ...], differ: str) -> str:
    return " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in columns)


def _sqlite(name: str, event: str, when: str, text: str) -> str:
    condition = f" WHEN {when}" if when else ""
    return f"CREATE TRIGGER {name} BEFORE {event}{condition} BEGIN SELECT RAISE(ABORT, '{text}'); END"


def _refuse(when: str, text: str) -> str:
    return f"IF {when} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF;"


def _guard(table: str, *checks: str, on: str) -> tuple[str, str]:
    body = " ".join(checks)
    return (
        f"CREATE FUNCTION {table}_guard_{on.lower()}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$",
        f"CREATE TRIGGER {table}_guard_{on.lower()} BEFORE {on} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_guard_{on.lower()}()",
    )


def _kept(table: str, events: str) -> tuple[str, str]:
    return (
        f"CREATE TRIGGER {table}_kept BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    )


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


SQLITE = (
    _sqlite("milestone_begins", "INSERT ON milestone", "NEW.withdrawn_at IS NOT NULL", STAYS),
    _sqlite(
        "milestone_final",
        "UPDATE ON milestone",
        f"OLD.withdrawn_at IS NOT NULL OR {_changed(MILESTONE, 'IS NOT')}",
        STAYS,
    ),
    _sqlite("milestone_never_delete", "DELETE ON milestone", "", STAYS),
    _sqlite(
        "milestone_question_begins",
        "INSERT ON milestone_question",
        f"NEW.answered_at IS NOT NULL OR {NOT_THEIRS}",
        ASKED_STAYS,
    ),
    _sqlite(
        "milestone_question_final",
        "UPDATE ON milestone_question",
        f"OLD.answered_at IS NOT NULL OR {_changed(QUESTION, 'IS NOT')}",
        ASKED_STAYS,
    ),
    _sqlite("milestone_question_by_other", "UPDATE ON milestone_question", RECORDED_IT, BY_OTHER),
    _sqlite("milestone_question_never_delete", "DELETE ON milestone_question", "", ASKED_STAYS),
)

POSTGRESQL = (
    *_kept("milestone", "DELETE"),
    *_guard("milestone", _refuse("NEW.withdrawn_at IS NOT NULL", STAYS), on="INSERT"),
    *_guard(
        "milestone",
        _refuse(f"OLD.withdrawn_at IS NOT NULL OR {_changed(MILESTONE, 'IS DISTINCT FROM')}", STAYS),
        on="UPDATE",
    ),
    *_kept("milestone_question", "DELETE"),
    *_guard("milestone_question", _refuse(f"NEW.answered_at IS NOT NULL OR {NOT_THEIRS}", ASKED_STAYS), on="INSERT"),
    *_guard(
        "milestone_question",
        _refuse(f"OLD.answered_at IS NOT NULL OR {_changed(QUESTION, 'IS DISTINCT FROM')}", ASKED_STAYS),
        _refuse(RECORDED_IT, BY_OTHER),
        on="UPDATE",
    ),
)

FUNCTIONS = (
    "milestone_guard_insert",
    "milestone_guard_update",
    "milestone_question_guard_insert",
    "milestone_question_guard_update",
)


def upgrade() -> None:
    _create_milestone()
    _create_milestone_question()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _create_milestone() -> None:
    op.create_table(
        "milestone",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("giver", sa.String(length=60), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("length_minutes", sa.Integer(), nullable=True),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("recorded_by_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("agreed_by_id", sa.Integer(), nullable=True),
        sa.Column("commendation_id", sa.Integer(), nullable=True),
        sa.Column("commended_year", sa.Integer(), nullable=True),
        sa.Column("withdrawn_at", UTCDateTime(), nullable=True),
        sa.Column("withdrawn_by_id", sa.Integer(), nullable=True),
        sa.Column("withdrawn_reason", sa.String(length=200), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check("milestone", "kind", "kind IN ('training', 'award', 'evaluation')"),
        _check("milestone", "has_words", "title <> '' AND giver <> '' AND words <> ''"),
        _check("milestone", "training_has_length", "(kind = 'training') = (length_minutes IS NOT NULL)"),
        _check("milestone", "length_positive", "length_minutes IS NULL OR length_minutes > 0"),
        _check("milestone", "evaluation_has_grade", "(kind = 'evaluation') = (grade IS NOT NULL)"),
        _check("milestone", "grade", "grade IS NULL OR grade BETWEEN 1 AND 4"),
        _check("milestone", "not_for_oneself", "recorded_by_id <> member_id"),
        _check(
            "milestone",
            "agreed_by",
            "agreed_by_id IS NULL OR (agreed_by_id <> member_id AND agreed_by_id <> recorded_by_id)",
        ),
        _check("milestone", "commended_by_two", "(commendation_id IS NULL) = (agreed_by_id IS NULL)"),
        _check("milestone", "commended_year", "(commendation_id IS NULL) = (commended_year IS NULL)"),
        _check("milestone", "commended_award", "commendation_id IS NULL OR kind = 'award'"),
        _check("milestone", "withdrawn_by", "(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)"),
        _check("milestone", "withdrawn_why", "(withdrawn_at IS NULL) = (withdrawn_reason = '')"),
        _check(
            "milestone",
            "withdrawn_by_second",
            "withdrawn_by_id IS NULL OR (withdrawn_by_id <> recorded_by_id AND withdrawn_by_id <> member_id)",
        ),
        _to("milestone", "branch_id", "branch.id"),
        _to("milestone", "member_id", "member.id"),
        _to("milestone", "recorded_by_id", "member.id"),
        _to("milestone", "agreed_by_id", "member.id"),
        _to("milestone", "commendation_id", "commendation.id"),
        _to("milestone", "withdrawn_by_id", "member.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone")),
        sa.UniqueConstraint("form_key", "member_id", name=op.f("uq_milestone_form_key_member_id")),
    )
    op.create_index("ix_milestone_branch_id_recorded_at", "milestone", ["branch_id", "recorded_at"])
    op.create_index("ix_milestone_member_id_on_day", "milestone", ["member_id", "on_day"])
    op.create_index(
        "uq_milestone_commended",
        "milestone",
        ["member_id", "commended_year"],
        unique=True,
        sqlite_where=sa.text("commended_year IS NOT NULL AND withdrawn_at IS NULL"),
        postgresql_where=sa.text("commended_year IS NOT NULL AND withdrawn_at IS NULL"),
    )


def _create_milestone_question() -> None:
    op.create_table(
        "milestone_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("milestone_id", sa.Integer(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("answer", sa.String(length=300), nullable=False),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check("milestone_question", "has_words", "words <> ''"),
        _check("milestone_question", "answered_by", "(answered_at IS NULL) = (answered_by_id IS NULL)"),
        _check("milestone_question", "answered_what", "(answered_at IS NULL) = (answer = '')"),
        _check("milestone_question", "answered_by_other", "answered_by_id IS NULL OR answered_by_id <> asked_by_id"),
        _to("milestone_question", "milestone_id", "milestone.id"),
        _to("milestone_question", "asked_by_id", "member.id"),
        _to("milestone_question", "answered_by_id", "member.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone_question")),
        sa.UniqueConstraint("form_key", name=op.f("uq_milestone_question_form_key")),
    )
    op.create_index("ix_milestone_question_milestone_id", "milestone_question", ["milestone_id"])
    op.create_index(
        "uq_milestone_question_open",
        "milestone_question",
        ["milestone_id"],
        unique=True,
        sqlite_where=sa.text("answered_at IS NULL"),
        postgresql_where=sa.text("answered_at IS NULL"),
    )


def downgrade() -> None:
    """Not where anything was recorded."""
    for table in ("milestone",):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError(f"{table} has rows that would be forgotten; restore a backup instead of going down")
    for table in ("milestone_question", "milestone"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for function in FUNCTIONS:
            op.execute(f"DROP FUNCTION {function}()")
