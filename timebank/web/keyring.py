"""The running app's keys, for doors that hand them down to services."""

from typing import cast
from urllib.parse import urlsplit

from flask import current_app, request

from timebank.core.keys import Keys


def keys() -> Keys:
    """The keys derived from this instance's SECRET_KEY."""
    return cast(Keys, current_app.extensions["timebank_keys"])


def public_url(path: str) -> str:
    """``path`` under the address that QR codes carry: TIMEBANK_URL, else the one this request came to."""
    base = current_app.config["TIMEBANK_URL"] or request.url_root.rstrip("/")
    return f"{base}{path}"


def pass_url(scanned: str) -> str:
    """The address a QR carries for a personal pass: scheme and host in capitals, so that it packs them densely."""
    parts = urlsplit(public_url(f"/P/{scanned}"))
    return f"{parts.scheme.upper()}://{parts.netloc.upper()}{parts.path}"
