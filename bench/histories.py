"""Long histories made fast: months of one size, written in bulk with triggers at rest, closed by the real close.

What the bulk leaves behind is what the verbs would have: entries, transfers, running figures. ``verify`` accepts it
but for the content hashes; the growth figures check that on a sample before they are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.by_hand import Town
from timebank.core.actor import SYSTEM
from timebank.core.clock import month_range, next_month
from timebank.core.db import WRITE, write_session
from timebank.core.keys import Keys
from timebank.ledger.models import Period
from timebank.ledger.service import close_period
from timebank.ledger.verification import CHECKS, verify

PER_MONTH = 10_000
FIRST_MONTH = "2000-01"
KEYS = Keys(b"only-for-benchmarks-0123456789-01234567")
_STEP = 240  # seconds between two entries: 10,000 of them fill 27.8 days

# Every other entry is a deposit from the issuance account; the member who got it then pays half of it to another.
ENTRIES = """
INSERT INTO entry (book_id, period_id, kind, key, content_hash, transfer_count, source_type, source_id, actor_id,
                   for_member_id, occurred_at, posted_at, reverses_id, rule, facts)
SELECT :book, :period, CASE WHEN i % 2 = 0 THEN 'earn' ELSE 'redeem' END, :month || ':' || i, :mark, 1, 'bench', i,
       NULL, NULL, {at}, {at}, NULL, NULL, '{{}}'
FROM {series}
ORDER BY i
"""
TRANSFERS = """
INSERT INTO transfer (entry_id, seq, book_id, period_id, unit, debit_id, credit_id, amount)
SELECT id, 1, :book, :period, 'coin',
       CASE WHEN source_id % 2 = 0 THEN :issuance ELSE :first + (source_id / 2) % :members END,
       :first + CASE WHEN source_id % 2 = 0 THEN (source_id / 2) % :members
                     ELSE (source_id / 2 + :members / 2 + 1) % :members END,
       CASE WHEN source_id % 2 = 0 THEN 60 ELSE 30 END
FROM entry WHERE period_id = :period
ORDER BY id
"""
FIGURES = """
UPDATE account SET
  posted_in = posted_in + (SELECT coalesce(sum(amount), 0) FROM transfer
                           WHERE credit_id = account.id AND period_id = :period),
  posted_out = posted_out + (SELECT coalesce(sum(amount), 0) FROM transfer
                             WHERE debit_id = account.id AND period_id = :period)
WHERE book_id = :book AND runs
"""
_ENGINES = {
    "sqlite": {
        "at": "strftime('%Y-%m-%d %H:%M:%S.000000', :start, '+' || (i * :step) || ' seconds')",
        "series": "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :count - 1) "
        "SELECT i FROM n)",
    },
    "postgresql": {
        "at": "CAST(:start AS timestamptz) + i * :step * interval '1 second'",
        "series": "generate_series(0, CAST(:count AS int) - 1) AS i",
    },
}


@dataclass(frozen=True, kw_only=True)
class History:
    """A town with so many transfers in closed months, and one open month as full as any."""

    town: Town
    transfers: int
    closed: tuple[str, ...]
    last_close_seconds: float = 0.0


def fill(town: Town, transfers: int) -> History:
    """Write and close ``transfers`` in months of one size, then an open month."""
    month, closed, taken = FIRST_MONTH, [], 0.0
    _hurry(town.engine)
    for _ in range(transfers // PER_MONTH):
        _fill_month(town, month)
        taken = _close(town, month)
        closed.append(month)
        month = next_month(month)
    _fill_month(town, month)
    _tidy(town.engine)
    now = month_range(month)[0] + timedelta(days=27, hours=20)  # after its last entry
    return History(town=replace(town, now=now), transfers=transfers, closed=tuple(closed), last_close_seconds=taken)


def findings(town: Town) -> list[str]:
    """What the self-audit says to it, content hashes aside: nobody posted the bulk, so it has none."""
    checks = tuple(name for name, _, _ in CHECKS if name != "keys")
    with Session(town.engine) as session:
        return [found.text for check in verify(session, town.book_id, only=checks) for found in check.findings]


def _fill_month(town: Town, month: str) -> None:
    first = town.members[0]
    if town.members != list(range(first, first + len(town.members))):
        raise RuntimeError("the members' accounts are to be numbered in a row")
    dialect = town.engine.dialect.name
    start = month_range(month)[0]
    with town.engine.connect().execution_options(**WRITE) as connection, connection.begin():
        period = connection.execute(
            sa.insert(Period).values(book_id=town.book_id, month=month).returning(Period.id)
        ).scalar_one()
        given = {
            "book": town.book_id,
            "period": period,
            "month": month,
            "mark": "0" * 64,
            "start": start if dialect == "postgresql" else start.replace(tzinfo=None).isoformat(" "),
            "step": _STEP,
            "count": PER_MONTH,
            "issuance": town.issuance,
            "first": first,
            "members": len(town.members),
        }
        with _at_rest(connection):
            for statement in (ENTRIES, TRANSFERS, FIGURES):
                connection.execute(sa.text(statement.format(**_ENGINES[dialect])), given)


@contextmanager
def _at_rest(connection: sa.Connection) -> Iterator[None]:
    """No triggers (and on PostgreSQL no foreign keys) for a while."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield
        connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
        return
    kept = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('entry', 'transfer', 'account')"
    ).all()
    for name, _ in kept:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, sql in kept:
        connection.exec_driver_sql(sql)


def _close(town: Town, month: str) -> float:
    began = datetime.now(UTC)
    with Session(town.engine) as session, write_session(session):
        close_period(session, town.book_id, month, actor=SYSTEM, keys=KEYS, now=month_range(month)[1])
    return (datetime.now(UTC) - began).total_seconds()


def _hurry(engine: sa.Engine) -> None:
    """Let the one connection that fills an SQLite file keep its pages and not wait for the disk."""
    if engine.dialect.name == "sqlite":
        raw = engine.raw_connection()  # outside a transaction
        for pragma in ("cache_size = -1000000", "wal_autocheckpoint = 100000", "synchronous = OFF"):
            raw.cursor().execute(f"PRAGMA {pragma}")
        raw.close()


def _tidy(engine: sa.Engine) -> None:
    """What autovacuum does in time on PostgreSQL; an SQLite file is left as it is, as nobody analyses it in service.

    Afterwards connections are new ones, as the app has them.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            for _ in range(2):  # the first leaves pages of the last month unmarked, at one size and not at another
                connection.exec_driver_sql("VACUUM ANALYZE")
        else:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
