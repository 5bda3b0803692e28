"""Wires everything: settings, database, shell, features, identity, navigation, commands."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, current_app, request, url_for
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

import config
from timebank import cli, demo
from timebank.activities.views import blueprint as activities
from timebank.agreements.views import blueprint as agreements
from timebank.archives.views import blueprint as archives
from timebank.attendance.queries import standing_of
from timebank.attendance.views import blueprint as attendance
from timebank.branches.views import blueprint as branches
from timebank.certificates.views import blueprint as certificates
from timebank.clearing.views import blueprint as clearing
from timebank.core.db import db, prepare_engine
from timebank.core.keys import Keys
from timebank.corrections.views import blueprint as corrections
from timebank.desks.navigation import navigation
from timebank.desks.views import blueprint as desks
from timebank.disputes.views import blueprint as disputes
from timebank.exchange.views import blueprint as exchange
from timebank.giving.views import blueprint as giving
from timebank.growth.views import blueprint as growth
from timebank.jobs.views import blueprint as jobs
from timebank.members.identity import find_signed_in
from timebank.members.roster.views import blueprint as roster
from timebank.members.views import blueprint as members
from timebank.notices.views import blueprint as notices
from timebank.partners.views import blueprint as partners
from timebank.passbooks.views import blueprint as passbooks
from timebank.requests.views import blueprint as requests
from timebank.rulebook.views import blueprint as rulebook
from timebank.web import addresses, answers, filters, headers
from timebank.web.guards import find_actor, login_manager
from timebank.web.limits import limiter
from timebank.web.views import blueprint as web

FEATURES = (
    web,
    desks,
    branches,
    members,
    roster,
    notices,
    clearing,
    rulebook,
    giving,
    activities,
    attendance,
    exchange,
    partners,
    requests,
    agreements,
    growth,
    certificates,
    passbooks,
    corrections,
    disputes,
    archives,
    jobs,
)
MAX_UPLOAD_BYTES = 16 * 1024 * 1024


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Build the app from the environment's settings, overridden by ``settings`` (tests, commands)."""
    app = Flask(
        __name__,
        template_folder=str(config.ROOT / "templates"),
        static_folder=str(config.ROOT / "static"),
    )
    app.config.update(config.from_environment())
    app.config.update(settings or {})
    _prepare_config(app)
    _prepare_logging()
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine, app.extensions["timebank_keys"])
    _prepare_shell(app)
    for blueprint in FEATURES:
        app.register_blueprint(blueprint)
    # What shifts that are over wait for is attendance's to say; the organiser's page lies below it and is told.
    app.extensions["timebank_standing"] = standing_of
    cli.init_app(app)
    demo.init_app(app)
    return app


def _prepare_config(app: Flask) -> None:
    secret = app.config["SECRET_KEY"]
    if len(secret) < config.MIN_SECRET_LENGTH:
        raise ValueError("SECRET_KEY needs at least 32 characters")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=app.config["DATABASE_URL"],
        MAX_CONTENT_LENGTH=MAX_UPLOAD_BYTES,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        NODE_MODULES=str(config.ROOT / "node_modules"),
        RATELIMIT_ENABLED=app.config.get("RATE_LIMITS", True),
        WTF_CSRF_TIME_LIMIT=12 * 3600,
    )
    app.extensions["timebank_keys"] = Keys(secret.encode())
    Path(app.config["TIMEBANK_DATA"]).mkdir(parents=True, exist_ok=True)


def _prepare_logging() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


def _prepare_shell(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined
    # A global, not page context: imported macros see no context.
    app.jinja_env.globals["static_url"] = _static_url
    if app.config["TIMEBANK_PROXY"]:
        app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    CSRFProtect(app)
    limiter.init_app(app)
    login_manager.init_app(app)
    login_manager.login_view = "members.sign_in"
    login_manager.login_message = "请先登录。"
    login_manager.user_loader(find_signed_in)
    addresses.init_app(app)
    headers.init_app(app)
    filters.init_app(app)
    answers.init_app(app)
    app.context_processor(_page_context)


def _page_context() -> dict[str, Any]:
    actor = find_actor()
    return {
        "actor": actor,
        "nav": navigation(actor, request.path),
        "demo_mode": current_app.config["TIMEBANK_DEMO"],
        "large": request.cookies.get("large") == "1",
        "theme": request.cookies.get("theme", "auto"),
    }


def _static_url(path: str) -> str:
    """A static file's address with its time of change, so that browsers keep it until it changes."""
    changed = int((config.ROOT / "static" / path).stat().st_mtime)
    return url_for("static", filename=path, v=changed)
