"""Lines between branches: how much another branch may owe on a clearing account, kept by the database.

A clearing account keeps running figures now, and its floor is the line that the creditor decided. ``resting_floor`` is
where a floor comes back to: 0 for people and the fund, minus the line for a clearing account. A line that is cut below
what is owed already leaves the floor where the account stands, and what comes in lifts it towards the new line.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0027_clearing_lines"
down_revision = "0026_giving"
branch_labels = None
depends_on = None

FLOOR_DECIDED = "a floor is lowered by a decision of two"
LINE_DECIDED = "a line is what its creditor decided"
LINES_ARE_FOR_CLEARING = "lines are for clearing accounts"
ACCOUNT_EMPTY = "an account opens empty"
FIGURES_FOLLOW = "figures follow transfers and holds"
LINES_STAY = "line_decision rows are never changed or deleted"
IDENTITY = "book, code, kind and unit of an account never change"

# Not by copying the table: a copy would lose the triggers that guard it.
ADD = (
    "ALTER TABLE account ADD COLUMN resting_floor BIGINT DEFAULT 0 NOT NULL "
    "CONSTRAINT ck_account_line_of_clearing CHECK (resting_floor = 0 OR (kind = 'clearing' AND resting_floor < 0))"
)
STANDING = "posted_in - posted_out - held"

SQLITE_IDENTITY = (
    "CREATE TRIGGER account_identity BEFORE UPDATE OF id, book_id, code, kind, unit, runs ON account "
    "WHEN NEW.id <> OLD.id OR NEW.book_id <> OLD.book_id OR NEW.code <> OLD.code "
    "OR NEW.kind <> OLD.kind OR NEW.unit <> OLD.unit OR NEW.runs <> OLD.runs "
    f"BEGIN SELECT RAISE(ABORT, '{IDENTITY}'); END"
)
SQLITE_REPLACED = ("transfer_moves_figures", "hold_end_moves_figures", "account_floor_decided", "account_opens_empty")


def _sqlite_figures(resting: str) -> tuple[str, ...]:
    """The triggers that move figures; what comes in lifts a floor towards ``resting``."""
    return (
        f"""CREATE TRIGGER transfer_moves_figures AFTER INSERT ON transfer BEGIN
             UPDATE account SET posted_out = posted_out + NEW.amount WHERE id = NEW.debit_id AND runs;
             UPDATE account SET posted_in = posted_in + NEW.amount,
                 floor = max(floor, min({resting}, posted_in + NEW.amount - posted_out - held))
               WHERE id = NEW.credit_id AND runs;
           END""",
        f"""CREATE TRIGGER hold_end_moves_figures AFTER INSERT ON hold_end BEGIN
             UPDATE account SET held = held - (SELECT amount FROM hold WHERE id = NEW.hold_id),
                 floor = max(floor, min({resting}, posted_in - posted_out - held - NEW.posted_amount
                                           + (SELECT amount FROM hold WHERE id = NEW.hold_id)))
               WHERE id = (SELECT account_id FROM hold WHERE id = NEW.hold_id);
           END""",
    )


def _sqlite_floors(*, lines: bool) -> tuple[str, ...]:
    by_line = "AND NEW.floor IS NOT min(NEW.resting_floor, NEW.posted_in - NEW.posted_out - NEW.held)" if lines else ""
    empty = "OR NEW.resting_floor <> 0" if lines else ""
    return (
        "CREATE TRIGGER account_floor_decided BEFORE UPDATE OF floor ON account WHEN NEW.floor < OLD.floor "
        "AND NEW.floor IS NOT "
        f"(SELECT floor FROM floor_decision WHERE account_id = NEW.id ORDER BY id DESC LIMIT 1) {by_line} "
        f"BEGIN SELECT RAISE(ABORT, '{FLOOR_DECIDED}'); END",
        "CREATE TRIGGER account_opens_empty BEFORE INSERT ON account WHEN "
        f"NEW.posted_in <> 0 OR NEW.posted_out <> 0 OR NEW.held <> 0 OR NEW.floor <> 0 {empty} "
        f"BEGIN SELECT RAISE(ABORT, '{ACCOUNT_EMPTY}'); END",
    )


SQLITE_LINES = (
    *(
        f"CREATE TRIGGER line_decision_never_{verb.lower()} BEFORE {verb} ON line_decision "
        f"BEGIN SELECT RAISE(ABORT, '{LINES_STAY}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "CREATE TRIGGER line_decision_never_replace BEFORE INSERT ON line_decision "
    "WHEN EXISTS (SELECT 1 FROM line_decision WHERE id = NEW.id OR key = NEW.key) "
    "BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER line_decision_of_clearing BEFORE INSERT ON line_decision WHEN "
    "(SELECT kind FROM account WHERE id = NEW.account_id) IS NOT 'clearing' OR typeof(NEW.minutes) <> 'integer' "
    f"BEGIN SELECT RAISE(ABORT, '{LINES_ARE_FOR_CLEARING}'); END",
    f"""CREATE TRIGGER line_decision_moves_floor AFTER INSERT ON line_decision BEGIN
         UPDATE account SET resting_floor = -NEW.minutes, floor = min(-NEW.minutes, {STANDING})
           WHERE id = NEW.account_id;
       END""",
    "CREATE TRIGGER account_line_decided BEFORE UPDATE OF resting_floor ON account WHEN NEW.resting_floor IS NOT "
    "(SELECT -minutes FROM line_decision WHERE account_id = NEW.id ORDER BY id DESC LIMIT 1) "
    f"BEGIN SELECT RAISE(ABORT, '{LINE_DECIDED}'); END",
)


def _postgresql_figures(resting: str) -> tuple[str, ...]:
    return (
        f"""CREATE OR REPLACE FUNCTION transfer_figures() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.debit_id < NEW.credit_id THEN
            UPDATE account SET posted_out = posted_out + NEW.amount WHERE id = NEW.debit_id AND runs;
          END IF;
          UPDATE account SET posted_in = posted_in + NEW.amount,
              floor = greatest(floor, least({resting}, posted_in + NEW.amount - posted_out - held))
            WHERE id = NEW.credit_id AND runs;
          IF NEW.debit_id > NEW.credit_id THEN
            UPDATE account SET posted_out = posted_out + NEW.amount WHERE id = NEW.debit_id AND runs;
          END IF;
          RETURN NULL;
        END $$""",
        f"""CREATE OR REPLACE FUNCTION hold_end_figures() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE ended record;
        BEGIN
          SELECT account_id, amount INTO ended FROM hold WHERE id = NEW.hold_id;
          UPDATE account SET held = held - ended.amount,
              floor = greatest(floor, least({resting}, posted_in - posted_out - held - NEW.posted_amount + ended.amount))
            WHERE id = ended.account_id;
          RETURN NULL;
        END $$""",
    )


def _postgresql_floors(*, lines: bool) -> tuple[str, ...]:
    more = ", resting_floor" if lines else ""
    new, old = (f", {row}.resting_floor" if lines else "" for row in ("NEW", "OLD"))
    empty = "OR NEW.resting_floor <> 0" if lines else ""
    return (
        "DROP TRIGGER account_opens_empty ON account",
        f"""CREATE TRIGGER account_opens_empty BEFORE INSERT ON account FOR EACH ROW
            WHEN (NEW.posted_in <> 0 OR NEW.posted_out <> 0 OR NEW.held <> 0 OR NEW.floor <> 0 {empty})
            EXECUTE FUNCTION account_opening()""",
        "DROP TRIGGER account_figures_follow ON account",
        f"""CREATE TRIGGER account_figures_follow BEFORE UPDATE OF posted_in, posted_out, held, floor{more} ON account
            FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND (NEW.posted_in, NEW.posted_out, NEW.held, NEW.floor{new})
                IS DISTINCT FROM (OLD.posted_in, OLD.posted_out, OLD.held, OLD.floor{old}))
            EXECUTE FUNCTION account_figures()""",
    )


POSTGRESQL_LINES = (
    "CREATE TRIGGER line_decision_append_only BEFORE UPDATE OR DELETE ON line_decision "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER line_decision_no_truncate BEFORE TRUNCATE ON line_decision "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    f"""CREATE FUNCTION line_decision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT kind FROM account WHERE id = NEW.account_id) IS DISTINCT FROM 'clearing' THEN
            RAISE EXCEPTION '{LINES_ARE_FOR_CLEARING}' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$""",
    "CREATE TRIGGER line_decision_of_clearing BEFORE INSERT ON line_decision "
    "FOR EACH ROW EXECUTE FUNCTION line_decision_guard()",
    f"""CREATE FUNCTION line_decision_figures() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          UPDATE account SET resting_floor = -NEW.minutes, floor = least(-NEW.minutes, {STANDING})
            WHERE id = NEW.account_id;
          RETURN NULL;
        END $$""",
    "CREATE TRIGGER line_decision_moves_floor AFTER INSERT ON line_decision "
    "FOR EACH ROW EXECUTE FUNCTION line_decision_figures()",
)

# Clearing accounts begin to run: what they have come to, and the floor just there until a line is decided.
CAME, WENT = (
    f"(SELECT COALESCE(SUM(amount), 0) FROM transfer WHERE {side} = account.id)" for side in ("credit_id", "debit_id")
)
RUN = (
    f"UPDATE account SET runs = true, posted_in = {CAME}, posted_out = {WENT}, "
    f"floor = CASE WHEN {CAME} < {WENT} THEN {CAME} - {WENT} ELSE 0 END WHERE kind = 'clearing'"
)
REST = "UPDATE account SET runs = false, posted_in = 0, posted_out = 0, floor = 0 WHERE kind = 'clearing'"


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _change_clearing(statement: str) -> None:
    """Change what no program may change, with the guards at rest."""
    if _sqlite():
        op.execute("DROP TRIGGER account_identity")
        op.execute(statement)
        op.execute(SQLITE_IDENTITY)
    else:
        op.execute("ALTER TABLE account DISABLE TRIGGER USER")
        op.execute(statement)
        op.execute("ALTER TABLE account ENABLE TRIGGER USER")


def _replace(*, lines: bool) -> None:
    resting = "resting_floor" if lines else "0"
    if _sqlite():
        for name in SQLITE_REPLACED:
            op.execute(f"DROP TRIGGER {name}")
        statements = (*_sqlite_figures(resting), *_sqlite_floors(lines=lines))
    else:
        statements = (*_postgresql_figures(resting), *_postgresql_floors(lines=lines))
    for statement in statements:
        op.execute(statement)


def upgrade() -> None:
    op.execute(ADD)
    op.create_table(
        "line_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.CheckConstraint("minutes >= 0", name=op.f("ck_line_decision_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_line_decision_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_decision")),
        sa.UniqueConstraint("key", name=op.f("uq_line_decision_key")),
    )
    op.create_index(op.f("ix_line_decision_account_id"), "line_decision", ["account_id"])
    _replace(lines=True)
    for statement in SQLITE_LINES if _sqlite() else POSTGRESQL_LINES:
        op.execute(statement)
    _run_clearing()


def _run_clearing() -> None:
    if _sqlite():
        op.execute("DROP TRIGGER account_floor_decided")
        _change_clearing(RUN)
        op.execute(_sqlite_floors(lines=True)[0])
    else:
        _change_clearing(RUN)


def downgrade() -> None:
    """Not where a line was decided: going down would forget who may owe whom how much."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM line_decision").scalar():
        raise RuntimeError("line_decision has rows that would be forgotten; restore a backup instead of going down")
    if _sqlite():
        op.execute("DROP TRIGGER account_line_decided")
    op.drop_table("line_decision")
    _replace(lines=False)
    _change_clearing(REST)
    op.drop_column("account", "resting_floor")
    if not _sqlite():
        for name in ("line_decision_guard", "line_decision_figures"):
            op.execute(f"DROP FUNCTION {name}()")
