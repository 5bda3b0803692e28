"""Offers of teams, organisations and branches; hours of rooms and equipment; the day until which a voucher counts."""

import sqlalchemy as sa
from alembic import op

revision = "0031_providers"
down_revision = "0030_organisations"
branch_labels = None
depends_on = None

# Not by copying the table: a copy would lose whatever guards it. Each condition stands with the last column it names.
ADDED = {
    "team_id": "INTEGER CONSTRAINT fk_offer_team_id REFERENCES team (id)",
    "organisation_id": (
        "INTEGER CONSTRAINT fk_offer_organisation_id REFERENCES organisation (id) CONSTRAINT ck_offer_one_gives CHECK "
        "((provider_id IS NULL OR (team_id IS NULL AND organisation_id IS NULL)) "
        "AND (team_id IS NULL OR organisation_id IS NULL))"
    ),
    "use_by": "DATE CONSTRAINT ck_offer_goods_are_used_by CHECK (use_by IS NULL OR kind = 'goods')",
    "capacity": (
        "INTEGER CONSTRAINT ck_offer_resources_have_capacity CHECK ((kind = 'resource') = (capacity IS NOT NULL)) "
        "CONSTRAINT ck_offer_capacity_positive CHECK (capacity IS NULL OR capacity > 0)"
    ),
    "hours": "VARCHAR(200) DEFAULT '' NOT NULL",
    "area_id": "INTEGER CONSTRAINT fk_offer_area_id REFERENCES area (id)",
    "words": "TEXT DEFAULT '' NOT NULL",
}
CATEGORIES = {
    **{"haircut": "理发", "repair": "家电维修", "electrical": "电工", "drain": "管道疏通", "car_wash": "洗车"},
    **{"care": "陪护照料", "teaching": "教学辅导", "legal": "法律咨询", "medical": "健康医疗"},
    **{"newspaper": "订报卡", "ticket": "演出门票", "daily": "日用品", "other": "其他"},
}
KIND = ("kind IN ('service', 'goods')", "kind IN ('service', 'goods', 'resource')")
GIVER_NAMES = ("ck_offer_services_have_provider", "ck_offer_people_give_services")
GIVER = (
    "(kind = 'service') = (provider_id IS NOT NULL)",
    "kind = 'service' OR (provider_id IS NULL AND team_id IS NULL)",
)


def _replace(*changes: tuple[str, str]) -> None:
    """Put conditions in the place of others in SQLite's own text of the table (see 0017b_shift_posters)."""
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for old, new in changes:
        changed = connection.exec_driver_sql(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) "
            "WHERE type = 'table' AND name = 'offer' AND instr(sql, ?) > 0",
            (old, new, old),
        )
        if changed.rowcount != 1:
            raise RuntimeError("the table of offers is not as it was made; nothing was changed")
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _turn(before: int, after: int) -> None:
    """Let offers be given by others, too, or by members and branches alone."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE offer DROP CONSTRAINT {GIVER_NAMES[before]}")
        op.execute("ALTER TABLE offer DROP CONSTRAINT ck_offer_kind")
        op.execute(f"ALTER TABLE offer ADD CONSTRAINT ck_offer_kind CHECK ({KIND[after]})")
        op.execute(f"ALTER TABLE offer ADD CONSTRAINT {GIVER_NAMES[after]} CHECK ({GIVER[after]})")
    else:
        giver = [f"CONSTRAINT {GIVER_NAMES[way]} CHECK ({GIVER[way]})" for way in (before, after)]
        _replace((giver[0], giver[1]), (KIND[before], KIND[after]))


def upgrade() -> None:
    for name, what in ADDED.items():
        op.execute(f"ALTER TABLE offer ADD COLUMN {name} {what}")
    _turn(0, 1)
    op.create_index(op.f("ix_offer_team_id"), "offer", ["team_id"])
    op.create_index(op.f("ix_offer_organisation_id"), "offer", ["organisation_id"])
    op.execute(
        "ALTER TABLE exchange_order ADD COLUMN served_by_id INTEGER "
        "CONSTRAINT fk_exchange_order_served_by_id REFERENCES member (id)"
    )
    op.create_index(op.f("ix_exchange_order_served_by_id"), "exchange_order", ["served_by_id"])
    _write_words()


def _write_words() -> None:
    said = ("title", "category", "description", "place")
    offer = sa.table("offer", *(sa.column(name) for name in ("id", *said, "words")))
    connection = op.get_bind()
    for row in connection.execute(sa.select(offer)).mappings().all():
        words = "\n".join(CATEGORIES.get(row[name], row[name]) if name == "category" else row[name] for name in said)
        connection.execute(offer.update().where(offer.c.id == row["id"]).values(words=words.lower()))


def downgrade() -> None:
    """Not where somebody else than a member or a branch gives something, or somebody was sent to do it."""
    newer = (
        "offer WHERE (kind = 'service') <> (provider_id IS NOT NULL) OR kind = 'resource' OR organisation_id IS NOT NULL "
        "OR use_by IS NOT NULL OR hours <> '' OR area_id IS NOT NULL",
        "exchange_order WHERE served_by_id IS NOT NULL",
    )
    for rows in newer:
        if op.get_bind().exec_driver_sql(f"SELECT count(*) FROM {rows}").scalar():
            raise RuntimeError(
                f"{rows.split()[0]} has rows that would be forgotten; restore a backup instead of going down"
            )
    op.drop_index(op.f("ix_exchange_order_served_by_id"), table_name="exchange_order")
    op.drop_column("exchange_order", "served_by_id")
    op.drop_index(op.f("ix_offer_organisation_id"), table_name="offer")
    op.drop_index(op.f("ix_offer_team_id"), table_name="offer")
    _turn(1, 0)
    for name in reversed(ADDED):
        op.drop_column("offer", name)
