"""The migrations make the tables the models describe, and each can be taken back, on both engines."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import timebank
from tests import databases
from timebank.cli.database import MIGRATIONS, run_alembic
from timebank.core.db import Base

for found in pkgutil.walk_packages(timebank.__path__, "timebank."):
    if found.name.endswith(".models"):
        importlib.import_module(found.name)


def revisions() -> list[str]:
    """All revisions, oldest first."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def tables(engine: sa.Engine) -> set[str]:
    """Names of the tables there are, without Alembic's own."""
    names = set(sa.inspect(engine).get_table_names()) - {"alembic_version"}
    engine.dispose()
    return names


@pytest.fixture(params=databases.ENGINES)
def empty(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """An engine on an empty database."""
    with databases.fresh(request.param, migrated=False) as url:
        engine = databases.make_engine(url)
        yield engine
        engine.dispose()


def test_there_is_one_line_of_revisions() -> None:
    assert len(revisions()) == len(set(revisions())) > 0


@pytest.mark.slow
def test_each_revision_goes_up_down_and_up_again(empty: sa.Engine) -> None:
    for revision in revisions():
        run_alembic(empty, command.upgrade, revision=revision)
        after = tables(empty)
        run_alembic(empty, command.downgrade, revision="-1")
        run_alembic(empty, command.upgrade, revision=revision)
        assert tables(empty) == after


def test_going_down_to_the_start_leaves_no_table(empty: sa.Engine) -> None:
    run_alembic(empty, command.upgrade, revision="head")
    run_alembic(empty, command.downgrade, revision="base")
    assert tables(empty) == set()


@pytest.fixture
def connection(engine_url: str) -> Iterator[sa.Connection]:
    """A connection to a migrated database."""
    engine = databases.make_engine(engine_url)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_models_and_migrations_never_differ(connection: sa.Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, Base.metadata) == []


def test_every_index_and_check_of_the_models_is_in_the_database(connection: sa.Connection) -> None:
    """Alembic compares no check, and on SQLite no index on an expression, so both are looked up by name."""
    wanted = {str(index.name) for table in Base.metadata.tables.values() for index in table.indexes}
    for table in Base.metadata.tables.values():
        wanted |= {str(rule.name) for rule in table.constraints if isinstance(rule, sa.CheckConstraint)}
    if connection.dialect.name == "sqlite":
        described = "\n".join(
            connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").scalars()
        )
        assert {name for name in wanted if not re.search(rf"\b{name}\b", described)} == set()
    else:
        there = set(connection.exec_driver_sql("SELECT indexname FROM pg_indexes").scalars())
        there |= set(connection.exec_driver_sql("SELECT conname FROM pg_constraint").scalars())
        assert wanted - there == set()
