"""How an activity counts in all its options, overtime that a person confirmed, and how far from the place a scan came.

What was judged stays as it was: the new options begin at what the old ones meant. The bound on minutes moves from the
approval of a list to each record that becomes approved, and knows the options and the overtime; nobody approves a list
on which they confirmed overtime.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0019_attendance_policy"
down_revision = "0018_scan_cases"
branch_labels = None
depends_on = None

APPEND_ONLY = "overtime rows are never changed or deleted"
WITHIN_SHIFT = "nobody serves longer than the shift"
OVERTIME_EYES = "nobody approves overtime that they confirmed"
OUT_OF_RANGE = "corrected minutes lie between nothing and the shift"
NOT_APPROVED = "only approved attendance is corrected"
NOT_ITS_REVERSAL = "no reversal of this entry"

# Added one by one, not by copying the tables: a copy would lose triggers. judged_by is checked beside a column of its own
# migration, since SQLite adds checks with columns only.
ADD = [
    "ALTER TABLE activity ADD COLUMN late_grace_minutes INTEGER NOT NULL DEFAULT 0 "
    "CONSTRAINT ck_activity_late_grace CHECK (late_grace_minutes BETWEEN 0 AND 60)",
    "ALTER TABLE activity ADD COLUMN early_counts BOOLEAN NOT NULL DEFAULT false",
    "ALTER TABLE activity ADD COLUMN overtime_limit_minutes INTEGER NOT NULL DEFAULT 0 "
    "CONSTRAINT ck_activity_overtime_limit CHECK (overtime_limit_minutes BETWEEN 0 AND 240)",
    "ALTER TABLE activity ADD COLUMN break_after_minutes INTEGER NOT NULL DEFAULT 0 "
    "CONSTRAINT ck_activity_break_after CHECK (break_after_minutes >= 0)",
    "ALTER TABLE activity ADD COLUMN rounds_to_nearest BOOLEAN NOT NULL DEFAULT false",
    "ALTER TABLE activity ADD COLUMN lowest_share INTEGER NOT NULL DEFAULT 0 "
    "CONSTRAINT ck_activity_lowest_share CHECK (lowest_share BETWEEN 0 AND 100) "
    "CONSTRAINT ck_activity_judged_by CHECK (judged_by IN ('actual', 'planned', 'whole'))",
    "ALTER TABLE activity ADD COLUMN spot_latitude INTEGER",
    "ALTER TABLE activity ADD COLUMN spot_longitude INTEGER CONSTRAINT ck_activity_spot CHECK ("
    "(spot_latitude IS NULL AND spot_longitude IS NULL) OR "
    "(spot_latitude BETWEEN -90000000 AND 90000000 AND spot_longitude BETWEEN -180000000 AND 180000000))",
    "ALTER TABLE scan ADD COLUMN place_fit VARCHAR(8) NOT NULL DEFAULT '' "
    "CONSTRAINT ck_scan_place_fit CHECK (place_fit IN ('', 'inside', 'near', 'far'))",
]
DROP = (
    ("scan", "place_fit"),
    ("activity", "spot_longitude"),
    ("activity", "spot_latitude"),
    ("activity", "lowest_share"),
    ("activity", "rounds_to_nearest"),
    ("activity", "break_after_minutes"),
    ("activity", "overtime_limit_minutes"),
    ("activity", "early_counts"),
    ("activity", "late_grace_minutes"),
)
# What cannot be said in the tables of before.
NEW_WORDS = (
    "SELECT count(*) FROM overtime",
    "SELECT count(*) FROM scan WHERE place_fit <> ''",
    "SELECT count(*) FROM activity WHERE judged_by = 'whole' OR late_grace_minutes <> 0 OR early_counts "
    "OR overtime_limit_minutes <> 0 OR break_after_minutes <> 0 OR rounds_to_nearest OR lowest_share <> 0 "
    "OR spot_latitude IS NOT NULL",
)

# The room of a shift in minutes (s: shift, v: its activity), a minute more, since the code compares what clocks show; and
# the overtime of one person that stands confirmed.
LENGTH = {
    "sqlite": "(julianday(s.ends_at) - julianday(s.starts_at)) * 1440",
    "postgresql": "extract(epoch FROM s.ends_at - s.starts_at) / 60",
}
LEAST = {"sqlite": "MIN", "postgresql": "LEAST"}
GREATEST = {"sqlite": "MAX", "postgresql": "GREATEST"}


def _room(engine: str, shift: str, member: str) -> str:
    length = LENGTH[engine]
    beyond = f"{GREATEST[engine]}({length} - v.break_after_minutes, 0)"
    overtime = f"""COALESCE((SELECT o.minutes FROM overtime o WHERE o.shift_id = {shift} AND o.member_id = {member}
        ORDER BY o.id DESC LIMIT 1), 0)"""
    return f"{length} - {LEAST[engine]}(s.break_minutes, {beyond}) + 1 + {overtime}"


def _beyond_record(engine: str) -> str:
    return f"""NEW.signed_minutes + NEW.manual_minutes > (
      SELECT {_room(engine, "NEW.shift_id", "NEW.member_id")}
        FROM shift s JOIN activity v ON v.id = s.activity_id WHERE s.id = NEW.shift_id)"""


CORRECTED = """NOT EXISTS (
    SELECT 1 FROM attendance a JOIN shift s ON s.id = a.shift_id JOIN activity v ON v.id = s.activity_id LEFT JOIN (
      SELECT attendance_id, SUM(signed_minutes) AS signed, SUM(manual_minutes) AS manual
        FROM attendance_correction WHERE attendance_id = NEW.attendance_id GROUP BY attendance_id
    ) c ON c.attendance_id = a.id
    WHERE a.id = NEW.attendance_id
      AND a.signed_minutes + COALESCE(c.signed, 0) + NEW.signed_minutes >= 0
      AND a.manual_minutes + COALESCE(c.manual, 0) + NEW.manual_minutes >= 0
      AND a.signed_minutes + a.manual_minutes + COALESCE(c.signed, 0) + COALESCE(c.manual, 0)
        + NEW.signed_minutes + NEW.manual_minutes <= {room}
  )"""
OWN_OVERTIME = """NEW.approved_by_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM overtime o JOIN attendance a ON a.shift_id = o.shift_id AND a.member_id = o.member_id
    WHERE o.shift_id = NEW.shift_id AND o.by_id = NEW.approved_by_id
      AND a.status <> 'void' AND a.signed_minutes + a.manual_minutes > 0)"""

# As 0010 and 0013 made them, for the way down.
OLD_ROOM = {engine: f"{length} - s.break_minutes + 1" for engine, length in LENGTH.items()}
OLD_BEYOND = """EXISTS (
    SELECT 1 FROM attendance a JOIN shift s ON s.id = a.shift_id
    WHERE a.shift_id = NEW.shift_id AND a.status <> 'void'
      AND a.signed_minutes + a.manual_minutes > {room}
  )"""
FOUR_EYES = "nobody approves minutes of their own or that they typed"
APPROVAL_FINAL = "a given approval is never changed or deleted"
OWN_OR_TYPED = """EXISTS (
    SELECT 1 FROM attendance a
    WHERE a.shift_id = NEW.shift_id AND a.status <> 'void' AND a.signed_minutes + a.manual_minutes > 0
      AND (a.member_id = NEW.approved_by_id OR a.manual_by_id = NEW.approved_by_id OR a.reviewed_by_id = NEW.approved_by_id
        OR EXISTS (
          SELECT 1 FROM scan c
          WHERE c.shift_id = a.shift_id AND c.member_id = a.member_id AND c.actor_id = NEW.approved_by_id
            AND c.reason <> ''))
  )"""
APPROVED = "EXISTS (SELECT 1 FROM attendance a WHERE a.id = NEW.attendance_id AND a.status = 'approved')"
REVERSAL = "EXISTS (SELECT 1 FROM entry r WHERE r.id = NEW.entry_id AND r.reverses_id = NEW.corrects_id)"


def _sqlite(name: str, event: str, when: str, text: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {event} WHEN {when} BEGIN SELECT RAISE(ABORT, '{text}'); END"


def _refuse(when: str, text: str) -> str:
    return f"IF {when} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF;"


def _function(name: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$"


def _approval_guard(*refusals: str) -> str:
    """What guards a list's approval on PostgreSQL, with more refusals at its end."""
    return _function(
        "approval_guard",
        _refuse("OLD.approved_at IS NOT NULL", APPROVAL_FINAL)
        + " IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; "
        + _refuse(f"NEW.approved_by_id IS NOT NULL AND {OWN_OR_TYPED}", FOUR_EYES)
        + "".join(refusals),
    )


