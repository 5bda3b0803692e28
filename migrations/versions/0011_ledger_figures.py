"""The database keeps the running figures itself, and closed months keep what each account had come to.

Figures: a transfer, a hold and the end of a hold move the figures of their accounts by triggers. So nothing that is
written into the books, by whatever program, can leave a balance behind or take an account below its floor. The floor is lowered
by a decision of two people only (``floor_decision``) and lifted again by whatever comes in.

On SQLite a connection that does not ask for it keeps no foreign keys, and lets REPLACE pass by the triggers of DELETE. So what
rests on either is said here once more in triggers, which hold for every program that opens the file.

Months: an entry stands in the month it was posted in; a transfer names its period; ``closing`` holds, for each closed month
and each account that moved in it, the sums from the account's first day on.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0011_ledger_figures"
down_revision = "0010_scan_guards"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = ("member", "fund", "issuance", "redeemed", "expired", "clearing", "suspense", "adjustment")

PERIOD_CLOSED = "this period is closed"
PERIOD_FINAL = "a closed period stays closed"
ITS_MONTH = "an entry stands in the month it was posted in"
TOO_MANY_TRANSFERS = "more transfers than the entry says"
WHOLE_NUMBER = "an amount is a whole number"
CLEARING_ONLY_INTER_BRANCH = "clearing accounts are for inter-branch entries only"
ONLY_TO_GIVE = "give-away coins are given, not spent"
ACCOUNT_CLOSED = "this account is closed"
ACCOUNT_IDENTITY = "book, code, kind and unit of an account never change"
ACCOUNT_EMPTY = "an account opens empty"
FIGURES_FOLLOW = "figures follow transfers and holds"
FLOOR_DECIDED = "a floor is lowered by a decision of two"
MEMBERS_OWE = "only a member may owe"
HOLD_RUNS = "only a running account can hold"
WITHIN_HOLD = "no more is posted than was held"
CLOSED_MONTHS_ONLY = "closing figures are for closed periods"
ONE_BOOK = "one book, one period, one unit"
NO_SUCH_HOLD = "a hold ends that was placed, by an entry that was made"
NO_SUCH_ENTRY = "a decision is about an entry and an account that there are"
NEVER_DELETED = "books and accounts are never deleted"

WERE_APPEND_ONLY = ("entry", "transfer", "hold", "hold_end", "seal")
NEW_APPEND_ONLY = ("closing", "floor_decision")
GIVING = "('gift', 'reverse', 'expire', 'adjust')"


def _append_only(table: str) -> str:
    return f"{table} rows are never changed or deleted"


def _sqlite_append_only(tables: tuple[str, ...]) -> list[str]:
    return [
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{_append_only(table)}'); END"
        for table in tables
        for verb in ("UPDATE", "DELETE")
    ]


def _sqlite_refuse(name: str, event: str, when: str, text: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {event} WHEN {when} BEGIN SELECT RAISE(ABORT, '{text}'); END"


# What 0009 made and this migration keeps; a table that is made anew on SQLite loses its triggers.
SQLITE_KEPT = [
    *_sqlite_append_only(WERE_APPEND_ONLY),
    _sqlite_refuse(
        "entry_period_open",
        "INSERT ON entry",
        "(SELECT closed_at FROM period WHERE id = NEW.period_id) IS NOT NULL",
        PERIOD_CLOSED,
    ),
    _sqlite_refuse(
        "transfer_period_open",
        "INSERT ON transfer",
        "(SELECT p.closed_at FROM entry e JOIN period p ON p.id = e.period_id WHERE e.id = NEW.entry_id) IS NOT NULL",
        PERIOD_CLOSED,
    ),
    _sqlite_refuse(
        "transfer_counted",
        "INSERT ON transfer",
        "NEW.seq < 1 OR NEW.seq > (SELECT transfer_count FROM entry WHERE id = NEW.entry_id)",
        TOO_MANY_TRANSFERS,
    ),
    # SQLite keeps a text or a fraction in an integer column, and holds any text to be above zero.
    *(
        _sqlite_refuse(f"{table}_whole_number", f"INSERT ON {table}", "typeof(NEW.amount) <> 'integer'", WHOLE_NUMBER)
        for table in ("transfer", "hold")
    ),
    _sqlite_refuse(
        "transfer_clearing",
        "INSERT ON transfer",
        "(SELECT kind FROM entry WHERE id = NEW.entry_id) <> 'inter_branch' AND EXISTS "
        "(SELECT 1 FROM account WHERE id IN (NEW.debit_id, NEW.credit_id) AND kind = 'clearing')",
        CLEARING_ONLY_INTER_BRANCH,
    ),
    _sqlite_refuse(
        "period_final",
        "UPDATE ON period",
        "OLD.closed_at IS NOT NULL OR NEW.book_id <> OLD.book_id OR NEW.month <> OLD.month",
        PERIOD_FINAL,
    ),
    f"CREATE TRIGGER period_never_delete BEFORE DELETE ON period BEGIN SELECT RAISE(ABORT, '{PERIOD_FINAL}'); END",
    _sqlite_refuse(
        "account_identity",
        "UPDATE OF id, book_id, code, kind, unit, runs ON account",
        "NEW.id <> OLD.id OR NEW.book_id <> OLD.book_id OR NEW.code <> OLD.code "
        "OR NEW.kind <> OLD.kind OR NEW.unit <> OLD.unit OR NEW.runs <> OLD.runs",
        ACCOUNT_IDENTITY,
    ),
]
# What makes a row the same as one already there. Where our own code yields to such a row (INSERT ... ON CONFLICT DO NOTHING)
# the trigger yields too, without an error; both leave the row that was there as it is.
SQLITE_SAME = {
    "book": ("id = NEW.id OR code = NEW.code", "IGNORE"),
    "account": ("id = NEW.id OR (book_id, code, unit) = (NEW.book_id, NEW.code, NEW.unit)", "IGNORE"),
    "period": ("id = NEW.id OR (book_id, month) = (NEW.book_id, NEW.month)", "IGNORE"),
    "entry": ("id = NEW.id OR (book_id, key) = (NEW.book_id, NEW.key) OR reverses_id = NEW.reverses_id", "IGNORE"),
    "hold": ("id = NEW.id OR (book_id, key) = (NEW.book_id, NEW.key)", "IGNORE"),
    "transfer": ("id = NEW.id OR (entry_id, seq) = (NEW.entry_id, NEW.seq)", "ABORT"),
    "hold_end": ("hold_id = NEW.hold_id", "ABORT"),
    "seal": ("period_id = NEW.period_id", "ABORT"),
    "closing": ("(account_id, month) = (NEW.account_id, NEW.month)", "ABORT"),
    "floor_decision": ("id = NEW.id", "ABORT"),
}
SQLITE_NEW = [
    *_sqlite_append_only(NEW_APPEND_ONLY),
    *(
        f"CREATE TRIGGER {table}_never_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) BEGIN SELECT "
        + ("RAISE(IGNORE)" if how == "IGNORE" else f"RAISE(ABORT, '{_append_only(table)}')")
        + "; END"
        for table, (same, how) in SQLITE_SAME.items()
    ),
    *(
        f"CREATE TRIGGER {table}_never_delete BEFORE DELETE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{NEVER_DELETED}'); END"
        for table in ("book", "account")
    ),
    _sqlite_refuse(
        "entry_one_book",
        "INSERT ON entry",
        "(SELECT book_id FROM period WHERE id = NEW.period_id) IS NOT NEW.book_id OR "
        "(NEW.reverses_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM entry WHERE id = NEW.reverses_id))",
        ONE_BOOK,
    ),
    _sqlite_refuse(
        "transfer_one_book",
        "INSERT ON transfer",
        "NOT EXISTS (SELECT 1 FROM entry WHERE (id, book_id, period_id) = (NEW.entry_id, NEW.book_id, NEW.period_id)) "
        "OR NOT EXISTS (SELECT 1 FROM account WHERE (id, book_id, unit) = (NEW.debit_id, NEW.book_id, NEW.unit)) "
        "OR NOT EXISTS (SELECT 1 FROM account WHERE (id, book_id, unit) = (NEW.credit_id, NEW.book_id, NEW.unit))",
        ONE_BOOK,
    ),
    _sqlite_refuse(
        "hold_one_book",
        "INSERT ON hold",
        "NOT EXISTS (SELECT 1 FROM account WHERE (id, book_id, unit) = (NEW.account_id, NEW.book_id, NEW.unit))",
        ONE_BOOK,
    ),
    _sqlite_refuse(
        "hold_end_of_hold",
        "INSERT ON hold_end",
        "NOT EXISTS (SELECT 1 FROM hold WHERE id = NEW.hold_id) OR "
        "(NEW.entry_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM entry WHERE id = NEW.entry_id))",
        NO_SUCH_HOLD,
    ),
    # China's clocks have been eight hours ahead of UTC all the year round since 1992. Without its fraction, which SQLite
    # would round up into the next month.
    _sqlite_refuse(
        "entry_in_its_month",
        "INSERT ON entry",
        "strftime('%Y-%m', substr(NEW.posted_at, 1, 19), '+8 hours') IS NOT (SELECT month FROM period WHERE id = NEW.period_id)",
        ITS_MONTH,
    ),
    _sqlite_refuse(
        "transfer_only_to_give",
        "INSERT ON transfer",
        f"(SELECT kind FROM account WHERE id = NEW.debit_id) = 'giveaway' "
        f"AND (SELECT kind FROM entry WHERE id = NEW.entry_id) NOT IN {GIVING}",
        ONLY_TO_GIVE,
    ),
    _sqlite_refuse(
        "hold_only_to_give",
        "INSERT ON hold",
        "(SELECT kind FROM account WHERE id = NEW.account_id) = 'giveaway'",
        ONLY_TO_GIVE,
    ),
    _sqlite_refuse(
        "transfer_accounts_open",
        "INSERT ON transfer",
        "EXISTS (SELECT 1 FROM account WHERE id IN (NEW.debit_id, NEW.credit_id) AND closed)",
        ACCOUNT_CLOSED,
    ),
    _sqlite_refuse(
        "hold_account_open",
        "INSERT ON hold",
        "(SELECT closed FROM account WHERE id = NEW.account_id)",
        ACCOUNT_CLOSED,
    ),
    _sqlite_refuse(
        "hold_account_runs", "INSERT ON hold", "(SELECT NOT runs FROM account WHERE id = NEW.account_id)", HOLD_RUNS
    ),
    _sqlite_refuse(
        "hold_end_within_hold",
        "INSERT ON hold_end",
        "NEW.posted_amount < 0 OR NEW.posted_amount > (SELECT amount FROM hold WHERE id = NEW.hold_id)",
        WITHIN_HOLD,
    ),
    _sqlite_refuse(
        "account_opens_empty",
        "INSERT ON account",
        "NEW.posted_in <> 0 OR NEW.posted_out <> 0 OR NEW.held <> 0 OR NEW.floor <> 0",
        ACCOUNT_EMPTY,
    ),
    _sqlite_refuse(
        "account_floor_decided",
        "UPDATE OF floor ON account",
        "NEW.floor < OLD.floor AND NEW.floor IS NOT "
        "(SELECT floor FROM floor_decision WHERE account_id = NEW.id ORDER BY id DESC LIMIT 1)",
        FLOOR_DECIDED,
    ),
    _sqlite_refuse(
        "floor_decision_of_members",
        "INSERT ON floor_decision",
        "(SELECT kind FROM account WHERE id = NEW.account_id) NOT IN ('member', 'giveaway')",
        MEMBERS_OWE,
    ),
    _sqlite_refuse(
        "floor_decision_of_entry",
        "INSERT ON floor_decision",
        "NOT EXISTS (SELECT 1 FROM entry WHERE id = NEW.entry_id) "
        "OR NOT EXISTS (SELECT 1 FROM account WHERE id = NEW.account_id)",
        NO_SUCH_ENTRY,
    ),
    _sqlite_refuse(
        "closing_one_book",
        "INSERT ON closing",
        "NOT EXISTS (SELECT 1 FROM account WHERE (id, book_id, unit) = (NEW.account_id, NEW.book_id, NEW.unit))",
        ONE_BOOK,
    ),
    _sqlite_refuse(
        "seal_one_book",
        "INSERT ON seal",
        "NOT EXISTS (SELECT 1 FROM period WHERE (id, book_id) = (NEW.period_id, NEW.book_id))",
        ONE_BOOK,
    ),
    _sqlite_refuse(
        "closing_of_closed_month",
        "INSERT ON closing",
        "(SELECT closed_at FROM period WHERE book_id = NEW.book_id AND month = NEW.month) IS NULL",
        CLOSED_MONTHS_ONLY,
    ),
    """CREATE TRIGGER transfer_moves_figures AFTER INSERT ON transfer BEGIN
         UPDATE account SET posted_out = posted_out + NEW.amount WHERE id = NEW.debit_id AND runs;
         UPDATE account SET posted_in = posted_in + NEW.amount,
             floor = max(floor, min(0, posted_in + NEW.amount - posted_out - held))
           WHERE id = NEW.credit_id AND runs;
       END""",
    # The floor is lifted by what is given back, not by what the transfers of the posting are about to take.
    """CREATE TRIGGER hold_moves_figures AFTER INSERT ON hold BEGIN
         UPDATE account SET held = held + NEW.amount WHERE id = NEW.account_id;
       END""",
    """CREATE TRIGGER hold_end_moves_figures AFTER INSERT ON hold_end BEGIN
         UPDATE account SET held = held - (SELECT amount FROM hold WHERE id = NEW.hold_id),
             floor = max(floor, min(0, posted_in - posted_out - held - NEW.posted_amount
                                       + (SELECT amount FROM hold WHERE id = NEW.hold_id)))
           WHERE id = (SELECT account_id FROM hold WHERE id = NEW.hold_id);
       END""",
    """CREATE TRIGGER floor_decision_lowers AFTER INSERT ON floor_decision BEGIN
         UPDATE account SET floor = NEW.floor WHERE id = NEW.account_id;
       END""",
]

POSTGRESQL = [
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in NEW_APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in NEW_APPEND_ONLY
    ),
    f"""CREATE FUNCTION refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION '{NEVER_DELETED}' USING ERRCODE = 'restrict_violation';
        END $$""",
    *(
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION refuse_delete()"
        for table in ("book", "account")
        for verb, each in (("DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))
    ),
    f"""CREATE OR REPLACE FUNCTION entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE found record;
        BEGIN
          SELECT closed_at, month INTO found FROM period WHERE id = NEW.period_id FOR SHARE;
          IF found.closed_at IS NOT NULL THEN
            RAISE EXCEPTION '{PERIOD_CLOSED}' USING ERRCODE = 'restrict_violation';
          END IF;
          IF to_char(NEW.posted_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') <> found.month THEN
            RAISE EXCEPTION '{ITS_MONTH}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    f"""CREATE OR REPLACE FUNCTION transfer_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE parent record; place record;
        BEGIN
          SELECT e.kind, e.transfer_count, p.closed_at INTO parent
            FROM entry e JOIN period p ON p.id = e.period_id WHERE e.id = NEW.entry_id FOR SHARE OF p;
          IF parent.closed_at IS NOT NULL THEN
            RAISE EXCEPTION '{PERIOD_CLOSED}' USING ERRCODE = 'restrict_violation';
          END IF;
          IF NEW.seq < 1 OR NEW.seq > parent.transfer_count THEN
            RAISE EXCEPTION '{TOO_MANY_TRANSFERS}' USING ERRCODE = 'restrict_violation';
          END IF;
          FOR place IN SELECT id, kind, closed FROM account WHERE id IN (NEW.debit_id, NEW.credit_id) LOOP
            IF place.closed THEN
              RAISE EXCEPTION '{ACCOUNT_CLOSED}' USING ERRCODE = 'restrict_violation';
            END IF;
            IF place.kind = 'clearing' AND parent.kind <> 'inter_branch' THEN
              RAISE EXCEPTION '{CLEARING_ONLY_INTER_BRANCH}' USING ERRCODE = 'restrict_violation';
            END IF;
            IF place.kind = 'giveaway' AND place.id = NEW.debit_id AND parent.kind NOT IN {GIVING} THEN
              RAISE EXCEPTION '{ONLY_TO_GIVE}' USING ERRCODE = 'restrict_violation';
            END IF;
          END LOOP;
          RETURN NEW;
        END $$""",
    # After the row is there, never before: an INSERT that yields to a row already there must move nothing. The account
    # with the smaller id first, as the code locks them, so that two postings cannot wait for each other.
    """CREATE FUNCTION transfer_figures() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.debit_id < NEW.credit_id THEN
            UPDATE account SET posted_out = posted_out + NEW.amount WHERE id = NEW.debit_id AND runs;
          END IF;
          UPDATE account SET posted_in = posted_in + NEW.amount,
              floor = greatest(floor, least(0, posted_in + NEW.amount - posted_out - held))
            WHERE id = NEW.credit_id AND runs;
          IF NEW.debit_id > NEW.credit_id THEN
            UPDATE account SET posted_out = posted_out + NEW.amount WHERE id = NEW.debit_id AND runs;
          END IF;
          RETURN NULL;
        END $$""",
    """CREATE TRIGGER transfer_moves_figures AFTER INSERT ON transfer
       FOR EACH ROW EXECUTE FUNCTION transfer_figures()""",
    f"""CREATE FUNCTION hold_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE place record;
        BEGIN
          SELECT kind, closed, runs INTO place FROM account WHERE id = NEW.account_id;
          IF place.kind = 'giveaway' THEN
            RAISE EXCEPTION '{ONLY_TO_GIVE}' USING ERRCODE = 'restrict_violation';
          END IF;
          IF place.closed THEN
            RAISE EXCEPTION '{ACCOUNT_CLOSED}' USING ERRCODE = 'restrict_violation';
          END IF;
          IF NOT place.runs THEN
            RAISE EXCEPTION '{HOLD_RUNS}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    "CREATE TRIGGER hold_guarded BEFORE INSERT ON hold FOR EACH ROW EXECUTE FUNCTION hold_guard()",
    """CREATE FUNCTION hold_figures() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          UPDATE account SET held = held + NEW.amount WHERE id = NEW.account_id;
          RETURN NULL;
        END $$""",
    "CREATE TRIGGER hold_moves_figures AFTER INSERT ON hold FOR EACH ROW EXECUTE FUNCTION hold_figures()",
    f"""CREATE FUNCTION hold_end_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.posted_amount < 0 OR NEW.posted_amount > (SELECT amount FROM hold WHERE id = NEW.hold_id) THEN
            RAISE EXCEPTION '{WITHIN_HOLD}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    "CREATE TRIGGER hold_end_guarded BEFORE INSERT ON hold_end FOR EACH ROW EXECUTE FUNCTION hold_end_guard()",
    """CREATE FUNCTION hold_end_figures() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE ended record;
        BEGIN
          SELECT account_id, amount INTO ended FROM hold WHERE id = NEW.hold_id;
          UPDATE account SET held = held - ended.amount,
              floor = greatest(floor, least(0, posted_in - posted_out - held - NEW.posted_amount + ended.amount))
            WHERE id = ended.account_id;
          RETURN NULL;
        END $$""",
    "CREATE TRIGGER hold_end_moves_figures AFTER INSERT ON hold_end FOR EACH ROW EXECUTE FUNCTION hold_end_figures()",
    f"""CREATE FUNCTION account_opening() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION '{ACCOUNT_EMPTY}' USING ERRCODE = 'restrict_violation';
        END $$""",
    """CREATE TRIGGER account_opens_empty BEFORE INSERT ON account FOR EACH ROW
       WHEN (NEW.posted_in <> 0 OR NEW.posted_out <> 0 OR NEW.held <> 0 OR NEW.floor <> 0)
       EXECUTE FUNCTION account_opening()""",
    # A statement of somebody's own stands at depth 0; what the triggers above do stands deeper.
    f"""CREATE FUNCTION account_figures() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.floor < OLD.floor THEN
            RAISE EXCEPTION '{FLOOR_DECIDED}' USING ERRCODE = 'restrict_violation';
          END IF;
          RAISE EXCEPTION '{FIGURES_FOLLOW}' USING ERRCODE = 'restrict_violation';
        END $$""",
    """CREATE TRIGGER account_figures_follow BEFORE UPDATE OF posted_in, posted_out, held, floor ON account FOR EACH ROW
       WHEN (pg_trigger_depth() = 0 AND (NEW.posted_in, NEW.posted_out, NEW.held, NEW.floor)
             IS DISTINCT FROM (OLD.posted_in, OLD.posted_out, OLD.held, OLD.floor))
       EXECUTE FUNCTION account_figures()""",
    f"""CREATE FUNCTION floor_decision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT kind FROM account WHERE id = NEW.account_id) NOT IN ('member', 'giveaway') THEN
            RAISE EXCEPTION '{MEMBERS_OWE}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    """CREATE TRIGGER floor_decision_of_members BEFORE INSERT ON floor_decision
       FOR EACH ROW EXECUTE FUNCTION floor_decision_guard()""",
    """CREATE FUNCTION floor_decision_lower() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          UPDATE account SET floor = NEW.floor WHERE id = NEW.account_id;
          RETURN NULL;
        END $$""",
    """CREATE TRIGGER floor_decision_lowers AFTER INSERT ON floor_decision
       FOR EACH ROW EXECUTE FUNCTION floor_decision_lower()""",
    f"""CREATE FUNCTION closing_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT closed_at FROM period WHERE book_id = NEW.book_id AND month = NEW.month) IS NULL THEN
            RAISE EXCEPTION '{CLOSED_MONTHS_ONLY}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    "CREATE TRIGGER closing_of_closed_month BEFORE INSERT ON closing FOR EACH ROW EXECUTE FUNCTION closing_guard()",
]
POSTGRESQL_DOWN = [
    *(f"DROP TRIGGER {table}_never_{verb} ON {table}" for table in ("book", "account") for verb in ("delete", "truncate")),
    "DROP FUNCTION refuse_delete()",
    "DROP TRIGGER account_figures_follow ON account",
    "DROP TRIGGER account_opens_empty ON account",
    "DROP TRIGGER hold_end_moves_figures ON hold_end",
    "DROP TRIGGER hold_end_guarded ON hold_end",
    "DROP TRIGGER hold_moves_figures ON hold",
    "DROP TRIGGER hold_guarded ON hold",
    "DROP TRIGGER transfer_moves_figures ON transfer",
    *(
        f"DROP FUNCTION {name}()"
        for name in (
            "account_figures", "account_opening", "hold_end_figures", "hold_end_guard", "hold_figures", "hold_guard",
            "transfer_figures",
        )
    ),
    f"""CREATE OR REPLACE FUNCTION entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE closed timestamptz;
        BEGIN
          SELECT closed_at INTO closed FROM period WHERE id = NEW.period_id FOR SHARE;
          IF closed IS NOT NULL THEN
            RAISE EXCEPTION '{PERIOD_CLOSED}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    f"""CREATE OR REPLACE FUNCTION transfer_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
]  # fmt: skip

