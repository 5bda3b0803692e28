"""Passbooks: what was printed, line by line, never changes; how far a month's statements were told of."""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0055_passbooks"
down_revision = "0054_certificates"
branch_labels = None
depends_on = None

STAYS = "what was printed into a passbook never changes"
TABLES = ("passbook_print", "passbook_line")


def upgrade() -> None:
    _create_print()
    _create_line()
    _create_run()
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in TABLES:
        for statement in _on_postgresql(table) if on_postgresql else _on_sqlite(table):
            op.execute(statement)


def _on_sqlite(table: str) -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER {table}_never_{event.lower()} BEFORE {event} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{STAYS}'); END"
        for event in ("UPDATE", "DELETE")
    )


def _on_postgresql(table: str) -> tuple[str, ...]:
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    )


def _create_print() -> None:
    op.create_table(
        "passbook_print",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("first_number", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("first_number > 0 AND last_number >= first_number", name=op.f("ck_passbook_print_numbers")),
        sa.CheckConstraint("NOT whole OR first_number = 1", name=op.f("ck_passbook_print_whole_begins")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_passbook_print_by_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_passbook_print_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passbook_print")),
        sa.UniqueConstraint("form_key", name=op.f("uq_passbook_print_form_key")),
    )
    op.create_index(op.f("ix_passbook_print_member_id"), "passbook_print", ["member_id"])


def _create_line() -> None:
    op.create_table(
        "passbook_line",
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("print_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_passbook_line_number_positive")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_passbook_line_member_id")),
        sa.ForeignKeyConstraint(["print_id"], ["passbook_print.id"], name=op.f("fk_passbook_line_print_id")),
        sa.PrimaryKeyConstraint("member_id", "number", name=op.f("pk_passbook_line")),
        sa.UniqueConstraint("member_id", "place", name=op.f("uq_passbook_line_member_id_place")),
    )
    op.create_index(op.f("ix_passbook_line_print_id"), "passbook_line", ["print_id"])


def _create_run() -> None:
    op.create_table(
        "statement_run",
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("told_to", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("begun_at", UTCDateTime(), nullable=False),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("told_to >= 0 AND told >= 0", name=op.f("ck_statement_run_counts")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_statement_run_branch_id")),
        sa.PrimaryKeyConstraint("branch_id", "month", name=op.f("pk_statement_run")),
    )


def downgrade() -> None:
    """Not where something was printed: the next print would begin at the first line again."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM passbook_print").scalar():
        raise RuntimeError("passbook_print has rows that would be forgotten; restore a backup instead of going down")
    for table in ("statement_run", "passbook_line", "passbook_print"):
        op.drop_table(table)
