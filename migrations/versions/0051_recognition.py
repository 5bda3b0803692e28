"""Rules of recognition by version, and lists of people to be commended under them.

A version is never changed or deleted, and holds from a day after the one on which it was saved. A list waits, is granted
or declined once by somebody else than who proposed it, and neither of the two stands on it.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0051_recognition"
down_revision = "0048_job_runs"
branch_labels = None
depends_on = None

RULE_STAYS = "recognition_rule rows are never changed or deleted"
NEVER_BACK = "a rule holds from a later day than it was saved on"
LIST_STAYS = "what a list of commendations says never changes, and a decided one is final"
NOT_ONESELF = "nobody commends themselves"
LIST = ("id", "branch_id", "year", "title", "rule_name", "proposed_by_id", "proposed_at", "form_key")

WAITS = "EXISTS (SELECT 1 FROM commendation c WHERE c.id = NEW.commendation_id AND c.status = 'waiting')"
PROPOSED_BY = "(SELECT c.proposed_by_id FROM commendation c WHERE c.id = NEW.commendation_id)"
STANDS_ON_IT = """EXISTS (SELECT 1 FROM commendation_candidate p
    WHERE p.commendation_id = NEW.id AND p.member_id = NEW.decided_by_id)"""


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


# Instants are kept in UTC; all branches live by Asia/Shanghai, eight hours ahead all year.
SQLITE = (
    _sqlite("recognition_rule_never_update", "UPDATE ON recognition_rule", "", RULE_STAYS),
    _sqlite("recognition_rule_never_delete", "DELETE ON recognition_rule", "", RULE_STAYS),
    _sqlite(
        "recognition_rule_never_back",
        "INSERT ON recognition_rule",
        "NEW.valid_from <= date(NEW.created_at, '+8 hours')",
        NEVER_BACK,
    ),
    _sqlite("commendation_begins", "INSERT ON commendation", "NEW.status <> 'waiting'", LIST_STAYS),
    _sqlite(
        "commendation_final",
        "UPDATE ON commendation",
        f"OLD.status <> 'waiting' OR {_changed(LIST, 'IS NOT')}",
        LIST_STAYS,
    ),
    _sqlite("commendation_by_other", "UPDATE ON commendation", STANDS_ON_IT, NOT_ONESELF),
    _sqlite("commendation_never_delete", "DELETE ON commendation", "", LIST_STAYS),
    _sqlite("commendation_candidate_waits", "INSERT ON commendation_candidate", f"NOT {WAITS}", LIST_STAYS),
    _sqlite(
        "commendation_candidate_other",
        "INSERT ON commendation_candidate",
        f"NEW.member_id = {PROPOSED_BY}",
        NOT_ONESELF,
    ),
    _sqlite("commendation_candidate_never_update", "UPDATE ON commendation_candidate", "", LIST_STAYS),
    _sqlite("commendation_candidate_never_delete", "DELETE ON commendation_candidate", "", LIST_STAYS),
)

POSTGRESQL = (
    *_kept("recognition_rule", "UPDATE OR DELETE"),
    *_guard(
        "recognition_rule",
        _refuse("NEW.valid_from <= (NEW.created_at AT TIME ZONE 'Asia/Shanghai')::date", NEVER_BACK),
        on="INSERT",
    ),
    *_kept("commendation", "DELETE"),
    *_guard("commendation", _refuse("NEW.status <> 'waiting'", LIST_STAYS), on="INSERT"),
    *_guard(
        "commendation",
        _refuse(f"OLD.status <> 'waiting' OR {_changed(LIST, 'IS DISTINCT FROM')}", LIST_STAYS),
        _refuse(STANDS_ON_IT, NOT_ONESELF),
        on="UPDATE",
    ),
    *_kept("commendation_candidate", "UPDATE OR DELETE"),
    *_guard(
        "commendation_candidate",
        _refuse(f"NOT {WAITS}", LIST_STAYS),
        _refuse(f"NEW.member_id = {PROPOSED_BY}", NOT_ONESELF),
        on="INSERT",
    ),
)

FUNCTIONS = (
    "recognition_rule_guard_insert",
    "commendation_guard_insert",
    "commendation_guard_update",
    "commendation_candidate_guard_insert",
)


def upgrade() -> None:
    _create_recognition_rule()
    _create_commendation()
    _create_commendation_candidate()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _create_recognition_rule() -> None:
    op.create_table(
        "recognition_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("one_star_minutes", sa.Integer(), nullable=False),
        sa.Column("two_star_minutes", sa.Integer(), nullable=False),
        sa.Column("three_star_minutes", sa.Integer(), nullable=False),
        sa.Column("four_star_minutes", sa.Integer(), nullable=False),
        sa.Column("five_star_minutes", sa.Integer(), nullable=False),
        sa.Column("award_title", sa.String(length=40), nullable=False),
        sa.Column("award_minutes", sa.Integer(), nullable=False),
        sa.Column("award_activities", sa.Integer(), nullable=False),
        sa.Column("award_no_absence", sa.Boolean(), nullable=False),
        sa.Column("award_grade", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_by_name", sa.String(length=80), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check("recognition_rule", "number_positive", "number > 0"),
        _check(
            "recognition_rule",
            "stars_rise",
            "0 < one_star_minutes AND one_star_minutes < two_star_minutes AND two_star_minutes < three_star_minutes AND three_star_minutes < four_star_minutes AND four_star_minutes < five_star_minutes",
        ),
        _check("recognition_rule", "award_asks", "award_minutes >= 0 AND award_activities >= 0"),
        _check("recognition_rule", "award_grade", "award_grade BETWEEN 0 AND 4"),
        _check("recognition_rule", "has_title", "award_title <> ''"),
        _check("recognition_rule", "has_reason", "reason <> ''"),
        _to("recognition_rule", "branch_id", "branch.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recognition_rule")),
        sa.UniqueConstraint("form_key", name=op.f("uq_recognition_rule_form_key")),
        sa.UniqueConstraint("branch_id", "number", name=op.f("uq_recognition_rule_branch_id_number")),
    )


def _create_commendation() -> None:
    op.create_table(
        "commendation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("rule_name", sa.String(length=60), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=False),
        sa.Column("proposed_at", UTCDateTime(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check("commendation", "year", "year BETWEEN 2000 AND 2999"),
        _check("commendation", "has_title", "title <> ''"),
        _check("commendation", "status", "status IN ('waiting', 'granted', 'declined')"),
        _check("commendation", "decided_once", "(status = 'waiting') = (decided_at IS NULL)"),
        _check("commendation", "decided_by", "(decided_at IS NULL) = (decided_by_id IS NULL)"),
        _check("commendation", "two_people", "decided_by_id IS NULL OR decided_by_id <> proposed_by_id"),
        _check("commendation", "declined_why", "status <> 'declined' OR note <> ''"),
        _to("commendation", "branch_id", "branch.id"),
        _to("commendation", "proposed_by_id", "member.id"),
        _to("commendation", "decided_by_id", "member.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commendation")),
        sa.UniqueConstraint("form_key", name=op.f("uq_commendation_form_key")),
    )
    op.create_index(
        "uq_commendation_waiting",
        "commendation",
        ["branch_id", "year"],
        unique=True,
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )


def _create_commendation_candidate() -> None:
    op.create_table(
        "commendation_candidate",
        sa.Column("commendation_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("activities", sa.Integer(), nullable=False),
        sa.Column("absences", sa.Integer(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=True),
        _to("commendation_candidate", "commendation_id", "commendation.id"),
        _to("commendation_candidate", "member_id", "member.id"),
        sa.PrimaryKeyConstraint("commendation_id", "member_id", name=op.f("pk_commendation_candidate")),
    )
    op.create_index("ix_commendation_candidate_member_id", "commendation_candidate", ["member_id"])


def downgrade() -> None:
    """Not where a rule was saved or somebody was proposed."""
    for table in (
        "recognition_rule",
        "commendation",
    ):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError(f"{table} has rows that would be forgotten; restore a backup instead of going down")
    for table in ("commendation_candidate", "commendation", "recognition_rule"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for function in FUNCTIONS:
            op.execute(f"DROP FUNCTION {function}()")
