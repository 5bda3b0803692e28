"""The one town of each module here, on SQLite: made once, as it takes seconds, and put back when changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests import databases
from tests.conftest import SECRET, with_kept_templates
from tests.doors.town import Town, open_town
from timebank.app import create_app
from timebank.core.db import db


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Everything that has an address; nobody may leave it changed."""
    yield from _town("sqlite", tmp_path_factory)


@pytest.fixture(scope="module")
def town_on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The same; what was done there stays done."""
    yield from _town("postgresql", tmp_path_factory)


def _town(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with databases.fresh(engine) as url:
        settings = {
            "DATABASE_URL": url,
            "SECRET_KEY": SECRET,
            "TIMEBANK_DATA": str(tmp_path_factory.mktemp("doors")),
            "TIMEBANK_DEMO": False,
            "RATE_LIMITS": False,
        }
        app = with_kept_templates(create_app(settings))
        app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
        path = Path(str(sa.make_url(url).database)) if engine == "sqlite" else None
        with open_town(app, path) as made:
            yield made
            made.restore()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
