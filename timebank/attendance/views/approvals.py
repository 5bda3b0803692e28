"""Approving rounds: what waits and how long still, one list to look through, the button that books what is ticked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.attendance.models import ShiftApproval
from timebank.attendance.queries import (
    RosterLine,
    ShiftCard,
    count_open_cases,
    find_own_hand,
    list_approved,
    list_hands,
    list_open_shifts,
    list_roster,
    list_unrecorded,
    list_waiting_approval,
    list_waiting_review,
)
from timebank.attendance.rules import Limits, second_reasons
from timebank.attendance.schemas import ApproveSchema, ReasonSchema
from timebank.attendance.service import Approved, Yes, approve_shift, return_shift
from timebank.attendance.views.base import blueprint, reached
from timebank.attendance.views.review import Reviewed, review_of
from timebank.branches.queries import list_branches
from timebank.core import clock, minutes
from timebank.core.db import db, transaction
from timebank.core.workdays import first_in_time
from timebank.members.queries import list_staff
from timebank.rulebook.queries import find_rule
from timebank.rulebook.rules import sentences
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard

_MOST_LATE = 200


@blueprint.get("/organise/approvals")
@guard("attendance.approve")
def approvals() -> str:
    """What waits for approval in my branches, what still has to be reviewed, and what was booked last."""
    session, branch_ids = db.session(), current_actor().branches("attendance.approve")
    return render_template(
        "attendance/approvals.html",
        waiting=list_waiting_approval(session, branch_ids),
        reviews=list_waiting_review(session, branch_ids, now=clock.now()),
        late=len(_late(session, branch_ids)),
        approved=list_approved(session, branch_ids),
        conflicts=list_open_shifts(session, branch_ids),
    )


def _late(session: Session, branch_ids: frozenset[int] | None) -> list[ShiftCard]:
    """What should have been booked before today, oldest first."""
    now = clock.now()
    before = clock.instant(first_in_time(clock.today(now)), time())
    return list_unrecorded(session, branch_ids, now=now, ended_before=before)


@blueprint.get("/organise/overdue")
@guard("attendance.review")
def overdue() -> str:
    """What is later than ten working days, by branch: how late, and who has to act."""
    session, reach = db.session(), current_actor().branches("attendance.review")
    branches = list_branches(session, reach)
    wanted = request.args.get("branch", type=int)
    chosen = next((branch for branch in branches if branch.id == wanted), None)
    late = _late(session, frozenset({chosen.id}) if chosen else reach)
    return render_template(
        "attendance/overdue.html",
        late=late[:_MOST_LATE],
        count=len(late),
        branches=[(branch.id, branch.name) for branch in branches],
        chosen=chosen,
    )


@dataclass(frozen=True, kw_only=True)
class Second:
    """Why one yes is too little, who said the first, and who may say what is missing."""

    reasons: Sequence[str]
    first: str
    mine: bool  # the first yes is this reader's
    others: Sequence[str]


@blueprint.get("/organise/shifts/<int:shift_id>/approve")
@guard("attendance.approve")
def approval(shift_id: int) -> str:
    """The round as it was sent, with what everybody would get."""
    session = db.session()
    shift = reached(session, shift_id, "attendance.approve")
    reviewed = review_of(session, shift)
    waiting, me = reviewed.approval, current_actor().member_id or 0
    rule = find_rule(session, shift.activity.branch_id, clock.local(shift.ends_at).date())
    return render_template(
        "attendance/approve.html",
        reviewed=reviewed,
        shift=shift,
        cases=count_open_cases(session, shift_id),
        seen=waiting.submitted_at.isoformat() if waiting else "",
        own=waiting is not None and waiting.submitted_by_id == me,
        involved=find_own_hand(session, waiting.id, me) if waiting else "",
        second=_second(session, reviewed, waiting, me) if waiting and waiting.undecided else None,
        sentences=sentences(rule),
    )


def _second(session: Session, reviewed: Reviewed, waiting: ShiftApproval, me: int) -> Second | None:
    limits = Limits(large_minutes=waiting.large_minutes, hand_share=waiting.hand_share, backdated=waiting.backdated)
    reasons = second_reasons([line.manual_minutes for line in reviewed.sent if line.minutes], limits)
    if not reasons:
        return None
    barred = list_hands(session, waiting.id) | {waiting.submitted_by_id, waiting.first_approved_by_id}
    staff = list_staff(session, reviewed.shift.activity.branch_id, ("organiser", "manager"))
    return Second(
        reasons=reasons,
        first=reviewed.names.get(waiting.first_approved_by_id or 0, ""),
        mine=waiting.first_approved_by_id == me,
        others=[member.name for member in staff if member.id not in barred],
    )


@blueprint.post("/organise/shifts/<int:shift_id>/approve")
@guard("attendance.approve")
def approve(shift_id: int) -> Response:
    """Book the round, or those of it who are ticked."""
    reached(db.session(), shift_id, "attendance.approve")
    form = Form(ApproveSchema())
    with saying_refusals():
        given = form.load()
        with transaction() as session:
            held = _held(list_roster(session, shift_id), given) if given["ticked"] else {}
            yes = Yes(seen=given["seen"], number=given["round"], held=held)
            done = approve_shift(session, shift_id, actor=current_actor(), now=clock.now(), yes=yes)
            flash(_said(done), "success")
        if done.second:
            return redirect(url_for("attendance.approval", shift_id=shift_id), 303)
        return redirect(url_for("attendance.review", shift_id=shift_id), 303)
    return redirect(url_for("attendance.approval", shift_id=shift_id), 303)


def _held(roster: Sequence[RosterLine], given: Mapping[str, str]) -> dict[int, str]:
    """Whoever stands in the round and was not ticked, with the reason."""
    ticked = set(request.form.getlist("approved"))
    sent = [line.member_id for line in roster if line.submitted and not line.approved]
    return {member_id: given["held_reason"] for member_id in sent if str(member_id) not in ticked}


def _said(done: Approved) -> str:
    if done.second:
        return "您已经同意。这份名单还要另一位工作人员同意，才会入账。"
    totals = f"{done.people} 人，{minutes.hours(done.minutes)}，积分 {minutes.points(done.points)}"
    left = f"另有 {done.held} 人先不审核，已退给组织者核对。" if done.held else ""
    return f"{'之前已经审核入账' if done.repeated else '已审核入账'}：{totals}。{left}"


@blueprint.post("/organise/shifts/<int:shift_id>/return")
@guard("attendance.approve")
def give_back(shift_id: int) -> Response:
    """Give the list back to be changed."""
    reached(db.session(), shift_id, "attendance.approve")
    form = Form(ReasonSchema())
    with saying_refusals():
        given = form.load()
        with transaction() as session:
            seen = request.form.get("seen")
            return_shift(session, shift_id, reason=given["reason"], actor=current_actor(), now=clock.now(), seen=seen)
            flash("名单已退回，组织者可以修改后重新提交。", "success")
        return redirect(url_for("attendance.approvals"), 303)
    return redirect(url_for("attendance.approval", shift_id=shift_id), 303)
