"""The running app's keys, for doors that hand them down to services."""

from typing import Final, cast
from urllib.parse import urlsplit

from flask import current_app, request

from timebank.core.errors import Conflict
from timebank.core.keys import Keys

_OWN: Final = ("localhost", "127.0.0.1", "::1")


class AddressUnknown(Conflict):
    """Nobody set the address that codes lead to, and the one in the request may be anybody's."""

    code = "web.address_unknown"
    text = "还没有设置本平台的网址（TIMEBANK_URL），印出来的码不知道该指向哪里。请系统管理员设置以后再试。"


def keys() -> Keys:
    """The keys derived from this instance's SECRET_KEY."""
    return cast(Keys, current_app.extensions["timebank_keys"])


def public_base() -> str:
    """The address that QR codes carry: TIMEBANK_URL, else the one this request came to."""
    return str(current_app.config["TIMEBANK_URL"] or request.url_root.rstrip("/"))


def lasting_base() -> str:
    """The address for what is printed in numbers or signed and lasts: never one that whoever asked made up.

    Without TIMEBANK_URL the machine itself will do, which leads strangers nowhere, and whatever was asked in a demo.
    Raises AddressUnknown.
    """
    own = urlsplit(request.url_root).hostname in _OWN
    if not (current_app.config["TIMEBANK_URL"] or current_app.config["TIMEBANK_DEMO"] or own):
        raise AddressUnknown()
    return public_base()


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
