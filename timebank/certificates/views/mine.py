"""``/me/certificates``: what I have, a new one at once, the sheet again at any time, a new one for a withdrawn one."""

from __future__ import annotations

from flask import Response as FlaskResponse
from flask import redirect, url_for
from werkzeug.wrappers import Response

from timebank.certificates import queries
from timebank.certificates.models import Certificate
from timebank.certificates.rules import CertificateNotFound
from timebank.certificates.views.base import ID, blueprint, list_page, print_sheet, replace_with_new, show_page
from timebank.certificates.views.choosing import Desk, put_together
from timebank.core.db import db
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter


@blueprint.get("/me/certificates")
@guard("certificate.own")
def mine() -> str:
    """All of mine, newest first."""
    found = queries.list_of_member(db.session(), current_actor().member_id or 0)
    return list_page(found, member=None, may_issue=True)


@blueprint.route("/me/certificates/new", methods=["GET", "POST"])
@guard("certificate.own")
def new() -> Response | tuple[str, int]:
    """Put one together and issue it."""
    desk = Desk(
        action=url_for("certificates.new"),
        back=url_for("certificates.mine"),
        shown="certificates.show_mine",
        proxy=False,
    )
    return put_together(current_actor().member_id or 0, desk)


@blueprint.get(f"/me/certificates/<{ID}:certificate_id>")
@guard("certificate.own")
def show_mine(certificate_id: int) -> str:
    """One of mine."""
    return show_page(_mine(certificate_id), staff=False)


@blueprint.get(f"/me/certificates/<{ID}:certificate_id>/certificate.pdf")
@guard("certificate.own")
@limiter.limit(DOWNLOAD_LIMIT)
def print_mine(certificate_id: int) -> FlaskResponse:
    """The sheet."""
    return print_sheet(_mine(certificate_id))


@blueprint.post(f"/me/certificates/<{ID}:certificate_id>/replace")
@guard("certificate.own")
def replace_mine(certificate_id: int) -> Response:
    """A new one in place of a withdrawn one."""
    _mine(certificate_id)
    return redirect(replace_with_new(certificate_id, staff=False), 303)


def _mine(certificate_id: int) -> Certificate:
    """A certificate of the reader's own. Raises CertificateNotFound, for those of others as well."""
    found = queries.get_certificate(db.session(), certificate_id)
    if found.member_id != current_actor().member_id:
        raise CertificateNotFound()
    return found