# Sums from an account's first day to the end of a closed month, for each closed month it moved in.
FILL_CLOSINGS = """
INSERT INTO closing (account_id, month, book_id, unit, posted_in, posted_out, movements)
SELECT account_id, month, book_id, unit,
       SUM(came) OVER through_month, SUM(went) OVER through_month, SUM(moved) OVER through_month
FROM (
  SELECT leg.account_id, p.month, p.book_id, leg.unit, SUM(leg.came) AS came, SUM(leg.went) AS went, COUNT(*) AS moved
  FROM (
    SELECT credit_id AS account_id, period_id, unit, amount AS came, 0 AS went FROM transfer
    UNION ALL
    SELECT debit_id, period_id, unit, 0, amount FROM transfer
  ) AS leg
  JOIN period p ON p.id = leg.period_id
  WHERE p.closed_at IS NOT NULL
  GROUP BY leg.account_id, p.month, p.book_id, leg.unit
) AS monthly
WINDOW through_month AS (PARTITION BY account_id ORDER BY month ROWS UNBOUNDED PRECEDING)
"""


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _drop_sqlite_triggers() -> None:
    tables = ("book", "account", "entry", "transfer", "hold", "hold_end", "period", "seal", "closing", "floor_decision")
    for table in tables:
        found = op.get_bind().exec_driver_sql(
            f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"
        )
        for name in found.scalars().all():
            op.execute(f"DROP TRIGGER {name}")


