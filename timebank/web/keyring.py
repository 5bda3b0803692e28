"""The running app's keys, for doors that hand them down to services."""

from typing import cast
from urllib.parse import urlsplit

from flask import current_app, request

from timebank.core.keys import Keys


def keys() -> Keys:
    """The keys derived from this instance's SECRET_KEY."""
    return cast(Keys, current_app.extensions["timebank_keys"])


def public_base() -> str:
    """The address that QR codes carry: TIMEBANK_URL, else the one this request came to."""
    return str(current_app.config["TIMEBANK_URL"] or request.url_root.rstrip("/"))


def public_url(path: str) -> str:
    """``path`` under the address that QR codes carry."""
    return f"{public_base()}{path}"


def pass_url(scanned: str) -> str:
    """The address a QR carries for a personal pass."""
    return pass_address(public_base(), scanned)


def pass_address(base: str, scanned: str) -> str:
    """``pass_url`` under a given address, for what is printed without a request: scheme and host in capitals, so that
    the QR packs them densely."""
    parts = urlsplit(f"{base}/P/{scanned}")
    return f"{parts.scheme.upper()}://{parts.netloc.upper()}{parts.path}"
