"""What the database itself refuses in the books, whatever the code does.

Constraints of the tables already refuse amounts below one, one account twice, crossing units, an account of another
book, a second reversal, a second end of a hold, a key used twice, and an available amount below the floor. The
triggers here refuse the rest: changing or deleting what is append-only, posting into a closed month, reopening a month,
more transfers than the entry says, and clearing accounts outside inter-branch entries.
"""

from alembic import op

revision = "0009_ledger_guards"
down_revision = "0008_archives"
branch_labels = None
depends_on = None

APPEND_ONLY = ("entry", "transfer", "hold", "hold_end", "seal")

PERIOD_CLOSED = "this period is closed"
PERIOD_FINAL = "a closed period stays closed"
TOO_MANY_TRANSFERS = "more transfers than the entry says"
WHOLE_NUMBER = "an amount is a whole number"
CLEARING_ONLY_INTER_BRANCH = "clearing accounts are for inter-branch entries only"
ACCOUNT_IDENTITY = "book, code, kind and unit of an account never change"


def _append_only(table: str) -> str:
    return f"{table} rows are never changed or deleted"


SQLITE = [
    *(
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{_append_only(table)}'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ),
    f"""CREATE TRIGGER entry_period_open BEFORE INSERT ON entry
        WHEN (SELECT closed_at FROM period WHERE id = NEW.period_id) IS NOT NULL
        BEGIN SELECT RAISE(ABORT, '{PERIOD_CLOSED}'); END""",
    f"""CREATE TRIGGER transfer_period_open BEFORE INSERT ON transfer
        WHEN (SELECT p.closed_at FROM entry e JOIN period p ON p.id = e.period_id WHERE e.id = NEW.entry_id) IS NOT NULL
        BEGIN SELECT RAISE(ABORT, '{PERIOD_CLOSED}'); END""",
    f"""CREATE TRIGGER transfer_counted BEFORE INSERT ON transfer
        WHEN NEW.seq < 1 OR NEW.seq > (SELECT transfer_count FROM entry WHERE id = NEW.entry_id)
        BEGIN SELECT RAISE(ABORT, '{TOO_MANY_TRANSFERS}'); END""",
    # SQLite keeps a text or a fraction in an integer column, and holds any text to be above zero.
    *(
        f"CREATE TRIGGER {table}_whole_number BEFORE INSERT ON {table} WHEN typeof(NEW.amount) <> 'integer' "
        f"BEGIN SELECT RAISE(ABORT, '{WHOLE_NUMBER}'); END"
        for table in ("transfer", "hold")
    ),
    f"""CREATE TRIGGER transfer_clearing BEFORE INSERT ON transfer
        WHEN (SELECT kind FROM entry WHERE id = NEW.entry_id) <> 'inter_branch'
         AND EXISTS (SELECT 1 FROM account WHERE id IN (NEW.debit_id, NEW.credit_id) AND kind = 'clearing')
        BEGIN SELECT RAISE(ABORT, '{CLEARING_ONLY_INTER_BRANCH}'); END""",
    f"""CREATE TRIGGER period_final BEFORE UPDATE ON period
        WHEN OLD.closed_at IS NOT NULL OR NEW.book_id <> OLD.book_id OR NEW.month <> OLD.month
        BEGIN SELECT RAISE(ABORT, '{PERIOD_FINAL}'); END""",
    f"""CREATE TRIGGER period_never_delete BEFORE DELETE ON period
        BEGIN SELECT RAISE(ABORT, '{PERIOD_FINAL}'); END""",
    f"""CREATE TRIGGER account_identity BEFORE UPDATE OF id, book_id, code, kind, unit, runs ON account
        WHEN NEW.id <> OLD.id OR NEW.book_id <> OLD.book_id OR NEW.code <> OLD.code
          OR NEW.kind <> OLD.kind OR NEW.unit <> OLD.unit OR NEW.runs <> OLD.runs
        BEGIN SELECT RAISE(ABORT, '{ACCOUNT_IDENTITY}'); END""",
]

SQLITE_DOWN = [
    *(f"DROP TRIGGER {table}_never_{verb}" for table in APPEND_ONLY for verb in ("update", "delete")),
    "DROP TRIGGER entry_period_open",
    "DROP TRIGGER transfer_period_open",
    "DROP TRIGGER transfer_counted",
    "DROP TRIGGER transfer_whole_number",
    "DROP TRIGGER hold_whole_number",
    "DROP TRIGGER transfer_clearing",
    "DROP TRIGGER period_final",
    "DROP TRIGGER period_never_delete",
    "DROP TRIGGER account_identity",
]

POSTGRESQL = [
    """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
       END $$""",
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in (*APPEND_ONLY, "period")
    ),
    # FOR SHARE, not FOR KEY SHARE: a close (an UPDATE of the period) then waits for postings in flight, and a posting
    # that waited for a close reads the row again and is refused.
    f"""CREATE FUNCTION entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE closed timestamptz;
        BEGIN
          SELECT closed_at INTO closed FROM period WHERE id = NEW.period_id FOR SHARE;
          IF closed IS NOT NULL THEN
            RAISE EXCEPTION '{PERIOD_CLOSED}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    "CREATE TRIGGER entry_period_open BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION entry_guard()",
    f"""CREATE FUNCTION transfer_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE parent record;
        BEGIN
          SELECT e.kind, e.transfer_count, p.closed_at INTO parent
            FROM entry e JOIN period p ON p.id = e.period_id WHERE e.id = NEW.entry_id FOR SHARE OF p;
          IF parent.closed_at IS NOT NULL THEN
            RAISE EXCEPTION '{PERIOD_CLOSED}' USING ERRCODE = 'restrict_violation';
          END IF;
          IF NEW.seq < 1 OR NEW.seq > parent.transfer_count THEN
            RAISE EXCEPTION '{TOO_MANY_TRANSFERS}' USING ERRCODE = 'restrict_violation';
          END IF;
          IF parent.kind <> 'inter_branch' AND EXISTS (
            SELECT 1 FROM account WHERE id IN (NEW.debit_id, NEW.credit_id) AND kind = 'clearing'
          ) THEN
            RAISE EXCEPTION '{CLEARING_ONLY_INTER_BRANCH}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    "CREATE TRIGGER transfer_guarded BEFORE INSERT ON transfer FOR EACH ROW EXECUTE FUNCTION transfer_guard()",
    f"""CREATE FUNCTION period_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'DELETE' OR OLD.closed_at IS NOT NULL OR NEW.book_id <> OLD.book_id OR NEW.month <> OLD.month THEN
            RAISE EXCEPTION '{PERIOD_FINAL}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    "CREATE TRIGGER period_final BEFORE UPDATE OR DELETE ON period FOR EACH ROW EXECUTE FUNCTION period_guard()",
    f"""CREATE FUNCTION account_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (NEW.id, NEW.book_id, NEW.code, NEW.kind, NEW.unit, NEW.runs)
             IS DISTINCT FROM (OLD.id, OLD.book_id, OLD.code, OLD.kind, OLD.unit, OLD.runs) THEN
            RAISE EXCEPTION '{ACCOUNT_IDENTITY}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    """CREATE TRIGGER account_identity BEFORE UPDATE OF id, book_id, code, kind, unit, runs ON account
       FOR EACH ROW EXECUTE FUNCTION account_guard()""",
]

POSTGRESQL_DOWN = [
    "DROP TRIGGER account_identity ON account",
    "DROP TRIGGER period_final ON period",
    "DROP TRIGGER transfer_guarded ON transfer",
    "DROP TRIGGER entry_period_open ON entry",
    *(f"DROP TRIGGER {table}_no_truncate ON {table}" for table in (*APPEND_ONLY, "period")),
    *(f"DROP TRIGGER {table}_append_only ON {table}" for table in APPEND_ONLY),
    "DROP FUNCTION account_guard()",
    "DROP FUNCTION period_guard()",
    "DROP FUNCTION transfer_guard()",
    "DROP FUNCTION entry_guard()",
    "DROP FUNCTION refuse_change()",
]


def _run(sqlite: list[str], postgresql: list[str]) -> None:
    for statement in postgresql if op.get_bind().dialect.name == "postgresql" else sqlite:
        op.execute(statement)


def upgrade() -> None:
    _run(SQLITE, POSTGRESQL)


def downgrade() -> None:
    _run(SQLITE_DOWN, POSTGRESQL_DOWN)
