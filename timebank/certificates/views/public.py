"""``/certificates``: anybody checks a certificate by its number; nobody learns more than masked name, hours and state.

A number that was never issued and one that cannot be are answered alike, by the same look into the database. Looks are
counted by a form that the page's script sends, so that reading writes nothing, and a chat program that fetches the page
before a person does is not counted.
"""

from __future__ import annotations

import hmac

from flask import Response as FlaskResponse
from flask import make_response, redirect, render_template, request, url_for
from flask_limiter.util import get_remote_address
from werkzeug.wrappers import Response

from timebank.certificates import queries, service
from timebank.certificates.models import STATUS_NAMES
from timebank.certificates.rules import CertificateNotFound
from timebank.certificates.views.base import TONES, blueprint
from timebank.core import clock, codes
from timebank.core.db import db, transaction
from timebank.web.guards import public
from timebank.web.keyring import keys
from timebank.web.limits import CODE_LIMIT, limiter

GUESSES_AN_HOUR = 60
WRONG_NUMBERS = f"20/minute;{GUESSES_AN_HOUR}/hour"  # per address: people mistype now and then, guessers all the time
LOOKS_COUNTED = "3/hour"  # per address and number: the same page may be sent again and again
_LONGEST = 40
_SEEN = "certificate/seen"  # proves that the page with this number was shown


@blueprint.get("/certificates")
@public
@limiter.limit(CODE_LIMIT)
def look_up() -> FlaskResponse | Response:
    """Type the number."""
    typed = codes.tidy(request.args.get("number", "")[:_LONGEST])
    if typed:
        return redirect(url_for("certificates.show", number=typed))
    return _unlisted(render_template("certificates/look_up.html", unknown=False))


@blueprint.get("/certificates/<number>")
@public
@limiter.limit(CODE_LIMIT)
@limiter.limit(WRONG_NUMBERS, deduct_when=lambda response: response.status_code == 404)
def show(number: str) -> FlaskResponse:
    """What strangers may know of a certificate."""
    try:
        found = queries.find_shown(db.session(), number[:_LONGEST], keys())
    except CertificateNotFound:
        return _unlisted(render_template("certificates/look_up.html", unknown=True), 404)
    page = render_template(
        "certificates/public.html",
        found=found,
        number=codes.grouped(found.number),
        statuses=STATUS_NAMES,
        tones=TONES,
        seen=_seen(found.number),
    )
    return _unlisted(page)


@blueprint.post("/certificates/<number>/looks")
@public
@limiter.limit(CODE_LIMIT)
@limiter.limit(LOOKS_COUNTED, key_func=lambda: f"{get_remote_address()} {request.path}")
def count_look(number: str) -> FlaskResponse:
    """Count that a person looked; sent by the page's script with what the page was given."""
    if hmac.compare_digest(request.form.get("seen", "").encode(), _seen(number[:_LONGEST]).encode()):
        with transaction() as session:
            service.count_look(session, number, now=clock.now())
    return make_response("", 200)


def _seen(number: str) -> str:
    return keys().mac(_SEEN, f"{number}/{clock.today(clock.now())}", 16).hex()


def _unlisted(page: str, status: int = 200) -> FlaskResponse:
    """An answer that search engines leave alone."""
    answer = make_response(page, status)
    answer.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return answer
