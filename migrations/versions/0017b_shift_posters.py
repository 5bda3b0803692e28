"""Posters with a code on paper, and the sources that scans may have besides: poster, paper, import."""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0017b_shift_posters"
down_revision = "0017_code_keys"
branch_labels = None
depends_on = None

VALID = sa.text("revoked_at IS NULL")
BEFORE = "source IN ('venue', 'personal', 'staff')"
AFTER = "source IN ('venue', 'poster', 'personal', 'staff', 'paper', 'import')"


def _change_check(old: str, new: str) -> None:
    """Put one condition in the place of another; rows, indexes and triggers of the table stay as they are.

    SQLite changes no constraint. Copying the table would drop the triggers that guard it, and this one only says what
    may be written, so its text is changed in the schema (https://www.sqlite.org/lang_altertable.html, section 7).
    """
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_scan_source"), "scan", type_="check")
        op.create_check_constraint(op.f("ck_scan_source"), "scan", new)
        return
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'scan' AND instr(sql, ?) > 0",
        (old, new, old),
    )
    if changed.rowcount != 1:
        raise RuntimeError("the table of scans is not as it was made; nothing was changed")
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def upgrade() -> None:
    op.create_table(
        "shift_poster",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer()),
        sa.Column("revoked_at", UTCDateTime()),
        sa.Column("revoked_by_id", sa.Integer()),
        sa.Column("form_key", sa.String(80), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_shift_poster_number_positive")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_shift_poster_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_poster")),
        sa.UniqueConstraint("shift_id", "number", name=op.f("uq_shift_poster_shift_id_number")),
        sa.UniqueConstraint("form_key", name=op.f("uq_shift_poster_form_key")),
    )
    op.create_index(
        "uq_shift_poster_valid", "shift_poster", ["shift_id"], unique=True, sqlite_where=VALID, postgresql_where=VALID
    )
    _change_check(BEFORE, AFTER)


def downgrade() -> None:
    newer = sa.text("SELECT COUNT(*) FROM scan WHERE source IN ('poster', 'paper', 'import')")
    if op.get_bind().scalar(newer) or op.get_bind().scalar(sa.text("SELECT COUNT(*) FROM shift_poster")):
        raise RuntimeError("there are posters or scans from paper; restore a backup instead of going down")
    _change_check(AFTER, BEFORE)
    op.drop_index("uq_shift_poster_valid", table_name="shift_poster")
    op.drop_table("shift_poster")
