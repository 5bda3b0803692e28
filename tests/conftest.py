"""Fixtures: databases made by the real migrations, the application on them, a server, a browser. The network is off.

``engine_url``, ``session``, ``fresh_database``, ``app``, ``client`` run each test once per engine. To narrow:
``@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)``. Browser tests run on SQLite unless they say so.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from jinja2 import FileSystemBytecodeCache
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from tests import databases
from tests.chromium import find_chromium
from timebank.core.db import db

# Threads, processes and attacks on databases of their own: each test pays for a fresh one. The others live through
# months, or correct what took a town to book, or try hundreds of forged codes: half a second each.
SLOW_FILES = {
    "test_migrations.py",
    "test_uploads.py",
    "test_database_refusals.py",
    "test_copies.py",
    "test_verification.py",
    "test_jobs.py",
    "test_reports.py",
    "test_rules_of_the_day.py",
    "test_service.py",
    "test_totals.py",
    "test_purposes.py",
    "test_killed.py",
}
SECRET = databases.SECRET
# How fast something is, bench/ says: a machine that is busy with something else makes no test fail.
hypothesis_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("untimed")


# --- the run -------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """The controller makes the folder that its workers share."""
    if not hasattr(config, "workerinput"):
        databases.begin_run()
    _switch_network_off()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controller stops the servers when all its workers are gone."""
    if not hasattr(config, "workerinput"):
        databases.end_run()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what touches a database on both engines, unless the test itself names its engine."""
    if "engine_url" not in metafunc.fixturenames:
        return
    for mark in metafunc.definition.iter_markers("parametrize"):
        if "engine_url" in str(mark.args[0]):
            return
    engines = databases.ENGINES[:1] if "live_server" in metafunc.fixturenames else databases.ENGINES
    metafunc.parametrize("engine_url", engines, indirect=True)


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by what a test uses, so that nobody has to remember to."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "app" in fixtures or "live_server" in fixtures or item.path.parent.name == "doors":
            item.add_marker("door")
        if "browser" in fixtures:
            item.add_marker("browser")
        if item.path.name in SLOW_FILES or item.path.stem.endswith("_races"):
            item.add_marker("slow")
        spec = getattr(item, "callspec", None)
        if spec is not None and "postgresql" in spec.params.values():
            item.add_marker("postgresql")


def _switch_network_off() -> None:
    """Refuse every address but this machine's own: a test that needs the network fails elsewhere."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            raise PermissionError(f"tests do not use the network: {address}")
        connect(self, address)

    socket.socket.connect = connect_here  # type: ignore[method-assign]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --- databases -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WorkerDatabase:
    """A migrated database that all tests of one worker share, by one engine, which keeps its compiled statements."""

    context: AbstractContextManager[str]
    url: str
    engine: sa.Engine


@pytest.fixture(scope="session")
def worker_databases() -> Iterator[dict[str, WorkerDatabase]]:
    """This worker's database for each engine, made when first asked for; tests roll back what they write."""
    opened: dict[str, WorkerDatabase] = {}
    yield opened
    for made in opened.values():
        made.engine.dispose()
        made.context.__exit__(None, None, None)


@pytest.fixture
def engine_url(request: pytest.FixtureRequest, worker_databases: dict[str, WorkerDatabase]) -> str:
    """URL of this worker's migrated database. Never commit to it: that is what ``fresh_database`` is for."""
    name: str = request.param
    if name not in worker_databases:
        context = databases.fresh(name)
        url = context.__enter__()
        worker_databases[name] = WorkerDatabase(context, url, databases.make_engine(url))
    return worker_databases[name].url


@pytest.fixture
def session(engine_url: str, worker_databases: dict[str, WorkerDatabase]) -> Iterator[Session]:
    """A session within an outer transaction that is rolled back; the test may flush, nest, commit and roll back."""
    engine = worker_databases[sa.make_url(engine_url).get_backend_name()].engine
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as opened:
            yield opened
        outer.rollback()
        if engine.dialect.name == "sqlite":  # what a tampering test lifts stays lifted on a connection
            connection.connection.cursor().execute("PRAGMA ignore_check_constraints = OFF")


