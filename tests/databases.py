"""Migrated databases for tests: one template per engine and run, made by the real migrations, then copied.

The controller of a run makes a folder and names it in the environment; its xdist workers inherit that. What several
workers need is made by the first one that asks, under a lock, and torn down by the controller. So a run that asks for
no PostgreSQL starts none.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command

from tests.postgres import cluster_in
from timebank.cli.database import run_alembic
from timebank.core.db import prepare_engine
from timebank.core.keys import Keys

ENGINES = ("sqlite", "postgresql")
SECRET = "only-for-tests-0123456789-0123456789"
KEYS = Keys(SECRET.encode())
RUN_VARIABLE = "TIMEBANK_TEST_RUN"
_numbers = itertools.count(1)


def begin_run() -> None:
    """Make the folder of this run; its path is short because PostgreSQL's socket lies inside."""
    os.environ[RUN_VARIABLE] = tempfile.mkdtemp(prefix="tb", dir="/tmp")


def end_run() -> None:
    """Stop what was started and remove the folder."""
    folder = run_folder()
    cluster_in(folder / "pg").stop()
    shutil.rmtree(folder, ignore_errors=True)
    del os.environ[RUN_VARIABLE]


def run_folder() -> Path:
    """Folder shared by all workers of this run."""
    return Path(os.environ[RUN_VARIABLE])


@contextmanager
def once(name: str) -> Iterator[bool]:
    """True for the first worker that asks for ``name``; the others wait until it has finished, then get False."""
    done = run_folder() / f"{name}.done"
    with (run_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        first = not done.exists()
        yield first
        done.touch()


def make_engine(url: str) -> sa.Engine:
    """An engine prepared like the application's own. The caller disposes of it."""
    engine = sa.create_engine(url)
    prepare_engine(engine, KEYS)
    return engine


@contextmanager
def fresh(engine_name: str, *, migrated: bool = True) -> Iterator[str]:
    """URL of a private database, dropped afterwards: a copy of the migrated template, or empty."""
    number = f"{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}_{next(_numbers)}"
    if engine_name == "sqlite":
        path = run_folder() / f"{number}.db"
        if migrated:
            shutil.copyfile(_sqlite_template(), path)
        yield f"sqlite:///{path}"
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        return
    source = f"TEMPLATE {_postgres_template()}" if migrated else "TEMPLATE template0"
    name = f"t_{number}"
    _maintain(f"CREATE DATABASE {name} {source}")
    yield _postgres_url(name)
    _maintain(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def copy_of(url: str) -> Iterator[str]:
    """URL of a real copy of a database that nobody is connected to, dropped afterwards."""
    number = f"copy_{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}_{next(_numbers)}"
    source = sa.make_url(url)
    if source.get_backend_name() == "sqlite":
        path = run_folder() / f"{number}.db"
        with sqlite3.connect(str(source.database)) as live:
            live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        live.close()
        shutil.copyfile(str(source.database), path)
        yield f"sqlite:///{path}"
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        return
    _maintain(f"CREATE DATABASE {number} TEMPLATE {source.database}")
    yield _postgres_url(number)
    _maintain(f"DROP DATABASE {number} WITH (FORCE)")


def _sqlite_template() -> Path:
    path = run_folder() / "template.db"
    with once("sqlite") as first:
        if first:
            _migrate(f"sqlite:///{path}")
    return path


def _postgres_template() -> str:
    with once("postgres_template") as first:
        if first:
            _maintain("DROP DATABASE IF EXISTS template_timebank")  # half made by a worker that failed
            _maintain("CREATE DATABASE template_timebank TEMPLATE template0")
            _migrate(_postgres_url("template_timebank"))
    return "template_timebank"


def _migrate(url: str) -> None:
    run_alembic(make_engine(url), command.upgrade, revision="head")


def _postgres_url(name: str) -> str:
    cluster = cluster_in(run_folder() / "pg")
    with once("postgres") as first:
        if first:
            cluster.start()
    return sa.make_url(cluster.url).set(database=name).render_as_string(hide_password=False)


def _maintain(statement: str) -> None:
    engine = sa.create_engine(_postgres_url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
