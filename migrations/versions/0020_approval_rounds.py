"""Approvals become rounds: some of a list are booked, the rest later; what was sent so far is round 1.

The database itself refuses: a second round of a shift while one waits; to approve or book what the approver has a hand
in, or what was not in the round; one person's yes where two are asked for; and to change what was sent or decided.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0020_approval_rounds"
down_revision = "0019_attendance_policy"
branch_labels = None
depends_on = None

APPROVAL_FINAL = "a given approval is never changed or deleted"
ATTENDANCE_FINAL = "approved attendance is never changed or deleted"
FOUR_EYES = "nobody approves minutes of their own or that they typed"
TWO_PEOPLE = "this round needs the yes of two people"
BEGINS_UNDECIDED = "a round begins undecided"
ROUND_IDENTITY = "what was sent is never changed"
OUTSIDE_ROUND = "only what a given approval covers is approved"
ROUND_CLOSED = "nobody joins a round that somebody has said yes to"
HELD_APPEND_ONLY = "approval_held rows are never changed or deleted"

SENT = ("id", "shift_id", "number", "submitted_by_id", "submitted_at", "large_minutes", "hand_share", "backdated")
FIRST_YES = ("first_approved_by_id", "first_approved_at")
OLD_LIMITS = "240, 50"
HAND_SHARE_FROM = 5  # so many by hand before their share of the list says anything

# Whether a person has a hand in a record: it is theirs, or they typed its minutes, reviewed it, said its times (a
# correction, or what stands on paper), confirmed its overtime, or decided that a scan of it counts.
HAND = """({row}.member_id = {person} OR {row}.manual_by_id = {person} OR {row}.reviewed_by_id = {person} OR EXISTS (
    SELECT 1 FROM scan c WHERE c.shift_id = {row}.shift_id AND c.member_id = {row}.member_id
      AND c.actor_id = {person} AND (c.reason <> '' OR c.source = 'paper' AND c.refused = '')) OR EXISTS (
    SELECT 1 FROM overtime o WHERE o.shift_id = {row}.shift_id AND o.member_id = {row}.member_id
      AND o.by_id = {person}) OR EXISTS (
    SELECT 1 FROM scan_case k JOIN scan c ON c.id = k.scan_id WHERE k.shift_id = {row}.shift_id
      AND c.member_id = {row}.member_id AND k.decision = 'count' AND k.decided_by_id = {person}))"""
COUNTED = "{row}.status <> 'void' AND {row}.signed_minutes + {row}.manual_minutes > 0"
IN_ROUND = f"a.submitted_in_id = NEW.id AND {COUNTED.format(row='a')}"


def _hand_in_round(person: str) -> str:
    return f"EXISTS (SELECT 1 FROM attendance a WHERE {IN_ROUND} AND {HAND.format(row='a', person=person)})"


NEEDS_TWO = f"""(NEW.backdated
    OR EXISTS (SELECT 1 FROM attendance a WHERE {IN_ROUND} AND a.manual_minutes > NEW.large_minutes)
    OR (SELECT COUNT(*) >= {HAND_SHARE_FROM} FROM attendance a WHERE {IN_ROUND} AND a.manual_minutes > 0)
      AND (SELECT COUNT(*) FROM attendance a WHERE {IN_ROUND} AND a.manual_minutes > 0) * 100
        > (SELECT COUNT(*) FROM attendance a WHERE {IN_ROUND}) * NEW.hand_share)"""
DECIDED = "OLD.approved_at IS NOT NULL OR OLD.returned_at IS NOT NULL"
NEW_DECIDED = "NEW.approved_at IS NOT NULL OR NEW.returned_at IS NOT NULL OR NEW.first_approved_at IS NOT NULL"
GIVEN = """EXISTS (SELECT 1 FROM shift_approval p WHERE p.id = NEW.approval_id AND p.id = NEW.submitted_in_id
    AND p.shift_id = NEW.shift_id AND p.approved_at IS NOT NULL)"""
# Both approvers are asked for at once: this is asked of every record of a large list.
APPROVERS = "(p.approved_by_id, p.first_approved_by_id)"
APPROVERS_HAND = f"""({COUNTED.format(row="NEW")}) AND EXISTS (
    SELECT 1 FROM shift_approval p WHERE p.id = NEW.approval_id
      AND (NEW.member_id IN {APPROVERS} OR NEW.manual_by_id IN {APPROVERS} OR NEW.reviewed_by_id IN {APPROVERS}
        OR EXISTS (SELECT 1 FROM scan c WHERE c.shift_id = NEW.shift_id AND c.member_id = NEW.member_id
          AND (c.reason <> '' OR c.source = 'paper' AND c.refused = '') AND c.actor_id IN {APPROVERS})
        OR EXISTS (SELECT 1 FROM overtime o WHERE o.shift_id = NEW.shift_id AND o.member_id = NEW.member_id
          AND o.by_id IN {APPROVERS})
        OR EXISTS (SELECT 1 FROM scan_case k JOIN scan c ON c.id = k.scan_id WHERE k.shift_id = NEW.shift_id
          AND c.member_id = NEW.member_id AND k.decision = 'count' AND k.decided_by_id IN {APPROVERS})))"""
OPEN_ROUND = """EXISTS (SELECT 1 FROM shift_approval p WHERE p.id = NEW.submitted_in_id AND p.shift_id = NEW.shift_id
    AND p.approved_at IS NULL AND p.returned_at IS NULL AND p.first_approved_at IS NULL)"""


def _changed(columns: tuple[str, ...], differ: str) -> str:
    return " OR ".join(f"NEW.{column} {differ} OLD.{column}" for column in columns)


def _said_yes(person: str, differ: str) -> str:
    """The person is named now, and was not before."""
    return f"NEW.{person} IS NOT NULL AND NEW.{person} {differ} OLD.{person}"


# What is refused of a round, in this order: (name, when, text); ``IS NOT`` is PostgreSQL's ``IS DISTINCT FROM``.
def _round_rules(differ: str) -> tuple[tuple[str, str, str], ...]:
    return (
        ("final", DECIDED, APPROVAL_FINAL),
        ("identity", _changed(SENT, differ), ROUND_IDENTITY),
        ("first_stays", f"OLD.first_approved_at IS NOT NULL AND ({_changed(FIRST_YES, differ)})", ROUND_IDENTITY),
        (
            "four_eyes",
            f"({_said_yes('approved_by_id', differ)} AND {_hand_in_round('NEW.approved_by_id')}) "
            f"OR (({_said_yes('first_approved_by_id', differ)} OR NEW.approved_by_id IS NOT NULL) "
            f"AND {_hand_in_round('NEW.first_approved_by_id')})",
            FOUR_EYES,
        ),
        ("two_people", f"NEW.approved_at IS NOT NULL AND OLD.first_approved_at IS NULL AND {NEEDS_TWO}", TWO_PEOPLE),
    )


def _sqlite(name: str, event: str, when: str, text: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {event} WHEN {when} BEGIN SELECT RAISE(ABORT, '{text}'); END"


SQLITE_ROUND = [
    *(
        _sqlite(f"approval_{name}", "UPDATE ON shift_approval", when, text)
        for name, when, text in _round_rules("IS NOT")
    ),
    _sqlite("approval_final_delete", "DELETE ON shift_approval", DECIDED, APPROVAL_FINAL),
    _sqlite("approval_begins", "INSERT ON shift_approval", NEW_DECIDED, BEGINS_UNDECIDED),
    _sqlite(
        "approval_never_replace",
        "INSERT ON shift_approval",
        "EXISTS (SELECT 1 FROM shift_approval p WHERE p.id = NEW.id "
        "OR (p.shift_id = NEW.shift_id AND p.number = NEW.number))",
        APPROVAL_FINAL,
    ),
]
SQLITE_HELD = [
    f"CREATE TRIGGER approval_held_never_{verb.lower()} BEFORE {verb} ON approval_held "
    f"BEGIN SELECT RAISE(ABORT, '{HELD_APPEND_ONLY}'); END"
    for verb in ("UPDATE", "DELETE")
]
SQLITE_RECORD = [
    *(
        _sqlite(f"attendance_{name}_{event[:6].lower()}", f"{event} ON attendance", when, text)
        for name, when, text in (
            ("given", f"NEW.status = 'approved' AND NOT {GIVEN}", OUTSIDE_ROUND),
            ("four_eyes", f"NEW.status = 'approved' AND {APPROVERS_HAND}", FOUR_EYES),
        )
        for event in ("INSERT", "UPDATE")
    ),
    _sqlite(
        "attendance_sent_insert", "INSERT ON attendance",
        f"NEW.submitted_in_id IS NOT NULL AND NOT {OPEN_ROUND}", ROUND_CLOSED,
    ),
    _sqlite(
        "attendance_sent_update", "UPDATE OF submitted_in_id ON attendance",
        f"NEW.submitted_in_id IS NOT NULL AND NEW.submitted_in_id IS NOT OLD.submitted_in_id AND NOT {OPEN_ROUND}",
        ROUND_CLOSED,
    ),
]  # fmt: skip
SQLITE_FINAL = [
    _sqlite(f"attendance_final_{verb.lower()}", f"{verb} ON attendance", "OLD.status = 'approved'", ATTENDANCE_FINAL)
    for verb in ("UPDATE", "DELETE")
]


def _refuse(when: str, text: str) -> str:
    return f"IF {when} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF; "


def _function(name: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$"


POSTGRESQL = [
    _function(
        "approval_guard",
        f"IF TG_OP = 'DELETE' THEN {_refuse(DECIDED, APPROVAL_FINAL)} RETURN OLD; END IF; "
        + "".join(
            _refuse(when, text) for _name, when, text in _round_rules("IS DISTINCT FROM")
        ),
    ),
    _function("approval_begins", _refuse(NEW_DECIDED, BEGINS_UNDECIDED)),
    "CREATE TRIGGER approval_begins BEFORE INSERT ON shift_approval FOR EACH ROW EXECUTE FUNCTION approval_begins()",
    _function(
        "attendance_approved",
        _refuse(f"NOT {GIVEN}", OUTSIDE_ROUND) + _refuse(APPROVERS_HAND, FOUR_EYES),
    ),
    """CREATE TRIGGER attendance_approved BEFORE INSERT OR UPDATE ON attendance FOR EACH ROW
       WHEN (NEW.status = 'approved') EXECUTE FUNCTION attendance_approved()""",
    _function(
        "attendance_sent",
        _refuse(
            "(TG_OP = 'INSERT' OR NEW.submitted_in_id IS DISTINCT FROM OLD.submitted_in_id) "
            f"AND NOT {OPEN_ROUND}",
            ROUND_CLOSED,
        ),
    ),
    """CREATE TRIGGER attendance_sent BEFORE INSERT OR UPDATE OF submitted_in_id ON attendance FOR EACH ROW
       WHEN (NEW.submitted_in_id IS NOT NULL) EXECUTE FUNCTION attendance_sent()""",
    "CREATE TRIGGER approval_held_append_only BEFORE UPDATE OR DELETE ON approval_held "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER approval_held_no_truncate BEFORE TRUNCATE ON approval_held "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
]  # fmt: skip

CHECKS = {
    "four_eyes": "approved_by_id IS NULL OR approved_by_id <> submitted_by_id",
    "approved_by": "(approved_by_id IS NULL) = (approved_at IS NULL)",
    "approved_or_returned": "approved_at IS NULL OR returned_at IS NULL",
}
NEW_CHECKS = {
    "first_four_eyes": "first_approved_by_id IS NULL OR first_approved_by_id <> submitted_by_id",
    "first_approved_by": "(first_approved_by_id IS NULL) = (first_approved_at IS NULL)",
    "two_people": "first_approved_by_id IS NULL OR approved_by_id <> first_approved_by_id",
    "number_positive": "number > 0",
    "second_limits": "large_minutes >= 0 AND hand_share BETWEEN 0 AND 100",
}
UNDECIDED = sa.text("approved_at IS NULL AND returned_at IS NULL")
ROUND_RECORDS = """UPDATE attendance SET submitted_in_id = (
    SELECT p.id FROM shift_approval p WHERE p.shift_id = attendance.shift_id AND p.returned_at IS NULL)
  WHERE (status = 'approved' OR status = 'ready') AND EXISTS (
    SELECT 1 FROM shift_approval p WHERE p.shift_id = attendance.shift_id AND p.returned_at IS NULL)"""


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def upgrade() -> None:
    if _is_postgresql():
        op.execute("DROP TRIGGER approval_guarded ON shift_approval")
        op.execute("DROP TRIGGER approval_overtime_eyes ON shift_approval")  # overtime is a hand like any other now
        op.execute("DROP FUNCTION approval_overtime_eyes()")
        op.execute("DROP TRIGGER attendance_final ON attendance")
        _add_columns()
    else:
        for name in ("attendance_final_update", "attendance_final_delete"):
            op.execute(f"DROP TRIGGER {name}")
        _copy_table(upwards=True)
    op.create_index(
        "uq_shift_approval_undecided", "shift_approval", ["shift_id"],
        unique=True, sqlite_where=UNDECIDED, postgresql_where=UNDECIDED,
    )  # fmt: skip
    for column in (
        "submitted_in_id INTEGER CONSTRAINT fk_attendance_submitted_in_id REFERENCES shift_approval (id)",
        "held_reason VARCHAR(200) NOT NULL DEFAULT ''",
    ):
        op.execute(f"ALTER TABLE attendance ADD COLUMN {column}")
    op.create_index("ix_attendance_submitted_in_id", "attendance", ["submitted_in_id"])
    op.execute(ROUND_RECORDS)
    _held()
    for statement in POSTGRESQL if _is_postgresql() else [*SQLITE_ROUND, *SQLITE_HELD, *SQLITE_RECORD]:
        op.execute(statement)
    _guard_final()


def _guard_final() -> None:
    """The triggers that rested, as they were."""
    if _is_postgresql():
        op.execute(
            "CREATE TRIGGER attendance_final BEFORE UPDATE OR DELETE ON attendance FOR EACH ROW "
            "WHEN (OLD.status = 'approved') EXECUTE FUNCTION attendance_guard()"
        )
        op.execute(
            "CREATE TRIGGER approval_guarded BEFORE UPDATE OR DELETE ON shift_approval "
            "FOR EACH ROW EXECUTE FUNCTION approval_guard()"
        )
    else:
        for statement in SQLITE_FINAL:
            op.execute(statement)


def _add_columns() -> None:
    op.drop_constraint(op.f("uq_shift_approval_shift_id"), "shift_approval")
    op.add_column("shift_approval", sa.Column("number", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("shift_approval", sa.Column("large_minutes", sa.Integer(), nullable=False, server_default="240"))
    op.add_column("shift_approval", sa.Column("hand_share", sa.Integer(), nullable=False, server_default="50"))
    for name in ("number", "large_minutes", "hand_share"):  # the defaults were for the rows that were there
        op.alter_column("shift_approval", name, server_default=None)
    op.add_column("shift_approval", sa.Column("backdated", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("shift_approval", sa.Column("first_approved_by_id", sa.Integer(), nullable=True))
    op.add_column("shift_approval", sa.Column("first_approved_at", UTCDateTime(), nullable=True))
    op.create_foreign_key(
        op.f("fk_shift_approval_first_approved_by_id"), "shift_approval", "member", ["first_approved_by_id"], ["id"]
    )
    op.create_unique_constraint(op.f("uq_shift_approval_shift_id_number"), "shift_approval", ["shift_id", "number"])
    for name, rule in NEW_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_shift_approval_{name}"), "shift_approval", rule)


KEPT = (
    "id", "shift_id", "submitted_by_id", "submitted_at", "approved_by_id", "approved_at", "returned_at",
    "returned_reason", "people", "minutes", "points",
)  # fmt: skip


def _copy_table(*, upwards: bool) -> None:
    """SQLite's way to change a table that constraints hold: a new one takes the rows and the name."""
    checks = CHECKS | (NEW_CHECKS if upwards else {})
    people = ("submitted_by_id", "approved_by_id", *(("first_approved_by_id",) if upwards else ()))
    unique = ("shift_id", "number") if upwards else ("shift_id",)
    more = [
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("large_minutes", sa.Integer(), nullable=False),
        sa.Column("hand_share", sa.Integer(), nullable=False),
        sa.Column("backdated", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("first_approved_by_id", sa.Integer(), nullable=True),
        sa.Column("first_approved_at", UTCDateTime(), nullable=True),
    ]  # fmt: skip
    op.create_table(
        "shift_approval_copy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("submitted_by_id", sa.Integer(), nullable=False),
        sa.Column("submitted_at", UTCDateTime(), nullable=False),
        *(more if upwards else ()),
        sa.Column("approved_by_id", sa.Integer(), nullable=True),
        sa.Column("approved_at", UTCDateTime(), nullable=True),
        sa.Column("returned_at", UTCDateTime(), nullable=True),
        sa.Column("returned_reason", sa.String(length=200), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("people", "minutes", "points")),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_shift_approval_{name}")) for name, rule in checks.items()),
        *(
            sa.ForeignKeyConstraint([name], ["member.id"], name=op.f(f"fk_shift_approval_{name}"))
            for name in people
        ),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_shift_approval_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_approval")),
        sa.UniqueConstraint(*unique, name=op.f(f"uq_shift_approval_{'_'.join(unique)}")),
    )  # fmt: skip
    kept = ", ".join(KEPT)
    into, values = (
        (f"{kept}, number, large_minutes, hand_share", f"{kept}, 1, {OLD_LIMITS}") if upwards else (kept, kept)
    )
    op.execute(f"INSERT INTO shift_approval_copy ({into}) SELECT {values} FROM shift_approval")
    op.drop_table("shift_approval")  # and its triggers
    op.rename_table("shift_approval_copy", "shift_approval")


def _held() -> None:
    op.create_table(
        "approval_held",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("approval_id", sa.Integer(), nullable=False),
        sa.Column("attendance_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_approval_held_has_reason")),
        sa.ForeignKeyConstraint(["approval_id"], ["shift_approval.id"], name=op.f("fk_approval_held_approval_id")),
        sa.ForeignKeyConstraint(["attendance_id"], ["attendance.id"], name=op.f("fk_approval_held_attendance_id")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_approval_held_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_held")),
        sa.UniqueConstraint(
            "approval_id", "attendance_id", name=op.f("uq_approval_held_approval_id_attendance_id")
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_approval_held_attendance_id"), "approval_held", ["attendance_id"])


def downgrade() -> None:
    """Not where a list was decided in parts, or by two: there is one decision by one person per shift below."""
    parts = "SELECT (SELECT count(*) FROM approval_held) + (SELECT count(*) FROM shift_approval "
    parts += "WHERE number > 1 OR first_approved_at IS NOT NULL)"
    if op.get_bind().exec_driver_sql(parts).scalar():
        raise RuntimeError("there are lists approved in parts; restore a backup instead of going down")
    op.drop_table("approval_held")
    if _is_postgresql():
        _down_postgresql()
    else:
        _down_sqlite()


def _down_sqlite() -> None:
    for name in (
        "attendance_given_insert", "attendance_given_update", "attendance_four_eyes_insert",
        "attendance_four_eyes_update", "attendance_sent_insert", "attendance_sent_update", "attendance_final_update",
        "attendance_final_delete",
    ):  # fmt: skip
        op.execute(f"DROP TRIGGER {name}")
    op.drop_index("uq_shift_approval_undecided", table_name="shift_approval")
    _copy_table(upwards=False)  # first, since its triggers name what goes
    op.drop_index("ix_attendance_submitted_in_id", table_name="attendance")
    for name in ("held_reason", "submitted_in_id"):
        op.execute(f"ALTER TABLE attendance DROP COLUMN {name}")
    for statement in (*SQLITE_FINAL, *OLD_SQLITE):
        op.execute(statement)


def _down_postgresql() -> None:
    for trigger, table in (
        ("attendance_approved", "attendance"), ("attendance_sent", "attendance"),
        ("approval_begins", "shift_approval"),
    ):  # fmt: skip
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
        op.execute(f"DROP FUNCTION {trigger}()")
    op.execute("DROP TRIGGER approval_guarded ON shift_approval")
    op.drop_index("ix_attendance_submitted_in_id", table_name="attendance")
    for name in ("held_reason", "submitted_in_id"):
        op.drop_column("attendance", name)
    op.drop_index("uq_shift_approval_undecided", table_name="shift_approval")
    for name in ("first_approved_at", "first_approved_by_id", "backdated", "hand_share", "large_minutes", "number"):
        op.drop_column("shift_approval", name)  # and what names it
    op.create_unique_constraint(op.f("uq_shift_approval_shift_id"), "shift_approval", ["shift_id"])
    for statement in OLD_POSTGRESQL:
        op.execute(statement)
    op.execute(
        "CREATE TRIGGER approval_guarded BEFORE UPDATE OR DELETE ON shift_approval "
        "FOR EACH ROW EXECUTE FUNCTION approval_guard()"
    )


# How a whole shift's approval was guarded: by 0010 and, for overtime, by 0019.
OVERTIME_EYES = "nobody approves overtime that they confirmed"
OLD_HAND = """(a.member_id = {0} OR a.manual_by_id = {0} OR a.reviewed_by_id = {0} OR EXISTS (
    SELECT 1 FROM scan c WHERE c.shift_id = a.shift_id AND c.member_id = a.member_id
      AND c.actor_id = {0} AND c.reason <> ''))""".format("NEW.approved_by_id")
OLD_OWN_OR_TYPED = f"""EXISTS (SELECT 1 FROM attendance a WHERE a.shift_id = NEW.shift_id
    AND {COUNTED.format(row="a")} AND {OLD_HAND})"""
OLD_OVERTIME = f"""NEW.approved_by_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM overtime o JOIN attendance a ON a.shift_id = o.shift_id AND a.member_id = o.member_id
    WHERE o.shift_id = NEW.shift_id AND o.by_id = NEW.approved_by_id AND {COUNTED.format(row="a")})"""
OLD_SQLITE = [
    *(
        _sqlite(f"approval_final_{verb.lower()}", f"{verb} ON shift_approval", "OLD.approved_at IS NOT NULL", APPROVAL_FINAL)
        for verb in ("UPDATE", "DELETE")
    ),
    _sqlite(
        "approval_four_eyes", "UPDATE ON shift_approval",
        f"NEW.approved_by_id IS NOT NULL AND {OLD_OWN_OR_TYPED}", FOUR_EYES,
    ),
    _sqlite("approval_overtime_eyes", "UPDATE ON shift_approval", OLD_OVERTIME, OVERTIME_EYES),
]  # fmt: skip
OLD_POSTGRESQL = [
    _function(
        "approval_guard",
        _refuse("OLD.approved_at IS NOT NULL", APPROVAL_FINAL)
        + "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; "
        + _refuse(f"NEW.approved_by_id IS NOT NULL AND {OLD_OWN_OR_TYPED}", FOUR_EYES),
    ),
    _function("approval_overtime_eyes", _refuse(OLD_OVERTIME, OVERTIME_EYES)),
    "CREATE TRIGGER approval_overtime_eyes BEFORE UPDATE ON shift_approval "
    "FOR EACH ROW EXECUTE FUNCTION approval_overtime_eyes()",
]
