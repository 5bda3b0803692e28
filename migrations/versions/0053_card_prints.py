"""Many cards in one file: what was asked for, how far it is, and who took the file away.

What was asked for never changes and is never deleted; a file that was removed does not come back. Who took it is only
ever added.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0053_card_prints"
down_revision = "0052_milestones"
branch_labels = None
depends_on = None

ASKED_STAYS = "what was asked for never changes, and a removed file does not come back"
TAKEN_STAYS = "card_print_taken rows are never changed or deleted"
ASKED = ("id", "branch_id", "title", "format", "address", "total", "asked_by_id", "asked_at", "form_key")


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
    _sqlite(
        "card_print_final",
        "UPDATE ON card_print",
        f"OLD.status = 'removed' OR NEW.member_ids IS NOT OLD.member_ids OR {_changed(ASKED, 'IS NOT')}",
        ASKED_STAYS,
    ),
    _sqlite("card_print_never_delete", "DELETE ON card_print", "", ASKED_STAYS),
    _sqlite("card_print_taken_never_update", "UPDATE ON card_print_taken", "", TAKEN_STAYS),
    _sqlite("card_print_taken_never_delete", "DELETE ON card_print_taken", "", TAKEN_STAYS),
)

POSTGRESQL = (
    *_kept("card_print", "DELETE"),
    *_guard(
        "card_print",
        _refuse(
            f"OLD.status = 'removed' OR NEW.member_ids::text <> OLD.member_ids::text OR {_changed(ASKED, 'IS DISTINCT FROM')}",
            ASKED_STAYS,
        ),
        on="UPDATE",
    ),
    *_kept("card_print_taken", "UPDATE OR DELETE"),
)

FUNCTIONS = ("card_print_guard_update",)


def upgrade() -> None:
    _create_card_print()
    _create_card_print_taken()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _create_card_print() -> None:
    op.create_table(
        "card_print",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("member_ids", sa.JSON(), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.Column("removed_at", UTCDateTime(), nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        _check("card_print", "format", "format IN ('a6', 'sheet', 'a4')"),
        _check("card_print", "status", "status IN ('queued', 'making', 'ready', 'failed', 'removed')"),
        _check("card_print", "progress", "total > 0 AND done BETWEEN 0 AND total"),
        _check("card_print", "finished_once", "(status IN ('ready', 'removed')) = (finished_at IS NOT NULL)"),
        _check("card_print", "removed_once", "(status = 'removed') = (removed_at IS NOT NULL)"),
        _to("card_print", "branch_id", "branch.id"),
        _to("card_print", "asked_by_id", "member.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_print")),
        sa.UniqueConstraint("form_key", name=op.f("uq_card_print_form_key")),
    )
    op.create_index("ix_card_print_branch_id_asked_at", "card_print", ["branch_id", "asked_at"])
    op.create_index("ix_card_print_status", "card_print", ["status"])


def _create_card_print_taken() -> None:
    op.create_table(
        "card_print_taken",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("print_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        _to("card_print_taken", "print_id", "card_print.id"),
        _to("card_print_taken", "by_id", "member.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_print_taken")),
    )
    op.create_index("ix_card_print_taken_print_id", "card_print_taken", ["print_id"])


def downgrade() -> None:
    """Not where cards were asked for."""
    for table in ("card_print",):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError(f"{table} has rows that would be forgotten; restore a backup instead of going down")
    for table in ("card_print_taken", "card_print"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for function in FUNCTIONS:
            op.execute(f"DROP FUNCTION {function}()")
