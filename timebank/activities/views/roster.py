"""Who comes to a shift: the list, and signing people up or taking them off for them."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import CONFIRMED, LEFT, LEFT_HOW_NAMES, Shift
from timebank.activities.queries import (
    find_person,
    get_shift,
    list_confirmed,
    list_left,
    list_offered,
    list_waiting,
)
from timebank.activities.schemas import ProxySchema, ReasonSchema
from timebank.activities.service import Given, accept_offer, leave, sign_up
from timebank.activities.views.base import blueprint
from timebank.activities.views.shown import show_shifts
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.models import Member
from timebank.members.queries import list_active_members, list_names
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys


@blueprint.route("/organise/shifts/<int:shift_id>/roster", methods=["GET", "POST"])
@guard("sign_up.others")
def roster(shift_id: int) -> str | Response | tuple[str, int]:
    """The people of a shift; sending the form signs one more up."""
    actor, now = current_actor(), clock.now()
    shift = _reached(db.session(), shift_id)
    form = Form(ProxySchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            loaded = form.load()
            who = find_person(session, keys(), loaded["who"], branch_id=shift.activity.branch_id, at=now)
            given = Given(risk_read=loaded["risk_read"], override=loaded["override"])
            signed = sign_up(session, shift_id, member_id=who.id, actor=actor, now=now, given=given)
            place = "报上名了" if signed.status == CONFIRMED else "排进候补了"
            flash(f"{who.name} {place}。", "success")
            return redirect(url_for("activities.roster", shift_id=shift_id))
        shift = _reached(db.session(), shift_id)
    session = db.session()
    confirmed, waiting = list_confirmed(session, shift_id), list_waiting(session, shift_id)
    offered, left = list_offered(session, shift_id), list_left(session, shift_id)
    by_staff = {s.signed_by_id for s in [*confirmed, *offered, *waiting] if s.signed_by_id}
    page = render_template(
        "activities/roster.html",
        form=form,
        one=show_shifts(session, [shift], None, now=now)[0],
        activity=shift.activity,
        confirmed=confirmed,
        offered=offered,
        waiting=waiting,
        left=left,
        left_how=LEFT_HOW_NAMES,
        staff=list_names(session, by_staff),
        people=_signable(session, shift),
    )
    return page, form.status


@blueprint.post("/organise/shifts/<int:shift_id>/roster/<int:member_id>/take-off")
@guard("sign_up.others")
def take_off(shift_id: int, member_id: int) -> Response:
    """Take somebody off the list, with a reason they are told."""
    form = Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        leave(session, shift_id, member_id=member_id, actor=current_actor(), now=clock.now(), **form.load())
        flash("已经取消这位的报名，并通知了本人。有人候补的话，会马上问下一位。", "success")
    return redirect(url_for("activities.roster", shift_id=shift_id))


@blueprint.post("/organise/shifts/<int:shift_id>/roster/<int:member_id>/accept")
@guard("sign_up.others")
def accept_for(shift_id: int, member_id: int) -> Response:
    """Take an offered place for somebody who said so by phone or at the desk."""
    with saying_refusals(), transaction() as session:
        answered = accept_offer(session, shift_id, member_id=member_id, actor=current_actor(), now=clock.now())
        if answered.status == LEFT:
            flash("答复的时限已经过了，名额让给了下一位。", "error")
        else:
            flash("已经替这位答应，名额定下了。", "success")
    return redirect(url_for("activities.roster", shift_id=shift_id))


def _signable(session: Session, shift: Shift) -> list[Member]:
    """Whom staff may sign up: nobody for a service that somebody asked for, which has its volunteer."""
    if shift.activity.for_request:
        return []
    return list_active_members(session, branch_id=shift.activity.branch_id, limit=500)


def _reached(session: Session, shift_id: int) -> Shift:
    shift = get_shift(session, shift_id)
    current_actor().require("sign_up.others", branch_id=shift.activity.branch_id)
    return shift
