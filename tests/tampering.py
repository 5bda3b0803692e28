"""What somebody with the tables in hand could do once the guards are gone: for tests that have to find it out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session


def lift_guards(session: Session) -> None:
    """Let anything be written until this transaction ends; on SQLite triggers stay away when it is committed."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SET LOCAL session_replication_role = replica"))  # neither triggers nor foreign keys
        session.execute(sa.text("ALTER TABLE account DROP CONSTRAINT ck_account_available_above_floor"))
        session.execute(sa.text("ALTER TABLE hold_end DROP CONSTRAINT ck_hold_end_posted_has_entry"))
        session.execute(sa.text("ALTER TABLE period DROP CONSTRAINT ck_period_closed_by"))
        return
    for name in session.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        session.execute(sa.text(f"DROP TRIGGER {name}"))
    session.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
    session.execute(sa.text("PRAGMA ignore_check_constraints = ON"))


@contextmanager
def guards_away(session: Session) -> Iterator[None]:
    """No triggers and no foreign keys meanwhile; afterwards they stand again, as on a server that runs on."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        yield
        session.execute(sa.text("SET LOCAL session_replication_role = origin"))
        return
    session.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
    triggers = session.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, _ in triggers:
        session.execute(sa.text(f"DROP TRIGGER {name}"))
    yield
    for _, sql in triggers:
        session.connection().exec_driver_sql(sql)


def tamper(session: Session, statement: str, **values: object) -> None:
    """One change of running figures behind the guards, which stand again afterwards. SQLite has none for these."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    if postgresql:
        session.execute(sa.text("SET LOCAL session_replication_role = replica"))
    session.execute(sa.text(statement), values)
    if postgresql:
        session.execute(sa.text("SET LOCAL session_replication_role = origin"))