def _kinds(kinds: tuple[str, ...]) -> str:
    return f"kind IN ({', '.join(repr(kind) for kind in kinds)})"


def _change_kinds(kinds: tuple[str, ...]) -> None:
    with op.batch_alter_table("account") as batch:
        batch.drop_constraint(op.f("ck_account_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_account_kind"), _kinds(kinds))


def _rest(*tables: str) -> None:
    """Let PostgreSQL's own guards of append-only tables rest while rows get their new column."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def _wake(*tables: str) -> None:
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def upgrade() -> None:
    if _sqlite():
        _drop_sqlite_triggers()
    _change_kinds((*KINDS, "giveaway"))
    op.create_index("uq_entry_id_book_id_period_id", "entry", ["id", "book_id", "period_id"], unique=True)
    _name_periods()
    op.create_table(
        "closing",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("posted_in", sa.BigInteger(), nullable=False),
        sa.Column("posted_out", sa.BigInteger(), nullable=False),
        sa.Column("movements", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("posted_in >= 0 AND posted_out >= 0 AND movements > 0", name=op.f("ck_closing_figures")),
        sa.ForeignKeyConstraint(
            ["account_id", "book_id", "unit"],
            ["account.id", "account.book_id", "account.unit"],
            name="fk_closing_account_same_book_and_unit",
        ),
        sa.ForeignKeyConstraint(
            ["book_id", "month"], ["period.book_id", "period.month"], name=op.f("fk_closing_book_id_month")
        ),
        sa.PrimaryKeyConstraint("account_id", "month", name=op.f("pk_closing")),
    )
    op.create_index("ix_closing_book_id_month", "closing", ["book_id", "month"])
    op.execute(FILL_CLOSINGS)
    op.create_table(
        "floor_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", BIG, nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("floor < 0", name=op.f("ck_floor_decision_floor_below_zero")),
        sa.CheckConstraint("asked_by_id <> decided_by_id", name=op.f("ck_floor_decision_four_eyes")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_floor_decision_has_reason")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_floor_decision_account_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_floor_decision_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_floor_decision")),
    )
    for column in ("account_id", "entry_id"):
        op.create_index(op.f(f"ix_floor_decision_{column}"), "floor_decision", [column])
    for statement in [*SQLITE_KEPT, *SQLITE_NEW] if _sqlite() else POSTGRESQL:
        op.execute(statement)


def _name_periods() -> None:
    """Give each transfer the period of its entry, and indexes that find an account's rows of a month."""
    op.add_column("transfer", sa.Column("period_id", sa.Integer(), nullable=True))
    if not _sqlite():
        _rest("transfer")
    op.execute("UPDATE transfer SET period_id = (SELECT period_id FROM entry WHERE entry.id = transfer.entry_id)")
    if not _sqlite():
        _wake("transfer")
    with op.batch_alter_table("transfer") as batch:
        batch.alter_column("period_id", existing_type=sa.Integer(), nullable=False)
        batch.drop_constraint("fk_transfer_entry_id_book_id", type_="foreignkey")
        batch.create_foreign_key(
            "fk_transfer_entry_same_book_and_period",
            "entry",
            ["entry_id", "book_id", "period_id"],
            ["id", "book_id", "period_id"],
        )
        for side in ("debit_id", "credit_id"):
            batch.drop_index(f"ix_transfer_{side}")
            batch.create_index(f"ix_transfer_{side}", [side, "period_id", "id"])


