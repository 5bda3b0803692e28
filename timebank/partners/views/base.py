"""The blueprint that all pages of partners hang on, and the mark of pages that only a desk may open."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, g, render_template, request

from timebank.core import clock
from timebank.core.db import db
from timebank.core.errors import NotAllowed
from timebank.partners.models import PartnerDesk
from timebank.partners.queries import find_open_desk
from timebank.partners.rules import COOKIE, read_note
from timebank.partners.service import DeskOver
from timebank.web.guards import find_actor, login_manager
from timebank.web.keyring import keys

blueprint = Blueprint("partners", __name__)
ID = "int(max=2147483647)"  # an id in an address
DESK_COOKIE = "desk"
DESK_PATH = "/desk"
PERMISSION = "desk.redeem"

View = TypeVar("View", bound=Callable[..., Any])


def desk_only(view: View) -> View:
    """Mark a view that only a browser that is an open desk may ask; who is signed in there means nothing."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        kept = request.cookies.get(DESK_COOKIE, "")
        if not kept:
            if find_actor() is None:
                return login_manager.unauthorized()
            raise NotAllowed(permission=PERMISSION)
        desk = find_open_desk(db.session(), read_note(keys(), COOKIE, kept), clock.now())
        if desk is None:
            return over()
        g.desk = desk
        return view(*args, **kwargs)

    guarded.permission = PERMISSION  # type: ignore[attr-defined]
    return cast(View, guarded)


def over() -> tuple[str, int]:
    """The page of a device that is a desk no more."""
    return render_template("partners/desk_over.html", text=DeskOver.text), 403


def this_desk() -> PartnerDesk:
    """The desk of this request; only for views behind ``desk_only``."""
    return cast(PartnerDesk, g.desk)
