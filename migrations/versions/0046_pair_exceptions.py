"""Exceptions: a month between two branches that is sealed with open cases, because a manager of each side has signed.

What was signed, and the signatures, are only ever added.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0046_pair_exceptions"
down_revision = "0045_pair_heaps"
branch_labels = None
depends_on = None

TABLES = ("pair_exception", "pair_signature")


def _statements() -> list[str]:
    if op.get_bind().dialect.name == "postgresql":
        return [
            f"CREATE TRIGGER {table}_{name} BEFORE {verbs} ON {table} FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            for table in TABLES
            for name, verbs, each in (
                ("append_only", "UPDATE OR DELETE", "ROW"),
                ("no_truncate", "TRUNCATE", "STATEMENT"),
            )
        ]
    return [
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed or deleted'); END"
        for table in TABLES
        for verb in ("UPDATE", "DELETE")
    ]


def upgrade() -> None:
    op.create_table(
        "pair_exception",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("drawn_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["pair_id"], ["branch_pair.id"], name=op.f("fk_pair_exception_pair_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_exception")),
        sa.UniqueConstraint("pair_id", "month", "hash", name=op.f("uq_pair_exception_pair_id_month_hash")),
    )
    op.create_table(
        "pair_signature",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exception_id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("signed_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("words <> ''", name=op.f("ck_pair_signature_has_words")),
        sa.ForeignKeyConstraint(["exception_id"], ["pair_exception.id"], name=op.f("fk_pair_signature_exception_id")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_pair_signature_branch_id")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_pair_signature_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_signature")),
        sa.UniqueConstraint("exception_id", "branch_id", name=op.f("uq_pair_signature_exception_id_branch_id")),
        sa.UniqueConstraint("exception_id", "by_id", name=op.f("uq_pair_signature_exception_id_by_id")),
    )
    for statement in _statements():
        op.execute(statement)


def downgrade() -> None:
    """Not where an exception was drawn."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM pair_exception").scalar():
        raise RuntimeError("pair_exception has rows that would be forgotten; restore a backup instead of going down")
    for table in reversed(TABLES):
        op.drop_table(table)
