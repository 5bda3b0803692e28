"""Registering oneself, and the text one agrees to."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.queries import find_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Invalid
from timebank.members import service
from timebank.members.models import SEXES
from timebank.members.rules import ADULT_ENOUGH, CONSENT_TEXTS, CONSENT_VERSION
from timebank.members.schemas import RegistrationSchema
from timebank.members.views import blueprint
from timebank.members.views.values import ID, area_options, branch_options, time_options
from timebank.web.forms import Form
from timebank.web.guards import public
from timebank.web.keyring import keys
from timebank.web.limits import limiter

# One office's people share one address on the day they are all invited to register.
REGISTRATION_LIMIT = "30/minute;60/hour"


class IdNumberNotAccepted(Invalid):
    """The branch has to look at the document; why is not for everybody who types a number."""

    code = "members.id_number_not_accepted"
    text = "证件号没能登记，请到网点核对；也可以先不填证件号。"

    def __init__(self) -> None:
        super().__init__(fields={"id_number": self.text})


@blueprint.route("/register", methods=["GET", "POST"])
@public
@limiter.limit(REGISTRATION_LIMIT, methods=["POST"])
def register() -> Response | tuple[str, int]:
    """Register oneself; the branch approves."""
    form = Form(RegistrationSchema(), initial={"branch_id": request.args.get("branch", "")})
    if form.submitted:
        with form.catching():
            given = form.load()
            _register(given)
            return redirect(url_for("members.registered", branch_id=given["branch_id"]))
    return render_template(
        "members/register.html",
        form=form,
        branches=branch_options(),
        areas=area_options(),
        times=time_options(),
        sexes=list(SEXES.items()),
        consent_version=CONSENT_VERSION,
        age=ADULT_ENOUGH,
    ), form.status


def _register(given: dict[str, Any]) -> None:
    """Register; a stranger who tries out names, phones and ID numbers learns of nobody whether they are a member."""
    password = service.hash_password(given.pop("password"))
    key, person = given.pop("form_key"), service.NewMember(**given)
    try:
        with transaction() as session:
            service.register(session, person, password=password, form_key=key, keys=keys(), now=clock.now())
    except service.AlreadyRegistered:
        return  # the page that follows says for everybody what to do if one was registered before
    except service.IdNumberTaken as refusal:
        raise IdNumberNotAccepted() from refusal


@blueprint.get(f"/register/done/<{ID}:branch_id>")
@public
def registered(branch_id: int) -> str:
    """What happens now."""
    branch = find_branch(db.session(), branch_id)
    if branch is None:
        abort(404)
    return render_template("members/registered.html", branch=branch)


@blueprint.get("/consent")
@blueprint.get("/consent/<version>")
@public
def consent(version: str = CONSENT_VERSION) -> str:
    """A version of the text people agree to."""
    if version not in CONSENT_TEXTS:
        abort(404)
    return render_template("members/consent.html", text=CONSENT_TEXTS[version], current=version == CONSENT_VERSION)
