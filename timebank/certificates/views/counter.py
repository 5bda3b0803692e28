"""At the counter: certificates for people without a phone, logged as issued for them."""

from __future__ import annotations

from flask import Response as FlaskResponse
from flask import redirect, url_for
from werkzeug.wrappers import Response

from timebank.certificates import queries
from timebank.certificates.models import Certificate
from timebank.certificates.views.base import ID, blueprint, list_page, print_sheet, replace_with_new, show_page
from timebank.certificates.views.choosing import Desk, put_together
from timebank.core.db import db
from timebank.core.errors import NotAllowed
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter

_OF_MEMBER = f"/branch/members/<{ID}:member_id>/certificates"


@blueprint.get(_OF_MEMBER)
@guard("certificate.read")
def of_member(member_id: int) -> str:
    """All of a person's certificates."""
    member = _reached(member_id, "certificate.read")
    may_issue = current_actor().may("certificate.issue", branch_id=member.branch_id)
    return list_page(queries.list_of_member(db.session(), member.id), member=member, may_issue=may_issue)


@blueprint.route(f"{_OF_MEMBER}/new", methods=["GET", "POST"])
@guard("certificate.issue")
def new_for(member_id: int) -> Response | tuple[str, int]:
    """Put one together for a person and issue it."""
    _reached(member_id, "certificate.issue")
    desk = Desk(
        action=url_for("certificates.new_for", member_id=member_id),
        back=url_for("certificates.of_member", member_id=member_id),
        shown="certificates.show_for_staff",
        proxy=True,
    )
    return put_together(member_id, desk)


@blueprint.get(f"/branch/certificates/<{ID}:certificate_id>")
@guard("certificate.read")
def show_for_staff(certificate_id: int) -> str:
    """One certificate, for the branch that recorded the service and for the person's own branch."""
    return show_page(readable(certificate_id), staff=True)


@blueprint.get(f"/branch/certificates/<{ID}:certificate_id>/certificate.pdf")
@guard("certificate.read")
@limiter.limit(DOWNLOAD_LIMIT)
def print_for_staff(certificate_id: int) -> FlaskResponse:
    """The sheet, to hand out."""
    return print_sheet(readable(certificate_id))


@blueprint.post(f"/branch/certificates/<{ID}:certificate_id>/replace")
@guard("certificate.issue")
def replace_for(certificate_id: int) -> Response:
    """A new one in place of a withdrawn one, for the person."""
    certificate = readable(certificate_id)
    current_actor().require("certificate.issue", branch_id=certificate.member.branch_id)
    return redirect(replace_with_new(certificate_id, staff=True), 303)


def readable(certificate_id: int) -> Certificate:
    """A certificate that staff may see. Raises CertificateNotFound, NotAllowed."""
    found = queries.get_certificate(db.session(), certificate_id)
    actor = current_actor()
    if not any(actor.may("certificate.read", branch_id=id_) for id_ in (found.branch_id, found.member.branch_id)):
        raise NotAllowed(permission="certificate.read")
    return found


def _reached(member_id: int, permission: str) -> Member:
    member = get_member(db.session(), member_id)
    current_actor().require(permission, branch_id=member.branch_id)
    return member
