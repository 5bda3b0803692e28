"""Database: the declarative base, aware instants on both engines, and the unit of work that doors open."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Dialect, Engine, Integer, MetaData, Table, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.types import TypeDecorator

from timebank.core.keys import Keys

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


BIG = BigInteger().with_variant(Integer, "sqlite")  # ids of what grows for ever; SQLite counts up only its INTEGER


class UTCDateTime(TypeDecorator[datetime]):
    """An instant: refuses naive values, stores UTC, returns aware UTC on SQLite too (which forgets zones)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime is not an instant")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Parent of every table; constraints are named by one convention so that migrations can name what they drop."""

    # A registry, since Flask-SQLAlchemy copies this class, and SQLAlchemy refuses a second type_annotation_map.
    registry = registry(metadata=MetaData(naming_convention=NAMING), type_annotation_map={datetime: UTCDateTime()})


db = SQLAlchemy(model_class=Base)

# Threads of one process that meet in SQLite's back-off wait unfairly (seconds at the tail); a lock queues them.
_sqlite_writer = threading.RLock()
WRITE = {"timebank_write": True}
_KEYS: Final = "timebank_keys"


def prepare_engine(engine: Engine, keys: Keys) -> None:
    """Let sessions know the instance's keys; make SQLite keep foreign keys, write ahead, lock when a write begins."""
    engine.update_execution_options(**{_KEYS: keys})
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        # With recursive triggers a REPLACE fires the triggers that keep rows from being deleted; without, it slips by.
        keep = ("foreign_keys=ON", "recursive_triggers=ON")
        for pragma in (*keep, "journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        write = connection.get_execution_options().get("timebank_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def keys_of(session: Session) -> Keys:
    """The instance's keys, for what one branch signs for another; doors hand them to whatever else needs them."""
    return cast(Keys, session.connection().get_execution_options()[_KEYS])


@contextmanager
def write_session(session: Session) -> Iterator[Session]:
    """Run the block as one write transaction of ``session`` and commit once at the end; roll back on any error.

    What the session read before is let go first, so that the block decides on what is true under its lock.
    """
    sqlite = session.get_bind().dialect.name == "sqlite"
    if sqlite or not session.is_active:
        session.rollback()
    else:  # READ COMMITTED sees what is true at each statement anyway; this saves two round trips
        session.expire_all()
    if sqlite:
        _sqlite_writer.acquire()
    try:
        session.connection(execution_options=WRITE if sqlite else {})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        if sqlite:
            _sqlite_writer.release()


@contextmanager
def transaction() -> Iterator[Session]:
    """Open the unit of work of a door (view, command, job): one session, one commit. Only doors call this."""
    with write_session(db.session()) as current:
        yield current


@contextmanager
def snapshot() -> Iterator[Session]:
    """One unchanging view of the database for a read in several statements; what is written meanwhile is not seen.

    Only doors call this. SQLite's read transactions are such views anyway.
    """
    session = db.session()
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    try:
        yield session
    finally:
        session.rollback()


def lock_name(session: Session, name: str) -> None:
    """Make whoever locks the same name wait until this transaction ends, for checks that no unique column can keep.

    What is read after this call is true until the commit. On SQLite the writer is alone already.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def insert_once(session: Session, table: type[Base]) -> Any:
    """An INSERT that yields to a row already there under any unique constraint (look at RETURNING or the row count)."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    # The table, not the class: a Core insert of one row costs half of what the ORM's takes.
    return dialect.insert(cast(Table, table.__table__)).on_conflict_do_nothing()
