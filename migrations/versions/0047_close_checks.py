"""What each check said is kept with the close, once and for ever with the one that sealed the month; a package's reason.

Attempts are never deleted, and of a kept one only the end moves; packages are only added, the next version at most, and
a further version says why there is one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0047_close_checks"
down_revision = "0046_pair_exceptions"
branch_labels = None
depends_on = None

RUN_STAYS = "what a close found never changes"
PACKAGE_STAYS = "archive rows are never changed or deleted"
PACKAGE_FITS = "a package is the next version of its month, and a further one says why"
LOST = "原来的文件不在了，按现在的名称补做"
IDENTITY = ("id", "branch_id", "month", "started_at", "by_name", "result", "message", "seals")
NEXT_VERSION = (
    "NEW.version > 1 + (SELECT coalesce(max(a.version), 0) FROM archive a WHERE a.branch_id = NEW.branch_id "
    "AND a.month = NEW.month) OR (NEW.version > 1 AND NEW.reason = '')"
)


def _run_refused(differ: str, text: str) -> str:
    changed = " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in IDENTITY)
    return f"{changed} OR (OLD.seals AND NEW.checks{text} {differ} OLD.checks{text})"


def _raise(why: str) -> str:
    return f"BEGIN SELECT RAISE(ABORT, '{why}'); END"


def _refuse(why: str) -> str:
    return f"RAISE EXCEPTION '{why}' USING ERRCODE = 'restrict_violation';"


SQLITE = (
    f"CREATE TRIGGER close_run_final BEFORE UPDATE ON close_run WHEN {_run_refused('IS NOT', '')} {_raise(RUN_STAYS)}",
    f"CREATE TRIGGER close_run_never_deleted BEFORE DELETE ON close_run {_raise(RUN_STAYS)}",
    f"CREATE TRIGGER archive_begins BEFORE INSERT ON archive WHEN {NEXT_VERSION} {_raise(PACKAGE_FITS)}",
    *(
        f"CREATE TRIGGER archive_never_{verb.lower()} BEFORE {verb} ON archive {_raise(PACKAGE_STAYS)}"
        for verb in ("UPDATE", "DELETE")
    ),
)
POSTGRESQL = (
    f"""CREATE FUNCTION close_run_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP <> 'UPDATE' THEN {_refuse(RUN_STAYS)} END IF;
          IF {_run_refused("IS DISTINCT FROM", "::text")} THEN {_refuse(RUN_STAYS)} END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER close_run_final BEFORE UPDATE OR DELETE ON close_run "
    "FOR EACH ROW EXECUTE FUNCTION close_run_guard()",
    "CREATE TRIGGER close_run_no_truncate BEFORE TRUNCATE ON close_run "
    "FOR EACH STATEMENT EXECUTE FUNCTION close_run_guard()",
    f"""CREATE FUNCTION archive_begins() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF {NEXT_VERSION} THEN {_refuse(PACKAGE_FITS)} END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER archive_begins BEFORE INSERT ON archive FOR EACH ROW EXECUTE FUNCTION archive_begins()",
    "CREATE TRIGGER archive_append_only BEFORE UPDATE OR DELETE ON archive "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER archive_no_truncate BEFORE TRUNCATE ON archive FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    with op.batch_alter_table("close_run") as batch:
        batch.add_column(sa.Column("checks", sa.JSON(), nullable=False, server_default="[]"))
        batch.add_column(sa.Column("seals", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("archive") as batch:
        batch.add_column(sa.Column("reason", sa.String(length=200), nullable=False, server_default=""))
    op.get_bind().execute(sa.text("UPDATE archive SET reason = :lost WHERE version > 1"), {"lost": LOST})
    for table, names in (("close_run", ("checks", "seals")), ("archive", ("reason",))):
        with op.batch_alter_table(table) as batch:
            for name in names:
                batch.alter_column(name, server_default=None)
    op.create_index(
        "uq_close_run_seals",
        "close_run",
        ["branch_id", "month"],
        unique=True,
        sqlite_where=sa.text("seals"),
        postgresql_where=sa.text("seals"),
    )
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Not where a month was closed with its checks kept, or a package says why it was made."""
    for table, kept in (("close_run", "seals"), ("archive", f"reason NOT IN ('', '{LOST}')")):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table} WHERE {kept}").scalar():
            raise RuntimeError(f"{table} has rows that would be forgotten; restore a backup instead of going down")
    postgresql = op.get_bind().dialect.name == "postgresql"
    drops = POSTGRESQL if postgresql else SQLITE
    for words in (statement.split() for statement in drops):
        if words[1] == "TRIGGER":
            op.execute(f"DROP TRIGGER {words[2]}" + (f" ON {words[words.index('ON') + 1]}" if postgresql else ""))
    if postgresql:
        for function in ("close_run_guard", "archive_begins"):
            op.execute(f"DROP FUNCTION {function}()")
    op.drop_index("uq_close_run_seals", "close_run")
    with op.batch_alter_table("archive") as batch:
        batch.drop_column("reason")
    with op.batch_alter_table("close_run") as batch:
        for name in ("seals", "checks"):
            batch.drop_column(name)
