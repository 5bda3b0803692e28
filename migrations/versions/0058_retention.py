"""Retention: terms, holds, lists of what is destroyed, readings of stored packages.

Tables that only ever grew let go of rows that stand in a list which two people signed, while it is being carried out,
and of nothing else. A photo of a signed page keeps its row and loses its picture. What hangs on an activity under a hold
stays whatever a list says. A list is changed while it is proposed, signed by a second person, and kept for ever.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0058_retention"
down_revision = "0057_ministry"
branch_labels = None
depends_on = None

KINDS = "kind IN ('sheet_photos', 'scan_evidence', 'unread_scans', 'notices', 'sheet_looks', 'member_looks')"
APPEND_ONLY = ("retention_term",)
CHECK_STAYS = "a check stays; only the time of the newest sound one moves on"
CHECKED = ("id", "branch_id", "month", "archive_id", "result", "words")
APPENDED = "terms and checks are never changed or deleted"
HOLD_STAYS = "a hold is lifted once, and never deleted"
LIST_STAYS = "a list is changed while it is proposed, signed once, and kept for ever"
SIGNED_ONLY = "only what stands in a signed list is destroyed"
NOT_PROPOSED = "{}.state <> 'proposed'"
EMPTY = "x''"
HELD = "nothing of an activity under a hold is destroyed"
HOLD = ("id", "activity_id", "reason", "placed_by_id", "placed_at")
LISTED = ("id", "branch_id", "number", "proposed_at")
PREPARED = ("list_hash", "words", "prepared_by_id", "prepared_at")
STEPS = (("proposed", "prepared"), ("prepared", "signed"), ("prepared", "dropped"), ("signed", "done"))
PHOTO = ("id", "sheet_id", "page", "digest", "width", "height", "by_id", "at")
LOOKED_AT = "(SELECT t.shift_id FROM sheet t JOIN sheet_photo p ON p.sheet_id = t.id WHERE p.id = OLD.photo_id)"
# What may be destroyed: table → kind, its key, and how it hangs on an activity's shift (empty: on none).
VICTIMS = {
    "scan_evidence": ("scan_evidence", "scan_id", "(SELECT shift_id FROM scan WHERE id = OLD.scan_id)"),
    "unread_scan": ("unread_scans", "id", "OLD.shift_id"),
    "sheet_look": ("sheet_looks", "id", LOOKED_AT),
    "member_access": ("member_looks", "id", ""),
}


def _differ(names: tuple[str, ...], differ: str) -> str:
    return " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in names)


def _signed(kind: str, key: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM disposal_item i JOIN disposal d ON d.id = i.disposal_id "
        f"WHERE i.kind = '{kind}' AND i.row_id = OLD.{key} AND d.state = 'signed')"
    )


def _held(shift: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM legal_hold h JOIN shift s ON s.activity_id = h.activity_id "
        f"WHERE h.lifted_at IS NULL AND s.id = {shift})"
    )


def _photo_refused(differ: str, empty: str) -> str:
    """A photo changes once: its picture goes, when a signed list has it and nothing holds it."""
    shift = "(SELECT shift_id FROM sheet WHERE id = OLD.sheet_id)"
    return (
        f"OLD.destroyed_at IS NOT NULL OR NEW.destroyed_at IS NULL OR NEW.sealed {differ} {empty} "
        f"OR {_differ(PHOTO, differ)} OR NOT {_signed('sheet_photos', 'id')} OR {_held(shift)}"
    )


def _list_refused(differ: str) -> str:
    steps = " OR ".join(f"(OLD.state = '{old}' AND NEW.state = '{new}')" for old, new in STEPS)
    before = f"OLD.state <> 'proposed' AND ({_differ(PREPARED, differ)})"
    signer = f"OLD.state <> 'prepared' AND ({_differ(('signed_by_id', 'signed_at'), differ)})"
    return f"NOT ({steps}) OR {_differ(LISTED, differ)} OR ({before}) OR ({signer})"


def _state_of(row: str) -> str:
    return f"(SELECT state FROM disposal WHERE id = {row}.disposal_id)"


def _item_refused(differ: str) -> str:
    """An item says once what became of it, while its list is carried out."""
    same = _differ(("disposal_id", "kind", "row_id", "about", "digest", "dated"), differ)
    return f"{_state_of('OLD')} <> 'signed' OR OLD.result <> '' OR {same}"


def _hold_refused(differ: str) -> str:
    return f"OLD.lifted_at IS NOT NULL OR {_differ(HOLD, differ)}"


def _check_refused(differ: str) -> str:
    newer = "EXISTS (SELECT 1 FROM package_check c WHERE c.archive_id = OLD.archive_id AND c.id > OLD.id)"
    return f"OLD.result <> 'sound' OR NEW.checked_at < OLD.checked_at OR {_differ(CHECKED, differ)} OR {newer}"


def _abort(text: str) -> str:
    return f"BEGIN SELECT RAISE(ABORT, '{text}'); END"


def _sqlite_victims() -> tuple[str, ...]:
    made = []
    for table, (kind, key, shift) in VICTIMS.items():
        made.append(
            f"CREATE TRIGGER {table}_never_delete BEFORE DELETE ON {table} WHEN NOT {_signed(kind, key)} "
            f"{_abort(SIGNED_ONLY)}"
        )
        if shift:
            made.append(f"CREATE TRIGGER {table}_held BEFORE DELETE ON {table} WHEN {_held(shift)} {_abort(HELD)}")
    return tuple(made)


SQLITE = (
    *(
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} {_abort(APPENDED)}"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER package_check_final BEFORE UPDATE ON package_check WHEN {_check_refused('IS NOT')} "
    f"{_abort(CHECK_STAYS)}",
    f"CREATE TRIGGER package_check_never_delete BEFORE DELETE ON package_check {_abort(CHECK_STAYS)}",
    f"CREATE TRIGGER legal_hold_final BEFORE UPDATE ON legal_hold WHEN {_hold_refused('IS NOT')} {_abort(HOLD_STAYS)}",
    f"CREATE TRIGGER legal_hold_never_delete BEFORE DELETE ON legal_hold {_abort(HOLD_STAYS)}",
    f"CREATE TRIGGER disposal_begins BEFORE INSERT ON disposal WHEN NEW.state <> 'proposed' {_abort(LIST_STAYS)}",
    f"CREATE TRIGGER disposal_final BEFORE UPDATE ON disposal WHEN {_list_refused('IS NOT')} {_abort(LIST_STAYS)}",
    "CREATE TRIGGER disposal_stays BEFORE DELETE ON disposal WHEN OLD.state <> 'proposed' " + _abort(LIST_STAYS),
    "CREATE TRIGGER disposal_item_begins BEFORE INSERT ON disposal_item "
    f"WHEN {_state_of('NEW')} <> 'proposed' OR NEW.result <> '' {_abort(LIST_STAYS)}",
    f"CREATE TRIGGER disposal_item_final BEFORE UPDATE ON disposal_item WHEN {_item_refused('IS NOT')} "
    f"{_abort(LIST_STAYS)}",
    "CREATE TRIGGER disposal_item_stays BEFORE DELETE ON disposal_item "
    f"WHEN {_state_of('OLD')} <> 'proposed' {_abort(LIST_STAYS)}",
    "DROP TRIGGER scan_evidence_never_delete",
    "DROP TRIGGER unread_scan_never_delete",
    "DROP TRIGGER sheet_look_never_delete",
    *_sqlite_victims(),
    f"CREATE TRIGGER member_access_never_update BEFORE UPDATE ON member_access {_abort(SIGNED_ONLY)}",
    "DROP TRIGGER sheet_photo_never_update",
    "CREATE TRIGGER sheet_photo_never_update BEFORE UPDATE ON sheet_photo "
    f"WHEN {_photo_refused('IS NOT', EMPTY)} {_abort(SIGNED_ONLY)}",
)


def _refuse(when: str, text: str) -> str:
    return f"IF {when} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF;"


def _guard(name: str, *lines: str) -> str:
    back = "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;"
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {' '.join(lines)} {back} END $$"


def _postgresql_victims() -> tuple[str, ...]:
    made = []
    for table, (kind, key, shift) in VICTIMS.items():
        held = (_refuse(f"TG_OP = 'DELETE' AND {_held(shift)}", HELD),) if shift else ()
        made += [
            _guard(f"{table}_guard", _refuse(f"TG_OP = 'UPDATE' OR NOT {_signed(kind, key)}", SIGNED_ONLY), *held),
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_guard()",
        ]
    return tuple(made)


POSTGRESQL = (
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in (*APPEND_ONLY, "package_check", "legal_hold", "disposal", "disposal_item", "member_access")
    ),
    _guard("package_check_guard", _refuse(f"TG_OP = 'DELETE' OR {_check_refused('IS DISTINCT FROM')}", CHECK_STAYS)),
    "CREATE TRIGGER package_check_final BEFORE UPDATE OR DELETE ON package_check "
    "FOR EACH ROW EXECUTE FUNCTION package_check_guard()",
    _guard("legal_hold_guard", _refuse(f"TG_OP = 'DELETE' OR {_hold_refused('IS DISTINCT FROM')}", HOLD_STAYS)),
    "CREATE TRIGGER legal_hold_final BEFORE UPDATE OR DELETE ON legal_hold "
    "FOR EACH ROW EXECUTE FUNCTION legal_hold_guard()",
    _guard(
        "disposal_guard",
        f"IF TG_OP = 'INSERT' THEN {_refuse(NOT_PROPOSED.format('NEW'), LIST_STAYS)} "
        f"ELSIF TG_OP = 'DELETE' THEN {_refuse(NOT_PROPOSED.format('OLD'), LIST_STAYS)} "
        f"ELSE {_refuse(_list_refused('IS DISTINCT FROM'), LIST_STAYS)} END IF;",
    ),
    "CREATE TRIGGER disposal_final BEFORE INSERT OR UPDATE OR DELETE ON disposal "
    "FOR EACH ROW EXECUTE FUNCTION disposal_guard()",
    _guard(
        "disposal_item_guard",
        "IF TG_OP = 'INSERT' THEN "
        + _refuse(f"{_state_of('NEW')} <> 'proposed' OR NEW.result <> ''", LIST_STAYS)
        + " ELSIF TG_OP = 'DELETE' THEN "
        + _refuse(f"{_state_of('OLD')} <> 'proposed'", LIST_STAYS)
        + f" ELSE {_refuse(_item_refused('IS DISTINCT FROM'), LIST_STAYS)} END IF;",
    ),
    "CREATE TRIGGER disposal_item_final BEFORE INSERT OR UPDATE OR DELETE ON disposal_item "
    "FOR EACH ROW EXECUTE FUNCTION disposal_item_guard()",
    *(f"DROP TRIGGER {table}_append_only ON {table}" for table in ("scan_evidence", "unread_scan", "sheet_look")),
    *_postgresql_victims(),
    "DROP TRIGGER sheet_photo_append_only ON sheet_photo",
    _guard(
        "sheet_photo_guard",
        _refuse("TG_OP = 'DELETE'", SIGNED_ONLY),
        _refuse(_photo_refused("IS DISTINCT FROM", "''::bytea"), SIGNED_ONLY),
    ),
    "CREATE TRIGGER sheet_photo_append_only BEFORE UPDATE OR DELETE ON sheet_photo "
    "FOR EACH ROW EXECUTE FUNCTION sheet_photo_guard()",
)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, UTCDateTime(), nullable=nullable)


def upgrade() -> None:
    op.add_column("sheet_photo", _at("destroyed_at", nullable=True))
    _terms()
    _holds()
    _lists()
    _items()
    _checks()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _terms() -> None:
    op.create_table(
        "retention_term",
        _number("id"),
        _text("kind", 20),
        _number("months"),
        sa.Column("valid_from", sa.Date(), nullable=False),
        _text("reason", 200),
        _number("created_by_id"),
        _at("created_at"),
        _text("form_key", 80),
        _check("retention_term", "kind", KINDS),
        _check("retention_term", "months", "months BETWEEN 6 AND 1200"),
        _check("retention_term", "looks_long_enough", "kind NOT IN ('sheet_looks', 'member_looks') OR months >= 36"),
        _check("retention_term", "has_reason", "reason <> ''"),
        _key("retention_term", "created_by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_term")),
        sa.UniqueConstraint("form_key", name=op.f("uq_retention_term_form_key")),
    )
    op.create_index("ix_retention_term_kind", "retention_term", ["kind", "valid_from"])


def _holds() -> None:
    op.create_table(
        "legal_hold",
        _number("id"),
        _number("activity_id"),
        _text("reason", 200),
        _number("placed_by_id"),
        _at("placed_at"),
        _number("lifted_by_id", nullable=True),
        _at("lifted_at", nullable=True),
        _text("lifted_why", 200),
        _check("legal_hold", "has_reason", "reason <> ''"),
        _check("legal_hold", "lifted_by", "(lifted_at IS NULL) = (lifted_by_id IS NULL)"),
        _check("legal_hold", "lifted_why", "lifted_at IS NULL OR lifted_why <> ''"),
        _key("legal_hold", "activity_id", "activity"),
        _key("legal_hold", "placed_by_id", "member"),
        _key("legal_hold", "lifted_by_id", "member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    _one_open("legal_hold", "activity_id", "uq_legal_hold_open", "lifted_at IS NULL")


def _one_open(table: str, column: str, name: str, where: str) -> None:
    op.create_index(name, table, [column], unique=True, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _lists() -> None:
    dropped = "dropped_at IS NULL OR (dropped_by_id IS NOT NULL AND dropped_why <> '')"
    op.create_table(
        "disposal",
        _number("id"),
        _number("branch_id"),
        _number("number"),
        _text("state", 10),
        _at("proposed_at"),
        _text("list_hash", 64),
        _text("words", 200),
        _number("prepared_by_id", nullable=True),
        _at("prepared_at", nullable=True),
        _number("signed_by_id", nullable=True),
        _at("signed_at", nullable=True),
        _number("destroyed"),
        _number("spared"),
        _number("dropped_by_id", nullable=True),
        _at("dropped_at", nullable=True),
        _text("dropped_why", 200),
        _check("disposal", "number_positive", "number > 0"),
        _check("disposal", "state", "state IN ('proposed', 'prepared', 'signed', 'done', 'dropped')"),
        _check("disposal", "prepared_by", "(prepared_at IS NULL) = (prepared_by_id IS NULL)"),
        _check("disposal", "prepared_once", "(state = 'proposed') = (prepared_at IS NULL)"),
        _check("disposal", "prepared_what", "prepared_at IS NULL OR (list_hash <> '' AND words <> '')"),
        _check("disposal", "signed_by", "(signed_at IS NULL) = (signed_by_id IS NULL)"),
        _check("disposal", "signed_once", "(state IN ('signed', 'done')) = (signed_at IS NOT NULL)"),
        _check("disposal", "two_people", "signed_by_id IS NULL OR signed_by_id <> prepared_by_id"),
        _check("disposal", "dropped_once", "(state = 'dropped') = (dropped_at IS NOT NULL)"),
        _check("disposal", "dropped_why", dropped),
        _check("disposal", "counts_not_negative", "destroyed >= 0 AND spared >= 0"),
        _key("disposal", "branch_id", "branch"),
        *(_key("disposal", f"{who}_by_id", "member") for who in ("prepared", "signed", "dropped")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal")),
        sa.UniqueConstraint("branch_id", "number", name=op.f("uq_disposal_branch_id_number")),
    )
    _one_open("disposal", "branch_id", "uq_disposal_proposed", "state = 'proposed'")


def _items() -> None:
    op.create_table(
        "disposal_item",
        _number("disposal_id"),
        _text("kind", 20),
        sa.Column("row_id", sa.Integer(), autoincrement=False, nullable=False),
        _text("about", 120),
        _text("digest", 64),
        _at("dated"),
        _text("result", 10),
        _text("why", 60),
        _check("disposal_item", "kind", KINDS),
        _check("disposal_item", "result", "result IN ('', 'destroyed', 'spared')"),
        _check("disposal_item", "spared_why", "(result = 'spared') = (why <> '')"),
        _key("disposal_item", "disposal_id", "disposal"),
        sa.PrimaryKeyConstraint("disposal_id", "kind", "row_id", name=op.f("pk_disposal_item")),
    )
    op.create_index("ix_disposal_item_kind", "disposal_item", ["kind", "row_id"])


def _checks() -> None:
    results = "result IN ('sound', 'missing', 'changed', 'broken', 'unlinked', 'unpacked')"
    op.create_table(
        "package_check",
        _number("id"),
        _number("branch_id"),
        _text("month", 7),
        _number("archive_id", nullable=True),
        _text("result", 10),
        sa.Column("words", sa.Text(), nullable=False),
        _number("milliseconds"),
        _at("checked_at"),
        _check("package_check", "result", results),
        _check("package_check", "has_package", "(result = 'unpacked') = (archive_id IS NULL)"),
        _check("package_check", "says_what", "(result = 'sound') = (words = '')"),
        _key("package_check", "branch_id", "branch"),
        _key("package_check", "archive_id", "archive"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_check")),
    )
    op.create_index("ix_package_check_branch_id", "package_check", ["branch_id", "month", "id"])
    op.create_index(op.f("ix_package_check_archive_id"), "package_check", ["archive_id"])


BEFORE_SQLITE = {
    "scan_evidence": "scan_evidence rows are never changed or deleted",
    "unread_scan": "unread_scan rows are never changed or deleted",
    "sheet_look": "sheets are never changed or deleted",
}


def _down_sqlite() -> None:
    for table, text in BEFORE_SQLITE.items():
        op.execute(f"DROP TRIGGER {table}_never_delete")
        op.execute(f"CREATE TRIGGER {table}_never_delete BEFORE DELETE ON {table} {_abort(text)}")
    for trigger in (
        "scan_evidence_held",
        "unread_scan_held",
        "sheet_look_held",
        "member_access_never_delete",
        "member_access_never_update",
    ):
        op.execute(f"DROP TRIGGER {trigger}")
    op.execute("DROP TRIGGER sheet_photo_never_update")


def _down_postgresql() -> None:
    for table in ("scan_evidence", "unread_scan", "sheet_look", "member_access", "sheet_photo"):
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(f"DROP FUNCTION {table}_guard()")
    op.execute("DROP TRIGGER member_access_no_truncate ON member_access")


def downgrade() -> None:
    """Not where something was destroyed, held or said: that must not be forgotten."""
    for table in ("disposal", "legal_hold", "retention_term", "package_check"):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError(f"{table} has rows that would be forgotten; restore a backup instead of going down")
    postgresql = op.get_bind().dialect.name == "postgresql"
    (_down_postgresql if postgresql else _down_sqlite)()
    for table in ("disposal_item", "disposal", "legal_hold", "retention_term", "package_check"):
        op.drop_table(table)
    op.drop_column("sheet_photo", "destroyed_at")
    if postgresql:
        for function in ("disposal_item_guard", "disposal_guard", "legal_hold_guard", "package_check_guard"):
            op.execute(f"DROP FUNCTION {function}()")
        for table in ("scan_evidence", "unread_scan", "sheet_look", "sheet_photo"):
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
    else:
        op.execute(
            "CREATE TRIGGER sheet_photo_never_update BEFORE UPDATE ON sheet_photo "
            f"{_abort('sheets are never changed or deleted')}"
        )
