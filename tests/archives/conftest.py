"""A program without pages: just the database, for what jobs and commands do. And packages that are only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests import databases
from tests.archives.packages import FORGER, make_chain
from timebank.core.db import db, prepare_engine


@pytest.fixture
def bare_app(fresh_database: str) -> Iterator[Flask]:
    """An application that knows the database only; threads open their own context on it."""
    made = Flask("timebank.bare")
    made.config["SQLALCHEMY_DATABASE_URI"] = fresh_database
    db.init_app(made)
    with made.app_context():
        prepare_engine(db.engine, databases.KEYS)
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three months in a row: month → package. Tests copy before they damage."""
    return make_chain(tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="session")
def foreign_chain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same by another bank with a key of its own, whose branch happens to have the same code."""
    return make_chain(tmp_path_factory.mktemp("foreign"), FORGER)
