"""What the database itself refuses around attendance, whatever the code does.

Scans are never changed or deleted, refused ones too; approved attendance and a given approval stay as they are; nobody
approves a shift with minutes of their own in it, or minutes whose times or length they typed, nor minutes longer than the shift.
"""

from alembic import op

revision = "0010_scan_guards"
down_revision = "0009_ledger_guards"
branch_labels = None
depends_on = None

SCAN_APPEND_ONLY = "scan rows are never changed or deleted"
ATTENDANCE_FINAL = "approved attendance is never changed or deleted"
APPROVAL_FINAL = "a given approval is never changed or deleted"
FOUR_EYES = "nobody approves minutes of their own or that they typed"
WITHIN_SHIFT = "nobody serves longer than the shift"

# Whose minutes stand against an approver: their own, and those they typed.
OWN_OR_TYPED = """EXISTS (
    SELECT 1 FROM attendance a
    WHERE a.shift_id = NEW.shift_id AND a.status <> 'void' AND a.signed_minutes + a.manual_minutes > 0
      AND (a.member_id = NEW.approved_by_id OR a.manual_by_id = NEW.approved_by_id OR a.reviewed_by_id = NEW.approved_by_id
        OR EXISTS (
          SELECT 1 FROM scan c
          WHERE c.shift_id = a.shift_id AND c.member_id = a.member_id AND c.actor_id = NEW.approved_by_id
            AND c.reason <> ''))
  )"""
# Whose minutes are more than the whole shift; a minute more, since only the clock's minutes are compared in the code.
BEYOND_SHIFT = """EXISTS (
    SELECT 1 FROM attendance a JOIN shift s ON s.id = a.shift_id
    WHERE a.shift_id = NEW.shift_id AND a.status <> 'void'
      AND a.signed_minutes + a.manual_minutes > {length} - s.break_minutes + 1
  )"""
SQLITE_BEYOND = BEYOND_SHIFT.format(length="(julianday(s.ends_at) - julianday(s.starts_at)) * 1440")
POSTGRESQL_BEYOND = BEYOND_SHIFT.format(length="extract(epoch FROM s.ends_at - s.starts_at) / 60")

SQLITE = [
    *(
        f"CREATE TRIGGER scan_never_{verb.lower()} BEFORE {verb} ON scan "
        f"BEGIN SELECT RAISE(ABORT, '{SCAN_APPEND_ONLY}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    *(
        f"CREATE TRIGGER attendance_final_{verb.lower()} BEFORE {verb} ON attendance WHEN OLD.status = 'approved' "
        f"BEGIN SELECT RAISE(ABORT, '{ATTENDANCE_FINAL}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    *(
        f"CREATE TRIGGER approval_final_{verb.lower()} BEFORE {verb} ON shift_approval WHEN OLD.approved_at IS NOT NULL "
        f"BEGIN SELECT RAISE(ABORT, '{APPROVAL_FINAL}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    f"""CREATE TRIGGER approval_four_eyes BEFORE UPDATE ON shift_approval
        WHEN NEW.approved_by_id IS NOT NULL AND {OWN_OR_TYPED}
        BEGIN SELECT RAISE(ABORT, '{FOUR_EYES}'); END""",
    f"""CREATE TRIGGER approval_within_shift BEFORE UPDATE ON shift_approval
        WHEN NEW.approved_by_id IS NOT NULL AND {SQLITE_BEYOND}
        BEGIN SELECT RAISE(ABORT, '{WITHIN_SHIFT}'); END""",
]

SQLITE_DOWN = [
    "DROP TRIGGER approval_within_shift",
    "DROP TRIGGER approval_four_eyes",
    *(
        f"DROP TRIGGER {name}_{verb}"
        for name in ("approval_final", "attendance_final")
        for verb in ("update", "delete")
    ),
    "DROP TRIGGER scan_never_update",
    "DROP TRIGGER scan_never_delete",
]

POSTGRESQL = [
    "CREATE TRIGGER scan_append_only BEFORE UPDATE OR DELETE ON scan FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER scan_no_truncate BEFORE TRUNCATE ON scan FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    f"""CREATE FUNCTION attendance_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION '{ATTENDANCE_FINAL}' USING ERRCODE = 'restrict_violation';
        END $$""",
    """CREATE TRIGGER attendance_final BEFORE UPDATE OR DELETE ON attendance FOR EACH ROW
       WHEN (OLD.status = 'approved') EXECUTE FUNCTION attendance_guard()""",
    f"""CREATE FUNCTION approval_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF OLD.approved_at IS NOT NULL THEN
            RAISE EXCEPTION '{APPROVAL_FINAL}' USING ERRCODE = 'restrict_violation';
          END IF;
          IF TG_OP = 'DELETE' THEN
            RETURN OLD;
          END IF;
          IF NEW.approved_by_id IS NOT NULL AND {OWN_OR_TYPED} THEN
            RAISE EXCEPTION '{FOUR_EYES}' USING ERRCODE = 'restrict_violation';
          END IF;
          IF NEW.approved_by_id IS NOT NULL AND {POSTGRESQL_BEYOND} THEN
            RAISE EXCEPTION '{WITHIN_SHIFT}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    "CREATE TRIGGER approval_guarded BEFORE UPDATE OR DELETE ON shift_approval FOR EACH ROW EXECUTE FUNCTION approval_guard()",
]

POSTGRESQL_DOWN = [
    "DROP TRIGGER approval_guarded ON shift_approval",
    "DROP TRIGGER attendance_final ON attendance",
    "DROP TRIGGER scan_no_truncate ON scan",
    "DROP TRIGGER scan_append_only ON scan",
    "DROP FUNCTION approval_guard()",
    "DROP FUNCTION attendance_guard()",
]


def _run(sqlite: list[str], postgresql: list[str]) -> None:
    for statement in postgresql if op.get_bind().dialect.name == "postgresql" else sqlite:
        op.execute(statement)


def upgrade() -> None:
    _run(SQLITE, POSTGRESQL)


def downgrade() -> None:
    _run(SQLITE_DOWN, POSTGRESQL_DOWN)
