"""The life of a sign-up: offers with a deadline, parties, no-shows with appeals, limits by branch, guardians' consent.

Limits and overrides are only ever added. Nobody decides about a mark of their own, nor about one that they made.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0022_sign_up_life"
down_revision = "0021_second_approver"
branch_labels = None
depends_on = None

APPEND_ONLY = ("sign_up_override", "sign_up_rule")
DECIDED = "a decided appeal is never changed or deleted"
MADE = ("no_show_appeal", "no_show", "guardian_consent", "sign_up_rule", "sign_up_override", "sign_up_party")

# Added one by one: copying the table would have to know what others hang on it.
ADD = (
    "min_age INTEGER CONSTRAINT ck_activity_min_age CHECK (min_age IS NULL OR min_age BETWEEN 1 AND 120)",
    "max_age INTEGER CONSTRAINT ck_activity_max_age CHECK (max_age IS NULL OR max_age BETWEEN 1 AND 120)",
    "needed_skills VARCHAR(120) NOT NULL DEFAULT ''",
    "needed_papers VARCHAR(120) NOT NULL DEFAULT ''",
    "special VARCHAR(60) NOT NULL DEFAULT ''",
)
SQLITE = [
    *(
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed or deleted'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ),
    *(
        f"CREATE TRIGGER no_show_appeal_final_{verb.lower()} BEFORE {verb} ON no_show_appeal "
        f"WHEN OLD.decided_at IS NOT NULL BEGIN SELECT RAISE(ABORT, '{DECIDED}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
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
        for table in APPEND_ONLY
    ),
    f"""CREATE FUNCTION no_show_appeal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION '{DECIDED}' USING ERRCODE = 'restrict_violation';
        END $$""",
    """CREATE TRIGGER no_show_appeal_final BEFORE UPDATE OR DELETE ON no_show_appeal FOR EACH ROW
       WHEN (OLD.decided_at IS NOT NULL) EXECUTE FUNCTION no_show_appeal_guard()""",
]

STATUS = "ck_sign_up_status"
CHECKS = {
    STATUS: "status IN ('confirmed', 'waiting', 'offered', 'left')",
    "ck_sign_up_offered_has_deadline": "(status = 'offered') = (offered_until IS NOT NULL)",
    "ck_sign_up_left_has_time": "(status = 'left') = (left_at IS NOT NULL)",
}
STATUS_BEFORE = "status IN ('confirmed', 'waiting', 'left')"
OPEN_OFFER = sa.text("offered_until IS NOT NULL")


def upgrade() -> None:
    for column in ADD:
        op.execute(f"ALTER TABLE activity ADD COLUMN {column}")
    op.create_table(
        "sign_up_party",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("signed_by_id", sa.Integer(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_sign_up_party_shift_id")),
        sa.ForeignKeyConstraint(["signed_by_id"], ["member.id"], name=op.f("fk_sign_up_party_signed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_up_party")),
        sa.UniqueConstraint("form_key", name=op.f("uq_sign_up_party_form_key")),
    )
    op.create_index(op.f("ix_sign_up_party_shift_id"), "sign_up_party", ["shift_id"], unique=False)
    op.create_table(
        "sign_up_override",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_sign_up_override_has_reason")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_sign_up_override_by_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_sign_up_override_member_id")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_sign_up_override_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_up_override")),
    )
    op.create_index(op.f("ix_sign_up_override_member_id"), "sign_up_override", ["member_id"], unique=False)
    op.create_index(op.f("ix_sign_up_override_shift_id"), "sign_up_override", ["shift_id"], unique=False)
    op.create_table(
        "sign_up_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("offer_hours", sa.Integer(), nullable=False),
        sa.Column("late_hours", sa.Integer(), nullable=False),
        sa.Column("no_shows", sa.Integer(), nullable=False),
        sa.Column("no_show_days", sa.Integer(), nullable=False),
        sa.Column("popular_percent", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_sign_up_rule_has_reason")),
        sa.CheckConstraint("late_hours BETWEEN 0 AND 168", name=op.f("ck_sign_up_rule_late_hours")),
        sa.CheckConstraint("no_show_days BETWEEN 1 AND 366", name=op.f("ck_sign_up_rule_no_show_days")),
        sa.CheckConstraint("no_shows BETWEEN 1 AND 20", name=op.f("ck_sign_up_rule_no_shows")),
        sa.CheckConstraint("offer_hours BETWEEN 1 AND 168", name=op.f("ck_sign_up_rule_offer_hours")),
        sa.CheckConstraint("popular_percent BETWEEN 1 AND 100", name=op.f("ck_sign_up_rule_popular_percent")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_sign_up_rule_branch_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["member.id"], name=op.f("fk_sign_up_rule_created_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_up_rule")),
        sa.UniqueConstraint("form_key", name=op.f("uq_sign_up_rule_form_key")),
    )
    op.create_index(op.f("ix_sign_up_rule_branch_id"), "sign_up_rule", ["branch_id"], unique=False)
    op.create_table(
        "no_show",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("happened_at", UTCDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("marked_by_id", sa.Integer(), nullable=False),
        sa.Column("marked_at", UTCDateTime(), nullable=False),
        sa.Column("counted_at", UTCDateTime(), nullable=True),
        sa.Column("lifted_at", UTCDateTime(), nullable=True),
        sa.Column("lifted_by_id", sa.Integer(), nullable=True),
        sa.Column("lift_reason", sa.String(length=200), server_default="", nullable=False),
        sa.CheckConstraint("kind IN ('absent', 'excused')", name=op.f("ck_no_show_kind")),
        sa.CheckConstraint("lifted_at IS NULL OR lift_reason <> ''", name=op.f("ck_no_show_lifted_has_reason")),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by_id IS NULL)", name=op.f("ck_no_show_lifted_by")),
        sa.CheckConstraint(
            "lifted_by_id IS NULL OR lifted_by_id <> member_id", name=op.f("ck_no_show_not_lifted_by_oneself")
        ),
        sa.CheckConstraint("marked_by_id <> member_id", name=op.f("ck_no_show_not_by_oneself")),
        sa.ForeignKeyConstraint(["lifted_by_id"], ["member.id"], name=op.f("fk_no_show_lifted_by_id")),
        sa.ForeignKeyConstraint(["marked_by_id"], ["member.id"], name=op.f("fk_no_show_marked_by_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_no_show_member_id")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_no_show_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_no_show")),
        sa.UniqueConstraint("shift_id", "member_id", name=op.f("uq_no_show_shift_id_member_id")),
    )
    op.create_index("ix_no_show_member_id_happened_at", "no_show", ["member_id", "happened_at"], unique=False)
    op.create_table(
        "no_show_appeal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("no_show_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("marked_by_id", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("agreed", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.String(length=200), server_default="", nullable=False),
        sa.CheckConstraint("decided_at IS NULL OR reason <> ''", name=op.f("ck_no_show_appeal_decided_has_reason")),
        sa.CheckConstraint("words <> ''", name=op.f("ck_no_show_appeal_has_words")),
        sa.CheckConstraint("(decided_at IS NULL) = (agreed IS NULL)", name=op.f("ck_no_show_appeal_decided_how")),
        sa.CheckConstraint("(decided_at IS NULL) = (decided_by_id IS NULL)", name=op.f("ck_no_show_appeal_decided_by")),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR (decided_by_id <> member_id AND decided_by_id <> marked_by_id)",
            name=op.f("ck_no_show_appeal_uninvolved"),
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["member.id"], name=op.f("fk_no_show_appeal_decided_by_id")),
        sa.ForeignKeyConstraint(["marked_by_id"], ["member.id"], name=op.f("fk_no_show_appeal_marked_by_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_no_show_appeal_member_id")),
        sa.ForeignKeyConstraint(["no_show_id"], ["no_show.id"], name=op.f("fk_no_show_appeal_no_show_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_no_show_appeal")),
        sa.UniqueConstraint("form_key", name=op.f("uq_no_show_appeal_form_key")),
    )
    op.create_index(op.f("ix_no_show_appeal_member_id"), "no_show_appeal", ["member_id"], unique=False)
    op.create_index(op.f("ix_no_show_appeal_no_show_id"), "no_show_appeal", ["no_show_id"], unique=False)
    op.create_index(
        "uq_no_show_appeal_open",
        "no_show_appeal",
        ["no_show_id"],
        unique=True,
        sqlite_where=sa.text("decided_at IS NULL"),
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.create_table(
        "guardian_consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=True),
        sa.Column("how", sa.String(length=8), nullable=False),
        sa.Column("guardian_id", sa.Integer(), nullable=True),
        sa.Column("guardian_name", sa.String(length=60), nullable=False),
        sa.Column("seen_by_id", sa.Integer(), nullable=True),
        sa.Column("given_at", UTCDateTime(), nullable=False),
        sa.Column("withdrawn_at", UTCDateTime(), nullable=True),
        sa.Column("withdrawn_by_id", sa.Integer(), nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint(
            "(how = 'account') = (guardian_id IS NOT NULL)", name=op.f("ck_guardian_consent_account_has_guardian")
        ),
        sa.CheckConstraint(
            "(how = 'paper') = (seen_by_id IS NOT NULL)", name=op.f("ck_guardian_consent_paper_was_seen")
        ),
        sa.CheckConstraint("guardian_name <> ''", name=op.f("ck_guardian_consent_has_name")),
        sa.CheckConstraint("how IN ('account', 'paper')", name=op.f("ck_guardian_consent_how")),
        sa.ForeignKeyConstraint(["activity_id"], ["activity.id"], name=op.f("fk_guardian_consent_activity_id")),
        sa.ForeignKeyConstraint(["guardian_id"], ["member.id"], name=op.f("fk_guardian_consent_guardian_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_guardian_consent_member_id")),
        sa.ForeignKeyConstraint(["seen_by_id"], ["member.id"], name=op.f("fk_guardian_consent_seen_by_id")),
        sa.ForeignKeyConstraint(["withdrawn_by_id"], ["member.id"], name=op.f("fk_guardian_consent_withdrawn_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardian_consent")),
        sa.UniqueConstraint("form_key", name=op.f("uq_guardian_consent_form_key")),
    )
    op.create_index(op.f("ix_guardian_consent_member_id"), "guardian_consent", ["member_id"], unique=False)
    _change_sign_ups()
    for statement in POSTGRESQL if _on_postgresql() else SQLITE:
        op.execute(statement)


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _change_sign_ups() -> None:
    # Copied on SQLite: nothing points to sign_up and no trigger hangs on it.
    with op.batch_alter_table("sign_up") as batch:
        batch.add_column(sa.Column("offered_until", UTCDateTime(), nullable=True))
        batch.add_column(sa.Column("left_how", sa.String(length=10), server_default="", nullable=False))
        batch.add_column(sa.Column("late", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch.add_column(sa.Column("party_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("passed", sa.Integer(), server_default="0", nullable=False))
        batch.add_column(sa.Column("risk_read_at", UTCDateTime(), nullable=True))
        batch.create_foreign_key(op.f("fk_sign_up_party_id"), "sign_up_party", ["party_id"], ["id"])
        batch.drop_constraint(op.f(STATUS), type_="check")
        for name, rule in CHECKS.items():
            batch.create_check_constraint(op.f(name), rule)
    op.create_index(
        "ix_sign_up_offered_until",
        "sign_up",
        ["offered_until"],
        sqlite_where=OPEN_OFFER,
        postgresql_where=OPEN_OFFER,
    )
    op.create_index(op.f("ix_sign_up_party_id"), "sign_up", ["party_id"])
    op.execute("UPDATE sign_up SET left_how = 'self' WHERE status = 'left'")


def downgrade() -> None:
    kept = [table for table in MADE if op.get_bind().exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1").first()]
    if kept or op.get_bind().exec_driver_sql("SELECT 1 FROM sign_up WHERE status = 'offered'").first():
        raise RuntimeError("there are offers, parties, no-shows or consents; restore a backup instead of going down")
    for table in MADE:
        if table != "sign_up_party":
            op.drop_table(table)  # and its triggers
    if _on_postgresql():
        op.execute("DROP FUNCTION no_show_appeal_guard()")
    op.drop_index(op.f("ix_sign_up_party_id"), table_name="sign_up")
    op.drop_index("ix_sign_up_offered_until", table_name="sign_up")
    with op.batch_alter_table("sign_up") as batch:
        for name in CHECKS:
            batch.drop_constraint(op.f(name), type_="check")
        batch.create_check_constraint(op.f(STATUS), STATUS_BEFORE)
        batch.drop_constraint(op.f("fk_sign_up_party_id"), type_="foreignkey")
        for column in ("risk_read_at", "passed", "party_id", "late", "left_how", "offered_until"):
            batch.drop_column(column)
    op.drop_table("sign_up_party")
    for column in ("special", "needed_papers", "needed_skills", "max_age", "min_age"):
        op.execute(f"ALTER TABLE activity DROP COLUMN {column}")
