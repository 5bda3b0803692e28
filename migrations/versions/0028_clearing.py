"""Between branches: pairs, lines' history, proposals with their messages, statements, cases and netting.

What was sent, received, decided or stated is only ever added. A proposal's parties and amount never change, and one that
came to an end stays as it is; so do a netting that ended and a case that both sides settled.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0028_clearing"
down_revision = "0027_clearing_lines"
branch_labels = None
depends_on = None

TABLES = (
    "branch_pair", "pair_event", "ceiling_decision", "pair_statement", "clearing_case", "proposal", "clearing_message",
    "clearing_receipt", "netting", "netting_leg",
)  # fmt: skip
APPEND_ONLY = ("pair_event", "ceiling_decision", "pair_statement", "clearing_message", "clearing_receipt")
# table → what it may never change, and when a row is final.
GUARDED = {
    "proposal": (
        ("id", "uid", "payer_id", "payee_id", "amount_minutes", "source_type", "reverses_id", "reserved_at"),
        "OLD.status IN ('settled', 'cancelled', 'expired', 'refused')",
        "a proposal stays what it was, and ends once",
    ),
    "netting": (
        ("id", "minutes", "asked_by_id", "asked_at", "form_key"),
        "OLD.status <> 'asked'",
        "a netting stays what was asked for, and ends once",
    ),
    "netting_leg": (
        ("netting_id", "place", "branch_id"),
        "OLD.entry_id IS NOT NULL OR (OLD.agreed_by_id IS NOT NULL AND NEW.agreed_by_id {differs} OLD.agreed_by_id)",
        "a leg of a netting stays what was agreed",
    ),
    "clearing_case": (
        ("id", "pair_id", "kind", "facts", "opened_at", "key"),
        "OLD.settled_at IS NOT NULL",
        "a case stays what was found, and is settled once",
    ),
    "branch_pair": (("id", "low_id", "high_id"), "false", "a pair stays between its two branches"),
}


def _changed(table: str, differs: str) -> str:
    names, final, _ = GUARDED[table]
    return f"({final.format(differs=differs)}) OR " + " OR ".join(f"NEW.{name} {differs} OLD.{name}" for name in names)


def _sqlite() -> list[str]:
    never = [
        f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed or deleted'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ]
    guards = [
        f"CREATE TRIGGER {table}_guarded BEFORE UPDATE ON {table} WHEN {_changed(table, 'IS NOT')} "
        f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        for table, (_, _, words) in GUARDED.items()
    ]
    kept = [
        f"CREATE TRIGGER {table}_never_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END"
        for table, (_, _, words) in GUARDED.items()
    ]
    return [*never, *guards, *kept]


def _postgresql() -> list[str]:
    statements = []
    for table in APPEND_ONLY:
        statements += [
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        ]
    for table, (_, _, words) in GUARDED.items():
        refuse = f"RAISE EXCEPTION '{words}' USING ERRCODE = 'restrict_violation';"
        statements += [
            f"""CREATE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                  IF TG_OP <> 'UPDATE' THEN {refuse} END IF;
                  IF {_changed(table, "IS DISTINCT FROM")} THEN {refuse} END IF;
                  RETURN NEW; END $$""",
            f"CREATE TRIGGER {table}_guarded BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_guard()",
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_guard()",
        ]
    return statements


def upgrade() -> None:
    _create_branch_pair()
    _create_pair_event()
    _create_ceiling_decision()
    _create_pair_statement()
    _create_clearing_case()
    _create_proposal()
    _create_clearing_message()
    _create_clearing_receipt()
    _create_netting()
    _create_netting_leg()
    for statement in _postgresql() if op.get_bind().dialect.name == "postgresql" else _sqlite():
        op.execute(statement)


def _create_branch_pair() -> None:
    op.create_table(
        "branch_pair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("low_id", sa.Integer(), nullable=False),
        sa.Column("high_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("asked_for_id", sa.Integer(), nullable=False),
        sa.Column("asked_minutes", sa.Integer(), nullable=False),
        sa.Column("low_account_id", sa.Integer(), nullable=True),
        sa.Column("high_account_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('asked', 'open', 'frozen', 'declined', 'closed')", name=op.f("ck_branch_pair_status")
        ),
        sa.CheckConstraint(
            "status NOT IN ('open', 'frozen') OR (low_account_id IS NOT NULL AND high_account_id IS NOT NULL)",
            name=op.f("ck_branch_pair_open_has_accounts"),
        ),
        sa.CheckConstraint("low_id < high_id", name=op.f("ck_branch_pair_ordered")),
        sa.ForeignKeyConstraint(["asked_for_id"], ["branch.id"], name=op.f("fk_branch_pair_asked_for_id")),
        sa.ForeignKeyConstraint(["high_account_id"], ["account.id"], name=op.f("fk_branch_pair_high_account_id")),
        sa.ForeignKeyConstraint(["high_id"], ["branch.id"], name=op.f("fk_branch_pair_high_id")),
        sa.ForeignKeyConstraint(["low_account_id"], ["account.id"], name=op.f("fk_branch_pair_low_account_id")),
        sa.ForeignKeyConstraint(["low_id"], ["branch.id"], name=op.f("fk_branch_pair_low_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_branch_pair")),
        sa.UniqueConstraint("high_account_id", name=op.f("uq_branch_pair_high_account_id")),
        sa.UniqueConstraint("low_account_id", name=op.f("uq_branch_pair_low_account_id")),
        sa.UniqueConstraint("low_id", "high_id", name=op.f("uq_branch_pair_low_id_high_id")),
    )
    op.create_index(op.f("ix_branch_pair_high_id"), "branch_pair", ["high_id"], unique=False)


def _create_pair_event() -> None:
    op.create_table(
        "pair_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_pair_event_branch_id")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_pair_event_by_id")),
        sa.ForeignKeyConstraint(["pair_id"], ["branch_pair.id"], name=op.f("fk_pair_event_pair_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_event")),
        sa.UniqueConstraint("key", name=op.f("uq_pair_event_key")),
    )
    op.create_index(op.f("ix_pair_event_pair_id"), "pair_event", ["pair_id"], unique=False)


def _create_ceiling_decision() -> None:
    op.create_table(
        "ceiling_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.CheckConstraint("minutes IS NULL OR minutes >= 0", name=op.f("ck_ceiling_decision_not_negative")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_ceiling_decision_branch_id")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_ceiling_decision_by_id")),
        sa.ForeignKeyConstraint(["peer_id"], ["branch.id"], name=op.f("fk_ceiling_decision_peer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ceiling_decision")),
        sa.UniqueConstraint("key", name=op.f("uq_ceiling_decision_key")),
    )
    op.create_index("ix_ceiling_decision_branch_id_peer_id", "ceiling_decision", ["branch_id", "peer_id"], unique=False)


def _create_pair_statement() -> None:
    op.create_table(
        "pair_statement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=True),
        sa.Column("sealed_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["pair_id"], ["branch_pair.id"], name=op.f("fk_pair_statement_pair_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_statement")),
        sa.UniqueConstraint("pair_id", "month", name=op.f("uq_pair_statement_pair_id_month")),
    )


def _create_clearing_case() -> None:
    op.create_table(
        "clearing_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=14), nullable=False),
        sa.Column("facts", sa.String(length=400), nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("low_by_id", sa.Integer(), nullable=True),
        sa.Column("low_words", sa.String(length=200), nullable=False),
        sa.Column("high_by_id", sa.Integer(), nullable=True),
        sa.Column("high_words", sa.String(length=200), nullable=False),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.CheckConstraint(
            "kind IN ('difference', 'tampered', 'out_of_chain', 'unpaid', 'stuck')", name=op.f("ck_clearing_case_kind")
        ),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (low_by_id IS NULL OR high_by_id IS NULL)",
            name=op.f("ck_clearing_case_settled_by_both_sides"),
        ),
        sa.ForeignKeyConstraint(["high_by_id"], ["member.id"], name=op.f("fk_clearing_case_high_by_id")),
        sa.ForeignKeyConstraint(["low_by_id"], ["member.id"], name=op.f("fk_clearing_case_low_by_id")),
        sa.ForeignKeyConstraint(["pair_id"], ["branch_pair.id"], name=op.f("fk_clearing_case_pair_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearing_case")),
        sa.UniqueConstraint("key", name=op.f("uq_clearing_case_key")),
    )
    op.create_index(op.f("ix_clearing_case_pair_id"), "clearing_case", ["pair_id"], unique=False)


def _create_proposal() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=60), nullable=False),
        sa.Column("payer_id", sa.Integer(), nullable=False),
        sa.Column("payee_id", sa.Integer(), nullable=False),
        sa.Column("amount_minutes", sa.Integer(), nullable=False),
        sa.Column("settled_minutes", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("source_type", sa.String(length=24), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("reverses_id", sa.Integer(), nullable=True),
        sa.Column("payer_hold_id", sa.Integer(), nullable=True),
        sa.Column("line_hold_id", sa.Integer(), nullable=True),
        sa.Column("payer_entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("payee_entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("plan", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("reserved_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("accepted_at", UTCDateTime(), nullable=True),
        sa.Column("committed_at", UTCDateTime(), nullable=True),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "(status = 'settled') = (payee_entry_id IS NOT NULL)", name=op.f("ck_proposal_settled_has_entry")
        ),
        sa.CheckConstraint(
            "(status IN ('committed', 'settled')) = (payer_entry_id IS NOT NULL)",
            name=op.f("ck_proposal_committed_has_entry"),
        ),
        sa.CheckConstraint(
            "status IN ('reserved', 'accepted', 'committed', 'settled', 'cancelled', 'expired', 'refused')",
            name=op.f("ck_proposal_status"),
        ),
        sa.CheckConstraint("amount_minutes > 0", name=op.f("ck_proposal_amount_positive")),
        sa.CheckConstraint("payer_id <> payee_id", name=op.f("ck_proposal_two_branches")),
        sa.CheckConstraint("settled_minutes IS NULL OR settled_minutes > 0", name=op.f("ck_proposal_settled_positive")),
        sa.ForeignKeyConstraint(["line_hold_id"], ["hold.id"], name=op.f("fk_proposal_line_hold_id")),
        sa.ForeignKeyConstraint(["payee_entry_id"], ["entry.id"], name=op.f("fk_proposal_payee_entry_id")),
        sa.ForeignKeyConstraint(["payee_id"], ["branch.id"], name=op.f("fk_proposal_payee_id")),
        sa.ForeignKeyConstraint(["payer_entry_id"], ["entry.id"], name=op.f("fk_proposal_payer_entry_id")),
        sa.ForeignKeyConstraint(["payer_hold_id"], ["hold.id"], name=op.f("fk_proposal_payer_hold_id")),
        sa.ForeignKeyConstraint(["payer_id"], ["branch.id"], name=op.f("fk_proposal_payer_id")),
        sa.ForeignKeyConstraint(["reverses_id"], ["proposal.id"], name=op.f("fk_proposal_reverses_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
        sa.UniqueConstraint("line_hold_id", name=op.f("uq_proposal_line_hold_id")),
        sa.UniqueConstraint("payee_entry_id", name=op.f("uq_proposal_payee_entry_id")),
        sa.UniqueConstraint("payer_entry_id", name=op.f("uq_proposal_payer_entry_id")),
        sa.UniqueConstraint("payer_hold_id", name=op.f("uq_proposal_payer_hold_id")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_proposal_reverses_id")),
        sa.UniqueConstraint("uid", name=op.f("uq_proposal_uid")),
    )
    op.create_index(op.f("ix_proposal_payee_id"), "proposal", ["payee_id"], unique=False)
    op.create_index("ix_proposal_payer_id_reserved_at", "proposal", ["payer_id", "reserved_at"], unique=False)
    op.create_index("ix_proposal_source", "proposal", ["source_type", "source_id"], unique=False)
    op.create_index("ix_proposal_status_expires_at", "proposal", ["status", "expires_at"], unique=False)


def _create_clearing_message() -> None:
    op.create_table(
        "clearing_message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=60), nullable=False),
        sa.Column("step", sa.String(length=10), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sent_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("(step = 'committed') = (number IS NOT NULL)", name=op.f("ck_clearing_message_numbered")),
        sa.ForeignKeyConstraint(["from_id"], ["branch.id"], name=op.f("fk_clearing_message_from_id")),
        sa.ForeignKeyConstraint(["to_id"], ["branch.id"], name=op.f("fk_clearing_message_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearing_message")),
        sa.UniqueConstraint("from_id", "to_id", "number", name=op.f("uq_clearing_message_from_id_to_id_number")),
        sa.UniqueConstraint("uid", "step", name=op.f("uq_clearing_message_uid_step")),
    )


def _create_clearing_receipt() -> None:
    op.create_table(
        "clearing_receipt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=60), nullable=False),
        sa.Column("step", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.String(length=20), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["from_id"], ["branch.id"], name=op.f("fk_clearing_receipt_from_id")),
        sa.ForeignKeyConstraint(["to_id"], ["branch.id"], name=op.f("fk_clearing_receipt_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearing_receipt")),
        sa.UniqueConstraint("from_id", "uid", "step", name=op.f("uq_clearing_receipt_from_id_uid_step")),
    )
    op.create_index(
        "ix_clearing_receipt_from_id_to_id_number", "clearing_receipt", ["from_id", "to_id", "number"], unique=False
    )


def _create_netting() -> None:
    op.create_table(
        "netting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("(status = 'asked') = (ended_at IS NULL)", name=op.f("ck_netting_ended_once")),
        sa.CheckConstraint("status IN ('asked', 'settled', 'declined')", name=op.f("ck_netting_status")),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_netting_minutes_positive")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["member.id"], name=op.f("fk_netting_asked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_netting")),
        sa.UniqueConstraint("form_key", name=op.f("uq_netting_form_key")),
    )


def _create_netting_leg() -> None:
    op.create_table(
        "netting_leg",
        sa.Column("netting_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("agreed_by_id", sa.Integer(), nullable=True),
        sa.Column("agreed_at", UTCDateTime(), nullable=True),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("(agreed_by_id IS NULL) = (agreed_at IS NULL)", name=op.f("ck_netting_leg_agreed_by")),
        sa.ForeignKeyConstraint(["agreed_by_id"], ["member.id"], name=op.f("fk_netting_leg_agreed_by_id")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_netting_leg_branch_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_netting_leg_entry_id")),
        sa.ForeignKeyConstraint(["netting_id"], ["netting.id"], name=op.f("fk_netting_leg_netting_id")),
        sa.PrimaryKeyConstraint("netting_id", "place", name=op.f("pk_netting_leg")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_netting_leg_entry_id")),
        sa.UniqueConstraint("netting_id", "branch_id", name=op.f("uq_netting_leg_netting_id_branch_id")),
    )
    op.create_index(op.f("ix_netting_leg_branch_id"), "netting_leg", ["branch_id"], unique=False)


def downgrade() -> None:
    """Not where branches were connected: going down would forget what they agreed on."""
    for table in ("branch_pair", "netting"):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError(f"{table} has rows that would be forgotten; restore a backup instead of going down")
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for table in GUARDED:
            op.execute(f"DROP FUNCTION {table}_guard()")
