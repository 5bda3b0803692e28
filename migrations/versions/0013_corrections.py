"""Corrections: asked for, decided, carried out once; and what they changed about records and orders, append-only.

The database itself refuses: a correction that moves coins of the one who asks or decides, one that is changed after it
ended, a second one of the same entry, and a change to a record or an order that no reversal in the books stands for.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0013_corrections"
down_revision = "0012_rulebook"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

APPEND_ONLY = ("attendance_correction", "order_correction")
CORRECTION_FINAL = "a correction that has ended is never changed or deleted"
CORRECTION_IDENTITY = "what was asked for is never changed"
BEGINS_WAITING = "a correction begins as waiting"
OWN_COINS = "nobody corrects an entry that moves their own coins"
NOT_ITS_REVERSAL = "no reversal of this entry"
NOT_APPROVED = "only approved attendance is corrected"
OUT_OF_RANGE = "corrected minutes lie between nothing and the shift"
NOT_FULFILLED = "only fulfilled orders are corrected"
MORE_THAN_PAID = "no more is given back than was paid"
REQUEST_FINAL = "a request that was answered is never changed or deleted"

ASKED = ("id", "branch_id", "entry_id", "kind", "new_minutes", "reason", "asked_by_id", "asked_at", "form_key")
WISHED = ("id", "branch_id", "entry_id", "member_id", "words", "asked_at", "form_key")


def _party(person: str) -> str:
    return f"""(EXISTS (SELECT 1 FROM entry e WHERE e.id = NEW.entry_id AND e.for_member_id = {person})
      OR EXISTS (SELECT 1 FROM transfer t JOIN member m ON m.id = {person} WHERE t.entry_id = NEW.entry_id
        AND (m.coin_account_id IN (t.debit_id, t.credit_id) OR m.point_account_id IN (t.debit_id, t.credit_id)
          OR m.giveaway_account_id IN (t.debit_id, t.credit_id))))"""


# Whether the entry named in one column is the reversal of the entry named in another.
def _reversal(reversal: str, entry: str) -> str:
    return f"EXISTS (SELECT 1 FROM entry r WHERE r.id = NEW.{reversal} AND r.reverses_id = NEW.{entry})"


BEYOND = """NOT EXISTS (
    SELECT 1 FROM attendance a JOIN shift s ON s.id = a.shift_id LEFT JOIN (
      SELECT attendance_id, SUM(signed_minutes) AS signed, SUM(manual_minutes) AS manual
        FROM attendance_correction WHERE attendance_id = NEW.attendance_id GROUP BY attendance_id
    ) c ON c.attendance_id = a.id
    WHERE a.id = NEW.attendance_id
      AND a.signed_minutes + COALESCE(c.signed, 0) + NEW.signed_minutes >= 0
      AND a.manual_minutes + COALESCE(c.manual, 0) + NEW.manual_minutes >= 0
      AND a.signed_minutes + a.manual_minutes + COALESCE(c.signed, 0) + COALESCE(c.manual, 0)
        + NEW.signed_minutes + NEW.manual_minutes <= {length} - s.break_minutes + 1
  )"""
SQLITE_BEYOND = BEYOND.format(length="(julianday(s.ends_at) - julianday(s.starts_at)) * 1440")
POSTGRESQL_BEYOND = BEYOND.format(length="extract(epoch FROM s.ends_at - s.starts_at) / 60")
OVERPAID = """(SELECT o.amount_minutes FROM exchange_order o WHERE o.id = NEW.order_id) + NEW.amount_minutes
    + COALESCE((SELECT SUM(c.amount_minutes) FROM order_correction c WHERE c.order_id = NEW.order_id), 0) < 0"""
APPROVED = "EXISTS (SELECT 1 FROM attendance a WHERE a.id = NEW.attendance_id AND a.status = 'approved')"
FULFILLED = "EXISTS (SELECT 1 FROM exchange_order o WHERE o.id = NEW.order_id AND o.status = 'fulfilled')"


def _changed(columns: tuple[str, ...], differ: str) -> str:
    return " OR ".join(f"NEW.{column} {differ} OLD.{column}" for column in columns)


def _sqlite(name: str, event: str, when: str, text: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {event} WHEN {when} BEGIN SELECT RAISE(ABORT, '{text}'); END"


_SAME_CHANGE = " OR ".join(
    f"{column} = NEW.{column}" for column in ("id", "key", "corrects_id", "entry_id", "replacement_id")
)
SQLITE_SAME = (
    *((table, _SAME_CHANGE, f"{table} rows are never changed or deleted") for table in APPEND_ONLY),
    (
        "correction",
        "id = NEW.id OR form_key = NEW.form_key OR (entry_id = NEW.entry_id AND status IN ('waiting', 'done'))",
        CORRECTION_FINAL,
    ),
    (
        "correction_request",
        "id = NEW.id OR form_key = NEW.form_key "
        "OR (entry_id = NEW.entry_id AND member_id = NEW.member_id AND status = 'open')",
        REQUEST_FINAL,
    ),
)

SQLITE = [
    *(
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed or deleted'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ),
    # A connection that does not ask for recursive triggers lets REPLACE pass by those that keep rows from being deleted.
    *(
        _sqlite(f"{table}_never_replace", f"INSERT ON {table}", f"EXISTS (SELECT 1 FROM {table} WHERE {same})", text)
        for table, same, text in SQLITE_SAME
    ),
    _sqlite(
        "correction_never_overwrite",
        "UPDATE ON correction",
        "EXISTS (SELECT 1 FROM correction WHERE id <> OLD.id AND (reversal_entry_id = NEW.reversal_entry_id "
        "OR replacement_entry_id = NEW.replacement_entry_id))",
        CORRECTION_FINAL,
    ),
    _sqlite("attendance_correction_approved", "INSERT ON attendance_correction", f"NOT {APPROVED}", NOT_APPROVED),
    _sqlite("attendance_correction_range", "INSERT ON attendance_correction", SQLITE_BEYOND, OUT_OF_RANGE),
    _sqlite("order_correction_fulfilled", "INSERT ON order_correction", f"NOT {FULFILLED}", NOT_FULFILLED),
    _sqlite("order_correction_paid", "INSERT ON order_correction", OVERPAID, MORE_THAN_PAID),
    *(
        _sqlite(
            f"{table}_booked", f"INSERT ON {table}", f"NOT {_reversal('entry_id', 'corrects_id')}", NOT_ITS_REVERSAL
        )
        for table in APPEND_ONLY
    ),
    _sqlite("correction_begins", "INSERT ON correction", "NEW.status <> 'waiting'", BEGINS_WAITING),
    _sqlite("correction_asker", "INSERT ON correction", _party("NEW.asked_by_id"), OWN_COINS),
    _sqlite("correction_final_update", "UPDATE ON correction", "OLD.status <> 'waiting'", CORRECTION_FINAL),
    "CREATE TRIGGER correction_never_delete BEFORE DELETE ON correction "
    f"BEGIN SELECT RAISE(ABORT, '{CORRECTION_FINAL}'); END",
    _sqlite("correction_identity", "UPDATE ON correction", _changed(ASKED, "IS NOT"), CORRECTION_IDENTITY),
    _sqlite("correction_decider", "UPDATE ON correction", _party("NEW.decided_by_id"), OWN_COINS),
    _sqlite(
        "correction_booked",
        "UPDATE ON correction",
        f"NEW.status = 'done' AND NOT {_reversal('reversal_entry_id', 'entry_id')}",
        NOT_ITS_REVERSAL,
    ),
    _sqlite("correction_request_final", "UPDATE ON correction_request", "OLD.status <> 'open'", REQUEST_FINAL),
    _sqlite("correction_request_identity", "UPDATE ON correction_request", _changed(WISHED, "IS NOT"), REQUEST_FINAL),
    "CREATE TRIGGER correction_request_never_delete BEFORE DELETE ON correction_request "
    f"BEGIN SELECT RAISE(ABORT, '{REQUEST_FINAL}'); END",
]


def _refuse(when: str, text: str) -> str:
    return f"IF {when} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF;"


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$"


POSTGRESQL = [
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in (*APPEND_ONLY, "correction", "correction_request")
    ),
    _function(
        "attendance_correction_guard",
        _refuse(f"NOT {APPROVED}", NOT_APPROVED)
        + _refuse(POSTGRESQL_BEYOND, OUT_OF_RANGE)
        + _refuse(f"NOT {_reversal('entry_id', 'corrects_id')}", NOT_ITS_REVERSAL),
    ),
    _function(
        "order_correction_guard",
        _refuse(f"NOT {FULFILLED}", NOT_FULFILLED)
        + _refuse(OVERPAID, MORE_THAN_PAID)
        + _refuse(f"NOT {_reversal('entry_id', 'corrects_id')}", NOT_ITS_REVERSAL),
    ),
    _function(
        "correction_asked",
        _refuse("NEW.status <> 'waiting'", BEGINS_WAITING) + _refuse(_party("NEW.asked_by_id"), OWN_COINS),
    ),
    _function(
        "correction_changed",
        _refuse("TG_OP = 'DELETE' OR OLD.status <> 'waiting'", CORRECTION_FINAL)
        + _refuse(_changed(ASKED, "IS DISTINCT FROM"), CORRECTION_IDENTITY)
        + _refuse(_party("NEW.decided_by_id"), OWN_COINS)
        + _refuse(f"NEW.status = 'done' AND NOT {_reversal('reversal_entry_id', 'entry_id')}", NOT_ITS_REVERSAL),
    ),
    _function(
        "correction_request_changed",
        _refuse("TG_OP = 'DELETE' OR OLD.status <> 'open'", REQUEST_FINAL)
        + _refuse(_changed(WISHED, "IS DISTINCT FROM"), REQUEST_FINAL),
    ),
    *(
        f"CREATE TRIGGER {name} BEFORE {event} FOR EACH ROW EXECUTE FUNCTION {function}()"
        for name, event, function in (
            ("attendance_correction_guarded", "INSERT ON attendance_correction", "attendance_correction_guard"),
            ("order_correction_guarded", "INSERT ON order_correction", "order_correction_guard"),
            ("correction_asked", "INSERT ON correction", "correction_asked"),
            ("correction_changed", "UPDATE OR DELETE ON correction", "correction_changed"),
            ("correction_request_changed", "UPDATE OR DELETE ON correction_request", "correction_request_changed"),
        )
    ),
]
FUNCTIONS = (
    "attendance_correction_guard", "order_correction_guard", "correction_asked", "correction_changed",
    "correction_request_changed",
)  # fmt: skip


def upgrade() -> None:
    _change_table("attendance_correction", "attendance_id", "attendance", "signed_minutes", "manual_minutes", "points")
    _change_table("order_correction", "order_id", "exchange_order", "amount_minutes")
    _correction()
    _request()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _change_table(name: str, owner: str, owner_table: str, *figures: str) -> None:
    check = (
        ("changes_minutes", "signed_minutes <> 0 OR manual_minutes <> 0")
        if "points" in figures
        else ("gives_back", "amount_minutes < 0")
    )
    op.create_table(
        name,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(owner, sa.Integer(), nullable=False),
        *(sa.Column(figure, sa.Integer(), nullable=False) for figure in figures),
        sa.Column("corrects_id", BIG, nullable=False),
        sa.Column("entry_id", BIG, nullable=False),
        sa.Column("replacement_id", BIG, nullable=True),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.CheckConstraint(check[1], name=op.f(f"ck_{name}_{check[0]}")),
        sa.CheckConstraint("reason <> ''", name=op.f(f"ck_{name}_has_reason")),
        sa.ForeignKeyConstraint([owner], [f"{owner_table}.id"], name=op.f(f"fk_{name}_{owner}")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f(f"fk_{name}_by_id")),
        *(
            sa.ForeignKeyConstraint([column], ["entry.id"], name=op.f(f"fk_{name}_{column}"))
            for column in ("corrects_id", "entry_id", "replacement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        *(
            sa.UniqueConstraint(column, name=op.f(f"uq_{name}_{column}"))
            for column in ("corrects_id", "entry_id", "replacement_id", "key")
        ),
    )
    op.create_index(op.f(f"ix_{name}_{owner}"), name, [owner])


CORRECTION_RULES = (
    ("kind", "kind IN ('whole', 'amount')"),
    ("new_amount", "(kind = 'amount') = (new_minutes IS NOT NULL)"),
    ("new_amount_positive", "new_minutes > 0"),
    ("has_reason", "reason <> ''"),
    ("status", "status IN ('waiting', 'done', 'declined', 'withdrawn')"),
    ("ended_once", "(status = 'waiting') = (decided_at IS NULL)"),
    ("four_eyes", "decided_by_id <> asked_by_id"),
    ("not_decided", "status NOT IN ('waiting', 'withdrawn') OR decided_by_id IS NULL"),
    ("declined", "status <> 'declined' OR (decided_by_id IS NOT NULL AND decided_note <> '')"),
    ("done_has_reversal", "(status = 'done') = (reversal_entry_id IS NOT NULL)"),
    ("replacement_when_done", "replacement_entry_id IS NULL OR status = 'done'"),
    ("replaced", "kind <> 'amount' OR status <> 'done' OR replacement_entry_id IS NOT NULL"),
)


def _correction_keys() -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(
            ["entry_id", "branch_id"], ["entry.id", "entry.book_id"], name=op.f("fk_correction_own_book")
        ),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_correction_branch_id")),
        *(
            sa.ForeignKeyConstraint([column], ["member.id"], name=op.f(f"fk_correction_{column}"))
            for column in ("asked_by_id", "decided_by_id")
        ),
        *(
            sa.ForeignKeyConstraint([column], ["entry.id"], name=op.f(f"fk_correction_{column}"))
            for column in ("reversal_entry_id", "replacement_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        *(
            sa.UniqueConstraint(column, name=op.f(f"uq_correction_{column}"))
            for column in ("reversal_entry_id", "replacement_entry_id", "form_key")
        ),
    )


def _correction() -> None:
    op.create_table(
        "correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("new_minutes", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("decided_note", sa.String(length=200), nullable=False),
        sa.Column("reversal_entry_id", BIG, nullable=True),
        sa.Column("replacement_entry_id", BIG, nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_correction_{name}")) for name, rule in CORRECTION_RULES),
        *_correction_keys(),
    )
    alive = sa.text("status IN ('waiting', 'done')")
    op.create_index(
        "uq_correction_alive", "correction", ["entry_id"], unique=True, sqlite_where=alive, postgresql_where=alive
    )
    op.create_index(op.f("ix_correction_entry_id"), "correction", ["entry_id"])
    op.create_index("ix_correction_branch_id_status", "correction", ["branch_id", "status"])


def _request() -> None:
    op.create_table(
        "correction_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", BIG, nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.Column("answer", sa.String(length=200), nullable=False),
        sa.Column("correction_id", sa.Integer(), nullable=True),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_correction_request_{name}"))
            for name, rule in (
                ("has_words", "words <> ''"),
                ("status", "status IN ('open', 'corrected', 'declined')"),
                ("answered_once", "(status = 'open') = (answered_at IS NULL)"),
                ("answered_by", "(status = 'open') = (answered_by_id IS NULL)"),
                ("declined_has_reason", "status <> 'declined' OR answer <> ''"),
                ("corrected_by", "(status = 'corrected') = (correction_id IS NOT NULL)"),
            )
        ),
        sa.ForeignKeyConstraint(
            ["entry_id", "branch_id"], ["entry.id", "entry.book_id"], name=op.f("fk_correction_request_own_book")
        ),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_correction_request_branch_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_correction_request_member_id")),
        sa.ForeignKeyConstraint(["answered_by_id"], ["member.id"], name=op.f("fk_correction_request_answered_by_id")),
        sa.ForeignKeyConstraint(["correction_id"], ["correction.id"], name=op.f("fk_correction_request_correction_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction_request")),
        sa.UniqueConstraint("form_key", name=op.f("uq_correction_request_form_key")),
    )
    is_open = sa.text("status = 'open'")
    op.create_index(
        "uq_correction_request_open",
        "correction_request",
        ["entry_id", "member_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index(op.f("ix_correction_request_entry_id"), "correction_request", ["entry_id"])
    op.create_index(op.f("ix_correction_request_member_id"), "correction_request", ["member_id"])
    op.create_index("ix_correction_request_branch_id_status", "correction_request", ["branch_id", "status"])


def downgrade() -> None:
    """Not where anything was set right or asked about: records would count what is known to be wrong."""
    for table in ("correction", "correction_request"):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError("there are corrections in the books; restore a backup instead of going down")
    for table in ("correction_request", "correction", "order_correction", "attendance_correction"):
        op.drop_table(table)  # and its triggers
    if op.get_bind().dialect.name == "postgresql":
        for function in FUNCTIONS:
            op.execute(f"DROP FUNCTION {function}()")
