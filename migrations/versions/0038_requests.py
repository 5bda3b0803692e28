"""What people ask for, step by step: who was asked, who said yes, who looked at whom, and what both sides say.

Steps, looks and ratings are only ever added. What was asked for never changes; whose coins pay it and how much is set
aside never changes once it was dispatched; what has ended is final, and nothing is ever deleted.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0038_requests"
down_revision = "0037_request_shifts"
branch_labels = None
depends_on = None

STAYS = "what was asked for never changes, and what has ended is final"
APPEND_ONLY = ("help_step", "help_look", "help_rating")
FIXED = (
    "id", "branch_id", "kind", "category", "title", "words", "place_sealed", "first_day", "last_day", "part_of_day",
    "confidential", "heard", "recipient_id", "asked_by_id", "asked_at", "form_key",
)  # fmt: skip
ONCE_DISPATCHED = ("source", "minutes", "hold_id", "consented")


def _changed(differ: str) -> str:
    fixed = " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in FIXED)
    once = " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in ONCE_DISPATCHED)
    return f"OLD.ended_at IS NOT NULL OR {fixed} OR (OLD.status <> 'asked' AND ({once}))"


SQLITE = (
    *(
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed or deleted'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER help_request_final BEFORE UPDATE ON help_request WHEN {_changed('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{STAYS}'); END",
    f"CREATE TRIGGER help_request_never_deleted BEFORE DELETE ON help_request "
    f"BEGIN SELECT RAISE(ABORT, '{STAYS}'); END",
    f"CREATE TRIGGER help_request_begins BEFORE INSERT ON help_request WHEN NEW.status <> 'asked' "
    f"BEGIN SELECT RAISE(ABORT, '{STAYS}'); END",
)
REFUSE = f"RAISE EXCEPTION '{STAYS}' USING ERRCODE = 'restrict_violation';"
POSTGRESQL = (
    *(
        statement
        for table in APPEND_ONLY
        for statement in (
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        )
    ),
    f"""CREATE FUNCTION help_request_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN {REFUSE} END IF;
          IF TG_OP = 'INSERT' THEN IF NEW.status <> 'asked' THEN {REFUSE} END IF; RETURN NEW; END IF;
          IF {_changed("IS DISTINCT FROM")} THEN {REFUSE} END IF;
          RETURN NEW; END $$""",
    """CREATE TRIGGER help_request_final BEFORE INSERT OR UPDATE OR DELETE ON help_request
       FOR EACH ROW EXECUTE FUNCTION help_request_guard()""",
    "CREATE TRIGGER help_request_no_truncate BEFORE TRUNCATE ON help_request "
    "FOR EACH STATEMENT EXECUTE FUNCTION help_request_guard()",
)


def upgrade() -> None:
    _create_request()
    _create_invitation()
    _create_look()
    _create_rating()
    _create_step()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _create_request() -> None:
    op.create_table(
        "help_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("place_sealed", sa.Text(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("part_of_day", sa.String(length=10), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("confidential", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("heard", sa.String(length=8), nullable=False),
        sa.Column("recipient_id", sa.Integer(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("consented", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("coordinator_id", sa.Integer(), nullable=True),
        sa.Column("to_all", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hold_id", sa.Integer(), nullable=True),
        sa.Column("volunteer_id", sa.Integer(), nullable=True),
        sa.Column("shift_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("end_reason", sa.String(length=200), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint(
            "(status IN ('claimed', 'done')) = (volunteer_id IS NOT NULL)", name=op.f("ck_help_request_claimed_by")
        ),
        sa.CheckConstraint(
            "(status IN ('done', 'withdrawn', 'declined', 'expired')) = (ended_at IS NOT NULL)",
            name=op.f("ck_help_request_ended"),
        ),
        sa.CheckConstraint(
            "NOT confidential OR (source <> 'own' AND NOT to_all)", name=op.f("ck_help_request_confidential")
        ),
        sa.CheckConstraint("kind = 'request' OR source = 'none'", name=op.f("ck_help_request_wishes_cost_nothing")),
        sa.CheckConstraint("kind IN ('request', 'wish')", name=op.f("ck_help_request_kind")),
        sa.CheckConstraint("minutes > 0 OR (minutes = 0 AND kind = 'wish')", name=op.f("ck_help_request_minutes")),
        sa.CheckConstraint(
            "source <> 'fund' OR (coordinator_id <> asked_by_id AND coordinator_id <> recipient_id)",
            name=op.f("ck_help_request_two_people"),
        ),
        sa.CheckConstraint(
            "source <> 'fund' OR volunteer_id <> asked_by_id", name=op.f("ck_help_request_not_paid_by_own_word")
        ),
        sa.CheckConstraint("source <> 'none' OR hold_id IS NULL", name=op.f("ck_help_request_nothing_held")),
        sa.CheckConstraint(
            "source = 'none' OR status NOT IN ('open', 'claimed', 'done') OR hold_id IS NOT NULL",
            name=op.f("ck_help_request_held"),
        ),
        sa.CheckConstraint("source IN ('own', 'fund', 'none')", name=op.f("ck_help_request_source")),
        sa.CheckConstraint("status <> 'declined' OR end_reason <> ''", name=op.f("ck_help_request_declined_why")),
        sa.CheckConstraint(
            "status = 'asked' OR coordinator_id IS NOT NULL OR ended_at IS NOT NULL",
            name=op.f("ck_help_request_coordinated"),
        ),
        sa.CheckConstraint(
            "status IN ('asked', 'open', 'claimed', 'done', 'withdrawn', 'declined', 'expired')",
            name=op.f("ck_help_request_status"),
        ),
        sa.CheckConstraint("last_day >= first_day", name=op.f("ck_help_request_days")),
        sa.CheckConstraint("volunteer_id <> recipient_id", name=op.f("ck_help_request_not_for_oneself")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["member.id"], name=op.f("fk_help_request_asked_by_id")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_help_request_branch_id")),
        sa.ForeignKeyConstraint(["coordinator_id"], ["member.id"], name=op.f("fk_help_request_coordinator_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["member.id"], name=op.f("fk_help_request_ended_by_id")),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f("fk_help_request_hold_id")),
        sa.ForeignKeyConstraint(["recipient_id"], ["member.id"], name=op.f("fk_help_request_recipient_id")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_help_request_shift_id")),
        sa.ForeignKeyConstraint(["volunteer_id"], ["member.id"], name=op.f("fk_help_request_volunteer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_request")),
        sa.UniqueConstraint("form_key", name=op.f("uq_help_request_form_key")),
        sa.UniqueConstraint("hold_id", name=op.f("uq_help_request_hold_id")),
        sa.UniqueConstraint("shift_id", name=op.f("uq_help_request_shift_id")),
    )
    op.create_index(op.f("ix_help_request_asked_by_id"), "help_request", ["asked_by_id"], unique=False)
    op.create_index(
        "ix_help_request_branch_id_status", "help_request", ["branch_id", "status", "last_day"], unique=False
    )
    op.create_index(op.f("ix_help_request_coordinator_id"), "help_request", ["coordinator_id"], unique=False)
    op.create_index(op.f("ix_help_request_recipient_id"), "help_request", ["recipient_id"], unique=False)
    op.create_index(op.f("ix_help_request_volunteer_id"), "help_request", ["volunteer_id"], unique=False)


def _create_invitation() -> None:
    op.create_table(
        "help_invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("answer", sa.String(length=4), nullable=False),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("(answer = '') = (answered_at IS NULL)", name=op.f("ck_help_invitation_answered")),
        sa.CheckConstraint("answer IN ('', 'yes', 'no')", name=op.f("ck_help_invitation_answer")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_help_invitation_by_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_help_invitation_member_id")),
        sa.ForeignKeyConstraint(["request_id"], ["help_request.id"], name=op.f("fk_help_invitation_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_invitation")),
        sa.UniqueConstraint("request_id", "member_id", name=op.f("uq_help_invitation_request_id_member_id")),
    )
    op.create_index(op.f("ix_help_invitation_member_id"), "help_invitation", ["member_id"], unique=False)


def _create_look() -> None:
    op.create_table(
        "help_look",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_help_look_by_id")),
        sa.ForeignKeyConstraint(["request_id"], ["help_request.id"], name=op.f("fk_help_look_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_look")),
    )
    op.create_index(op.f("ix_help_look_request_id"), "help_look", ["request_id"], unique=False)


def _create_rating() -> None:
    op.create_table(
        "help_rating",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(length=10), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("side IN ('served', 'volunteer')", name=op.f("ck_help_rating_side")),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_help_rating_score")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_help_rating_by_id")),
        sa.ForeignKeyConstraint(["request_id"], ["help_request.id"], name=op.f("fk_help_rating_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_rating")),
        sa.UniqueConstraint("request_id", "side", name=op.f("uq_help_rating_request_id_side")),
    )


def _create_step() -> None:
    op.create_table(
        "help_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=12), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("to_id", sa.Integer(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_help_step_by_id")),
        sa.ForeignKeyConstraint(["request_id"], ["help_request.id"], name=op.f("fk_help_step_request_id")),
        sa.ForeignKeyConstraint(["to_id"], ["member.id"], name=op.f("fk_help_step_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_step")),
    )
    op.create_index("ix_help_step_request_id", "help_step", ["request_id", "id"], unique=False)


def downgrade() -> None:
    """Not where somebody asked: entries and shifts would name documents that are gone."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM help_request").scalar():
        raise RuntimeError("help_request has rows that would be forgotten; restore a backup instead of going down")
    for table in ("help_step", "help_rating", "help_look", "help_invitation", "help_request"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION help_request_guard()")
