"""Evidence packs, spot checks and yearly figures.

Samples and findings are only ever added; so are packs, whose file is noted once, after it was made. A year's figures never change; they are published once by a second
person and withdrawn once.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0056_evidence"
down_revision = "0055_passbooks"
branch_labels = None
depends_on = None

APPEND_ONLY = ("spot_sample", "spot_pick", "spot_finding")
APPENDED = "evidence and spot checks are never changed or deleted"
YEARLY_STAYS = "figures of a year never change, are published once and withdrawn once"
PACK_STAYS = "a pack is never deleted, and its file is noted once"
PACK = ("id", "activity_id", "number", "named", "reason", "made_by_id", "made_at", "form_key")
COUNTED = ("id", "branch_id", "year", "version", "words", "prepared_by_id", "prepared_at", "form_key")
PUBLISHED, WITHDRAWN = ("published_by_id", "published_at"), ("withdrawn_by_id", "withdrawn_at", "withdrawn_why")


def _differ(names: tuple[str, ...], differ: str) -> str:
    return " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in names)


def _pack_refused(differ: str) -> str:
    return f"OLD.file_hash <> '' OR NEW.file_hash = '' OR {_differ(PACK, differ)}"


def _yearly_refused(differ: str) -> str:
    figures = f"CAST(NEW.figures AS TEXT) {differ} CAST(OLD.figures AS TEXT)"
    again = f"OLD.published_at IS NOT NULL AND ({_differ(PUBLISHED, differ)})"
    back = f"OLD.withdrawn_at IS NOT NULL AND ({_differ(WITHDRAWN, differ)})"
    return f"{_differ(COUNTED, differ)} OR {figures} OR ({again}) OR ({back})"


SQLITE = (
    *(
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{APPENDED}'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER evidence_pack_final BEFORE UPDATE ON evidence_pack WHEN {_pack_refused('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{PACK_STAYS}'); END",
    "CREATE TRIGGER evidence_pack_never_delete BEFORE DELETE ON evidence_pack "
    f"BEGIN SELECT RAISE(ABORT, '{PACK_STAYS}'); END",
    f"CREATE TRIGGER yearly_report_final BEFORE UPDATE ON yearly_report WHEN {_yearly_refused('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{YEARLY_STAYS}'); END",
    "CREATE TRIGGER yearly_report_never_delete BEFORE DELETE ON yearly_report "
    f"BEGIN SELECT RAISE(ABORT, '{YEARLY_STAYS}'); END",
)
POSTGRESQL = (
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in (*APPEND_ONLY, "evidence_pack", "yearly_report")
    ),
    f"""CREATE FUNCTION evidence_pack_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP = 'DELETE' THEN RAISE EXCEPTION '{PACK_STAYS}' USING ERRCODE = 'restrict_violation'; END IF;
          IF {_pack_refused("IS DISTINCT FROM")} THEN
            RAISE EXCEPTION '{PACK_STAYS}' USING ERRCODE = 'restrict_violation'; END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER evidence_pack_final BEFORE UPDATE OR DELETE ON evidence_pack "
    "FOR EACH ROW EXECUTE FUNCTION evidence_pack_guard()",
    f"""CREATE FUNCTION yearly_report_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP = 'DELETE' THEN RAISE EXCEPTION '{YEARLY_STAYS}' USING ERRCODE = 'restrict_violation'; END IF;
          IF {_yearly_refused("IS DISTINCT FROM")} THEN
            RAISE EXCEPTION '{YEARLY_STAYS}' USING ERRCODE = 'restrict_violation'; END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER yearly_report_final BEFORE UPDATE OR DELETE ON yearly_report "
    "FOR EACH ROW EXECUTE FUNCTION yearly_report_guard()",
)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def upgrade() -> None:
    _packs()
    _samples()
    _findings()
    _years()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _packs() -> None:
    op.create_table(
        "evidence_pack",
        _number("id"),
        _number("activity_id"),
        _number("number"),
        sa.Column("named", sa.Boolean(), nullable=False),
        _number("photos"),
        _text("reason", 200),
        _text("file_hash", 64),
        _number("file_size"),
        _number("made_by_id"),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        _text("form_key", 80),
        _check("evidence_pack", "number_positive", "number > 0"),
        _check("evidence_pack", "has_reason", "reason <> ''"),
        _check("evidence_pack", "photos_not_negative", "photos >= 0"),
        _key("evidence_pack", "activity_id", "activity"),
        _key("evidence_pack", "made_by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_pack")),
        sa.UniqueConstraint("activity_id", "number", name=op.f("uq_evidence_pack_activity_id_number")),
        sa.UniqueConstraint("form_key", name=op.f("uq_evidence_pack_form_key")),
    )


def _samples() -> None:
    op.create_table(
        "spot_sample",
        _number("id"),
        _number("branch_id"),
        _text("month", 7),
        _text("seed", 32),
        _number("wanted"),
        _number("population"),
        _text("population_hash", 64),
        _number("drawn_by_id"),
        sa.Column("drawn_at", UTCDateTime(), nullable=False),
        _text("form_key", 80),
        _check("spot_sample", "wanted_positive", "wanted > 0"),
        _check("spot_sample", "population_positive", "population > 0"),
        _key("spot_sample", "branch_id", "branch"),
        _key("spot_sample", "drawn_by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spot_sample")),
        sa.UniqueConstraint("form_key", name=op.f("uq_spot_sample_form_key")),
    )
    op.create_index("ix_spot_sample_branch_id", "spot_sample", ["branch_id", "month"])
    op.create_table(
        "spot_pick",
        _number("sample_id"),
        _number("activity_id"),
        _number("place"),
        _check("spot_pick", "place_positive", "place > 0"),
        _key("spot_pick", "sample_id", "spot_sample"),
        _key("spot_pick", "activity_id", "activity"),
        sa.PrimaryKeyConstraint("sample_id", "activity_id", name=op.f("pk_spot_pick")),
        sa.UniqueConstraint("sample_id", "place", name=op.f("uq_spot_pick_sample_id_place")),
    )
    op.create_index(op.f("ix_spot_pick_activity_id"), "spot_pick", ["activity_id"])


def _findings() -> None:
    op.create_table(
        "spot_finding",
        _number("id"),
        _number("sample_id"),
        _number("activity_id"),
        _text("result", 8),
        _text("words", 300),
        _number("by_id"),
        sa.Column("at", UTCDateTime(), nullable=False),
        _text("form_key", 80),
        _check("spot_finding", "result", "result IN ('fine', 'remark')"),
        _check("spot_finding", "remark_says_what", "result <> 'remark' OR words <> ''"),
        _key("spot_finding", "sample_id", "spot_sample"),
        _key("spot_finding", "activity_id", "activity"),
        _key("spot_finding", "by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spot_finding")),
        sa.UniqueConstraint("form_key", name=op.f("uq_spot_finding_form_key")),
    )
    op.create_index("ix_spot_finding_sample_id", "spot_finding", ["sample_id", "activity_id"])


def _years() -> None:
    withdrawn = "withdrawn_at IS NULL OR (published_at IS NOT NULL AND withdrawn_why <> '')"
    op.create_table(
        "yearly_report",
        _number("id"),
        _number("branch_id"),
        _number("year"),
        _number("version"),
        sa.Column("figures", sa.JSON(), nullable=False),
        _text("words", 200),
        _number("prepared_by_id"),
        sa.Column("prepared_at", UTCDateTime(), nullable=False),
        _number("published_by_id", nullable=True),
        sa.Column("published_at", UTCDateTime(), nullable=True),
        _number("withdrawn_by_id", nullable=True),
        sa.Column("withdrawn_at", UTCDateTime(), nullable=True),
        _text("withdrawn_why", 200),
        _text("form_key", 80),
        _check("yearly_report", "version_positive", "version > 0"),
        _check("yearly_report", "year", "year BETWEEN 2000 AND 2999"),
        _check("yearly_report", "says_what_changed", "version = 1 OR words <> ''"),
        _check("yearly_report", "published_by", "(published_at IS NULL) = (published_by_id IS NULL)"),
        _check("yearly_report", "two_people", "published_by_id IS NULL OR published_by_id <> prepared_by_id"),
        _check("yearly_report", "withdrawn_by", "(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)"),
        _check("yearly_report", "withdrawn", withdrawn),
        _key("yearly_report", "branch_id", "branch"),
        *(_key("yearly_report", f"{who}_by_id", "member") for who in ("prepared", "published", "withdrawn")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_yearly_report")),
        sa.UniqueConstraint("branch_id", "year", "version", name=op.f("uq_yearly_report_branch_id_year_version")),
        sa.UniqueConstraint("form_key", name=op.f("uq_yearly_report_form_key")),
    )


def downgrade() -> None:
    """Not where something was made, drawn or counted."""
    for table in ("evidence_pack", "spot_sample", "yearly_report"):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError(f"{table} has rows that would be forgotten; restore a backup instead of going down")
    for table in ("yearly_report", "spot_finding", "spot_pick", "spot_sample", "evidence_pack"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION yearly_report_guard()")
        op.execute("DROP FUNCTION evidence_pack_guard()")
