"""Certificates of service: what was issued never changes and is at most withdrawn, once.

An entry that was reversed cannot be listed, and an entry that a standing certificate lists cannot be corrected: the
certificate is withdrawn first, for a correction of such an entry. Staff withdraw by two hands. A seal image is ended, never changed.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0054_certificates"
down_revision = "0053_card_prints"
branch_labels = None
depends_on = None

FROZEN = "a certificate never changes; it is withdrawn once"
LISTED_STAYS = "what a certificate lists never changes"
NOT_REVERSED = "a certificate lists no entry that was reversed"
LISTED = "a certificate that stands lists this entry; withdraw it first"
BY_TWO = "staff withdraw a certificate by two people"
ENDED_STAYS = "a withdrawal ends once, and what it is about never changes"
SEAL_STAYS = "a seal image is ended, never changed"
NO_FEWER = "looks are only added"

CONTENT = (
    "id", "number", "member_id", "branch_id", "minutes", "content", "person_sealed", "hash", "signature", "public_key",
    "seal_id", "issued_at", "issued_by_id", "replaces_id", "form_key",
)  # fmt: skip
ASKED = ("id", "certificate_id", "reason", "asked_by_id", "asked_at", "form_key")
SEAL = ("id", "branch_id", "sealed", "digest", "by_id", "at")
TABLES = ("certificate", "certificate_entry", "certificate_withdrawal", "certificate_seal", "certificate_look")

REVERSED = "EXISTS (SELECT 1 FROM entry e WHERE e.reverses_id = NEW.entry_id)"
STANDS = """EXISTS (SELECT 1 FROM certificate_entry c JOIN certificate t ON t.id = c.certificate_id
    WHERE c.entry_id = NEW.corrects_id AND t.status = 'valid')"""
DECIDED = """EXISTS (SELECT 1 FROM certificate_withdrawal w
    WHERE w.id = NEW.withdrawn_for_id AND w.certificate_id = NEW.id AND w.status = 'done')"""
CORRECTED = """EXISTS (SELECT 1 FROM correction c JOIN certificate_entry l ON l.entry_id = c.entry_id
    JOIN entry e ON e.reverses_id = c.entry_id
    WHERE c.id = NEW.withdrawn_for_id AND l.certificate_id = NEW.id)"""
ALONE = f"(NEW.withdrawn_for = 'decision' AND NOT {DECIDED}) OR (NEW.withdrawn_for = 'correction' AND NOT {CORRECTED})"


def _changed(columns: tuple[str, ...], differ: str) -> str:
    return " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in columns)


def _sqlite(name: str, event: str, when: str, text: str) -> str:
    condition = f" WHEN {when}" if when else ""
    return f"CREATE TRIGGER {name} BEFORE {event}{condition} BEGIN SELECT RAISE(ABORT, '{text}'); END"


SQLITE = (
    _sqlite("certificate_begins", "INSERT ON certificate", "NEW.status <> 'valid'", FROZEN),
    _sqlite(
        "certificate_frozen", "UPDATE ON certificate", f"OLD.status <> 'valid' OR {_changed(CONTENT, 'IS NOT')}", FROZEN
    ),
    _sqlite("certificate_by_two", "UPDATE ON certificate", ALONE, BY_TWO),
    _sqlite("certificate_never_delete", "DELETE ON certificate", "", FROZEN),
    _sqlite("certificate_entry_not_reversed", "INSERT ON certificate_entry", REVERSED, NOT_REVERSED),
    _sqlite("certificate_entry_never_update", "UPDATE ON certificate_entry", "", LISTED_STAYS),
    _sqlite("certificate_entry_never_delete", "DELETE ON certificate_entry", "", LISTED_STAYS),
    _sqlite("certificate_listed", "INSERT ON attendance_correction", STANDS, LISTED),
    _sqlite(
        "certificate_withdrawal_begins", "INSERT ON certificate_withdrawal", "NEW.status <> 'waiting'", ENDED_STAYS
    ),
    _sqlite(
        "certificate_withdrawal_final",
        "UPDATE ON certificate_withdrawal",
        f"OLD.status <> 'waiting' OR {_changed(ASKED, 'IS NOT')}",
        ENDED_STAYS,
    ),
    _sqlite("certificate_withdrawal_never_delete", "DELETE ON certificate_withdrawal", "", ENDED_STAYS),
    _sqlite(
        "certificate_seal_final",
        "UPDATE ON certificate_seal",
        f"OLD.ended_at IS NOT NULL OR {_changed(SEAL, 'IS NOT')}",
        SEAL_STAYS,
    ),
    _sqlite("certificate_seal_never_delete", "DELETE ON certificate_seal", "", SEAL_STAYS),
    _sqlite("certificate_look_adds", "UPDATE ON certificate_look", "NEW.looks <= OLD.looks", NO_FEWER),
    _sqlite("certificate_look_never_delete", "DELETE ON certificate_look", "", NO_FEWER),
)


def _refuse(when: str, text: str) -> str:
    return f"IF {when} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF;"


def _function(name: str, *checks: str) -> str:
    body = " ".join(checks)
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$"


DELETED = "TG_OP = 'DELETE'"
TRIGGERS = (
    ("certificate_begun", "INSERT ON certificate"),
    ("certificate_changed", "UPDATE OR DELETE ON certificate"),
    ("certificate_entry_added", "INSERT ON certificate_entry"),
    ("certificate_listed", "INSERT ON attendance_correction"),
    ("certificate_withdrawal_begun", "INSERT ON certificate_withdrawal"),
    ("certificate_withdrawal_changed", "UPDATE OR DELETE ON certificate_withdrawal"),
    ("certificate_seal_changed", "UPDATE OR DELETE ON certificate_seal"),
    ("certificate_look_changed", "UPDATE OR DELETE ON certificate_look"),
)
POSTGRESQL = (
    _function("certificate_begun", _refuse("NEW.status <> 'valid'", FROZEN)),
    _function(
        "certificate_changed",
        _refuse(DELETED, FROZEN),
        _refuse(f"OLD.status <> 'valid' OR {_changed(CONTENT, 'IS DISTINCT FROM')}", FROZEN),
        _refuse(ALONE, BY_TWO),
    ),
    _function("certificate_entry_added", _refuse(REVERSED, NOT_REVERSED)),
    _function("certificate_listed", _refuse(STANDS, LISTED)),
    _function("certificate_withdrawal_begun", _refuse("NEW.status <> 'waiting'", ENDED_STAYS)),
    _function(
        "certificate_withdrawal_changed",
        _refuse(DELETED, ENDED_STAYS),
        _refuse(f"OLD.status <> 'waiting' OR {_changed(ASKED, 'IS DISTINCT FROM')}", ENDED_STAYS),
    ),
    _function(
        "certificate_seal_changed",
        _refuse(DELETED, SEAL_STAYS),
        _refuse(f"OLD.ended_at IS NOT NULL OR {_changed(SEAL, 'IS DISTINCT FROM')}", SEAL_STAYS),
    ),
    _function("certificate_look_changed", _refuse(DELETED, NO_FEWER), _refuse("NEW.looks <= OLD.looks", NO_FEWER)),
    *(
        f"CREATE TRIGGER {function} BEFORE {event} FOR EACH ROW EXECUTE FUNCTION {function}()"
        for function, event in TRIGGERS
    ),
    "CREATE TRIGGER certificate_entry_append_only BEFORE UPDATE OR DELETE ON certificate_entry "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in TABLES
    ),
)


def upgrade() -> None:
    _create_seal()
    _create_certificate()
    _create_parts()
    _create_withdrawal()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _foreign_keys(table: str, **targets: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))
        for column, target in targets.items()
    ]


def _create_seal() -> None:
    op.create_table(
        "certificate_seal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by_id IS NULL)", name=op.f("ck_certificate_seal_ended_by")),
        *_foreign_keys("certificate_seal", branch_id="branch.id", by_id="member.id", ended_by_id="member.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_seal")),
    )
    in_use = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_certificate_seal_in_use",
        "certificate_seal",
        ["branch_id"],
        unique=True,
        sqlite_where=in_use,
        postgresql_where=in_use,
    )


def _create_certificate() -> None:
    op.create_table(
        "certificate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("person_sealed", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("seal_id", sa.Integer(), nullable=True),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
        sa.Column("issued_by_id", sa.Integer(), nullable=False),
        sa.Column("replaces_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("withdrawn_at", UTCDateTime(), nullable=True),
        sa.Column("withdrawn_reason", sa.String(length=200), nullable=False),
        sa.Column("withdrawn_for", sa.String(length=12), nullable=True),
        sa.Column("withdrawn_for_id", sa.Integer(), nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_certificate_{name}"))
            for name, condition in (
                ("minutes_positive", "minutes > 0"),
                ("status", "status IN ('valid', 'withdrawn')"),
                ("withdrawn_at", "(status = 'withdrawn') = (withdrawn_at IS NOT NULL)"),
                ("withdrawn_has_reason", "(status = 'withdrawn') = (withdrawn_reason <> '')"),
                ("withdrawn_for", "(status = 'withdrawn') = (withdrawn_for IS NOT NULL)"),
                ("withdrawn_for_what", "(withdrawn_for IS NULL) = (withdrawn_for_id IS NULL)"),
                ("withdrawn_kinds", "withdrawn_for IN ('correction', 'decision')"),
                ("replaces_another", "replaces_id <> id"),
            )
        ),
        *_foreign_keys(
            "certificate",
            member_id="member.id",
            branch_id="branch.id",
            seal_id="certificate_seal.id",
            issued_by_id="member.id",
            replaces_id="certificate.id",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
        *(
            sa.UniqueConstraint(column, name=op.f(f"uq_certificate_{column}"))
            for column in ("number", "hash", "replaces_id", "form_key")
        ),
    )
    op.create_index(op.f("ix_certificate_member_id"), "certificate", ["member_id"])
    op.create_index("ix_certificate_branch_id_issued_at", "certificate", ["branch_id", "issued_at"])


def _create_parts() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "certificate_entry",
        sa.Column("certificate_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", big, nullable=False),
        sa.Column("attendance_id", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_certificate_entry_minutes_positive")),
        *_foreign_keys(
            "certificate_entry", certificate_id="certificate.id", entry_id="entry.id", attendance_id="attendance.id"
        ),
        sa.PrimaryKeyConstraint("certificate_id", "entry_id", name=op.f("pk_certificate_entry")),
    )
    op.create_index(op.f("ix_certificate_entry_entry_id"), "certificate_entry", ["entry_id"])
    op.create_table(
        "certificate_look",
        sa.Column("certificate_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.CheckConstraint("looks > 0", name=op.f("ck_certificate_look_looks_positive")),
        *_foreign_keys("certificate_look", certificate_id="certificate.id"),
        sa.PrimaryKeyConstraint("certificate_id", "day", name=op.f("pk_certificate_look")),
    )


def _create_withdrawal() -> None:
    op.create_table(
        "certificate_withdrawal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("certificate_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_certificate_withdrawal_{name}"))
            for name, condition in (
                ("has_reason", "reason <> ''"),
                ("status", "status IN ('waiting', 'done', 'declined', 'taken_back')"),
                ("decided_once", "(status = 'waiting') = (decided_at IS NULL)"),
                ("decided_by", "(status IN ('done', 'declined')) = (decided_by_id IS NOT NULL)"),
                ("four_eyes", "decided_by_id <> asked_by_id"),
                ("declined_why", "status <> 'declined' OR note <> ''"),
            )
        ),
        *_foreign_keys(
            "certificate_withdrawal",
            certificate_id="certificate.id",
            asked_by_id="member.id",
            decided_by_id="member.id",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_withdrawal")),
        sa.UniqueConstraint("form_key", name=op.f("uq_certificate_withdrawal_form_key")),
    )
    waits = sa.text("status = 'waiting'")
    op.create_index(op.f("ix_certificate_withdrawal_certificate_id"), "certificate_withdrawal", ["certificate_id"])
    op.create_index(
        "uq_certificate_withdrawal_waiting",
        "certificate_withdrawal",
        ["certificate_id"],
        unique=True,
        sqlite_where=waits,
        postgresql_where=waits,
    )


def downgrade() -> None:
    """Not where one was issued, or a seal kept: numbers that people hold would lead nowhere."""
    for table in ("certificate", "certificate_seal"):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError(f"{table} has rows that would be forgotten; restore a backup instead of going down")
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("DROP TRIGGER certificate_listed" + (" ON attendance_correction" if on_postgresql else ""))
    for table in ("certificate_withdrawal", "certificate_look", "certificate_entry", "certificate", "certificate_seal"):
        op.drop_table(table)
    if on_postgresql:
        for function, _ in TRIGGERS:
            op.execute(f"DROP FUNCTION {function}()")
