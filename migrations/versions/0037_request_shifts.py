"""Shifts of services that somebody asked for: in no list, and perhaps paid from coins that were set aside.

A hold pays one shift at most. Which hold pays a shift is not changed once its records are in the books.
"""

from alembic import op

revision = "0037_request_shifts"
down_revision = "0036_disputes"
branch_labels = None
depends_on = None

PAID = "what paid a shift is never changed once it is booked"
# Not by copying tables: a copy would lose the triggers that guard them.
ADD = (
    "ALTER TABLE activity ADD COLUMN for_request BOOLEAN NOT NULL DEFAULT false",
    "ALTER TABLE shift ADD COLUMN paid_hold_id INTEGER CONSTRAINT fk_shift_paid_hold_id REFERENCES hold (id)",
)
BOOKED = "EXISTS (SELECT 1 FROM attendance a WHERE a.shift_id = OLD.id AND a.status = 'approved')"
SQLITE = (
    f"""CREATE TRIGGER shift_paid_stays BEFORE UPDATE OF paid_hold_id ON shift
        WHEN NEW.paid_hold_id IS NOT OLD.paid_hold_id AND {BOOKED}
        BEGIN SELECT RAISE(ABORT, '{PAID}'); END""",
)
POSTGRESQL = (
    f"""CREATE FUNCTION shift_paid_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NEW.paid_hold_id IS DISTINCT FROM OLD.paid_hold_id AND {BOOKED} THEN
            RAISE EXCEPTION '{PAID}' USING ERRCODE = 'restrict_violation'; END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER shift_paid_stays BEFORE UPDATE OF paid_hold_id ON shift "
    "FOR EACH ROW EXECUTE FUNCTION shift_paid_stays()",
)


def upgrade() -> None:
    for statement in ADD:
        op.execute(statement)
    op.create_index("uq_shift_paid_hold_id", "shift", ["paid_hold_id"], unique=True)
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Not where somebody was served at their request: the hidden shifts would stand in public lists."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM activity WHERE for_request").scalar():
        raise RuntimeError("activity has services on request that would be forgotten; restore a backup instead")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER shift_paid_stays ON shift")
        op.execute("DROP FUNCTION shift_paid_stays()")
    else:
        op.execute("DROP TRIGGER shift_paid_stays")
    op.drop_index("uq_shift_paid_hold_id", table_name="shift")
    op.execute("ALTER TABLE shift DROP COLUMN paid_hold_id")
    op.execute("ALTER TABLE activity DROP COLUMN for_request")
