"""``/branch/certificates``: what a branch certified, withdrawals by two people, and the picture of its stamp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.certificates import queries, service
from timebank.certificates.models import STATUS_NAMES, WITHDRAWAL_NAMES
from timebank.certificates.rules import SameHand
from timebank.certificates.schemas import ReasonSchema
from timebank.certificates.service.sealing import LONGEST_SIDE
from timebank.certificates.views.base import ID, TONES, blueprint
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.core.photos import NoPhoto, read_photo
from timebank.web.forms import Form, form_key, say_outcome, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys
from timebank.web.limits import DOWNLOAD_LIMIT, limiter


@blueprint.get("/branch/certificates")
@guard("certificate.read")
def desk() -> str:
    """What waits for a second person, then everything that was issued."""
    choice, session, actor = choose_branch("certificate.read"), db.session(), current_actor()
    branch_id = choice.branch.id
    page = queries.page_of_branch(session, branch_id, number=page_number(request.args.get("page")))
    ids = [one.id for one in page.items]
    return render_template(
        "certificates/desk.html",
        choice=choice,
        branch=choice.branch,
        page=page,
        looks=queries.looks_of(session, ids),
        waiting=queries.list_withdrawals(session, branch_id, waiting=True),
        ended=queries.list_withdrawals(session, branch_id, waiting=False),
        seal=queries.find_seal(session, branch_id),
        may_withdraw=actor.may("certificate.withdraw", branch_id=branch_id),
        may_seal=actor.may("certificate.seal", branch_id=branch_id),
        statuses=STATUS_NAMES,
        withdrawals=WITHDRAWAL_NAMES,
        tones=TONES,
    )


@blueprint.post(f"/branch/certificates/<{ID}:certificate_id>/withdraw")
@guard("certificate.withdraw")
def ask_withdrawal(certificate_id: int) -> Response:
    """Ask to withdraw it; a second person decides."""
    branch_id = queries.get_certificate(db.session(), certificate_id).branch_id
    current_actor().require("certificate.withdraw", branch_id=branch_id)
    form = Form(ReasonSchema())
    with form.catching(), transaction() as session:
        reason = form.load()["reason"]
        service.ask_withdrawal(
            session, certificate_id, reason=reason, form_key=form_key(), actor=current_actor(), now=clock.now()
        )
    say_outcome(form, "已提出。要另一位管理员同意，才会撤回。")
    return redirect(url_for("certificates.show_for_staff", certificate_id=certificate_id), 303)


@blueprint.post(f"/branch/certificates/withdrawals/<{ID}:withdrawal_id>/agree")
@guard("certificate.withdraw")
def agree_withdrawal(withdrawal_id: int) -> Response:
    """The second person's yes."""
    return _decide(withdrawal_id, "已撤回，本人收到了通知。", service.agree_withdrawal)


@blueprint.post(f"/branch/certificates/withdrawals/<{ID}:withdrawal_id>/take-back")
@guard("certificate.withdraw")
def take_back_withdrawal(withdrawal_id: int) -> Response:
    """Who asked no longer does."""
    return _decide(withdrawal_id, "不撤了，证明仍然有效。", service.take_back_withdrawal)


def _decide(withdrawal_id: int, said: str, verb: Callable[..., Any]) -> Response:
    branch_id = _reached(withdrawal_id)
    with saying_refusals(), transaction() as session:
        verb(session, withdrawal_id, actor=current_actor(), now=clock.now())
        flash(said, "success")
    return redirect(url_for("certificates.desk", branch=branch_id), 303)


@blueprint.post(f"/branch/certificates/withdrawals/<{ID}:withdrawal_id>/decline")
@guard("certificate.withdraw")
def decline_withdrawal(withdrawal_id: int) -> Response:
    """The second person's no."""
    branch_id = _reached(withdrawal_id)
    if queries.get_withdrawal(db.session(), withdrawal_id).asked_by_id == current_actor().member_id:
        raise SameHand()  # whose turn it is comes before what the form lacks
    form = Form(ReasonSchema())
    with form.catching(), transaction() as session:
        reason = form.load()["reason"]
        service.decline_withdrawal(session, withdrawal_id, reason=reason, actor=current_actor(), now=clock.now())
    say_outcome(form, "没有同意，证明仍然有效，已经告诉提出的人。")
    return redirect(url_for("certificates.desk", branch=branch_id), 303)


def _reached(withdrawal_id: int) -> int:
    branch_id = queries.get_withdrawal(db.session(), withdrawal_id).certificate.branch_id
    current_actor().require("certificate.withdraw", branch_id=branch_id)
    return branch_id


# --- the picture of the stamp ----------------------------------------------------------------------------------------


@blueprint.get("/branch/certificates/seal")
@guard("certificate.seal")
def seal() -> str:
    """The picture in use, and how to put another one there."""
    choice = choose_branch("certificate.seal")
    found = queries.find_seal(db.session(), choice.branch.id)
    return render_template("certificates/seal.html", choice=choice, branch=choice.branch, seal=found)


@blueprint.get("/branch/certificates/seal.jpg")
@guard("certificate.seal")
def seal_picture() -> FlaskResponse:
    """The picture in use; 404 without one."""
    found = queries.find_seal(db.session(), choose_branch("certificate.seal").branch.id)
    if found is None:
        abort(404)
    answer = make_response(queries.open_seal(db.session(), found.id, keys()))
    answer.mimetype = "image/jpeg"
    return answer


@blueprint.post("/branch/certificates/seal")
@guard("certificate.seal")
@limiter.limit(DOWNLOAD_LIMIT)
def keep_seal() -> Response:
    """Put a picture in use."""
    branch_id = choose_branch("certificate.seal").branch.id
    with saying_refusals():
        sent = request.files.get("photo")
        if sent is None or not sent.filename:
            raise NoPhoto()
        photo = read_photo(sent.read(), longest=LONGEST_SIDE)  # before the unit of work: it takes a second
        with transaction() as session:
            service.keep_seal(session, branch_id, photo, actor=current_actor(), keys=keys(), now=clock.now())
            flash("印章图片换好了，以后开的证明都用它。以前开的不变。", "success")
    return redirect(url_for("certificates.seal", branch=branch_id), 303)


@blueprint.post("/branch/certificates/seal/remove")
@guard("certificate.seal")
def remove_seal() -> Response:
    """Use no picture."""
    branch_id = choose_branch("certificate.seal").branch.id
    with saying_refusals(), transaction() as session:
        service.remove_seal(session, branch_id, actor=current_actor(), now=clock.now())
        flash("以后开的证明留出盖章的位置，打印后盖实物章。", "success")
    return redirect(url_for("certificates.seal", branch=branch_id), 303)
