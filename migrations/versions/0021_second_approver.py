"""What asks for a second approver is a setting of a branch; activities may be entered after they took place.

The database itself refuses: to forget that an activity was entered afterwards, and a round that does not say so.
"""

from alembic import op

revision = "0021_second_approver"
down_revision = "0020_approval_rounds"
branch_labels = None
depends_on = None

STAYS = "that an activity was entered afterwards is never forgotten"
SAYS_SO = "a round says whether its activity was entered afterwards"
FORGOTTEN = "OLD.status <> 'draft' AND NEW.backdated_reason <> OLD.backdated_reason"
UNTRUE = """NEW.backdated <> (SELECT a.backdated_reason <> '' FROM shift s JOIN activity a ON a.id = s.activity_id
    WHERE s.id = NEW.shift_id)"""

# One by one, not by copying the tables: copies would lose the triggers that guard them.
ADD = (
    "ALTER TABLE coin_rule ADD COLUMN large_minutes INTEGER NOT NULL DEFAULT 240 "
    "CONSTRAINT ck_coin_rule_large_minutes CHECK (large_minutes BETWEEN 0 AND 1440)",
    "ALTER TABLE coin_rule ADD COLUMN hand_share INTEGER NOT NULL DEFAULT 50 "
    "CONSTRAINT ck_coin_rule_hand_share CHECK (hand_share BETWEEN 0 AND 100)",
    "ALTER TABLE coin_rule ADD COLUMN backdate_days INTEGER NOT NULL DEFAULT 60 "
    "CONSTRAINT ck_coin_rule_backdate_days CHECK (backdate_days BETWEEN 0 AND 366)",
    "ALTER TABLE activity ADD COLUMN backdated_reason VARCHAR(200) NOT NULL DEFAULT ''",
)
SQLITE = (
    f"CREATE TRIGGER activity_backdated_stays BEFORE UPDATE OF backdated_reason ON activity WHEN {FORGOTTEN} "
    f"BEGIN SELECT RAISE(ABORT, '{STAYS}'); END",
    f"CREATE TRIGGER approval_says_backdated BEFORE INSERT ON shift_approval WHEN {UNTRUE} "
    f"BEGIN SELECT RAISE(ABORT, '{SAYS_SO}'); END",
)


def _guard(name: str, event: str, when: str, text: str) -> tuple[str, str]:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {when} THEN RAISE EXCEPTION '{text}' USING ERRCODE = 'restrict_violation'; END IF; RETURN NEW; END $$",
        f"CREATE TRIGGER {name} BEFORE {event} FOR EACH ROW EXECUTE FUNCTION {name}()",
    )


POSTGRESQL = (
    *_guard("activity_backdated_stays", "UPDATE OF backdated_reason ON activity", FORGOTTEN, STAYS),
    *_guard("approval_says_backdated", "INSERT ON shift_approval", UNTRUE, SAYS_SO),
)
TRIGGERS = (("activity_backdated_stays", "activity"), ("approval_says_backdated", "shift_approval"))


def upgrade() -> None:
    for statement in (*ADD, *(POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE)):
        op.execute(statement)


def downgrade() -> None:
    """Not where an activity was entered afterwards: it would look like any other."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM activity WHERE backdated_reason <> ''").scalar():
        raise RuntimeError("there are activities entered afterwards; restore a backup instead of going down")
    limits = "large_minutes <> 240 OR hand_share <> 50 OR backdate_days <> 60"
    if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM coin_rule WHERE {limits}").scalar():
        raise RuntimeError("branches set limits of their own; restore a backup instead of going down")
    for name, table in TRIGGERS:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"DROP FUNCTION {name}()")
        else:
            op.execute(f"DROP TRIGGER {name}")
    op.drop_column("activity", "backdated_reason")
    for name in ("backdate_days", "hand_share", "large_minutes"):
        op.drop_column("coin_rule", name)
