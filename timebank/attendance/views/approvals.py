"""Approving shifts: what waits, one list to look through, and the button that books it."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.attendance.queries import find_own_hand, list_approved, list_waiting_approval, list_waiting_review
from timebank.attendance.schemas import ReasonSchema
from timebank.attendance.service import approve_shift, return_shift
from timebank.attendance.views.base import blueprint, reached, saying_refusals
from timebank.attendance.views.review import review_of
from timebank.core import clock, minutes
from timebank.core.db import db, transaction
from timebank.rulebook.queries import find_rule
from timebank.rulebook.rules import sentences
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard


@blueprint.get("/organise/approvals")
@guard("attendance.approve")
def approvals() -> str:
    """What waits for approval in my branches, what still has to be reviewed, and what was booked last."""
    session, branch_ids = db.session(), current_actor().branches("attendance.approve")
    return render_template(
        "attendance/approvals.html",
        waiting=list_waiting_approval(session, branch_ids),
        reviews=list_waiting_review(session, branch_ids, now=clock.now()),
        approved=list_approved(session, branch_ids),
    )


@blueprint.get("/organise/shifts/<int:shift_id>/approve")
@guard("attendance.approve")
def approval(shift_id: int) -> str:
    """The list as it was sent, with what everybody would get."""
    session = db.session()
    shift = reached(session, shift_id, "attendance.approve")
    reviewed = review_of(session, shift)
    me = current_actor().member_id or 0
    rule = find_rule(session, shift.activity.branch_id, clock.local(shift.ends_at).date())
    return render_template(
        "attendance/approve.html",
        reviewed=reviewed,
        shift=shift,
        seen=reviewed.approval.submitted_at.isoformat() if reviewed.approval else "",
        own=reviewed.approval is not None and reviewed.approval.submitted_by_id == me,
        involved=find_own_hand(session, reviewed.approval.id, me) if reviewed.approval else "",
        sentences=sentences(rule),
    )


@blueprint.post("/organise/shifts/<int:shift_id>/approve")
@guard("attendance.approve")
def approve(shift_id: int) -> Response:
    """Book the whole list."""
    with saying_refusals(), transaction() as session:
        booked = approve_shift(session, shift_id, actor=current_actor(), now=clock.now(), seen=request.form.get("seen"))
        done = "之前已经审核入账" if booked.repeated else "已审核入账"
        totals = f"{booked.people} 人，{minutes.hours(booked.minutes)}，积分 {minutes.points(booked.points)}"
        flash(f"{done}：{totals}。", "success")
        return redirect(url_for("attendance.review", shift_id=shift_id), 303)
    return redirect(url_for("attendance.approval", shift_id=shift_id), 303)


@blueprint.post("/organise/shifts/<int:shift_id>/return")
@guard("attendance.approve")
def give_back(shift_id: int) -> Response:
    """Give the list back to be changed."""
    reached(db.session(), shift_id, "attendance.approve")
    form = Form(ReasonSchema())
    with saying_refusals():
        given = form.load()
        with transaction() as session:
            return_shift(session, shift_id, reason=given["reason"], actor=current_actor(), now=clock.now())
            flash("名单已退回，组织者可以修改后重新提交。", "success")
        return redirect(url_for("attendance.approvals"), 303)
    return redirect(url_for("attendance.approval", shift_id=shift_id), 303)
