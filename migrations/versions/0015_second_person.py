"""A correction that adds hours, or makes more coins than it takes back, is not done without a second person."""

from alembic import op

revision = "0015_second_person"
down_revision = "0014_audit"
branch_labels = None
depends_on = None

NAME = "correction_second_person"
TEXT = "more than before needs a second person"


def _coins_made(entry: str) -> str:
    return f"""COALESCE((SELECT SUM(t.amount) FROM transfer t JOIN account a ON a.id = t.debit_id
      WHERE t.entry_id = NEW.{entry} AND t.unit = 'coin' AND a.kind = 'issuance'), 0)"""


# The record's change is written before its correction is done.
ALONE = f"""NEW.status = 'done' AND NEW.decided_by_id IS NULL AND (
    EXISTS (SELECT 1 FROM attendance_correction c
      WHERE c.entry_id = NEW.reversal_entry_id AND c.signed_minutes + c.manual_minutes > 0)
    OR {_coins_made("replacement_entry_id")} > {_coins_made("entry_id")})"""

SQLITE = (f"CREATE TRIGGER {NAME} BEFORE UPDATE ON correction WHEN {ALONE} BEGIN SELECT RAISE(ABORT, '{TEXT}'); END",)
POSTGRESQL = (
    f"CREATE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    f"IF {ALONE} THEN RAISE EXCEPTION '{TEXT}' USING ERRCODE = 'restrict_violation'; END IF; RETURN NEW; END $$",
    f"CREATE TRIGGER {NAME} BEFORE UPDATE ON correction FOR EACH ROW EXECUTE FUNCTION {NAME}()",
)


def upgrade() -> None:
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER {NAME} ON correction")
        op.execute(f"DROP FUNCTION {NAME}()")
    else:
        op.execute(f"DROP TRIGGER {NAME}")
