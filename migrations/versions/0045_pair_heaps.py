"""What two branches say of each other every night, and what does not agree between them, item by item.

What was said is only ever added. An item stays what was found; somebody takes it, and it is settled once.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0045_pair_heaps"
down_revision = "0044_parked_payments"
branch_labels = None
depends_on = None

SAID_STAYS = "pair_summary rows are never changed or deleted"
ITEM_STAYS = "an item stays what was found, and is settled once"
ITEM_IDENTITY = (
    "id", "pair_id", "heap", "uid", "low_minutes", "high_minutes", "owner_id", "case_id", "first_seen_at",
)  # fmt: skip


def _item_refused(differ: str) -> str:
    changed = " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in ITEM_IDENTITY)
    return f"OLD.settled_at IS NOT NULL OR {changed}"


SQLITE = (
    *(
        f"CREATE TRIGGER pair_summary_never_{verb.lower()} BEFORE {verb} ON pair_summary "
        f"BEGIN SELECT RAISE(ABORT, '{SAID_STAYS}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER pair_item_guarded BEFORE UPDATE ON pair_item WHEN {_item_refused('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{ITEM_STAYS}'); END",
    f"CREATE TRIGGER pair_item_never_delete BEFORE DELETE ON pair_item BEGIN SELECT RAISE(ABORT, '{ITEM_STAYS}'); END",
)
_REFUSE = f"RAISE EXCEPTION '{ITEM_STAYS}' USING ERRCODE = 'restrict_violation';"
POSTGRESQL = (
    "CREATE TRIGGER pair_summary_append_only BEFORE UPDATE OR DELETE ON pair_summary "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER pair_summary_no_truncate BEFORE TRUNCATE ON pair_summary "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    f"""CREATE FUNCTION pair_item_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP <> 'UPDATE' THEN {_REFUSE} END IF;
          IF {_item_refused("IS DISTINCT FROM")} THEN {_REFUSE} END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER pair_item_guarded BEFORE UPDATE OR DELETE ON pair_item "
    "FOR EACH ROW EXECUTE FUNCTION pair_item_guard()",
    "CREATE TRIGGER pair_item_no_truncate BEFORE TRUNCATE ON pair_item "
    "FOR EACH STATEMENT EXECUTE FUNCTION pair_item_guard()",
)


def upgrade() -> None:
    _create_summary()
    _create_item()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _create_summary() -> None:
    op.create_table(
        "pair_summary",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("night", sa.String(length=10), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("drawn_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["pair_id"], ["branch_pair.id"], name=op.f("fk_pair_summary_pair_id")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_pair_summary_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_summary")),
        sa.UniqueConstraint(
            "pair_id", "branch_id", "night", "hash", name=op.f("uq_pair_summary_pair_id_branch_id_night_hash")
        ),
    )


def _create_item() -> None:
    def check(name: str, rule: str) -> sa.CheckConstraint:
        return sa.CheckConstraint(rule, name=op.f(f"ck_pair_item_{name}"))

    op.create_table(
        "pair_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("heap", sa.String(length=10), nullable=False),
        sa.Column("uid", sa.String(length=80), nullable=False),
        sa.Column("low_minutes", sa.Integer(), nullable=True),
        sa.Column("high_minutes", sa.Integer(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("first_seen_at", UTCDateTime(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.Column("taken_by_id", sa.Integer(), nullable=True),
        sa.Column("taken_at", UTCDateTime(), nullable=True),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.Column("settled_how", sa.String(length=10), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        check("heap", "heap IN ('only_low', 'only_high', 'differs', 'open_long')"),
        check("settled_how", "settled_how IN ('agreed', 'answered', 'changed', 'words')"),
        check("settled_once", "(settled_at IS NULL) = (settled_how IS NULL)"),
        check("taken_by", "(taken_by_id IS NULL) = (taken_at IS NULL)"),
        check("in_a_case", "heap = 'open_long' OR case_id IS NOT NULL"),
        sa.ForeignKeyConstraint(["pair_id"], ["branch_pair.id"], name=op.f("fk_pair_item_pair_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["branch.id"], name=op.f("fk_pair_item_owner_id")),
        sa.ForeignKeyConstraint(["case_id"], ["clearing_case.id"], name=op.f("fk_pair_item_case_id")),
        sa.ForeignKeyConstraint(["taken_by_id"], ["member.id"], name=op.f("fk_pair_item_taken_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_item")),
    )
    op.create_index(op.f("ix_pair_item_pair_id"), "pair_item", ["pair_id"])
    op.create_index(op.f("ix_pair_item_case_id"), "pair_item", ["case_id"])
    op.create_index("ix_pair_item_owner_id", "pair_item", ["owner_id", "settled_at"])
    op.create_index(
        "uq_pair_item_open",
        "pair_item",
        ["pair_id", "uid"],
        unique=True,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )


def downgrade() -> None:
    """Not where a night has been kept."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM pair_summary").scalar():
        raise RuntimeError("pair_summary has rows that would be forgotten; restore a backup instead of going down")
    for table in ("pair_item", "pair_summary"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION pair_item_guard()")
