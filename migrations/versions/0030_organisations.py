"""Organisations of a branch, and which of the members are their people.

Who belonged where, and since when, is what hours are counted by: such a row is never deleted, its beginning never
changes, and a person who left has left.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0030_organisations"
down_revision = "0029_sharing"
branch_labels = None
depends_on = None

STAYS = "who belonged to an organisation, and since when, never changes"
IDENTITY = ("id", "organisation_id", "member_id", "joined_at", "joined_by_id")


def _changed(differ: str) -> str:
    return "OLD.left_at IS NOT NULL OR " + " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in IDENTITY)


SQLITE = (
    f"CREATE TRIGGER organisation_member_final BEFORE UPDATE ON organisation_member WHEN {_changed('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{STAYS}'); END",
    "CREATE TRIGGER organisation_member_never_deleted BEFORE DELETE ON organisation_member "
    f"BEGIN SELECT RAISE(ABORT, '{STAYS}'); END",
    *(
        f"CREATE TRIGGER organisation_access_never_{verb.lower()} BEFORE {verb} ON organisation_access "
        "BEGIN SELECT RAISE(ABORT, 'organisation_access rows are never changed or deleted'); END"
        for verb in ("UPDATE", "DELETE")
    ),
)
REFUSE = f"RAISE EXCEPTION '{STAYS}' USING ERRCODE = 'restrict_violation';"
POSTGRESQL = (
    f"""CREATE FUNCTION organisation_member_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN {REFUSE} END IF;
          IF {_changed("IS DISTINCT FROM")} THEN {REFUSE} END IF;
          RETURN NEW; END $$""",
    """CREATE TRIGGER organisation_member_final BEFORE UPDATE OR DELETE ON organisation_member
       FOR EACH ROW EXECUTE FUNCTION organisation_member_guard()""",
    "CREATE TRIGGER organisation_member_no_truncate BEFORE TRUNCATE ON organisation_member "
    "FOR EACH STATEMENT EXECUTE FUNCTION organisation_member_guard()",
    "CREATE TRIGGER organisation_access_append_only BEFORE UPDATE OR DELETE ON organisation_access "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER organisation_access_no_truncate BEFORE TRUNCATE ON organisation_access "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    op.create_table(
        "organisation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("credit_code", sa.String(length=18), nullable=True),
        sa.Column("contact_name", sa.String(length=60), nullable=False),
        sa.Column("contact_phone_sealed", sa.Text(), nullable=True),
        sa.Column("area_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("joined_at", UTCDateTime(), nullable=False),
        sa.Column("registered_by_id", sa.Integer(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("closed_reason", sa.String(length=100), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_reason = '')", name=op.f("ck_organisation_closed_why")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_organisation_branch_id")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_organisation_area_id")),
        sa.ForeignKeyConstraint(["registered_by_id"], ["member.id"], name=op.f("fk_organisation_registered_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("branch_id", "name", name=op.f("uq_organisation_branch_id_name")),
        sa.UniqueConstraint("branch_id", "credit_code", name=op.f("uq_organisation_branch_id_credit_code")),
        sa.UniqueConstraint("form_key", name=op.f("uq_organisation_form_key")),
    )
    _create_people()
    op.create_table(
        "organisation_access",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("seen_by_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_organisation_access_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_access")),
    )
    op.create_index(op.f("ix_organisation_access_organisation_id"), "organisation_access", ["organisation_id"])
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _create_people() -> None:
    op.create_table(
        "organisation_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("joined_at", UTCDateTime(), nullable=False),
        sa.Column("joined_by_id", sa.Integer(), nullable=True),
        sa.Column("left_at", UTCDateTime(), nullable=True),
        sa.Column("left_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("role IN ('contact', 'staff')", name=op.f("ck_organisation_member_role")),
        sa.CheckConstraint("left_at IS NULL OR left_at >= joined_at", name=op.f("ck_organisation_member_left_after")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_organisation_member_organisation_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_organisation_member_member_id")),
        sa.ForeignKeyConstraint(["joined_by_id"], ["member.id"], name=op.f("fk_organisation_member_joined_by_id")),
        sa.ForeignKeyConstraint(["left_by_id"], ["member.id"], name=op.f("fk_organisation_member_left_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_member")),
    )
    op.create_index("ix_organisation_member_organisation_id", "organisation_member", ["organisation_id"])
    op.create_index("ix_organisation_member_member_id", "organisation_member", ["member_id"])
    op.create_index(
        "uq_organisation_member_open",
        "organisation_member",
        ["member_id"],
        unique=True,
        sqlite_where=sa.text("left_at IS NULL"),
        postgresql_where=sa.text("left_at IS NULL"),
    )


def downgrade() -> None:
    """Not where an organisation was taken in."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM organisation").scalar():
        raise RuntimeError("organisation has rows that would be forgotten; restore a backup instead of going down")
    op.drop_table("organisation_access")
    op.drop_table("organisation_member")
    op.drop_table("organisation")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION organisation_member_guard()")