@pytest.fixture
def fresh_database(engine_url: str) -> Iterator[str]:
    """URL of a private migrated database, for tests that commit, use threads or start processes."""
    with databases.fresh(sa.make_url(engine_url).get_backend_name()) as url:
        yield url


# --- the application -----------------------------------------------------------------------------------------------


@pytest.fixture
def settings(fresh_database: str, tmp_path: Path) -> dict[str, Any]:
    """Settings of the application under test."""
    return {
        "DATABASE_URL": fresh_database,
        "SECRET_KEY": SECRET,
        "TIMEBANK_DATA": str(tmp_path / "var"),
        "TIMEBANK_DEMO": False,
        "RATE_LIMITS": False,
    }


@dataclass
class KeptApp:
    """An application that a worker keeps: made once per engine, lent to test after test, each on its own database.

    What costs more than most tests is kept with it: the routes, and the statements that SQLAlchemy compiled.
    """

    app: Flask
    url: sa.URL

    @classmethod
    def make(cls, settings: dict[str, Any]) -> KeptApp:
        """The application on the database of the settings; its engine connects to whatever ``url`` is later."""
        from timebank.app import create_app

        made = cls(with_kept_templates(create_app(settings)), sa.make_url(settings["DATABASE_URL"]))
        with made.app.app_context():
            sa.event.listen(db.engine, "do_connect", made._redirect)
        return made

    def _redirect(self, _dialect: sa.Dialect, _record: Any, given: list[Any], named: dict[str, Any]) -> None:
        if self.url.get_backend_name() == "sqlite":
            given[0] = self.url.database
        else:
            named["dbname"] = self.url.database

    @contextmanager
    def lent(self, settings: dict[str, Any]) -> Iterator[Flask]:
        """The application with these settings on their database; what a test changes of it is put back."""
        config, extensions = dict(self.app.config), dict(self.app.extensions)
        self.url = sa.make_url(settings["DATABASE_URL"])
        self.app.config.update(settings, SQLALCHEMY_DATABASE_URI=settings["DATABASE_URL"])
        self.app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
        Path(settings["TIMEBANK_DATA"]).mkdir(parents=True, exist_ok=True)
        yield self.app
        _close(self.app)
        for kept, first in ((self.app.config, config), (self.app.extensions, extensions)):
            kept.clear()
            kept.update(first)


@pytest.fixture(scope="session")
def kept_apps() -> dict[str, KeptApp]:
    """This worker's application on each engine, made when first asked for."""
    return {}


@pytest.fixture
def app(settings: dict[str, Any], kept_apps: dict[str, KeptApp]) -> Iterator[Flask]:
    """The application on the test's own database. Forms are taken without their token; the browser sends real ones."""
    engine = sa.make_url(settings["DATABASE_URL"]).get_backend_name()
    if engine not in kept_apps:
        kept_apps[engine] = KeptApp.make(settings)
    with kept_apps[engine].lent(settings) as lent:
        yield lent


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor without JavaScript."""
    return app.test_client()


def with_kept_templates(app: Flask) -> Flask:
    """Compiled templates are shared by all applications of a run: compiling costs more than most tests."""
    folder = databases.run_folder() / "templates"
    folder.mkdir(exist_ok=True)
    app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(folder))
    return app


def _close(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


# --- the browser ---------------------------------------------------------------------------------------------------


@pytest.fixture
def live_app(settings: dict[str, Any]) -> Iterator[Flask]:
    """What ``live_server`` serves, form tokens checked; fill its database within ``live_app.app_context()``."""
    from timebank.app import create_app

    made = with_kept_templates(create_app(settings))
    yield made
    _close(made)


@pytest.fixture
def live_server(live_app: Flask) -> Iterator[str]:
    """Address of the application, served by threads on a free port of this machine, without a slash at the end."""
    server = make_server("127.0.0.1", 0, live_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium per worker."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(**find_chromium().launch)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone's page in Chinese, forgotten afterwards. Scripts that fail make the test fail."""
    context = browser.new_context(
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        viewport={"width": 390, "height": 844},
        has_touch=True,
    )
    context.set_default_timeout(float(os.environ.get("BROWSER_TIMEOUT_MS", "10000")))
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors, errors
