"""Where the QR on a card leads a phone that is not the scanner: it says what this is, and nothing about anybody."""

from __future__ import annotations

from flask import render_template

from timebank.members.views import blueprint
from timebank.web.guards import public


@blueprint.get("/P/<code>")  # in capitals, as the QR writes it
@public
def personal_pass(code: str) -> str:
    """The same page for every code, true or made up: it is judged by the scanner only."""
    return render_template("members/pass.html")
