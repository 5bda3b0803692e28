"""Photos of offers; hours of rooms and equipment that are booked, and days on which they are closed.

No hour has more bookings than the resource has capacity: the seats of an hour are unique and none lies above the
capacity. Indexes by which offers are searched.
"""

import sqlalchemy as sa
from alembic import op

from timebank.core.db import UTCDateTime

revision = "0033_details"
down_revision = "0032_partners"
branch_labels = None
depends_on = None

FULL = "no hour of a resource is booked more often than it has capacity"
STAYS = "a booked hour never changes"
SQLITE = (
    "CREATE TRIGGER booked_slot_within_capacity BEFORE INSERT ON booked_slot "
    "WHEN NEW.seat > COALESCE((SELECT capacity FROM offer WHERE id = NEW.offer_id), 0) "
    "OR NEW.offer_id IS NOT (SELECT offer_id FROM exchange_order WHERE id = NEW.order_id) "
    f"BEGIN SELECT RAISE(ABORT, '{FULL}'); END",
    f"CREATE TRIGGER booked_slot_stays BEFORE UPDATE ON booked_slot BEGIN SELECT RAISE(ABORT, '{STAYS}'); END",
)
POSTGRESQL = (
    f"""CREATE FUNCTION booked_slot_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP = 'UPDATE' THEN RAISE EXCEPTION '{STAYS}' USING ERRCODE = 'restrict_violation'; END IF;
          IF NEW.seat > COALESCE((SELECT capacity FROM offer WHERE id = NEW.offer_id), 0)
             OR NEW.offer_id IS DISTINCT FROM (SELECT offer_id FROM exchange_order WHERE id = NEW.order_id)
          THEN RAISE EXCEPTION '{FULL}' USING ERRCODE = 'restrict_violation'; END IF;
          RETURN NEW; END $$""",
    """CREATE TRIGGER booked_slot_within_capacity BEFORE INSERT OR UPDATE ON booked_slot
       FOR EACH ROW EXECUTE FUNCTION booked_slot_guard()""",
)


def upgrade() -> None:
    op.create_table(
        "offer_photo",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_offer_photo_offer_id")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_offer_photo_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_photo")),
        sa.UniqueConstraint("offer_id", "digest", name=op.f("uq_offer_photo_offer_id_digest")),
    )
    op.create_table(
        "booked_slot",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("slot_at", UTCDateTime(), nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.CheckConstraint("seat > 0", name=op.f("ck_booked_slot_seat_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["exchange_order.id"], name=op.f("fk_booked_slot_order_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_booked_slot_offer_id")),
        sa.PrimaryKeyConstraint("order_id", "slot_at", name=op.f("pk_booked_slot")),
        sa.UniqueConstraint("offer_id", "slot_at", "seat", name=op.f("uq_booked_slot_offer_id_slot_at_seat")),
    )
    op.create_table(
        "offer_closure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.CheckConstraint("last_day >= first_day", name=op.f("ck_offer_closure_days_in_order")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_offer_closure_has_reason")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_offer_closure_offer_id")),
        sa.ForeignKeyConstraint(["by_id"], ["member.id"], name=op.f("fk_offer_closure_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_closure")),
        sa.UniqueConstraint("form_key", name=op.f("uq_offer_closure_form_key")),
    )
    op.create_index("ix_offer_closure_offer_id_last_day", "offer_closure", ["offer_id", "last_day"])
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Not where hours are booked, or somebody showed a picture."""
    for table in ("booked_slot", "offer_closure", "offer_photo"):
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar():
            raise RuntimeError(f"{table} has rows that would be forgotten; restore a backup instead of going down")
    for table in ("offer_closure", "booked_slot", "offer_photo"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION booked_slot_guard()")