def _correction_guard(room: str) -> str:
    return _function(
        "attendance_correction_guard",
        _refuse(f"NOT {APPROVED}", NOT_APPROVED)
        + _refuse(CORRECTED.format(room=room), OUT_OF_RANGE)
        + _refuse(f"NOT {REVERSAL}", NOT_ITS_REVERSAL),
    )


SQLITE = [
    *(
        f"CREATE TRIGGER overtime_never_{verb.lower()} BEFORE {verb} ON overtime "
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    # A connection that does not ask for recursive triggers lets REPLACE pass by the one that keeps rows from deletion.
    _sqlite(
        "overtime_never_replace",
        "INSERT ON overtime",
        "EXISTS (SELECT 1 FROM overtime WHERE id = NEW.id OR key = NEW.key)",
        APPEND_ONLY,
    ),
    "DROP TRIGGER approval_within_shift",
    *(
        _sqlite(
            f"attendance_within_shift_{verb.lower()}",
            f"{verb} ON attendance",
            f"NEW.status = 'approved' AND {_beyond_record('sqlite')}",
            WITHIN_SHIFT,
        )
        for verb in ("INSERT", "UPDATE")
    ),
    _sqlite("approval_overtime_eyes", "UPDATE ON shift_approval", OWN_OVERTIME, OVERTIME_EYES),
    "DROP TRIGGER attendance_correction_range",
    _sqlite(
        "attendance_correction_range",
        "INSERT ON attendance_correction",
        CORRECTED.format(room=_room("sqlite", "a.shift_id", "a.member_id")),
        OUT_OF_RANGE,
    ),
]
SQLITE_DOWN = [
    "DROP TRIGGER attendance_correction_range",
    _sqlite(
        "attendance_correction_range",
        "INSERT ON attendance_correction",
        CORRECTED.format(room=OLD_ROOM["sqlite"]),
        OUT_OF_RANGE,
    ),
    "DROP TRIGGER approval_overtime_eyes",
    "DROP TRIGGER attendance_within_shift_insert",
    "DROP TRIGGER attendance_within_shift_update",
    _sqlite(
        "approval_within_shift",
        "UPDATE ON shift_approval",
        f"NEW.approved_by_id IS NOT NULL AND {OLD_BEYOND.format(room=OLD_ROOM['sqlite'])}",
        WITHIN_SHIFT,
    ),
]
POSTGRESQL = [
    "CREATE TRIGGER overtime_append_only BEFORE UPDATE OR DELETE ON overtime FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER overtime_no_truncate BEFORE TRUNCATE ON overtime FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    _approval_guard(),
    _function("approval_overtime_eyes", _refuse(OWN_OVERTIME, OVERTIME_EYES)),
    "CREATE TRIGGER approval_overtime_eyes BEFORE UPDATE ON shift_approval FOR EACH ROW EXECUTE FUNCTION approval_overtime_eyes()",
    _function(
        "attendance_within_shift",
        _refuse(f"NEW.status = 'approved' AND {_beyond_record('postgresql')}", WITHIN_SHIFT),
    ),
    "CREATE TRIGGER attendance_within_shift BEFORE INSERT OR UPDATE ON attendance FOR EACH ROW EXECUTE FUNCTION attendance_within_shift()",
    _correction_guard(_room("postgresql", "a.shift_id", "a.member_id")),
]
POSTGRESQL_DOWN = [
    "ALTER TABLE activity DROP CONSTRAINT ck_activity_judged_by",  # names no column that goes
    _correction_guard(OLD_ROOM["postgresql"]),
    "DROP TRIGGER attendance_within_shift ON attendance",
    "DROP FUNCTION attendance_within_shift()",
    "DROP TRIGGER approval_overtime_eyes ON shift_approval",
    "DROP FUNCTION approval_overtime_eyes()",
    _approval_guard(
        _refuse(f"NEW.approved_by_id IS NOT NULL AND {OLD_BEYOND.format(room=OLD_ROOM['postgresql'])}", WITHIN_SHIFT)
    ),
]


def upgrade() -> None:
    for statement in ADD:
        op.execute(statement)
    op.create_table(
        "overtime",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.CheckConstraint("minutes >= 0", name=op.f("ck_overtime_minutes_not_negative")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_overtime_has_reason")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_overtime_shift_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_overtime_member_id")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_overtime_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overtime")),
        sa.UniqueConstraint("key", name=op.f("uq_overtime_key")),
    )
    op.create_index("ix_overtime_shift_id_member_id", "overtime", ["shift_id", "member_id"])
    op.create_index(op.f("ix_overtime_member_id"), "overtime", ["member_id"])
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Not where anything was said that the tables of before have no words for: minutes would be judged anew."""
    for question in NEW_WORDS:
        if op.get_bind().exec_driver_sql(question).scalar():
            raise RuntimeError("activities count in new ways; restore a backup instead of going down")
    for statement in POSTGRESQL_DOWN if op.get_bind().dialect.name == "postgresql" else SQLITE_DOWN:
        op.execute(statement)
    op.drop_table("overtime")  # and its triggers
    for table, column in DROP:
        op.drop_column(table, column)
