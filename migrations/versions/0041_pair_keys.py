"""Keys that branches sign their messages with, the nonces that were seen, and on a receipt what proves it.

A key stays what it was, and its end, once said, only comes nearer. No private part is kept anywhere. A nonce may be
let go once its message would be refused for its age, never changed.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0041_pair_keys"
down_revision = "0040_agreements"
branch_labels = None
depends_on = None

KEY_STAYS = "a key between branches stays what it was, and its end only comes nearer"
NONCE_STAYS = "a nonce never stands for another content"
IDENTITY = ("id", "pair_id", "branch_id", "generation", "public", "fingerprint", "from_at", "made_by_id")


def _refused(differ: str) -> str:
    changed = " OR ".join(f"NEW.{name} {differ} OLD.{name}" for name in IDENTITY)
    later = "OLD.accepted_until IS NOT NULL AND (NEW.accepted_until IS NULL OR NEW.accepted_until > OLD.accepted_until)"
    return f"({later}) OR {changed}"


SQLITE = (
    f"CREATE TRIGGER pair_key_guarded BEFORE UPDATE ON pair_key WHEN {_refused('IS NOT')} "
    f"BEGIN SELECT RAISE(ABORT, '{KEY_STAYS}'); END",
    f"CREATE TRIGGER pair_key_never_delete BEFORE DELETE ON pair_key BEGIN SELECT RAISE(ABORT, '{KEY_STAYS}'); END",
    "CREATE TRIGGER clearing_nonce_never_update BEFORE UPDATE ON clearing_nonce "
    f"BEGIN SELECT RAISE(ABORT, '{NONCE_STAYS}'); END",
)


def _refuse(why: str) -> str:
    return f"RAISE EXCEPTION '{why}' USING ERRCODE = 'restrict_violation';"


POSTGRESQL = (
    f"""CREATE FUNCTION pair_key_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP <> 'UPDATE' THEN {_refuse(KEY_STAYS)} END IF;
          IF {_refused("IS DISTINCT FROM")} THEN {_refuse(KEY_STAYS)} END IF;
          RETURN NEW; END $$""",
    "CREATE TRIGGER pair_key_guarded BEFORE UPDATE OR DELETE ON pair_key "
    "FOR EACH ROW EXECUTE FUNCTION pair_key_guard()",
    "CREATE TRIGGER pair_key_no_truncate BEFORE TRUNCATE ON pair_key "
    "FOR EACH STATEMENT EXECUTE FUNCTION pair_key_guard()",
    "CREATE TRIGGER clearing_nonce_never_update BEFORE UPDATE ON clearing_nonce "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    op.create_table(
        "pair_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("public", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("from_at", UTCDateTime(), nullable=False),
        sa.Column("accepted_until", UTCDateTime(), nullable=True),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("generation > 0", name=op.f("ck_pair_key_generation_positive")),
        sa.CheckConstraint("length(public) = 64 AND length(fingerprint) = 32", name=op.f("ck_pair_key_whole")),
        sa.CheckConstraint(
            "accepted_until IS NULL OR accepted_until >= from_at", name=op.f("ck_pair_key_ends_after_it_begins")
        ),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_pair_key_branch_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["member.id"], name=op.f("fk_pair_key_made_by_id")),
        sa.ForeignKeyConstraint(["pair_id"], ["branch_pair.id"], name=op.f("fk_pair_key_pair_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_key")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_pair_key_fingerprint")),
        sa.UniqueConstraint(
            "pair_id", "branch_id", "generation", name=op.f("uq_pair_key_pair_id_branch_id_generation")
        ),
    )
    in_use = sa.text("accepted_until IS NULL")
    op.create_index(
        "uq_pair_key_in_use",
        "pair_key",
        ["pair_id", "branch_id"],
        unique=True,
        sqlite_where=in_use,
        postgresql_where=in_use,
    )
    op.create_table(
        "clearing_nonce",
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sent_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["from_id"], ["branch.id"], name=op.f("fk_clearing_nonce_from_id")),
        sa.PrimaryKeyConstraint("from_id", "nonce", name=op.f("pk_clearing_nonce")),
    )
    op.create_index(op.f("ix_clearing_nonce_sent_at"), "clearing_nonce", ["sent_at"])
    op.add_column("clearing_receipt", sa.Column("signed", sa.String(length=400), nullable=True))
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Not where something was signed: going down would forget what proves who sent it."""
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM pair_key").scalar():
        raise RuntimeError("pair_key has rows that would be forgotten; restore a backup instead of going down")
    op.drop_column("clearing_receipt", "signed")
    op.drop_table("clearing_nonce")
    op.drop_table("pair_key")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION pair_key_guard()")