def _refuse_loss() -> None:
    """Going down forgets decisions of two people and accounts of give-away coins: not where there are any."""
    for what, statement in (
        ("floor decisions", "SELECT count(*) FROM floor_decision"),
        ("give-away accounts", "SELECT count(*) FROM account WHERE kind = 'giveaway'"),
    ):
        if op.get_bind().exec_driver_sql(statement).scalar():
            raise RuntimeError(f"there are {what} in the books; restore a backup instead of going down")


def downgrade() -> None:
    _refuse_loss()
    if _sqlite():
        _drop_sqlite_triggers()
    op.drop_table("floor_decision")
    op.drop_table("closing")
    if not _sqlite():
        for statement in [*POSTGRESQL_DOWN, *_leftovers()]:
            op.execute(statement)
    with op.batch_alter_table("transfer") as batch:
        for side in ("debit_id", "credit_id"):
            batch.drop_index(f"ix_transfer_{side}")
            batch.create_index(f"ix_transfer_{side}", [side, "id"])
        batch.drop_constraint("fk_transfer_entry_same_book_and_period", type_="foreignkey")
        batch.create_foreign_key("fk_transfer_entry_id_book_id", "entry", ["entry_id", "book_id"], ["id", "book_id"])
        batch.drop_column("period_id")
    op.drop_index("uq_entry_id_book_id_period_id", table_name="entry")
    _change_kinds(KINDS)
    if _sqlite():
        for statement in SQLITE_KEPT:
            op.execute(statement)


def _leftovers() -> list[str]:
    """Functions whose triggers went with their tables."""
    return [f"DROP FUNCTION {name}()" for name in ("closing_guard", "floor_decision_guard", "floor_decision_lower")]
