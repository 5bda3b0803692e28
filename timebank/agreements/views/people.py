"""The people of an organisation, and its contact's phone."""

from __future__ import annotations

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response

from timebank.agreements.schemas import LeaverSchema, PersonSchema, ReasonSchema
from timebank.agreements.views.base import ORGANISATION, blueprint, organisation_for
from timebank.agreements.views.organisations import organisation_page
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members import service
from timebank.members.models import ORGANISATION_ROLES
from timebank.members.queries import get_organisation
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys


@blueprint.post(f"{ORGANISATION}/people")
@guard("organisation.change")
def join_organisation(organisation_id: int) -> Response:
    """A member belongs to it from now on, or is its contact from now on."""
    organisation_for("organisation.change", organisation_id)
    with saying_refusals(), transaction() as session:
        joined = service.join_organisation(
            session, organisation_id, **Form(PersonSchema()).load(), actor=current_actor(), now=clock.now()
        )
        flash(f"{joined.member.name}现在是他们的{ORGANISATION_ROLES[joined.role]}。", "success")
    return _back(organisation_id)


@blueprint.post(f"{ORGANISATION}/leave")
@guard("organisation.change")
def leave_organisation(organisation_id: int) -> Response:
    """A member belongs to it no longer."""
    organisation_for("organisation.change", organisation_id)
    with saying_refusals(), transaction() as session:
        member_id = Form(LeaverSchema()).load()["member_id"]
        service.leave_organisation(session, organisation_id, member_id, actor=current_actor(), now=clock.now())
        flash("已移出。以前的服务时长仍然算在这家单位名下。", "success")
    return _back(organisation_id)


@blueprint.post(f"{ORGANISATION}/contact")
@guard("organisation.change")
def see_contact(organisation_id: int) -> Response | str:
    """The contact's whole phone number, after writing down who looks and why."""
    organisation_for("organisation.change", organisation_id)
    with saying_refusals():
        with transaction() as session:
            phone = service.see_contact(
                session,
                organisation_id,
                **Form(ReasonSchema()).load(),
                actor=current_actor(),
                keys=keys(),
                now=clock.now(),
            )
        return organisation_page(get_organisation(db.session(), organisation_id), phone=phone)
    return _back(organisation_id)


def _back(organisation_id: int) -> Response:
    return redirect(url_for("agreements.organisation", organisation_id=organisation_id))
