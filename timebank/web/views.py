"""The shell's own routes: packaged browser assets, remembered preferences, health."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, make_response, redirect, request, send_from_directory

from timebank.web.guards import public
from timebank.web.limits import limiter

blueprint = Blueprint("web", __name__)

# What a browser may fetch of the npm packages: address → file below node_modules.
ASSETS = {
    "idb.js": "idb/build/umd.js",
    "nacl.js": "tweetnacl/nacl-fast.min.js",
    "zxing-reader.js": "zxing-wasm/dist/iife/reader/index.js",
    "zxing_reader.wasm": "zxing-wasm/dist/reader/zxing_reader.wasm",
}
_YEAR_SECONDS = 365 * 24 * 3600
PREFERENCES = {"large": {"0", "1"}, "theme": {"auto", "light", "dark"}}


@blueprint.get("/assets/<name>")
@public
@limiter.exempt
def asset(name: str) -> Response:
    """A file of a browser package, from the allow-list only."""
    if name not in ASSETS:
        abort(404)
    packages = Path(current_app.config["NODE_MODULES"])
    return send_from_directory(packages, ASSETS[name], max_age=3600)


@blueprint.post("/preferences")
@public
def preferences() -> Response:
    """Remember 长辈版 and the colour scheme in cookies, and go back to where the visitor was."""
    response = make_response(redirect(local_path(request.form.get("next", "/"))))
    for name, allowed in PREFERENCES.items():
        value = request.form.get(name)
        if value in allowed:
            response.set_cookie(
                name, value, max_age=_YEAR_SECONDS, samesite="Lax", httponly=True, secure=request.is_secure
            )
    return response


@blueprint.get("/health")
@public
@limiter.exempt
def health() -> Response:
    """Whether the process answers; says nothing about the books."""
    return Response("ok\n", mimetype="text/plain")


def local_path(target: str) -> str:
    """``target`` if it is a path on this host, else the start page: never an open redirect."""
    try:
        parts = urlsplit(target)
    except ValueError:  # brackets that no address has
        return "/"
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return target if safe and all(c.isprintable() for c in target) else "/"
