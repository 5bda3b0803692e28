"""A program without pages: just the database, for what jobs and commands do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests import databases
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
