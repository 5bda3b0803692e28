"""One leader among processes: the schedule runs in whoever holds the lock; the others wait for their turn.

Jobs are safe to run twice anyway; the lock keeps two schedules from doing the same work and filling the log twice.
Both kinds of lock vanish with their process, so nothing has to be cleaned up after a crash.
"""

from __future__ import annotations

import fcntl
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

_LOCK_NUMBER = 7_468_202  # any number, as long as nothing else in the database takes it


class Leadership(Protocol):
    """A lock that is tried, kept, checked and given back."""

    def acquire(self) -> bool:
        """Become the leader if nobody else is."""

    def holds(self) -> bool:
        """Whether the lock is still ours."""

    def release(self) -> None:
        """Let somebody else lead."""


class FileLeadership:
    """For SQLite: all processes share a machine, so a locked file in the data folder tells who leads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Lock the file without waiting."""
        file = self._path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def holds(self) -> bool:
        """A locked file stays locked as long as it is open."""
        return self._file is not None

    def release(self) -> None:
        """Close the file, and the lock with it."""
        if self._file is not None:
            self._file.close()
            self._file = None


class DatabaseLeadership:
    """For PostgreSQL: an advisory lock on a connection of its own, wherever the processes run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        """Take the lock without waiting."""
        # Autocommit, or the connection would sit in one transaction for months and keep old rows from being cleaned.
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": _LOCK_NUMBER}):
            connection.close()
            return False
        self._connection = connection
        return True

    def holds(self) -> bool:
        """Whether the connection still lives: the server drops the lock when it goes."""
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def release(self) -> None:
        """Unlock, and close the connection for good: a lock belongs to its connection, wherever the pool takes that."""
        if self._connection is not None:
            with suppress(SQLAlchemyError):  # a connection that is gone has let go already
                self._connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": _LOCK_NUMBER})
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def leadership(engine: Engine, folder: Path) -> Leadership:
    """The lock that fits the database."""
    if engine.dialect.name == "postgresql":
        return DatabaseLeadership(engine)
    return FileLeadership(folder / "jobs.lock")
