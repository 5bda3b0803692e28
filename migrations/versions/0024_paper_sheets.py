"""Lists on paper: printed, typed in, with photos as evidence; and tablets at the entrance.

What was printed, typed, photographed and looked at is never changed or deleted; a kiosk is only ever closed.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0024_paper_sheets"
down_revision = "0023_family_and_papers"
branch_labels = None
depends_on = None

APPEND_ONLY = ("sheet", "sheet_line", "sheet_photo", "sheet_typing", "sheet_look")
APPENDED = "sheets are never changed or deleted"
KIOSK_FINAL = "a kiosk is only ever closed"
SAME = ("id", "shift_id", "device", "opened_by_id", "opened_at", "expires_at", "form_key")


def _reopened(unlike: str) -> str:
    return " OR ".join(["OLD.closed_at IS NOT NULL", *(f"NEW.{name} {unlike} OLD.{name}" for name in SAME)])


SQLITE = (
    *(
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{APPENDED}'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER kiosk_final BEFORE UPDATE ON kiosk WHEN {_reopened('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{KIOSK_FINAL}'); END",
    f"CREATE TRIGGER kiosk_never_delete BEFORE DELETE ON kiosk BEGIN SELECT RAISE(ABORT, '{KIOSK_FINAL}'); END",
)


def _function(name: str, when: str, text: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {when} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF; RETURN NEW; END $$"
    )


POSTGRESQL = (
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in (*APPEND_ONLY, "kiosk")
    ),
    _function("kiosk_guard", f"TG_OP = 'DELETE' OR {_reopened('IS DISTINCT FROM')}", KIOSK_FINAL),
    "CREATE TRIGGER kiosk_final BEFORE UPDATE OR DELETE ON kiosk FOR EACH ROW EXECUTE FUNCTION kiosk_guard()",
)


def upgrade() -> None:
    _sheets()
    _photos()
    _kiosk()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _sheets() -> None:
    op.create_table(
        "sheet",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("printed_at", UTCDateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("pages > 0", name=op.f("ck_sheet_has_pages")),
        _key("sheet", "shift_id", "shift"),
        _key("sheet", "by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet")),
        sa.UniqueConstraint("number", name=op.f("uq_sheet_number")),
        sa.UniqueConstraint("form_key", name=op.f("uq_sheet_form_key")),
    )
    op.create_index(op.f("ix_sheet_shift_id"), "sheet", ["shift_id"])
    op.create_table(
        "sheet_line",
        sa.Column("sheet_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("shown", sa.String(length=60), nullable=False),
        sa.Column("tail", sa.String(length=8), nullable=False),
        sa.CheckConstraint("line > 0", name=op.f("ck_sheet_line_line_positive")),
        _key("sheet_line", "sheet_id", "sheet"),
        _key("sheet_line", "member_id", "member"),
        sa.PrimaryKeyConstraint("sheet_id", "line", name=op.f("pk_sheet_line")),
        sa.UniqueConstraint("sheet_id", "member_id", name=op.f("uq_sheet_line_sheet_id_member_id")),
    )


def _photos() -> None:
    op.create_table(
        "sheet_photo",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sheet_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("page > 0", name=op.f("ck_sheet_photo_page_positive")),
        _key("sheet_photo", "sheet_id", "sheet"),
        _key("sheet_photo", "by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_photo")),
        sa.UniqueConstraint("sheet_id", "page", "digest", name=op.f("uq_sheet_photo_sheet_id_page_digest")),
    )
    op.create_table(
        "sheet_typing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sheet_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("round IN (1, 2)", name=op.f("ck_sheet_typing_round")),
        sa.CheckConstraint(
            "people >= 0 AND (minutes IS NULL OR minutes >= 0)", name=op.f("ck_sheet_typing_totals_not_negative")
        ),
        _key("sheet_typing", "sheet_id", "sheet"),
        _key("sheet_typing", "photo_id", "sheet_photo"),
        _key("sheet_typing", "by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_typing")),
        sa.UniqueConstraint("sheet_id", "page", "round", name=op.f("uq_sheet_typing_sheet_id_page_round")),
        sa.UniqueConstraint("sheet_id", "page", "by_id", name=op.f("uq_sheet_typing_sheet_id_page_by_id")),
    )
    op.create_table(
        "sheet_look",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        _key("sheet_look", "photo_id", "sheet_photo"),
        _key("sheet_look", "by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_look")),
    )
    op.create_index(op.f("ix_sheet_look_photo_id"), "sheet_look", ["photo_id"])


def _kiosk() -> None:
    op.create_table(
        "kiosk",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("opened_by_id", sa.Integer(), nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("expires_at > opened_at", name=op.f("ck_kiosk_expires_later")),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_by_id IS NULL)", name=op.f("ck_kiosk_closed_by")),
        _key("kiosk", "shift_id", "shift"),
        _key("kiosk", "opened_by_id", "member"),
        _key("kiosk", "closed_by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kiosk")),
        sa.UniqueConstraint("device", name=op.f("uq_kiosk_device")),
        sa.UniqueConstraint("form_key", name=op.f("uq_kiosk_form_key")),
    )
    op.create_index(op.f("ix_kiosk_shift_id"), "kiosk", ["shift_id"])


def downgrade() -> None:
    """Not where paper was typed in or photographed: evidence of what was booked would be gone."""
    for table in ("sheet_photo", "sheet_typing"):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError("there are sheets with evidence; restore a backup instead of going down")
    for table in ("kiosk", "sheet_look", "sheet_typing", "sheet_photo", "sheet_line", "sheet"):
        op.drop_table(table)  # and its triggers
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION kiosk_guard()")
