"""A deterministic small town for trying things out, built only through the features' own services.

Promises: loads once, whole or not at all; the same people, hours and orders for the same moment; its sign-ins are shown
in demo mode only. Refuses a database in which somebody else's branches live.
Words: plan (what an activity is) · occasion (a plan with its dates) · diary (what happens when) · resident.
"""

from __future__ import annotations

from flask import Flask

from timebank.core.db import db
from timebank.demo.loading import is_loaded
from timebank.demo.town.sign_ins import SIGN_INS, SignIn


def init_app(app: Flask) -> None:
    """Let the sign-in page ask for the town's sign-ins: in demo mode, once the town is loaded."""

    def sign_ins() -> tuple[SignIn, ...]:
        return SIGN_INS if app.config["TIMEBANK_DEMO"] and is_loaded(db.session()) else ()

    app.extensions["timebank_demo_sign_ins"] = sign_ins
