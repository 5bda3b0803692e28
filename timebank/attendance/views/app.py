"""The scanner as an app on a phone: its start page, its manifest, and the worker that opens it without a network."""

from __future__ import annotations

from pathlib import Path

from flask import current_app, jsonify, render_template, send_from_directory, url_for
from werkzeug.wrappers import Response

from timebank.attendance.queries import list_gate_shifts
from timebank.attendance.views.base import blueprint
from timebank.core import clock
from timebank.core.db import db
from timebank.web.guards import current_actor, guard, public
from timebank.web.headers import allow_wasm
from timebank.web.limits import limiter

SCOPE = "/organise/shifts/"  # of the worker: the scanner's pages and no others


@blueprint.get(f"{SCOPE}scanner")
@guard("check_in.others")
def scanner_start() -> str:
    """Where the app opens: the shifts of today. It names nobody, so a device may keep it for later."""
    allow_wasm()
    shifts = list_gate_shifts(db.session(), current_actor().branches("check_in.others"), now=clock.now())
    return render_template("attendance/scanner_start.html", shifts=shifts)


@blueprint.get(f"{SCOPE}scanner.webmanifest")
@public
@limiter.exempt
def scanner_manifest() -> Response:
    """What the app is called and looks like on a home screen."""
    answer = jsonify(
        {
            "id": f"{SCOPE}scanner",
            "name": "红领签到",
            "short_name": "红领签到",
            "description": "替志愿者签到签退，没有网络也能扫",
            "lang": "zh-CN",
            "start_url": url_for("attendance.scanner_start"),
            "scope": SCOPE,
            "display": "standalone",
            "background_color": "#fffdf8",
            "theme_color": "#b0241b",
            "icons": [
                {"src": "/static/favicon.svg", "sizes": "any", "type": "image/svg+xml"},
                {"src": "/static/scanner-192.png", "sizes": "192x192", "type": "image/png"},
                {"src": "/static/scanner-512.png", "sizes": "512x512", "type": "image/png"},
                {"src": "/static/scanner-512.png", "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
            ],
        }
    )
    answer.mimetype = "application/manifest+json"
    return answer


@blueprint.get(f"{SCOPE}worker.js")
@public
@limiter.exempt
def scanner_worker() -> Response:
    """The service worker, served from here so that its scope is the scanner's pages."""
    folder = Path(current_app.static_folder or "") / "js"
    return send_from_directory(folder, "scanner-worker.js", mimetype="text/javascript")
