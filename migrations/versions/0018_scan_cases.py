"""Uploaded scans: the evidence of their time, the cases that people decide, codes that name nobody.

The database itself refuses: evidence and unread codes that are changed or deleted; a case that is changed after its
decision, or whose question is changed. (Whoever decides reviews the record, and is kept from approving it as such.)
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0018_scan_cases"
down_revision = "0017b_shift_posters"
branch_labels = None
depends_on = None

APPEND_ONLY = ("scan_evidence", "unread_scan")
CASE_FINAL = "a decided case is never changed or deleted"
CASE_IDENTITY = "what a case asks is never changed"
ASKED = ("id", "scan_id", "shift_id", "kind", "opened_at")


def _changed(differ: str) -> str:
    return " OR ".join(f"NEW.{column} {differ} OLD.{column}" for column in ASKED)


SQLITE = [
    *(
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed or deleted'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ),
    # A connection that does not ask for recursive triggers lets REPLACE pass by those that keep rows from being deleted.
    *(
        f"CREATE TRIGGER {table}_never_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
        f"BEGIN SELECT RAISE(IGNORE); END"
        for table, same in (
            ("scan_evidence", "scan_id = NEW.scan_id"),
            ("scan_case", "id = NEW.id OR scan_id = NEW.scan_id"),
            ("unread_scan", "id = NEW.id OR key = NEW.key"),
        )
    ),
    "CREATE TRIGGER scan_case_final BEFORE UPDATE ON scan_case WHEN OLD.decision <> '' "
    f"BEGIN SELECT RAISE(ABORT, '{CASE_FINAL}'); END",
    f"CREATE TRIGGER scan_case_identity BEFORE UPDATE ON scan_case WHEN {_changed('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{CASE_IDENTITY}'); END",
    f"CREATE TRIGGER scan_case_never_delete BEFORE DELETE ON scan_case BEGIN SELECT RAISE(ABORT, '{CASE_FINAL}'); END",
]

POSTGRESQL = [
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in (*APPEND_ONLY, "scan_case")
    ),
    f"""CREATE FUNCTION scan_case_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'DELETE' OR OLD.decision <> '' THEN
            RAISE EXCEPTION '{CASE_FINAL}' USING ERRCODE = 'restrict_violation';
          END IF;
          IF {_changed("IS DISTINCT FROM")} THEN
            RAISE EXCEPTION '{CASE_IDENTITY}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    "CREATE TRIGGER scan_case_guarded BEFORE UPDATE OR DELETE ON scan_case FOR EACH ROW EXECUTE FUNCTION scan_case_guard()",
]


def upgrade() -> None:
    op.create_table(
        "scan_evidence",
        sa.Column("scan_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wanted", sa.String(length=4), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("device_at", UTCDateTime(), nullable=False),
        sa.Column("loaded_offset", sa.Integer(), nullable=True),
        sa.Column("sent_offset", sa.Integer(), nullable=False),
        sa.Column("card", sa.String(length=16), nullable=False),
        sa.Column("roster_by_id", sa.Integer(), nullable=True),
        sa.Column("roster_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("wanted IN ('', 'in', 'out')", name=op.f("ck_scan_evidence_wanted")),
        sa.ForeignKeyConstraint(["roster_by_id"], ["member.id"], name=op.f("fk_scan_evidence_roster_by_id")),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.id"], name=op.f("fk_scan_evidence_scan_id")),
        sa.PrimaryKeyConstraint("scan_id", name=op.f("pk_scan_evidence")),
    )
    op.create_table(
        "scan_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.CheckConstraint(
            "kind IN ('cancelled', 'inactive', 'approved', 'submitted', 'revoked', 'clock', 'future', 'early', 'late', "
            "'unlisted')",
            name=op.f("ck_scan_case_kind"),
        ),
        sa.CheckConstraint("decision IN ('', 'count', 'dismiss')", name=op.f("ck_scan_case_decision")),
        sa.CheckConstraint(
            "(decision = '') = (decided_at IS NULL) AND (decision = '') = (decided_by_id IS NULL) "
            "AND (decision = '') = (reason = '')",
            name=op.f("ck_scan_case_decided_with_reason"),
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["member.id"], name=op.f("fk_scan_case_decided_by_id")),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.id"], name=op.f("fk_scan_case_scan_id")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_scan_case_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_case")),
        sa.UniqueConstraint("scan_id", name=op.f("uq_scan_case_scan_id")),
    )
    op.create_index("ix_scan_case_shift_id_decision", "scan_case", ["shift_id", "decision"])
    op.create_table(
        "unread_scan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=80), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("claimed_at", UTCDateTime(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["member.id"], name=op.f("fk_unread_scan_actor_id")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_unread_scan_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unread_scan")),
        sa.UniqueConstraint("key", name=op.f("uq_unread_scan_key")),
    )
    op.create_index(op.f("ix_unread_scan_shift_id"), "unread_scan", ["shift_id"])
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Not where anything was uploaded: what was pressed, and what people decided, would be forgotten with the tables."""
    uploaded = ("unread_scan", "scan_case", "scan_evidence")
    for table in uploaded:
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError("there are uploaded scans; restore a backup instead of going down")
    for table in uploaded:
        op.drop_table(table)  # and its triggers
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION scan_case_guard()")
